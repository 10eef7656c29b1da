"""Coil boards: compensation, waveforms, voltages, the way down without a host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_board import GENEROUS_S

from nullfield.errors import InputError, RequestError
from nullfield.instrument.tune_coil import tune_coils
from nullfield.room.waveforms import Shape, samples_na
from nullfield_protocol.catalogue import BoardState, CoilFlag, ErrorCode, FaultCode


@pytest.mark.roles("coil")
def test_waveforms_and_compensation_need_the_outputs_on(board: Any) -> None:
    with pytest.raises(RequestError) as refused:
        board.waveform(0, Shape.SINE, 1e-6, 1.0)
    assert refused.value.code == ErrorCode.WRONG_STATE
    board.stream_start()
    board.compensate(np.full(8, 1e-6), 1.0)
    window = board.wait_samples(50, GENEROUS_S)
    assert not (board.flags(window) & CoilFlag.COMPENSATING).any()
    assert not window.rows["command_na"].any()


@pytest.mark.roles("coil")
def test_a_compensation_is_shown_held_and_let_go(board: Any) -> None:
    """Ten microamperes: too little for any watch, so that nothing need be attached."""
    board.enable()
    board.stream_start()
    board.wait_samples(20, GENEROUS_S)
    offset_a = np.array([10e-6, -10e-6, 0, 0, 0, 0, 0, 5e-6])
    start = board.samples.next_index
    sequence = board.compensate(offset_a, 0.1)
    board.wait_samples(400, GENEROUS_S)
    window = board.samples.since(start)
    in_force = (board.flags(window) & CoilFlag.COMPENSATING) != 0
    assert 95 <= in_force.sum() <= 101
    assert (window.rows["compensation_sequence"][in_force] == sequence).all()
    told = window.rows["command_na"][in_force][-1]
    assert told.tolist() == [10000, -10000, 0, 0, 0, 0, 0, 5000]
    assert board.flags(window)[-1] & CoilFlag.COMPENSATION_STALE
    assert not window.rows["command_na"][-1].any()
    board.compensate(np.zeros(8), 0.0)
    window = board.wait_samples(50, GENEROUS_S)
    assert not board.flags(window)[-1] & CoilFlag.COMPENSATION_STALE


@pytest.mark.roles("coil")
def test_waveforms_are_equal_to_the_hosts_to_the_bit(board: Any) -> None:
    board.enable()
    board.stream_start()
    board.wait_samples(20, GENEROUS_S)
    made = [
        board.waveform(0, Shape.SINE, 9.876e-6, 13.0, phase_rad=0.7),
        board.waveform(1, Shape.SQUARE, 8e-6, 7.0, cycles=3),
        board.waveform(2, Shape.PSEUDO_RANDOM, 5e-6, 250.0),
        board.waveform(3, Shape.DEGAUSS, 9e-6, 20.0, cycles=6),
    ]
    start = board.samples.next_index
    board.waveform_start()
    board.wait_samples(600, GENEROUS_S)
    window = board.samples.since(start)
    begin = board.waveform_begin(window)
    assert begin is not None
    for channel, waveform in enumerate(made):
        wanted = samples_na(waveform, window.index - begin)
        assert np.array_equal(window.rows["command_na"][:, channel], wanted), channel
    board.waveform_stop()
    window = board.wait_samples(50, GENEROUS_S)
    assert not window.rows["command_na"][-1].any()
    assert not board.flags(window)[-1] & CoilFlag.WAVEFORM


@pytest.mark.roles("coil")
def test_no_setting_or_waveform_passes_the_boards_limit(board: Any) -> None:
    board.enable()
    with pytest.raises(RequestError) as high:
        board.waveform(0, Shape.SINE, 10.1e-3, 1.0)
    assert high.value.code == ErrorCode.ABOVE_MAXIMUM
    for name, value in (("compensation_limit", 0.0101), ("loop_gain_0", 4.0)):
        with pytest.raises((RequestError, InputError)):
            board.settings.set(name, value)


@pytest.mark.needs("loopback")
@pytest.mark.roles("coil")
def test_without_a_host_the_currents_ramp_and_then_the_outputs_open(board: Any) -> None:
    board.settings.set("host_timeout", 0.5)
    board.enable()
    board.stream_start()
    board.set_current_a(0, 2e-3)
    board.wait_samples(300, GENEROUS_S)
    board.link.pause_heartbeat()
    board.clock.wait(lambda: board.link.fault is not None, GENEROUS_S)
    assert board.link.fault.code == FaultCode.HOST_SILENT
    board.link.resume_heartbeat()
    board.clear_faults()
    telemetry = board.wait_telemetry(lambda t: not t.is_enabled, GENEROUS_S)
    assert telemetry.board_state == BoardState.SAFE


@pytest.mark.needs("loopback")
@pytest.mark.roles("coil")
def test_voltage_goes_with_the_current(board: Any) -> None:
    board.enable()
    board.set_current_a(3, 2e-3)
    up = board.wait_telemetry(lambda t: abs(t.current_a[3] - 2e-3) < 5e-5, GENEROUS_S)
    board.clock.wait(lambda: False, 0.3)
    up = board.wait_telemetry(lambda t: True, GENEROUS_S)
    board.set_current_a(3, -2e-3)
    board.clock.wait(lambda: False, 0.7)
    down = board.wait_telemetry(lambda t: True, GENEROUS_S)
    assert up.voltage_v[3] > 0.0 > down.voltage_v[3]
    assert up.voltage_v[3] == pytest.approx(-down.voltage_v[3], rel=0.05, abs=0.01)
    assert 0.0 < up.stage_temperature_c < 60.0


@pytest.mark.needs("loopback")
@pytest.mark.roles("coil")
def test_one_channel_is_tuned(board: Any) -> None:
    (found,) = tune_coils(board, [1], is_saved=False)
    assert 0.9 < found.fit.gain < 1.1
    assert found.fit.resistance_ohm > 1.0
    assert found.margins.phase_deg > 45.0
