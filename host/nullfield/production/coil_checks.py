"""Acceptance plan of a coil board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.devices.coil import CoilBoard
from nullfield.errors import ProcedureError
from nullfield.production.bench import Bench
from nullfield.production.coil_response import (
    LATENCY_ROWS,
    ROW_S,
    FloatArray,
    SourceFit,
    fit_source,
    ramp_ends,
    ramp_lag_s,
    settling_rows,
)
from nullfield.production.common_checks import first_checks, last_checks
from nullfield.production.fixture import CoilFixture
from nullfield.production.plan import Check
from nullfield.production.verdict import Limit, Value, around, exactly, mean_and_uncertainty
from nullfield_protocol.catalogue import CoilFlag, FaultCode

CHANNELS = 8
SETPOINTS_A = (-8e-3, -6e-3, -4e-3, -2e-3, 0.0, 2e-3, 4e-3, 6e-3, 8e-3)
_MAP_A = 0.8e-3
"""Small enough that no wrong channel makes the board trip at its widest tolerance."""
_WIDE_TOLERANCE_A = 1e-3
_FAST_RAMP_A_S = 0.1
_SETTLE_ROWS = 40
_TRIM_ROWS = 2600
_FINE_STEP_A = 10e-6
"""Within the fine DAC's reach: the coarse one stays where it is."""
_MEAN_ROWS = 60
_ADC_NOISE_V = 10.68e-6
_GAIN = Limit(-0.01, 0.01, "design: source 0.5 %, sense resistor and amplifier 0.5 %")
_OFFSET = Limit(-20e-6, 20e-6, "design: 0.2 % of full scale, all stages")
_LINEAR = Limit(None, 2e-6, "design: 0.02 % of full scale, 16-bit DACs at ±1 LSB with margin")
_CROSSTALK = Limit(-1e-3, 1e-3, "design: -60 dB between channels")


@dataclass(frozen=True)
class ChannelMap:
    """Sensed current of every channel by that commanded of each, and the noise behind it."""

    response: FloatArray
    noise_a: float


@dataclass(frozen=True)
class Staircase:
    """One channel through all set points."""

    asked_a: FloatArray
    sensed_a: FloatArray
    ends: tuple[int, ...]
    fit: SourceFit


def _board(bench: Bench) -> CoilBoard:
    board = bench.board
    assert isinstance(board, CoilBoard)
    return board


def _fixture(bench: Bench) -> CoilFixture:
    assert bench.fixture.coil is not None
    return bench.fixture.coil


def _from_now(board: CoilBoard, rows: int) -> FloatArray:
    """Sensed currents of the next rows, shape (8, n)."""
    return board.current_a(board.wait_samples(rows))


# ---------------------------------------------------------------------- outputs off


def sense_offset(bench: Bench) -> list[Value]:
    """Sensed current with all outputs open."""
    board = _board(bench)
    bench.start_stream()
    current = _from_now(board, 1000)
    limit = Limit(-5e-6, 5e-6, "data sheet ADS131M08: offset 0.3 mV at 100 Ω, with margin")
    values = []
    for channel in range(CHANNELS):
        mean, error, count = mean_and_uncertainty(current[channel])
        values.append(Value(f"channel {channel}", mean, "A", limit, count, error))
    return values


def sense_noise(bench: Bench) -> list[Value]:
    """Noise of the readback with all outputs open: standard deviation of the 1 kHz rows."""
    board = _board(bench)
    bench.start_stream()
    current = _from_now(board, 2000)
    scales = bench.definition["scales"]
    a_per_v = scales["sense_full_scale_na"] * 1e-9 / (scales["adc_full_scale_uv"] * 1e-6)
    expected_a = _ADC_NOISE_V * a_per_v / 4.0  # mean of 16 samples
    limit = Limit(0.0, 1.5 * expected_a, "data sheet ADS131M08: 10.68 µV rms at 16 kSPS, 1.5 times")
    values = []
    for channel in range(CHANNELS):
        count = current.shape[1]
        noise = float(current[channel].std(ddof=1))
        values.append(
            Value(f"channel {channel}", noise, "A", limit, count, noise / np.sqrt(2.0 * count))
        )
    return values


# ---------------------------------------------------------------------- small currents


def take_channel_map(bench: Bench) -> ChannelMap:
    """Move one channel after the other by a small current and look at all of them."""
    board = _board(bench)
    board.settings.set("readback_tolerance", _WIDE_TOLERANCE_A)
    board.settings.set("ramp_rate", _FAST_RAMP_A_S)
    bench.start_stream()
    board.enable()
    # Five time constants: an offset current would be seen to go while the others are moved.
    board.wait_samples(_TRIM_ROWS)
    zero = _from_now(board, _MEAN_ROWS)
    response = np.zeros((CHANNELS, CHANNELS))
    for channel in range(CHANNELS):
        bench.tell(f"channel {channel}")
        board.set_current_a(channel, _MAP_A)
        board.wait_samples(_SETTLE_ROWS)
        moved = _from_now(board, _MEAN_ROWS)
        response[:, channel] = (moved.mean(axis=1) - zero.mean(axis=1)) / _MAP_A
        board.set_current_a(channel, 0.0)
        board.wait_samples(_SETTLE_ROWS)
        # The trims have moved a little: the next channel starts from its own zero.
        zero = _from_now(board, _MEAN_ROWS)
    noise_a = float(zero.std(axis=1, ddof=1).mean()) / np.sqrt(_MEAN_ROWS)
    return ChannelMap(response, noise_a)


def conduction(bench: Bench) -> list[Value]:
    """Each output conducts through its load: an open one senses nothing."""
    found = bench.once("channel_map", take_channel_map)
    limit = Limit(0.9, 1.1, "fixture: a load is attached")
    error = np.sqrt(2.0) * found.noise_a / _MAP_A
    return [
        Value(f"channel {c}", float(found.response[c, c]), "A/A", limit, _MEAN_ROWS, error)
        for c in _fixture(bench).loaded
    ]


def crosstalk(bench: Bench) -> list[Value]:
    """What the other channels sense of each, the worst of seven."""
    found = bench.once("channel_map", take_channel_map)
    error = np.sqrt(2.0) * found.noise_a / _MAP_A
    values = []
    for channel in _fixture(bench).loaded:
        others = np.delete(found.response[:, channel], channel)
        worst = float(others[np.argmax(np.abs(others))])
        values.append(Value(f"of channel {channel}", worst, "A/A", _CROSSTALK, _MEAN_ROWS, error))
    return values


def fine_step(bench: Bench) -> list[Value]:
    """A step of 10 µA, which the fine DAC makes alone, is there before the trim could make it."""
    board = _board(bench)
    limit = Limit(0.9, 1.1, "board definition: scales.fine_divisor")
    board.settings.set("ramp_rate", _FAST_RAMP_A_S)
    bench.start_stream()
    board.enable()
    board.wait_samples(_TRIM_ROWS)
    values = []
    for channel in _fixture(bench).loaded:
        zero = _from_now(board, _MEAN_ROWS)[channel]
        board.set_current_a(channel, _FINE_STEP_A)
        board.wait_samples(10)
        moved = _from_now(board, 30)[channel]
        error = np.hypot(zero.std(ddof=1) / np.sqrt(len(zero)), moved.std(ddof=1) / np.sqrt(30))
        share = float(moved.mean() - zero.mean()) / _FINE_STEP_A
        values.append(
            Value(f"channel {channel}", share, "A/A", limit, 30, float(error) / _FINE_STEP_A)
        )
    return values


# ---------------------------------------------------------------------- large currents


def take_staircases(bench: Bench) -> dict[int, Staircase]:
    """Every loaded channel through all set points, the others at zero."""
    return {channel: _staircase(bench, channel) for channel in _fixture(bench).loaded}


def _staircase(bench: Bench, channel: int) -> Staircase:
    board = _board(bench)
    bench.tell(f"channel {channel}")
    board.settings.set("readback_tolerance", _WIDE_TOLERANCE_A)
    board.settings.set("ramp_rate", _FAST_RAMP_A_S)
    for other in range(CHANNELS):
        # No trim: it would take out what is to be measured.
        board.settings.set(f"loop_gain_{other}", 0.0)
    bench.start_stream()
    board.wait_samples(20)
    start = board.samples.next_index
    assert start is not None
    board.enable()
    board.wait_samples(_SETTLE_ROWS)
    for setpoint in SETPOINTS_A:
        board.set_current_a(channel, setpoint)
        # The ramp itself, then the load, then the rows that count.
        way = 160 if setpoint == SETPOINTS_A[0] else 40
        board.wait_samples(way + _SETTLE_ROWS + _MEAN_ROWS)
    window = board.samples.since(start)
    board.ramp_to_zero()
    board.wait_samples(120)
    board.enable(False)
    flags = board.flags(window)
    on = int(np.argmax((flags & CoilFlag.ENABLED) != 0))
    sensed = board.current_a(window)[channel, on:]
    asked = board.command_a(window)[channel, on:]
    is_ramping = (flags[on:] & CoilFlag.RAMPING) != 0
    try:
        ends = ramp_ends(np.asarray(is_ramping, dtype=np.bool_), len(SETPOINTS_A))
    except ValueError as error:
        raise ProcedureError(f"channel {channel} did not follow its set points: {error}") from None
    points_asked, points_sensed = [], []
    for end in ends:
        rows = slice(end + _SETTLE_ROWS, end + _SETTLE_ROWS + _MEAN_ROWS)
        late = slice(rows.start - 4, rows.stop - 4)
        points_asked.append(float(asked[late].mean()))
        points_sensed.append(float(sensed[rows].mean()))
    fit = fit_source(np.array(points_asked), np.array(points_sensed))
    return Staircase(asked, sensed, tuple(int(end) for end in ends), fit)


def gain(bench: Bench) -> list[Value]:
    """Source against sense over nine set points, without the trim."""
    found = bench.once("staircases", take_staircases)
    return [
        Value(f"channel {c}", s.fit.gain_error, "A/A", _GAIN, s.fit.points, s.fit.gain_uncertainty)
        for c, s in found.items()
    ]


def offset(bench: Bench) -> list[Value]:
    """Current at zero command, without the trim."""
    found = bench.once("staircases", take_staircases)
    return [
        Value(
            f"channel {c}", s.fit.offset_a, "A", _OFFSET, s.fit.points, s.fit.offset_uncertainty_a
        )
        for c, s in found.items()
    ]


def linearity(bench: Bench) -> list[Value]:
    """Largest distance of nine set points from the straight line."""
    found = bench.once("staircases", take_staircases)
    return [
        Value(f"channel {c}", s.fit.nonlinearity_a, "A", _LINEAR, s.fit.points)
        for c, s in found.items()
    ]


def ramp_rate(bench: Bench) -> list[Value]:
    """Slope of the sensed current in the ramp to the first set point."""
    found = bench.once("staircases", take_staircases)
    limit = around(_FAST_RAMP_A_S, 0.02, "setting ramp_rate, gain and crystal")
    values = []
    for channel, one in found.items():
        end = one.ends[0]
        rows = np.arange(end - 40, end)
        line = np.polyfit(rows * ROW_S, one.sensed_a[rows], 1, cov=True)
        slope, error = abs(float(line[0][0])), float(np.sqrt(line[1][0, 0]))
        values.append(Value(f"channel {channel}", slope, "A/s", limit, len(rows), error))
    return values


def load_time(bench: Bench) -> list[Value]:
    """Time constant of each load, from how far the current is behind in the ramp."""
    found = bench.once("staircases", take_staircases)
    values = []
    for channel, one in found.items():
        load = _fixture(bench).load_of(channel)
        end = one.ends[0]
        gain_of_source = 1.0 + one.fit.gain_error
        lag_s, error_s = ramp_lag_s(one.asked_a, one.sensed_a, end - 60, end, gain_of_source)
        limit = around(
            load.time_constant_s, load.tolerance, "fixture: lag of the load at its source"
        )
        value_s = lag_s - LATENCY_ROWS * ROW_S
        values.append(Value(f"channel {channel}", value_s, "s", limit, 40, error_s))
    return values


def settling(bench: Bench) -> list[Value]:
    """Time from the end of the ramp until the current is what was asked for, within 0.1 % of 8 mA."""
    found = bench.once("staircases", take_staircases)
    values = []
    for channel, one in found.items():
        load = _fixture(bench).load_of(channel)
        # Two blocks and half of one, and ten time constants for 0.1 % of the ramp's lag.
        longest_s = 2.5 * ROW_S + 10.0 * load.time_constant_s
        limit = Limit(0.0, longest_s, "two blocks of latency, ten time constants of the load")
        start = one.ends[0]
        # Against what was asked: the trim takes a gain error out much more slowly than a load settles.
        gain_of_source = 1.0 + one.fit.gain_error
        error_a = one.sensed_a[2:] - gain_of_source * one.asked_a[:-2]
        rows = settling_rows(error_a, start, start + 100, 8e-6)
        values.append(Value(f"channel {channel}", rows * ROW_S, "s", limit, 100, 3e-4))
    return values


def full_current(bench: Bench) -> list[Value]:
    """All channels at once at plus, then minus 8 mA with the default tolerance: none trips."""
    board = _board(bench)
    board.default_settings()
    bench.start_stream()
    board.enable()
    values = []
    tolerance = board.settings.get("readback_tolerance")
    for current_a in (8e-3, -8e-3):
        for channel in _fixture(bench).loaded:
            board.set_current_a(channel, current_a)
        board.wait_samples(1200)
        sensed = _from_now(board, 200)[list(_fixture(bench).loaded)]
        share = float(np.abs(sensed.mean(axis=1) - current_a).max()) / (tolerance + 1e-3)
        values.append(
            Value(
                f"worst error by tolerance at {current_a * 1e3:+.0f} mA", share, "",
                Limit(0.0, 0.5, "setting readback_tolerance and 1/8 of the command"), 200,
            )
        )  # fmt: skip
    return values


def open_trip(bench: Bench) -> list[Value]:
    """An output without load trips the board."""
    board = _board(bench)
    channel = _fixture(bench).open_channel
    assert channel is not None
    board.enable()
    board.set_current_a(channel, 2e-3)
    board.clock.wait(lambda: board.link.fault is not None, 3.0)
    fault = board.link.fault
    if fault is None:
        raise ProcedureError(f"channel {channel} is open and the board did not trip in 3 s")
    return [
        Value("fault", fault.code, "code", exactly(FaultCode.COIL_OPEN, "safety: open output")),
        Value("channel", fault.source, "", exactly(channel, "fixture: open_channel")),
    ]


def coil_plan() -> list[Check]:
    """Every test of a coil board."""
    loads = ("coil.loads",)
    mapped = ("start_state", "conduction", "crosstalk")
    return [
        *first_checks(loads),
        Check("sense_offset", "Sense offset, outputs off", sense_offset, requires=("start_state",)),
        Check("sense_noise", "Noise of the readback", sense_noise, requires=("start_state",)),
        Check("conduction", "Outputs conduct", conduction, loads, ("start_state",)),
        Check("crosstalk", "Cross-talk", crosstalk, loads, ("start_state",)),
        Check("fine_step", "Step of the fine DAC", fine_step, loads, mapped),
        Check("gain", "Gain, source by sense", gain, loads, mapped),
        Check("offset", "Offset current", offset, loads, mapped),
        Check("linearity", "Linearity", linearity, loads, mapped),
        Check("ramp_rate", "Ramp rate", ramp_rate, loads, mapped),
        Check("load_time", "Time constant of the loads", load_time, loads, mapped),
        Check("settling", "Settling time", settling, loads, mapped),
        Check("full_current", "Full current, no trip", full_current, loads, mapped),
        Check("open_trip", "Trip at an open output", open_trip, ("coil.open_channel",), mapped),
        *last_checks(),
    ]
