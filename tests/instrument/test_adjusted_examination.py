"""A warm examination on virtual boards: adjusted by the heart, nulled by what was measured before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from nullfield.errors import ProcedureError
from nullfield.instrument.adjust_position import Proposal
from nullfield.instrument.exam_run import Examination
from nullfield.instrument.examine import STEPS, ExamHooks, examine
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import (
    home_table,
    is_homed,
    jog_table,
    table_position_m,
)
from nullfield.instrument.null_room import NullResult, null_room
from nullfield.instrument.renull import renull
from nullfield.instrument.start_up import start_up, started_already
from nullfield.rig import Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

pytestmark = [pytest.mark.micropython, pytest.mark.long]
TABLE_UID = "e66138528352b001"
HEART_M = (0.01, 0.025, -0.08)


@dataclass
class Run:
    """One examination and what was heard of it."""

    instrument: Instrument
    world: VirtualInstrument
    full: NullResult
    exam: Examination
    steps: list[tuple[str, str]] = field(default_factory=list)
    asked: list[Proposal] = field(default_factory=list)
    live: list[Any] = field(default_factory=list)
    nulls: list[NullResult] = field(default_factory=list)
    began_s: float = 0.0
    place_before_m: float | None = 0.0


def small_rig() -> Rig:
    """Rig bench4 with a table that goes in by 60 mm only, so that the way is short."""
    content = load_rig("bench4")[0].model_dump()
    content["boards"] = [
        *content["boards"],
        {"uid": TABLE_UID, "role": "table", "definition": "table_pico2"},
    ]
    content["table"] = {"board": TABLE_UID, "in_position_mm": 60.0}
    return Rig.model_validate(content)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    rig = small_rig()
    scenario = Scenario(heart_position_m=HEART_M, table_in_mm=60.0)
    place: Path = tmp_path_factory.mktemp("exam")
    with VirtualInstrument(rig, scenario, 1, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(
            rig, clock, lambda entry: VirtualTransport(world, entry.uid), 1000
        ) as instrument:
            instrument.stream(True)
            instrument.wait_s(0.3)
            before_m = table_position_m(instrument)
            assert started_already(instrument) is None
            home_table(instrument)
            start_up(instrument)
            full = null_room(instrument)
            heard = Run(instrument, world, full, None, place_before_m=before_m)  # type: ignore[arg-type]
            heard.began_s = clock.now_s()

            def confirm(proposal: Proposal) -> float:
                heard.asked.append(proposal)
                return proposal.move_m

            heard.exam = examine(
                instrument,
                place / "one",
                5,
                hooks=ExamHooks(
                    on_step=lambda step, state, detail: heard.steps.append((step, state)),
                    on_live=heard.live.append,
                    confirm=confirm,
                    previous_null=full,
                    on_null=heard.nulls.append,
                    is_warm=True,
                    adjust_beats=4,
                ),
            )
            yield heard


def test_the_steps_come_in_their_order(run: Run) -> None:
    assert run.steps == [pair for step in STEPS for pair in ((step, "running"), (step, "done"))]
    assert run.live
    assert run.live[-1].array.n_channels == 4


def test_the_heart_comes_to_the_middle(run: Run) -> None:
    assert len(run.asked) == 1
    proposal = run.asked[0]
    assert proposal.move_m == pytest.approx(-HEART_M[1], abs=6e-3)
    # By the plant's truth: from 25 mm off.
    assert abs(run.world.plant.truth().heart_position_m[1]) < 6e-3
    told = run.exam.content["adjust"]
    assert told["moved_m"] == pytest.approx(proposal.move_m, abs=1e-5)
    assert abs(told["after"]["offset_m"][1]) < 6e-3
    assert run.exam.content["table_position_m"] == pytest.approx(0.06 + proposal.move_m, abs=1e-5)


def test_what_is_ready_is_not_started_again(run: Run) -> None:
    timings = run.exam.content["timings_s"]
    assert timings["ready"] < 0.1
    assert run.exam.content["start_up"]["ready"] == ["H1", "H2", "H3", "H4"]


def test_the_null_is_taken_up_in_a_few_seconds(run: Run) -> None:
    assert "null_in_full" not in run.exam.content
    again = run.nulls[0]
    assert again.duration_s < 5.0 < run.full.duration_s
    assert again.after_rms_pt < 2.0 * run.full.after_rms_pt
    assert again.coil_response_pt_per_ma is run.full.coil_response_pt_per_ma


def test_a_moved_field_is_nulled_again_and_by_how_much(run: Run) -> None:
    """The coils are put off by hand: the rest grows, and the response brings it back."""
    instrument, last = run.instrument, run.nulls[0]
    coil = instrument.rig.coils[2]
    off_ma = last.current_ma[coil.name] + 0.1
    instrument.coils[coil.board].set_current_a(coil.channel, off_ma * 1e-3)
    instrument.wait_s(1.0)
    with pytest.raises(ProcedureError, match=f"coil {coil.name} does not carry the current"):
        renull(instrument, last)
    told = replace(last, current_ma={**last.current_ma, coil.name: off_ma})
    result = renull(instrument, told)
    # 0.1 mA at some 10 nT/mA is 1 nT along one axis of three.
    assert result.before_rms_pt > 400.0
    assert result.after_rms_pt < 0.5 * result.before_rms_pt
    assert result.current_ma[coil.name] == pytest.approx(last.current_ma[coil.name], abs=0.03)


def test_a_null_of_other_heads_or_coils_is_refused(run: Run) -> None:
    last = run.nulls[0]
    with pytest.raises(ProcedureError, match="head H9 is not ready") as refused:
        renull(run.instrument, replace(last, heads=(*last.heads[:3], "H9")))
    assert "in full" in refused.value.hint
    fewer = dict(list(last.current_ma.items())[:-1])
    with pytest.raises(ProcedureError, match="coils are not those of before"):
        renull(run.instrument, replace(last, current_ma=fewer))


def test_a_response_that_is_not_so_any_more_is_refused(run: Run) -> None:
    """Coils said to be weaker than they are: what should null the field overshoots."""
    instrument, last = run.instrument, run.nulls[0]
    coil = instrument.rig.coils[2]
    present = setpoints_ma(instrument)
    present[coil.name] += 0.2
    instrument.coils[coil.board].set_current_a(coil.channel, present[coil.name] * 1e-3)
    instrument.wait_s(1.0)
    said = replace(last, current_ma=present)
    response = last.coil_response_pt_per_ma
    with pytest.raises(ProcedureError, match="would have to change by") as refused:
        renull(instrument, replace(said, coil_response_pt_per_ma=response / 50.0))
    assert "in full" in refused.value.hint
    # Refused before anything was driven by it.
    assert setpoints_ma(instrument) == pytest.approx(present, abs=1e-5)
    with pytest.raises(ProcedureError, match="pT rms are left, more than 500 pT"):
        renull(instrument, replace(said, coil_response_pt_per_ma=response / 3.0))


def setpoints_ma(instrument: Instrument) -> dict[str, float]:
    """Currents that the boards say they hold, by coil."""
    found = {}
    for coil in instrument.rig.coils:
        telemetry = instrument.coils[coil.board].telemetry
        assert telemetry is not None
        found[coil.name] = float(telemetry.setpoint_a[coil.channel]) * 1e3
    return found


def test_the_table_is_unknown_until_homed_and_jogs_within_its_travel(run: Run) -> None:
    assert run.place_before_m is None
    assert is_homed(run.instrument)
    before_m = table_position_m(run.instrument)
    assert before_m is not None
    assert jog_table(run.instrument, 0.002).position_m == pytest.approx(before_m + 0.002, abs=5e-6)
    with pytest.raises(ProcedureError, match="cannot go to"):
        jog_table(run.instrument, -0.2)
