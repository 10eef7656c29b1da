"""The watch and degaussing on virtual boards: one start, the door, then the sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.bench.virtual_rig import open_rig

from nullfield.errors import InputError, ProcedureError
from nullfield.instrument.degauss import degauss
from nullfield.instrument.start_up import start_up
from nullfield.instrument.watch_room import watch_room
from nullfield.rig import load_rig
from nullfield.room.events import EventKind
from nullfield.virtual.plant import Scenario
from nullfield_protocol.catalogue import BoardState

OPENS_S, CLOSES_S = 110.0, 122.0
"""After the heads are up."""


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Any, Any]]:
    rig, _ = load_rig("degauss4")
    scenario = Scenario(
        heart_enabled=False, door_opens_s=(OPENS_S,), door_closes_s=(CLOSES_S,), door_step_nt=40.0
    )
    with open_rig(rig, scenario, 2) as (world, instrument):
        instrument.stream(True)
        start_up(instrument)
        assert len(instrument.ready_heads()) == 4
        assert instrument.clock.now_s() < OPENS_S - 6.0
        yield world, instrument


@pytest.mark.long
def test_the_door_is_seen_with_advice(started: Any) -> None:
    _, instrument = started
    offset_s = instrument.clock.now_s()
    told: list[str] = []
    seen = watch_room(instrument, CLOSES_S + 8.0 - offset_s, lambda event: told.append(event.text))
    kinds = [one.event.kind for one in seen]
    assert kinds[:2] == [EventKind.DOOR_OPENED, EventKind.DOOR_CLOSED]
    assert seen[0].event.begin_s + offset_s == pytest.approx(OPENS_S, abs=1.5)
    assert seen[1].event.seen_s + offset_s == pytest.approx(CLOSES_S, abs=3.0)
    assert "Close it" in told[0]
    assert "null the room anew" in told[1]
    assert all(board.link.fault is None for board in instrument.boards.values())


@pytest.mark.long
def test_degaussing_lowers_what_the_heads_see_and_what_is_so(started: Any) -> None:
    world, instrument = started
    truth_before = np.linalg.norm(world.plant.room_field_now_nt(), axis=1).mean()
    result = degauss(instrument, frequency_hz=20.0, cycles=150)
    truth_after = np.linalg.norm(world.plant.room_field_now_nt(), axis=1).mean()
    assert len(result.heads) == 4
    assert result.before_nt == pytest.approx(truth_before, rel=0.1)
    assert result.after_nt == pytest.approx(truth_after, abs=1.0)
    assert result.before_nt > 30.0
    assert result.after_nt < 6.0
    assert result.advice == ""
    coils = list(instrument.coils.values())
    assert all(c.link.fault is None for c in coils)
    # Too small a start on a room that is clean already: nothing is won, and the advice says so.
    again = degauss(instrument, peak_ma=0.2, frequency_hz=50.0, cycles=10)
    assert "brought little" in again.advice


@pytest.mark.long
def test_what_cannot_be_done_is_said_before_anything_moves(started: Any) -> None:
    _, instrument = started
    for given, says in (
        ({"peak_ma": 10.5}, "peak of 10.5 mA"),
        ({"frequency_hz": 60.0}, "frequency of 60 Hz"),
        ({"cycles": 5}, "5 cycles"),
    ):
        with pytest.raises(InputError, match=says):
            degauss(instrument, **given)
    rig, _ = load_rig("bench4")
    with open_rig(rig, Scenario(heart_enabled=False), 1) as (_, bare):
        with pytest.raises(InputError, match="no degaussing channel"):
            degauss(bare)
        with pytest.raises(ProcedureError, match="no head is ready"):
            watch_room(bare, 1.0)
        for coil in bare.coils.values():
            assert coil.wait_telemetry(lambda t: True, 2.0).board_state == BoardState.SAFE
