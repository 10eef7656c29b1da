"""Compensation with firmware, cells and coils: it holds, and what fails ends safe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nullfield.instrument.compensate import Compensation
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_room import null_room
from nullfield.instrument.record import record
from nullfield.instrument.set_up_compensation import compensation_json, set_up_compensation
from nullfield.instrument.start_up import start_up
from nullfield.recording.compensation import load_without_compensation
from nullfield.recording.load import load_recording
from nullfield.rig import load_rig
from nullfield.room.compensator import CompensatorState
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport
from nullfield_protocol.catalogue import CoilFlag

pytestmark = [pytest.mark.long, pytest.mark.micropython]


@pytest.fixture(scope="module")
def ready():
    """A small room, nulled and probed; its drift is that of a busy day."""
    rig, table = load_rig("room8")
    scenario = replace(
        Scenario(**table), heart_enabled=False, room_residual_nt=20.0, room_gradient_nt_per_m=8.0,
        room_third_order_nt_per_m2=3.0, drift_pp_nt=3.0,
    )  # fmt: skip
    with VirtualInstrument(rig, scenario, 1, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(rig, clock, lambda e: VirtualTransport(world, e.uid), 1000) as instrument:
            instrument.stream(True)
            start_up(instrument)
            plan = set_up_compensation(instrument, null_room(instrument))
            yield world, instrument, plan


def true_array_pt(world):
    plant = world.plant
    coils = plant.coil_field_nt_per_ma @ plant.outputs.room_coil_current_ma
    return (plant.room_field_now_nt() + coils)[:4] * 1e3


def test_holds_and_records_what_it_did(ready, tmp_path):
    world, instrument, plan = ready
    assert plan.prepared.budget.total_s < 8e-3
    bare, held = [], []

    def watch():
        if world.block % 100 == 0:
            bare.append(world.plant.room_field_now_nt()[:4] * 1e3)
            held.append(true_array_pt(world))

    world.watchers.append(watch)
    with Compensation(instrument, plan) as running:
        running.wait(3.0)
        bare.clear()
        held.clear()
        record(instrument, tmp_path / "r", duration_s=12.0, compensation=running)
        said = compensation_json(running)
    world.watchers.remove(watch)
    room, left = np.std(bare, axis=0), np.std(held, axis=0)
    across = [0, 2]
    assert np.sqrt((left[:, across] ** 2).mean()) < 0.1 * np.sqrt((room[:, across] ** 2).mean())
    assert said["steps_by_state"].get("running", 0) > 0.99 * said["steps"]
    loaded = load_recording(tmp_path / "r")
    back = load_without_compensation(tmp_path / "r")
    command = next(iter(loaded.coil_command_a.values()))
    assert np.nanstd(command, axis=1).max() > 0.0
    chest = loaded.field.array.is_chest & (loaded.field.array.axis_index < 2)
    slow = np.array([one[chest].reshape(int(chest.sum()), -1)[:, 1000:11000]
                     .reshape(int(chest.sum()), 10, 1000).mean(axis=2)
                     for one in (loaded.field.field_pt, back.field_pt)])  # fmt: skip
    with_it, without_it = slow.std(axis=2).mean(axis=1)
    assert without_it > 5.0 * with_it  # the drift is there again


def test_references_that_fall_silent_let_the_coils_hold_then_ramp(ready):
    _, instrument, plan = ready
    coils = next(iter(instrument.coils.values()))
    references = instrument.sensors[plan.prepared.references[0].board]
    before = {t: b.telemetry.setpoint_a.copy() for t, b in instrument.coils.items()}
    with Compensation(instrument, plan) as running:
        running.wait(4.0)
        references.stream_stop()
        instrument.wait_s(1.0)
        flags = coils.flags(coils.samples.window(1))[-1]
        assert flags & CoilFlag.COMPENSATING
        held = coils.command_a(coils.samples.window(300))
        assert np.ptp(held, axis=1).max() < 2e-9
        instrument.wait_s(3.0)
        window = coils.samples.window(1)
        assert coils.flags(window)[-1] & CoilFlag.COMPENSATION_STALE
        setpoint = before[coils.uid]
        np.testing.assert_allclose(coils.command_a(window)[:, -1], setpoint, atol=2e-9)
        references.stream_start()
        running.wait(3.0)
        assert running.compensator.state == CompensatorState.RUNNING
        assert coils.flags(coils.samples.window(1))[-1] & CoilFlag.COMPENSATING
        assert running.loop.count.lost_rows > 3000
