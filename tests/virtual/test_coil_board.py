"""The coil board against the plant's sources and coils: waveforms, faults, the host's silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield.errors import BoardFaultError, InputError, RequestError
from nullfield.room.waveforms import Shape, samples_na
from nullfield.virtual.defects import Defect, apply_defects
from nullfield_protocol.catalogue import CoilFlag, ErrorCode, FaultCode


def _wiring(bench: Any) -> Any:
    return bench.instrument.parts_of(bench.of("coil"))[0]


def _give(bench: Any, kind: str, channel: int = 0, amount: float | None = None) -> None:
    apply_defects(
        bench.instrument, [Defect(kind, bench.of("coil").uid, channel=channel, amount=amount)]
    )


def _wait_fault(bench: Any, coil: Any, timeout_s: float = 3.0) -> Any:
    bench.clock.wait(lambda: coil.link.fault is not None, timeout_s)
    return coil.link.fault


def test_waveforms_are_equal_to_the_hosts_to_the_bit(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(1, 0.5e-3)
    bench.run_s(0.2)
    made = {
        0: coil.waveform(0, Shape.SINE, 1.234567e-3, 7.3, phase_rad=0.4),
        1: coil.waveform(1, Shape.SQUARE, 0.3e-3, 11.0, cycles=5),
        2: coil.waveform(2, Shape.PSEUDO_RANDOM, 0.2e-3, 100.0, phase_rad=2.0),
        3: coil.waveform(3, Shape.DEGAUSS, 2e-3, 10.0, cycles=8),
        4: coil.waveform(4, Shape.DEGAUSS, 2e-3, 25.0, cycles=12, decay=0.8),
    }
    coil.stream_start()
    bench.run_s(0.05)
    coil.waveform_start()
    with pytest.raises(RequestError) as busy:
        coil.waveform(0, Shape.SINE, 1e-3, 1.0)
    assert busy.value.code == ErrorCode.BUSY
    bench.run_s(1.2)
    window = coil.samples.all()
    begin = coil.waveform_begin(window)
    assert begin is not None
    blocks = window.index - begin
    command = window.rows["command_na"]
    setpoint = [0, 500_000, 0, 0, 0, 0, 0, 0]
    for channel in range(8):
        wanted = np.full(len(blocks), setpoint[channel])
        if channel in made:
            wanted = wanted + samples_na(made[channel], blocks)
        assert np.array_equal(command[:, channel], wanted), channel
    # The current follows two blocks and the coil's lag later.
    sensed = coil.current_a(window)[0]
    told = coil.command_a(window)[0]
    errors = [np.std(sensed[100:-10] - told[100 - lag : -10 - lag]) for lag in range(8)]
    assert int(np.argmin(errors)) in (3, 4)
    assert min(errors) < 3e-5
    coil.waveform_stop()
    bench.run_s(0.3)
    last = coil.wait_samples(3)
    assert not (coil.flags(last) & CoilFlag.WAVEFORM).any()
    assert coil.command_a(last)[:, -1] == pytest.approx(np.array(setpoint) * 1e-9, abs=1e-12)


def test_a_waveform_leaves_nothing_in_the_trim(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    bench.run_s(3.0)
    before = coil.wait_telemetry(lambda t: True, 1.0).trim_a[0]
    coil.waveform(0, Shape.SINE, 3e-3, 2.0)
    coil.waveform_start()
    trims = []
    for _ in range(20):
        bench.run_s(0.1)
        trims.append(coil.wait_telemetry(lambda t: True, 1.0).trim_a[0] - before)
    # The coil's R is not the nominal one: what is left is a part in five hundred of 3 mA.
    assert np.abs(trims).max() < 6e-6


def test_waveforms_out_of_range_are_refused_before_or_by_the_board(bench: Any) -> None:
    coil = bench.coil()
    with pytest.raises(RequestError) as off:
        coil.waveform(0, Shape.SINE, 1e-3, 1.0)
    assert off.value.code == ErrorCode.WRONG_STATE
    coil.enable()
    with pytest.raises(RequestError) as high:
        coil.waveform(0, Shape.SINE, 10.001e-3, 1.0)
    assert (high.value.code, high.value.detail) == (ErrorCode.ABOVE_MAXIMUM, 10_000_000)
    with pytest.raises(RequestError):
        coil.waveform_start()
    with pytest.raises(InputError, match="frequency of 600 Hz"):
        coil.waveform(0, Shape.SINE, 1e-3, 600.0)
    with pytest.raises(InputError, match="needs its number of cycles"):
        coil.waveform(0, Shape.DEGAUSS, 1e-3, 10.0)
    coil.waveform(0, Shape.SINE, 1e-3, 1.0)
    coil.waveform_disarm(0)
    with pytest.raises(RequestError):
        coil.waveform_start()


def test_an_open_coil_is_found_at_a_tenth_of_a_milliampere(bench: Any) -> None:
    _give(bench, "output_open", 3)
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(3, 1e-4)
    fault = _wait_fault(bench, coil, 1.0)
    assert (fault.code, fault.source) == (FaultCode.COIL_OPEN, 3)
    with pytest.raises(BoardFaultError) as told:
        coil.check()
    assert "plug and leads" in told.value.hint


def test_a_shorted_coil_is_found(bench: Any) -> None:
    _give(bench, "output_shorted", 6)
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(5, 1e-3)
    coil.set_current_a(6, 1e-3)
    fault = _wait_fault(bench, coil, 1.5)
    assert (fault.code, fault.source) == (FaultCode.COIL_SHORT, 6)


def test_a_bad_joint_shows_as_compliance(bench: Any) -> None:
    _give(bench, "output_resistance", 2, 2000.0)
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(2, 4e-3)
    bench.run_s(2.0)
    assert coil.link.fault is None
    volts = coil.wait_telemetry(lambda t: True, 1.0).voltage_v
    # 100 Ohm within 20 %, and the joint.
    assert 4e-3 * 2075 < volts[2] < 4e-3 * 2125
    coil.set_current_a(2, 9e-3)
    fault = _wait_fault(bench, coil)
    assert (fault.code, fault.source) == (FaultCode.COIL_COMPLIANCE, 2)


def test_a_lost_sense_amplifier_is_told_from_an_open_coil(bench: Any) -> None:
    _give(bench, "sense_resistor", 1, -1.0)
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(1, 3e-3)
    fault = _wait_fault(bench, coil)
    assert (fault.code, fault.source) == (FaultCode.COIL_READBACK, 1)


def test_reversed_and_swapped_coils_look_good_to_the_board_and_not_to_the_room(
    make_bench: Any,
) -> None:
    fields = []
    for kind in ("", "coil_reversed", "coil_swapped"):
        bench = make_bench()
        if kind:
            _give(bench, kind, 0)
        coil = bench.coil()
        coil.enable()
        coil.set_current_a(0, 2e-3)
        bench.run_s(0.5)
        assert coil.link.fault is None
        telemetry = coil.wait_telemetry(lambda t: True, 1.0)
        assert telemetry.current_a[0] == pytest.approx(2e-3, abs=2e-5)
        fields.append(bench.instrument.plant.outputs.room_coil_current_ma.copy())
    assert fields[0][0] == pytest.approx(2.0, rel=0.02)
    assert fields[1][0] == pytest.approx(-2.0, rel=0.02)
    assert fields[2][:2] == pytest.approx([0.0, 2.0], abs=0.04)


def test_a_loose_heat_sink_ends_in_a_trip(bench: Any) -> None:
    _give(bench, "heat_sink_loose", amount=30.0)
    coil = bench.coil()
    coil.enable()
    for channel in range(8):
        coil.set_current_a(channel, 10e-3)
    fault = _wait_fault(bench, coil, 10.0)
    assert (fault.code, fault.source) == (FaultCode.COIL_OVER_TEMPERATURE, 8)
    assert bench.coil_current_ma() > 0.0 or not bench.of("coil").pin("coil_enable")
    bench.run_s(0.01)
    assert bench.coil_current_ma() == 0.0


def test_a_hot_processor_trips(bench: Any) -> None:
    coil = bench.coil()
    bench.of("coil").die_temperature_c = 95
    fault = _wait_fault(bench, coil, 2.0)
    assert (fault.code, fault.source) == (FaultCode.COIL_OVER_TEMPERATURE, 10)


def test_a_killed_host_ramps_the_field_down(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(0, 6e-3)
    bench.run_s(1.5)
    coil.link.pause_heartbeat()
    currents = []
    bench.instrument.watchers.append(
        lambda: currents.append(float(bench.instrument.plant.outputs.room_coil_current_ma[0]))
    )
    bench.run_s(4.0)
    trace = np.array(currents)
    assert trace[0] == pytest.approx(6.0, rel=0.02)
    assert trace[-1] == 0.0 or abs(trace[-1]) < 1e-3
    # 20 mA/s and no jump, not even when the relays open.
    assert np.abs(np.diff(trace)).max() < 0.03
    assert bench.of("coil").pin("coil_enable") == 0
    assert coil.link.fault.code == FaultCode.HOST_SILENT
