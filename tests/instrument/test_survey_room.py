"""A survey on virtual boards: against the plant's truth, interrupted, with a bad head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.start_up import start_up
from nullfield.instrument.survey_room import SurveyPlan, survey_room
from nullfield.rig import load_rig
from nullfield.room.excitation_coil import Excitation
from nullfield.room.survey import evaluate
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

pytestmark = [pytest.mark.micropython, pytest.mark.long]


@pytest.fixture(scope="module")
def bench():
    """bench4, started, in an empty room with an excitation that can be put on."""
    rig, _ = load_rig("bench4")
    with VirtualInstrument(rig, Scenario(heart_enabled=False), 1, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(
            rig, clock, lambda entry: VirtualTransport(world, entry.uid), session=1000
        ) as instrument:
            instrument.stream(True)
            started = start_up(instrument)
            yield world, instrument, started


def test_a_survey_tells_what_the_room_is(bench):
    world, instrument, started = bench

    def switch_on(excitation):
        start_s = instrument.clock.now_s() + 1.0
        world.plant.room.excite(replace(excitation, start_s=start_s))
        return start_s

    excitation = Excitation(200.0, (0.1, 4.0), 10.0, ("x", "y"), least_cycles=2.0)
    data, trouble = survey_room(instrument, SurveyPlan(20.0, excitation), started.failed, switch_on)
    assert trouble is None
    assert data.quiet.duration_s == pytest.approx(20.0, abs=0.1)
    done = evaluate(data)
    truth = world.plant.truth()
    # the excitation has died away but for its last transient; drift is some 100 pT
    alive = [world.rig.heads.index(h) for h in world.rig.heads if h.name in started.ready]
    error = done.residual.measured_pt - truth.room_field_pt[alive]
    # gain 1 %, angle 1 degree of a field of 50 nT
    assert np.sqrt(np.mean(error**2)) < 1000.0
    assert np.nanmedian(done.spectra.level_ft_rthz) < 20.0
    mains = [line for line in done.spectra.lines if line.kind == "mains"]
    assert mains[0].frequency_hz == 50.0
    for point in done.shielding:
        wanted = 200.0 * np.sqrt(1.0 + (point.frequency_hz / 0.3) ** 2)
        assert point.factor == pytest.approx(wanted, rel=0.04)
    # y lies along the beams, which are read while the field is slow
    told = {(p.axis, p.frequency_hz) for p in done.shielding}
    assert told == {("x", 0.1), ("x", 4.0), ("y", 0.1)}


def test_an_interrupted_survey_keeps_what_it_has(bench):
    _, instrument, _ = bench
    looks = []

    def stop_at_six_seconds(step, fraction, detail):
        if step == "rest":
            looks.append(fraction)
            if len(looks) == 6:
                raise KeyboardInterrupt

    data, trouble = survey_room(instrument, SurveyPlan(60.0), {}, progress=stop_at_six_seconds)
    assert isinstance(trouble, KeyboardInterrupt)
    assert "stopped by the operator" in data.ended_early
    assert len(data.maps) == 1
    assert data.quiet.duration_s == pytest.approx(6.0, abs=0.2)
    assert data.quiet.valid_share.min() > 0.99


def test_a_driven_coil_is_refused(bench):
    _, instrument, _ = bench
    board = next(iter(instrument.coils.values()))
    board.enable(True)
    board.set_current_a(0, 1e-4)
    instrument.wait_s(1.0)
    try:
        with pytest.raises(ProcedureError, match="coil Bx carries a current"):
            survey_room(instrument, SurveyPlan(10.0), {})
    finally:
        board.set_current_a(0, 0.0)
        instrument.wait_s(1.0)
        board.safe_off()


def test_a_saturated_head_is_named_and_left_out(bench):
    world, instrument, _ = bench
    heads = instrument.ready_heads()
    board = instrument.sensors[heads[0].board]

    def throw(step, fraction, detail):
        # A magnet next to the room while it records: beyond what the on-head coils hold.
        if step == "rest" and fraction < 0.1:
            world.plant.room.excite(
                Excitation(5e7, (0.05,), 1000.0, ("z",), instrument.clock.now_s() + 0.3)
            )

    data, _ = survey_room(instrument, SurveyPlan(15.0), {}, progress=throw)
    world.plant.room.excite(Excitation(1e-6, (1.0,), 1.0, ("z",)))
    assert board is not None
    assert data.dead
    assert any("%" in reason or "lost" in reason for reason in data.dead.values())
    evaluate(data)
