"""Currents through the plant's coils, and the patient table on its motor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield.errors import BoardFaultError, InputError, RequestError
from nullfield_protocol.catalogue import BoardState, CoilFlag, ErrorCode, FaultCode, TableState


def test_currents_are_set_within_limits(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    wanted_ma = np.array([1.0, -2.0, 3.0, -4.0, 0.5, 10.0, -10.0, 0.0])
    for channel, current_ma in enumerate(wanted_ma):
        coil.set_current_a(channel, current_ma * 1e-3)
    bench.run_s(2.0)
    telemetry = coil.wait_telemetry(lambda t: True, 1.0)
    assert telemetry.setpoint_a == pytest.approx(wanted_ma * 1e-3, abs=1e-12)
    assert telemetry.current_a == pytest.approx(wanted_ma * 1e-3, rel=3e-3, abs=2e-6)
    currents = bench.instrument.plant.outputs.room_coil_current_ma
    # The sources' own errors are trimmed away; what is left is the sense amplifiers'.
    assert currents[:5] == pytest.approx(wanted_ma[:5], rel=1e-2, abs=2e-3)
    coil.ramp_to_zero()
    # The trim unwinds with its time constant of half a second.
    bench.run_s(3.0)
    assert bench.coil_current_ma() < 1e-2


def test_over_limit_is_refused_with_the_limit(bench: Any) -> None:
    coil = bench.coil()
    with pytest.raises(RequestError) as off:
        coil.set_current_a(0, 1e-3)
    assert off.value.code == ErrorCode.WRONG_STATE
    coil.enable()
    for current_a, code, limit in (
        (10.001e-3, ErrorCode.ABOVE_MAXIMUM, 10_000_000),
        (-10.001e-3, ErrorCode.BELOW_MINIMUM, -10_000_000),
        (2.0, ErrorCode.ABOVE_MAXIMUM, 10_000_000),
    ):
        with pytest.raises(RequestError) as refused:
            coil.set_current_a(3, current_a)
        assert (refused.value.code, refused.value.detail) == (code, limit)
    bench.run_s(0.1)
    assert bench.coil_current_ma() < 1e-2


def _rows(bench: Any, coil: Any, duration_s: float) -> Any:
    coil.stream_start()
    bench.run_s(duration_s)
    coil.stream_stop()
    window = coil.samples.all()
    coil.samples.clear()
    return window


def test_compensation_reaches_the_coils_and_runs_out_by_itself(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(1, 2e-3)
    bench.run_s(2.0)
    offset_a = np.zeros(8)
    offset_a[[0, 1]] = -0.4e-3, 0.3e-3
    sequence = coil.compensate(offset_a, 0.2)
    window = _rows(bench, coil, 0.5)
    ours = window.rows["compensation_sequence"] == sequence
    assert ours.any()
    flags = coil.flags(window)
    told_ma = coil.command_a(window) * 1e3
    in_force = (flags & CoilFlag.COMPENSATING) != 0
    assert 190 <= in_force.sum() <= 201
    assert told_ma[:2, in_force][:, -1] == pytest.approx([-0.4, 2.3], abs=1e-9)
    # Two blocks and the coil's time constant later the sensed current says the same.
    sensed_ma = coil.current_a(window) * 1e3
    end = np.flatnonzero(in_force)[-1]
    assert sensed_ma[:2, end - 20 : end].mean(axis=1) == pytest.approx([-0.4, 2.3], abs=5e-3)
    stale = (flags & CoilFlag.COMPENSATION_STALE) != 0
    assert stale[-1]
    assert not (stale & in_force).any()
    assert told_ma[:2, -1] == pytest.approx([0.0, 2.0], abs=1e-9)
    assert any("compensation stale" in line.text for line in coil.logs)
    # The ramp of the setpoints, 20 mA/s.
    fall = np.diff(told_ma[0, stale])
    assert fall.max() == pytest.approx(0.02, abs=1e-6)


def test_compensation_is_cut_to_its_limit_and_ends_in_order(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.compensate(np.full(8, 5e-3), 10.0)
    window = _rows(bench, coil, 0.2)
    assert coil.command_a(window)[:, -1] == pytest.approx(np.full(8, 3e-3), abs=1e-12)
    assert coil.flags(window)[-1] & CoilFlag.LIMITED
    coil.compensate(np.zeros(8), 0.0)
    window = _rows(bench, coil, 0.4)
    assert coil.command_a(window)[:, -1] == pytest.approx(np.zeros(8), abs=1e-12)
    assert coil.flags(window)[-1] == CoilFlag.ENABLED


@pytest.mark.parametrize(
    ("offset_a", "hold_s", "says"),
    [
        ([0.0] * 7, 0.1, "8 finite currents"),
        ([float("nan")] * 8, 0.1, "8 finite currents"),
        ([0.0] * 8, 66.0, "hold of 66.0 s"),
        ([0.0] * 8, -1.0, "hold of -1.0 s"),
    ],
)
def test_a_bad_compensation_is_not_sent(
    bench: Any, offset_a: list[float], hold_s: float, says: str
) -> None:
    coil = bench.coil()
    sent = coil.link.statistics.frames_sent
    with pytest.raises(InputError, match=says):
        coil.compensate(offset_a, hold_s)
    assert coil.link.statistics.frames_sent == sent


def _wiring(bench: Any) -> Any:
    return bench.instrument.parts_of(bench.of("coil"))[0]


def test_an_open_coil_trips(bench: Any) -> None:
    coil = bench.coil()
    _wiring(bench).is_open[2] = True
    coil.enable()
    coil.set_current_a(2, 3e-3)
    bench.clock.wait(lambda: coil.link.fault is not None, 2.0)
    assert coil.link.fault.code == FaultCode.COIL_OPEN
    assert coil.link.fault.source == 2
    bench.run_s(0.005)
    assert bench.coil_current_ma() == 0.0
    with pytest.raises(BoardFaultError, match="coil open"):
        coil.check()
    with pytest.raises(RequestError) as refused:
        coil.enable()
    assert (refused.value.code, refused.value.detail) == (
        ErrorCode.FAULT_LATCHED,
        FaultCode.COIL_OPEN,
    )
    coil.clear_faults()
    coil.enable()


def _idle(table: Any, timeout_s: float = 40.0) -> Any:
    return table.wait_telemetry(
        lambda t: t.table_state == TableState.IDLE and t.speed_m_s == 0.0, timeout_s
    )


def test_the_table_homes_moves_and_releases(bench: Any) -> None:
    table = bench.table()
    with pytest.raises(RequestError):
        table.move_to(0.1, 0.02)
    table.home()
    assert _idle(table).position_m == pytest.approx(0.0, abs=1e-4)
    for position_m in (0.05, 0.01):
        table.stream_start()
        table.move_to(position_m, 0.04)
        assert _idle(table).position_m == pytest.approx(position_m, abs=2e-6)
        positions = table.position_m(table.samples.all())
        speeds = np.abs(np.diff(positions)) * 1e3
        # One microstep in a block is 1.6 mm/s of rounding.
        assert speeds.max() < 0.04 + 0.002
        table.stream_stop()
        table.samples.clear()
    assert bench.motor_is_on()
    table.release()
    bench.run_s(0.05)
    assert not bench.motor_is_on()


@pytest.mark.parametrize(
    ("position_m", "speed_m_s", "code", "detail"),
    [
        (-0.001, 0.02, ErrorCode.BELOW_MINIMUM, 0),
        (0.6001, 0.02, ErrorCode.ABOVE_MAXIMUM, 600_000),
        (0.1, 0.0501, ErrorCode.ABOVE_MAXIMUM, 50_000),
    ],
)
def test_table_limits(
    bench: Any, position_m: float, speed_m_s: float, code: int, detail: int
) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    with pytest.raises(RequestError) as refused:
        table.move_to(position_m, speed_m_s)
    assert (refused.value.code, refused.value.detail) == (code, detail)


def test_a_held_table_stops_when_the_host_says_no_more(bench: Any) -> None:
    """The host lives on, its heartbeat too: it is the command that is missing."""
    table = bench.table()
    with pytest.raises(RequestError):
        table.hold(1, 0.04)
    table.home()
    _idle(table)
    for _ in range(8):
        table.hold(1, 0.04)
        bench.run_s(0.2)
    assert bench.instrument._inputs.table_step_rate_hz > 0.0
    before_m = table.wait_telemetry(lambda t: True, 1.0).position_m
    way_m = _idle(table, 3.0).position_m - before_m
    # At most 0.5 s at 40 mm/s, then v^2 / 2a is 16 mm.
    assert 0.016 < way_m < 0.020 + 0.016 + 0.002
    assert bench.instrument._inputs.table_step_rate_hz == 0.0
    with pytest.raises(RequestError) as refused:
        table.hold(1, 0.0501)
    assert (refused.value.code, refused.value.detail) == (ErrorCode.ABOVE_MAXIMUM, 50_000)


def test_the_hold_to_run_button_gates_every_motion(bench: Any) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    table.settings.set("hold_to_run", 1)
    with pytest.raises(RequestError, match="hold-to-run button is not pressed"):
        table.move_to(0.1, 0.04)
    bench.of("table").inputs["hold"] = 1
    table.move_to(0.3, 0.04)
    bench.run_s(1.5)
    assert bench.instrument._inputs.table_step_rate_hz > 0.0
    bench.of("table").inputs["hold"] = 0
    assert _idle(table, 3.0).position_m < 0.1
    assert bench.instrument._inputs.table_step_rate_hz == 0.0


def test_a_table_that_stays_on_its_switch_is_stopped_in_plain_words(
    bench: Any, monkeypatch: Any
) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    # Something holds the carriage: the motor turns, the table does not.
    monkeypatch.setattr(bench.instrument.plant, "_move_table", lambda inputs: None)
    table.move_to(0.3, 0.04)
    bench.clock.wait(lambda: table.link.fault is not None, 3.0)
    assert table.link.fault.code == FaultCode.TABLE_STALL
    bench.run_s(0.01)
    assert not bench.motor_is_on()
    with pytest.raises(BoardFaultError, match="table stall") as fault:
        table.check()
    assert "does not follow its motor" in fault.value.hint


def test_emergency_stop(bench: Any) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    table.move_to(0.3, 0.04)
    bench.run_s(1.0)
    bench.of("table").inputs["estop"] = 1
    bench.run_s(0.005)
    assert not bench.motor_is_on()
    assert bench.instrument._inputs.table_step_rate_hz == 0.0
    bench.run_s(0.1)
    assert table.link.fault.code == FaultCode.TABLE_EMERGENCY_STOP
    table.clear_faults()
    bench.run_s(0.1)
    assert table.link.fault is not None, "the button is still pressed"
    bench.of("table").inputs["estop"] = 0
    bench.run_s(0.01)
    table.clear_faults()
    # Stopped without its motor, the table may have rolled on: the count is not to be trusted.
    with pytest.raises(RequestError) as refused:
        table.move_to(0.1, 0.02)
    assert refused.value.code == ErrorCode.WRONG_STATE
    table.home()
    assert _idle(table).board_state == BoardState.ACTIVE


def test_a_table_switched_off_in_motion_must_be_homed_again(bench: Any) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    table.move_to(0.3, 0.04)
    bench.run_s(1.0)
    table.safe_off()
    with pytest.raises(RequestError) as refused:
        table.move_to(0.1, 0.02)
    assert refused.value.code == ErrorCode.WRONG_STATE


def test_stop_brakes_by_the_ramp(bench: Any) -> None:
    table = bench.table()
    table.home()
    _idle(table)
    table.move_to(0.4, 0.04)
    bench.run_s(1.5)
    before_m = table.wait_telemetry(lambda t: True, 1.0).position_m
    table.stop()
    way_m = _idle(table).position_m - before_m
    # v^2 / 2a is 16 mm, and up to 0.1 s of telemetry period before.
    assert 0.015 < way_m < 0.025
