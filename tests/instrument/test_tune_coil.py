"""Tuning a virtual coil board whose coils are known to the test only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.bench.coil_noise import coil_only
from tests.bench.virtual_rig import open_rig
from typer.testing import CliRunner

from nullfield.cli.app import app
from nullfield.errors import BoardFaultError, InputError, NullfieldError, ProcedureError
from nullfield.instrument.tune_coil import tune_coils
from nullfield.virtual.defects import Defect, apply_defects
from nullfield.virtual.plant import Scenario
from nullfield_protocol.catalogue import BoardState, FaultCode


@pytest.fixture
def board() -> Iterator[tuple[Any, Any]]:
    """A coil board by itself, and the world behind it."""
    with open_rig(coil_only(), Scenario(heart_enabled=False), 7) as (world, instrument):
        yield next(iter(instrument.coils.values())), world


def test_every_coil_is_found_and_its_loop_set(board: Any) -> None:
    coil, world = board
    results = tune_coils(coil)
    circuits = world.plant.circuits
    assert [one.channel for one in results] == list(range(8))
    for one in results:
        number = one.channel
        assert one.fit.resistance_ohm == pytest.approx(circuits.resistance_ohm[number], rel=0.01)
        assert one.fit.inductance_h == pytest.approx(circuits.inductance_h[number], rel=0.03)
        assert one.fit.gain == pytest.approx(circuits._gain[number], abs=2e-4)
        assert one.fit.residual < 2e-3
        assert one.margins.crossover_hz == pytest.approx(0.3, rel=1e-3)
        assert one.margins.phase_deg > 60.0
        assert one.margins.gain_db > 30.0
        assert coil.settings.get(f"coil_lag_{number}") == pytest.approx(one.fit.lag_s, abs=1e-6)
    assert np.ptp([one.fit.lag_s for one in results]) > 1e-4, "the coils differ"
    telemetry = coil.wait_telemetry(lambda t: True, 1.0)
    assert telemetry.board_state == BoardState.SAFE


def test_after_tuning_a_disturbance_decays_as_the_loop_says(board: Any) -> None:
    """Crossover in the plant: the source's offset jumps, the true current comes back."""
    coil, world = board
    tune_coils(coil, [2], is_saved=False)
    coil.enable()
    coil.set_current_a(2, 1e-3)
    clock = coil.clock
    clock.wait(lambda: False, 3.0)
    wiring = world.parts_of(world.boards[0])[0]
    plant_coil = int(wiring.coil_of[2])
    trace: list[float] = []
    settled = float(world.plant.outputs.room_coil_current_ma[plant_coil])
    world.watchers.append(
        lambda: trace.append(float(world.plant.outputs.room_coil_current_ma[plant_coil]))
    )
    wiring.source_offset_ma[2] = 0.02
    clock.wait(lambda: False, 3.0)
    share = (np.array(trace) - settled) / 0.02
    time_s = np.arange(len(share)) * 1e-3
    # g / (s (1 + sT)) closed, g = 2.09/s and T = 0.256 s.
    damping, turn = 1.0 / 0.512, np.sqrt(2.09 / 0.256)
    fast = np.sqrt(turn**2 - damping**2)
    wanted = np.exp(-damping * time_s) * (
        np.cos(fast * time_s) + damping / fast * np.sin(fast * time_s)
    )
    assert np.abs(share[20:] - wanted[20:]).max() < 0.02


def test_an_open_channel_is_named_and_the_old_gains_return(board: Any) -> None:
    coil, world = board
    apply_defects(world, [Defect("output_open", coil.uid, channel=4)])
    with pytest.raises(BoardFaultError, match="coil open"):
        tune_coils(coil)
    assert coil.link.fault.code == FaultCode.COIL_OPEN
    assert coil.link.fault.source == 4
    assert coil.settings.get("loop_gain_0") == pytest.approx(2.093)
    coil.clear_faults()
    assert len(tune_coils(coil, [0, 7], is_saved=False)) == 2


def test_what_is_not_asked_for_is_refused(board: Any) -> None:
    coil, _ = board
    with pytest.raises(InputError, match="0 to 7"):
        tune_coils(coil, [8])
    with pytest.raises(InputError, match="crossover of 2 Hz"):
        tune_coils(coil, crossover_hz=2.0)
    coil.enable()
    with pytest.raises(ProcedureError, match="outputs are on"):
        tune_coils(coil)


def test_the_command_line(tmp_path: Path) -> None:
    picture = tmp_path / "steps.png"
    run = CliRunner()
    done = run.invoke(
        app,
        ["tune", "e66138528351b001", "coil", "--rig", "bench4", "--channel", "1", "--plot",
         str(picture), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (channel,) = json.loads(done.stdout)["channels"]
    assert channel["channel"] == 1
    assert channel["crossover_hz"] == pytest.approx(0.3, rel=1e-3)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    wrong = run.invoke(app, ["tune", "e66138528350b001", "coil", "--rig", "bench4"])
    assert isinstance(wrong.exception, NullfieldError)
    assert "not a coil board" in wrong.exception.message
