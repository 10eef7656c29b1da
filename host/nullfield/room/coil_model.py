"""A current source with its coil, and the slow loop around it: identification and margins.

The source is an amplifier with a proportional and an integral part (docs/coil-board.md):
``V = Kp (i_told - i) + Ki integral(i_told - i)`` across ``L di/dt + R i``. So

    i / i_told = (Kp s + Ki) / (L s^2 + (R + Kp) s + Ki),

whose gain at rest is one, whose delay at low frequency is R / Ki and whose first slope is Kp / L.
The board's loop around it is ``g / (s (1 + s T))`` with T = 0.256 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm
from scipy.optimize import brentq, least_squares

FloatArray = npt.NDArray[np.float64]

SOURCE_KP_V_PER_A = 100.0
SOURCE_KI_V_PER_A_S = 100.0 / 1.5e-3
"""Soldered: 1.5 ms at 100 Ohm and 150 mH."""
FILTER_S = 0.256
ROW_S = 1e-3
LATENCY_ROWS = 2
"""Double buffers: a command shows in the second row after its own."""
_LOOP_DELAY_ROWS = 2.5
"""The latency, and half a block of a held output."""


@dataclass(frozen=True)
class CoilFit:
    """What a step tells of one channel.

    Attributes
    ----------
    gain : float
        Sensed current by the command.
    resistance_ohm, inductance_h : float
    delay_s : float
        From the block's start to where its current is sensed, less one block.
    lag_s : float
        One pole that goes the same way from row to row: the setting ``coil_lag``.
    residual : float
        Of the step's size, root mean square over its rows.
    """

    gain: float
    resistance_ohm: float
    inductance_h: float
    delay_s: float
    lag_s: float
    residual: float


def step_response(time_s: FloatArray, resistance_ohm: float, inductance_h: float) -> FloatArray:
    """Current after a step of one in the command, shape of `time_s`; zero before it."""
    rates = np.array(
        [
            [-(resistance_ohm + SOURCE_KP_V_PER_A) / inductance_h, 1.0 / inductance_h],
            [-SOURCE_KI_V_PER_A_S, 0.0],
        ]
    )
    drive = np.array([SOURCE_KP_V_PER_A / inductance_h, SOURCE_KI_V_PER_A_S])
    rest = -np.linalg.solve(rates, drive)
    out = np.zeros(len(time_s))
    for number, time in enumerate(time_s):
        if time > 0.0:
            out[number] = (rest - expm(rates * time) @ rest)[0]
    return out


def fit_step(rows: FloatArray, step: float, resistance_ohm: float) -> CoilFit:
    """Fit gain and inductance to a sensed step.

    Parameters
    ----------
    rows : (n,) array
        Change of the sensed current; ``rows[0]`` is the row in which the command steps.
    step : float
        Change of the command, in the same unit.
    resistance_ohm : float
        By voltage and current at rest.

    Raises
    ------
    ValueError
        If nothing like a step is there.
    """
    tail = rows[len(rows) * 2 // 3 :]
    final = float(tail.mean())
    gain = final / step
    if not 0.2 < gain < 5.0:
        raise ValueError(f"the sensed current goes {gain:.2f} times the way that was asked for")
    shape = rows / final
    row = np.arange(len(rows))

    def errors(parameters: FloatArray) -> FloatArray:
        inductance, delay = parameters
        time = (row - LATENCY_ROWS + 1) * ROW_S - delay
        wanted = step_response(time, resistance_ohm, float(inductance))
        return np.asarray(wanted - shape, dtype=np.float64)

    found = least_squares(
        errors,
        np.array([0.15, 0.2e-3]),
        bounds=([1e-4, -0.2e-3], [5.0, 1.0e-3]),
        x_scale=[0.05, 1e-4],
    )
    behind = float(np.sum(1.0 - shape[LATENCY_ROWS:]))
    share = 1.0 / (1.0 + max(behind, 0.0))
    lag_s = -ROW_S / np.log1p(-share) if share < 1.0 - 1e-6 else 0.0
    return CoilFit(
        gain=gain,
        resistance_ohm=resistance_ohm,
        inductance_h=float(found.x[0]),
        delay_s=float(found.x[1]),
        lag_s=float(lag_s),
        residual=float(np.sqrt(np.mean(found.fun**2))),
    )


def plant_response(frequency_hz: FloatArray, fit: CoilFit) -> npt.NDArray[np.complex128]:
    """From a trim to the sensed current, latency included."""
    s = 2j * np.pi * frequency_hz
    source = (SOURCE_KP_V_PER_A * s + SOURCE_KI_V_PER_A_S) / (
        fit.inductance_h * s**2 + (fit.resistance_ohm + SOURCE_KP_V_PER_A) * s + SOURCE_KI_V_PER_A_S
    )
    return np.asarray(fit.gain * source * np.exp(-s * _LOOP_DELAY_ROWS * ROW_S))


def loop_response(
    frequency_hz: FloatArray, fit: CoilFit, gain_per_s: float
) -> npt.NDArray[np.complex128]:
    """Open loop."""
    s = 2j * np.pi * frequency_hz
    return np.asarray(gain_per_s / (s * (1.0 + s * FILTER_S)) * plant_response(frequency_hz, fit))


def gain_for(fit: CoilFit, crossover_hz: float) -> float:
    """Loop gain, 1/s, that puts the crossover there."""
    return float(1.0 / np.abs(loop_response(np.array([crossover_hz]), fit, 1.0))[0])


@dataclass(frozen=True)
class Margins:
    """Of a loop.

    Attributes
    ----------
    crossover_hz, phase_deg, gain_db : float
    """

    crossover_hz: float
    phase_deg: float
    gain_db: float


def margins(fit: CoilFit, gain_per_s: float) -> Margins:
    """Crossover, phase margin, gain margin of the loop with a gain above zero."""

    def size(log_hz: float) -> float:
        return float(np.log(np.abs(loop_response(np.array([np.exp(log_hz)]), fit, gain_per_s))[0]))

    grid = np.geomspace(0.01, 400.0, 4000)
    loop = loop_response(grid, fit, gain_per_s)
    phase = np.unwrap(np.angle(loop))
    crossover = float(np.exp(brentq(size, np.log(1e-3), np.log(100.0))))
    at_crossover = float(np.interp(np.log(crossover), np.log(grid), phase))
    turned = float(np.exp(np.interp(np.pi, -phase, np.log(grid))))
    there = float(np.abs(loop_response(np.array([turned]), fit, gain_per_s))[0])
    return Margins(
        crossover, 180.0 + float(np.degrees(at_crossover)), -20.0 * float(np.log10(there))
    )
