"""Heaters, thermometers, TECs and light of a sensor board, with the cells still transparent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.devices.sensor import SensorBoard, SensorTelemetry
from nullfield.errors import ProcedureError
from nullfield.production.bench import Bench
from nullfield.production.fixture import SensorFixture
from nullfield.production.verdict import Limit, Value, around, mean_and_uncertainty
from nullfield_protocol.catalogue import HeadState

FloatArray = npt.NDArray[np.float64]

_STEP_SETPOINT_C = 60.0
_STEP_END_C = 50.0
_TOO_WARM_C = 80.0
"""A heater that cannot be switched off is not watched up to the board's own limit."""
_LIGHT_SETPOINT_C = 40.0
_LIGHT_CURRENTS_A = (0.9e-3, 1.3e-3)
_PATTERNS = ((0, 1), (0, 2), (0, 1, 2, 3))
"""Heads lit together: by the first two patterns every head has an own code of on and off."""
_FEWEST_POINTS = 15
_WARMED_K = 5.0
_TEC_S = 2.0
_TURN_S = 0.04
_TELEMETRY_S = 0.1
_LEAST_CHARGE_AS = 0.05
_ADC_NOISE_V = 10.68e-6


@dataclass(frozen=True)
class ThermalStep:
    """Heating and cooling of all heads, telemetry by telemetry.

    Attributes
    ----------
    time_s : numpy.ndarray, shape ``(n,)``
    cell_c, power_w, laser_c, tec_a : numpy.ndarray, shape ``(n, 4)``
    is_running : numpy.ndarray of bool, shape ``(n, 4)``
        Head neither off nor in fault.
    """

    time_s: FloatArray
    cell_c: FloatArray
    power_w: FloatArray
    laser_c: FloatArray
    tec_a: FloatArray
    is_running: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Light:
    """Photocurrents of one pattern of lit heads."""

    lit: tuple[int, ...]
    current_a: FloatArray
    light_a: FloatArray
    uncertainty_a: FloatArray
    samples: int


def sensor_board(bench: Bench) -> SensorBoard:
    """The board under test, typed."""
    board = bench.board
    assert isinstance(board, SensorBoard)
    return board


def sensor_fixture(bench: Bench) -> SensorFixture:
    """The sensor part of the fixture."""
    assert bench.fixture.sensor is not None
    return bench.fixture.sensor


def stack(seen: list[SensorTelemetry], name: str) -> FloatArray:
    """One field of many telemetry messages, shape ``(n, ...)``."""
    return np.array([getattr(telemetry, name) for telemetry in seen], dtype=np.float64)


# ---------------------------------------------------------------------- cold


def take_ambient(bench: Bench) -> list[Any]:
    """Four seconds of telemetry of a cold board."""
    return bench.watch(4.0)


def cell_ambient(bench: Bench) -> list[Value]:
    """Cold cells are at ambient temperature: Pt1000, its sources and the reference resistor."""
    seen = stack(bench.once("ambient", take_ambient), "cell_temperature_c")
    fixture = bench.fixture
    # Class B of IEC 60751: 0.3 K and 0.005 t.
    span = fixture.ambient_tolerance_k + 0.3 + 0.005 * abs(fixture.ambient_c)
    limit = Limit(
        fixture.ambient_c - span, fixture.ambient_c + span, "fixture: ambient; IEC 60751 class B"
    )
    return _temperatures(bench, seen, limit)


def laser_ambient(bench: Bench) -> list[Value]:
    """Cold lasers are at ambient temperature: thermistor and divider."""
    seen = stack(bench.once("ambient", take_ambient), "laser_temperature_c")
    fixture = bench.fixture
    span = fixture.ambient_tolerance_k + 0.5
    limit = Limit(
        fixture.ambient_c - span, fixture.ambient_c + span, "fixture: ambient; thermistor 1 %"
    )
    return _temperatures(bench, seen, limit)


def dark_noise(bench: Bench) -> list[Value]:
    """Scatter of the dark photocurrent: noise of each head's DC channel."""
    seen = stack(bench.once("ambient", take_ambient), "photocurrent_a")
    expected_a = _ADC_NOISE_V / 4.0 / bench.definition["scales"]["transimpedance_ohm"]
    limit = Limit(
        0.0, 2.0 * expected_a, "data sheet ADS131M08: 10.68 µV rms at 16 kSPS, mean of 16, 2 times"
    )
    count = len(seen)
    values = []
    for head in sensor_fixture(bench).heads:
        noise = float(seen[:, head].std(ddof=1))
        error = noise / np.sqrt(2.0 * count)
        values.append(Value(f"head {head}", noise, "A", limit, count, error))
    return values


def _temperatures(bench: Bench, seen: FloatArray, limit: Limit) -> list[Value]:
    values = []
    for head in sensor_fixture(bench).heads:
        mean, error, count = mean_and_uncertainty(seen[:, head])
        values.append(Value(f"head {head}", mean, "degC", limit, count, error))
    return values


# ---------------------------------------------------------------------- heat


def take_thermal_step(bench: Bench) -> ThermalStep:
    """Heat all cells at full power, then let them cool, with the lasers on their way up."""
    board = sensor_board(bench)
    heads = list(sensor_fixture(bench).heads)

    def cells(telemetry: SensorTelemetry) -> FloatArray:
        return telemetry.cell_temperature_c[heads]

    board.settings.set("cell_ramp", 10.0)
    board.settings.set("cell_setpoint", _STEP_SETPOINT_C)
    bench.tell("heating")
    board.start(heads)
    up = bench.watch(
        12.0,
        lambda t: bool((cells(t) > _STEP_END_C).all() or (cells(t) > _TOO_WARM_C).any()),
        check=False,
    )
    board.settings.set("cell_setpoint", 20.0)
    bench.tell("cooling")
    down = bench.watch(8.0, lambda t: bool((cells(t) > _TOO_WARM_C).any()), check=False)
    board.safe_off()
    seen = [*up, *down]
    if len(seen) < _FEWEST_POINTS:
        raise ProcedureError("the board gave no telemetry while it heated")
    states = np.array([[int(state) for state in t.head_state] for t in seen])
    return ThermalStep(
        time_s=np.array([t.board_time_s for t in seen]),
        cell_c=stack(seen, "cell_temperature_c"),
        power_w=stack(seen, "heater_power_w"),
        laser_c=stack(seen, "laser_temperature_c"),
        tec_a=stack(seen, "tec_current_a"),
        is_running=(states != HeadState.OFF) & (states != HeadState.FAULT),
    )


def balance(time_s: FloatArray, kelvin: FloatArray, *drives: FloatArray) -> tuple[FloatArray, ...]:
    """Rates of a body that a drive heats and its surroundings cool.

    Least squares of ``T(t) - T(0) = sum a_i int drive_i - b int (T - T(0)) + c t + d``: integrals of
    the data need no derivative, which noise would spoil; c stands for a body that does not begin in
    balance with its surroundings.

    Parameters
    ----------
    time_s, kelvin : (n,) array
    *drives : (n,) array

    Returns
    -------
    rates, uncertainties : (len(drives) + 1,) array
        The a_i in kelvin a second a unit of drive, then b in 1/s.
    """
    step = np.diff(time_s)

    def integral(values: FloatArray) -> FloatArray:
        return np.concatenate([[0.0], np.cumsum(step * (values[1:] + values[:-1]) / 2.0)])

    rise = kelvin - kelvin[0]
    columns = [integral(drive) for drive in drives]
    columns += [-integral(rise), time_s - time_s[0], np.ones_like(rise)]
    design = np.column_stack(columns)
    solution, _, rank, _ = np.linalg.lstsq(design, rise, rcond=None)
    if rank < design.shape[1]:
        # Without a drive nothing can be told of its effect.
        nothing = np.full(len(drives) + 1, np.nan)
        return nothing, nothing
    residual = rise - design @ solution
    variance = float(residual @ residual) / max(len(rise) - len(columns), 1)
    covariance = variance * np.linalg.inv(design.T @ design)
    count = len(drives) + 1
    return solution[:count], np.sqrt(np.diag(covariance))[:count]


def heater_power(bench: Bench) -> list[Value]:
    """Kelvin that a joule of the heater makes, from heating and cooling together."""
    fixture = sensor_fixture(bench)
    assert fixture.oven_j_per_k is not None
    found = bench.once("thermal_step", take_thermal_step)
    limit = around(1.0 / fixture.oven_j_per_k, fixture.oven_tolerance, "fixture: oven_j_per_k")
    values = []
    for head in fixture.heads:
        rows = found.is_running[:, head]
        if rows.sum() < _FEWEST_POINTS:
            values.append(Value(f"head {head}", float("nan"), "K/J", limit))
            continue
        time_s, power_w = found.time_s[rows], found.power_w[rows, head]
        rates, errors = balance(time_s, found.cell_c[rows, head], power_w)
        energy_j = float(np.trapezoid(power_w, time_s))
        # Between two telemetries nobody knows when the power was switched.
        steps_w = np.sqrt((np.diff(power_w) ** 2).sum())
        unseen = steps_w * _TELEMETRY_S / np.sqrt(12.0) / max(energy_j, 1e-9)
        error = float(np.hypot(errors[0], rates[0] * unseen))
        values.append(Value(f"head {head}", float(rates[0]), "K/J", limit, len(time_s), error))
    return values


def heater_off(bench: Bench) -> list[Value]:
    """A cell above ambient cools at zero power."""
    fixture = sensor_fixture(bench)
    found = bench.once("thermal_step", take_thermal_step)
    limit = Limit(None, -0.1, "physics: a warm cell at zero power cools")
    values = []
    for head in fixture.heads:
        if np.ptp(found.cell_c[:, head]) < _WARMED_K:
            continue  # it never became warm, which the heater step tells
        rows = _longest((found.power_w[:, head] <= 0.0) & found.is_running[:, head])
        if len(rows) < 3:
            values.append(Value(f"head {head}", float("nan"), "K/s", limit))
            continue
        slope, error = _slope(found.time_s[rows], found.cell_c[rows, head])
        values.append(Value(f"head {head}", slope, "K/s", limit, len(rows), error))
    return values


def _longest(is_met: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Indices of the longest stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_met, [False]])))
    stretches = edges.reshape(-1, 2)
    if not len(stretches):
        return np.zeros(0, dtype=np.int64)
    begin, end = stretches[np.argmax(stretches[:, 1] - stretches[:, 0])]
    return np.arange(begin, end)


def _slope(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    residual = y - y.mean() - slope * centred
    return slope, float(np.sqrt(residual @ residual / max(len(x) - 2, 1) / spread))


def tec_sign(bench: Bench) -> list[Value]:
    """Kelvin a second that an ampere of the TEC makes in its first two seconds; it must heat."""
    fixture = sensor_fixture(bench)
    assert fixture.laser_k_per_a_s is not None
    found = bench.once("thermal_step", take_thermal_step)
    limit = around(fixture.laser_k_per_a_s, fixture.laser_tolerance, "fixture: laser_k_per_a_s")
    # The first telemetry may be older than the start.
    rows = np.flatnonzero(found.time_s <= found.time_s[0] + _TEC_S)[1:]
    values = []
    for head in fixture.heads:
        used = rows[found.is_running[rows, head]]
        charge = float(np.trapezoid(found.tec_a[used, head], found.time_s[used]))
        if len(used) < _FEWEST_POINTS or abs(charge) < _LEAST_CHARGE_AS:
            values.append(Value(f"head {head}", float("nan"), "K/(A s)", limit))
            continue
        rise = float(found.laser_c[used[-1], head] - found.laser_c[used[0], head])
        # Telemetry shows a temperature that is up to 40 ms old.
        error = abs(rise) * _TURN_S / _TEC_S
        values.append(
            Value(f"head {head}", rise / charge, "K/(A s)", limit, len(used), error / abs(charge))
        )
    return values


# ---------------------------------------------------------------------- light


def take_light(bench: Bench) -> list[Light]:
    """Lasers on by patterns of heads, at two currents, through cells too cold to absorb."""
    board = sensor_board(bench)
    fixture = sensor_fixture(bench)
    board.settings.set("cell_ramp", 10.0)
    board.settings.set("cell_setpoint", _LIGHT_SETPOINT_C)
    found = []
    for pattern, current_a in (
        (_PATTERNS[0], _LIGHT_CURRENTS_A[0]),
        (_PATTERNS[1], _LIGHT_CURRENTS_A[0]),
        (_PATTERNS[2], _LIGHT_CURRENTS_A[1]),
    ):
        lit = tuple(head for head in pattern if head in fixture.heads)
        if lit:
            found.append(_light_up(bench, lit, current_a))
    return found


def _light_up(bench: Bench, lit: tuple[int, ...], current_a: float) -> Light:
    board = sensor_board(bench)
    board.settings.set("laser_current", current_a)
    bench.tell(f"heads {', '.join(map(str, lit))} at {current_a * 1e3:.1f} mA")
    board.start(lit)
    # At full current a head goes on to look for its line, which a cold cell does not have.
    bright: list[SensorTelemetry] = []

    def is_seen(telemetry: SensorTelemetry) -> bool:
        if all(telemetry.head_state[head] in (HeadState.LOCK, HeadState.FAULT) for head in lit):
            bright.append(telemetry)
        return len(bright) >= 4

    bench.watch(60.0, is_seen, check=False)
    board.safe_off()
    bench.watch(0.3, check=False)
    if len(bright) < 2:
        raise ProcedureError(f"heads {lit} did not come to full laser current in 60 s")
    light = stack(bright, "photocurrent_a")
    return Light(
        lit,
        stack(bright, "laser_current_a").mean(axis=0),
        light.mean(axis=0),
        light.std(axis=0, ddof=1) / np.sqrt(len(bright)),
        len(bright),
    )


def light_level(bench: Bench) -> list[Value]:
    """Photocurrent of each lit head by laser current: laser, photodiode, amplifier."""
    fixture = sensor_fixture(bench)
    assert fixture.light_ua_per_ma is not None
    limit = around(fixture.light_ua_per_ma, fixture.light_tolerance, "fixture: light_ua_per_ma")
    values = []
    for light in bench.once("light", take_light)[-1:]:
        for head in light.lit:
            over_ma = light.current_a[head] * 1e3 - fixture.light_threshold_ma
            over_ma = max(over_ma, 1e-3)
            values.append(
                Value(
                    f"head {head}", float(light.light_a[head]) * 1e6 / over_ma, "µA/mA", limit,
                    light.samples, float(light.uncertainty_a[head]) * 1e6 / over_ma,
                )
            )  # fmt: skip
    return values


def light_separation(bench: Bench) -> list[Value]:
    """Light shows on the heads that are lit and on no other, in two patterns."""
    limit = Limit(-0.01, 0.01, "design: -40 dB between heads")
    values = []
    for light in bench.once("light", take_light)[:-1]:
        full = max(float(np.median(light.light_a[list(light.lit)])), 1e-9)
        for head in sensor_fixture(bench).heads:
            if head in light.lit:
                continue
            name = f"head {head} dark, {', '.join(map(str, light.lit))} lit"
            share = float(light.light_a[head]) / full
            error = float(light.uncertainty_a[head]) / full
            values.append(Value(name, share, "A/A", limit, light.samples, error))
    return values
