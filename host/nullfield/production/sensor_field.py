"""Heads at work: cold start, light on the line, field zero, noise, and answers to a known field."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nullfield.devices.coil import CoilBoard
from nullfield.devices.sensor import AXIS_NAMES, SensorBoard, SensorTelemetry
from nullfield.dsp.spectrum import noise_density_ft_rthz
from nullfield.errors import ProcedureError
from nullfield.production.bench import Bench
from nullfield.production.sensor_thermal import sensor_board, sensor_fixture, stack
from nullfield.production.verdict import Limit, Value, around, exactly
from nullfield_protocol.catalogue import FaultCode, HeadState

FloatArray = npt.NDArray[np.float64]

START_LIMIT_S = 120.0
"""Figure of the design for a cold start."""
_NOISE_ROWS = 12_000
_STEP_NT = 5.0
_BEAM_TIMEOUT_S = 30.0
_BALANCE_NT = 0.1
_MEAN_ROWS = 200
_STEP_ROWS = 500
_TRANSVERSE = (0, 1)


@dataclass
class Ready:
    """What was seen of heads from cold to ready.

    Attributes
    ----------
    ready_s : dict of int to float
        Time to READY of each head that came there.
    fault : dict of int to int
        Fault code of the others.
    telemetry : SensorTelemetry
        Means of the last telemetry stand in `power_w` and `light_a`.
    noise_ft_rthz : numpy.ndarray, shape ``(4, 3)``
    gain : numpy.ndarray, shape ``(4, 3)``
        Field told by field made, by axis; NaN where it was not tried.
    settling_s, overshoot : numpy.ndarray, shape ``(4, 2)``
        Of the closed loops, after the fixture's step.
    """

    ready_s: dict[int, float] = field(default_factory=dict)
    fault: dict[int, int] = field(default_factory=dict)
    telemetry: SensorTelemetry | None = None
    power_w: FloatArray = field(default_factory=lambda: np.full(4, np.nan))
    light_a: FloatArray = field(default_factory=lambda: np.full(4, np.nan))
    noise_ft_rthz: FloatArray = field(default_factory=lambda: np.full((4, 3), np.nan))
    gain: FloatArray = field(default_factory=lambda: np.full((4, 3), np.nan))
    gain_uncertainty: FloatArray = field(default_factory=lambda: np.zeros((4, 3)))
    settling_s: FloatArray = field(default_factory=lambda: np.full((4, 2), np.nan))
    overshoot: FloatArray = field(default_factory=lambda: np.full((4, 2), np.nan))
    samples: int = 0

    @property
    def heads(self) -> list[int]:
        """Heads that are ready."""
        return sorted(self.ready_s)


# ---------------------------------------------------------------------- taking


def take_ready(bench: Bench) -> Ready:
    """Start all heads from cold and measure everything that needs them ready."""
    found = Ready()
    board = sensor_board(bench)
    _cold_start(bench, found)
    if not found.heads:
        return found
    bench.start_stream()
    board.wait_samples(500)
    bench.tell("noise")
    window = board.wait_samples(_NOISE_ROWS, 60.0)
    field_pt = board.field_t(window) * 1e12
    density = noise_density_ft_rthz(field_pt, board.sampling_rate_hz, window_s=0.5)
    found.noise_ft_rthz = density.reshape(4, 3)
    found.samples = len(window)
    if sensor_fixture(bench).field_coils is not None:
        _answer_to_field(bench, found)
    return found


def _cold_start(bench: Bench, found: Ready) -> None:
    board = sensor_board(bench)
    heads = sensor_fixture(bench).heads
    board.default_settings()
    began_s = bench.clock.now_s()
    board.start(heads)

    def is_over(telemetry: SensorTelemetry) -> bool:
        for head in heads:
            state = telemetry.head_state[head]
            if state == HeadState.READY:
                found.ready_s.setdefault(head, bench.clock.now_s() - began_s)
            elif state == HeadState.FAULT:
                found.fault.setdefault(head, telemetry.head_fault[head])
        bench.tell(f"cold start, {telemetry.cell_temperature_c[list(heads)].max():.0f} °C")
        return len(found.ready_s) + len(found.fault) == len(heads)

    bench.watch(START_LIMIT_S * 1.5, is_over)
    seen = bench.watch(2.0)
    if not seen:
        raise ProcedureError("no telemetry after the cold start")
    found.telemetry = seen[-1]
    found.power_w = stack(seen, "heater_power_w").mean(axis=0)
    found.light_a = stack(seen, "photocurrent_a").mean(axis=0)


def _answer_to_field(bench: Bench, found: Ready) -> None:
    """Step the fixture's coils along each local axis and see what the heads tell."""
    board = sensor_board(bench)
    coils = sensor_fixture(bench).field_coils
    assert coils is not None
    source = bench.field()
    source.settings.set("ramp_rate", 0.1)
    source.enable()
    source.wait_telemetry(lambda t: t.is_enabled, 5.0, "switching the field coils on")
    for axis in _TRANSVERSE:
        coil = coils.axis(axis)
        bench.tell(f"known field along {AXIS_NAMES[axis]}")
        _step(board, source, coil.channel, coil.nt_per_ma, axis, found)
    coil = coils.axis(2)
    bench.tell("known field along the beam")
    before = _beam(bench, found)
    source.set_current_a(coil.channel, _STEP_NT / coil.nt_per_ma * 1e-3)
    board.wait_samples(_STEP_ROWS)
    after = _beam(bench, found)
    source.set_current_a(coil.channel, 0.0)
    found.gain[:, 2] = (after - before) / _STEP_NT
    # A balance ends within 0.1 nT.
    found.gain_uncertainty[:, 2] = np.sqrt(2.0 / 3.0) * _BALANCE_NT / _STEP_NT
    source.safe_off()


def _step(
    board: SensorBoard, source: CoilBoard, channel: int, nt_per_ma: float, axis: int, found: Ready
) -> None:
    before = board.field_t(board.wait_samples(_MEAN_ROWS)) * 1e9
    start = board.samples.next_index
    assert start is not None
    source.set_current_a(channel, _STEP_NT / nt_per_ma * 1e-3)
    board.wait_samples(_STEP_ROWS)
    during = board.field_t(board.samples.since(start)) * 1e9
    source.set_current_a(channel, 0.0)
    board.wait_samples(_STEP_ROWS)
    for head in found.heads:
        row = 3 * head + axis
        zero = float(before[row].mean())
        trace = during[row] - zero
        final = float(trace[-_MEAN_ROWS:].mean())
        scatter = float(trace[-_MEAN_ROWS:].std(ddof=1)) + float(before[row].std(ddof=1))
        found.gain[head, axis] = final / _STEP_NT
        found.gain_uncertainty[head, axis] = scatter / np.sqrt(_MEAN_ROWS) / _STEP_NT
        if abs(final) > 0.1 * _STEP_NT:
            settling, overshoot = step_response(trace / final, 0.05)
            found.settling_s[head, axis] = settling * 1e-3
            found.overshoot[head, axis] = overshoot


def step_response(trace: FloatArray, band: float) -> tuple[int, float]:
    """Settling and overshoot of a response that goes from 0 to 1.

    Parameters
    ----------
    trace : (n,) array
    band : float
        About 0 and about 1.

    Returns
    -------
    rows : int
        From the first row off zero to the last one off the end.
    overshoot : float
        Largest value less one.
    """
    moved = np.flatnonzero(np.abs(trace) > band)
    unsettled = np.flatnonzero(np.abs(trace - 1.0) > band)
    first = int(moved[0]) if len(moved) else 0
    last = int(unsettled[-1]) if len(unsettled) else first
    return last - first + 1, float(trace.max()) - 1.0


def _beam(bench: Bench, found: Ready) -> FloatArray:
    """Balance the beam axis and tell the field along it, nT, shape ``(4,)``."""
    board = sensor_board(bench)
    telemetry = board.telemetry
    assert telemetry is not None
    counts = telemetry.zero_count
    board.measure_beam(found.heads)
    board.wait_telemetry(
        lambda t: all(
            t.zero_count[head] != counts[head] or t.head_state[head] == HeadState.FAULT
            for head in found.heads
        ),
        _BEAM_TIMEOUT_S,
        "balancing the beam axis",
    )
    told = board.field_t(board.wait_samples(_MEAN_ROWS)).mean(axis=1).reshape(4, 3)[:, 2]
    return np.asarray(told * 1e9)


# ---------------------------------------------------------------------- tests


def cold_start(bench: Bench) -> list[Value]:
    """Time from cold to ready of each head; a head in fault has none."""
    found = bench.once("ready", take_ready)
    limit = Limit(0.0, START_LIMIT_S, "design: cold start in 120 s")
    values = []
    for head in sensor_fixture(bench).heads:
        time_s = found.ready_s.get(head, float("nan"))
        values.append(Value(_head(found, head), time_s, "s", limit, 1, 0.03))
    return values


def _head(found: Ready, head: int) -> str:
    code = found.fault.get(head)
    if code is None:
        return f"head {head}"
    return f"head {head} ({FaultCode(code).name.lower().replace('_', ' ')})"


def holding_power(bench: Bench) -> list[Value]:
    """Heater power that holds the cell at 150 °C."""
    fixture = sensor_fixture(bench)
    assert fixture.oven_w_per_k is not None
    found = bench.once("ready", take_ready)
    setpoint_c = sensor_board(bench).settings.describe("cell_setpoint").default
    # The head's body warms up by a few kelvin and takes some of the difference.
    nominal_w = (setpoint_c - bench.fixture.ambient_c - 5.0) * fixture.oven_w_per_k
    limit = around(nominal_w, 1.5 * fixture.oven_tolerance, "fixture: oven_w_per_k")
    return [
        Value(f"head {head}", float(found.power_w[head]), "W", limit, 20) for head in found.heads
    ]


def lock(bench: Bench) -> list[Value]:
    """Laser locked on the line: most of the light is absorbed."""
    fixture = sensor_fixture(bench)
    assert fixture.light_ua_per_ma is not None
    found = bench.once("ready", take_ready)
    assert found.telemetry is not None
    values = []
    over_ma = found.telemetry.laser_current_a * 1e3 - fixture.light_threshold_ma
    through = found.light_a * 1e6 / np.maximum(over_ma * fixture.light_ua_per_ma, 1e-3)
    absorbed = Limit(0.08, 0.35, "design: 8-12 µA of 55 µA come through on the line")
    for head in found.heads:
        locked = float(found.telemetry.is_laser_locked[head])
        values.append(Value(f"head {head} locked", locked, "", exactly(1, "firmware: locked")))
        values.append(Value(f"head {head} transmission", float(through[head]), "", absorbed, 20))
    return values


def field_zero(bench: Bench) -> list[Value]:
    """Field zero converged, with coil fields that make sense."""
    found = bench.once("ready", take_ready)
    telemetry = found.telemetry
    assert telemetry is not None
    offset = Limit(-100.0, 100.0, "design: heads work to ±100 nT")
    values = []
    for head in found.heads:
        count = float(telemetry.zero_count[head])
        values.append(
            Value(f"head {head} zeroed", count, "", Limit(1, None, "firmware: field zero done"))
        )
        for axis, name in enumerate(AXIS_NAMES):
            value_nt = float(telemetry.coil_offset_t[head, axis]) * 1e9
            values.append(Value(f"head {head} coil field {name}", value_nt, "nT", offset))
    return values


def modulation_response(bench: Bench) -> list[Value]:
    """Modulated photocurrent that a nanotesla makes, from the last steps of the field zero."""
    fixture = sensor_fixture(bench)
    assert fixture.response_na_per_nt is not None
    found = bench.once("ready", take_ready)
    telemetry = found.telemetry
    assert telemetry is not None
    scales = bench.definition["scales"]
    volts = scales["adc_full_scale_uv"] * 1e-6 / (1 << 23)
    amperes = volts / (scales["transimpedance_ohm"] * scales["modulation_gain"])
    # Of 2 nT, kept as 2^-10 of a sum that is eight times the amplitude.
    na_per_nt = 64.0 * amperes * 1e9
    limit = around(
        fixture.response_na_per_nt, fixture.response_tolerance, "fixture: response_na_per_nt"
    )
    return [
        Value(
            f"head {head} {AXIS_NAMES[axis]}",
            float(telemetry.response[head, axis]) * na_per_nt,
            "nA/nT",
            limit,
            64,
        )
        for head in found.heads
        for axis in _TRANSVERSE
    ]


def noise(bench: Bench) -> list[Value]:
    """Noise density 10-100 Hz of the transverse axes, loops closed."""
    fixture = sensor_fixture(bench)
    found = bench.once("ready", take_ready)
    limit = Limit(1.0, fixture.noise_limit_ft_rthz, "fixture: noise_limit_ft_rthz")
    values = []
    for head in found.heads:
        for axis in _TRANSVERSE:
            density = float(found.noise_ft_rthz[head, axis])
            # 47 half-overlapping windows by some 40 bins of the band.
            error = density / np.sqrt(2.0 * 40.0 * 24.0)
            values.append(
                Value(
                    f"head {head} {AXIS_NAMES[axis]}",
                    density,
                    "fT/√Hz",
                    limit,
                    found.samples,
                    error,
                )
            )
    return values


def field_gain(bench: Bench) -> list[Value]:
    """Field told by field made with the fixture's coils; a reversed coil tells the wrong sign."""
    fixture = sensor_fixture(bench)
    assert fixture.field_coils is not None
    found = bench.once("ready", take_ready)
    limit = around(1.0, fixture.field_coils.tolerance, "fixture: field_coils.tolerance")
    values = []
    for head in found.heads:
        for axis, name in enumerate(AXIS_NAMES):
            error = float(found.gain_uncertainty[head, axis])
            values.append(
                Value(
                    f"head {head} {name}", float(found.gain[head, axis]), "T/T", limit,
                    _MEAN_ROWS, error,
                )
            )  # fmt: skip
    return values


def loop_step(bench: Bench) -> list[Value]:
    """Closed loop after a known step of 5 nT, which itself takes 5 ms and the coils' lag."""
    found = bench.once("ready", take_ready)
    settle = Limit(0.0, 0.03, "design: 10 ms, and the step's own 5 ms ramp and 1.5 ms lag")
    over = Limit(None, 0.25, "design: phase margin of the loop")
    values = []
    for head in found.heads:
        for axis in _TRANSVERSE:
            name = f"head {head} {AXIS_NAMES[axis]}"
            values.append(
                Value(
                    f"{name} settling", float(found.settling_s[head, axis]), "s", settle,
                    _STEP_ROWS, 3e-4,
                )
            )  # fmt: skip
            values.append(
                Value(f"{name} overshoot", float(found.overshoot[head, axis]), "", over, 1)
            )
    return values
