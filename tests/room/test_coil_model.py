"""Identification of a coil from its step, against the same physics integrated in another way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from nullfield.room.coil_model import (
    FILTER_S,
    SOURCE_KI_V_PER_A_S,
    SOURCE_KP_V_PER_A,
    CoilFit,
    fit_step,
    gain_for,
    loop_response,
    margins,
    step_response,
)


def rows_of(
    resistance_ohm: float, inductance_h: float, gain: float = 1.0, delay_s: float = 0.0
) -> npt.NDArray[np.float64]:
    """A step's 50 rows by small steps of time, two rows late."""
    fine = 400
    dt = 1e-3 / fine
    current = integral = 0.0
    trace = []
    for _ in range(49 * fine):
        trace.append(current)
        volts = SOURCE_KP_V_PER_A * (1.0 - current) + integral
        integral += SOURCE_KI_V_PER_A_S * (1.0 - current) * dt
        current += (volts - resistance_ohm * current) / inductance_h * dt
    at = np.maximum((np.arange(50) - 1) * fine - round(delay_s / dt), 0)
    return gain * np.array(trace)[np.minimum(at, len(trace) - 1)]


@pytest.mark.parametrize(
    ("resistance_ohm", "inductance_h", "gain", "delay_s"),
    [(100.0, 0.15, 1.0, 0.0), (80.0, 0.18, 0.997, 0.0), (120.0, 0.12, 1.01, 0.4e-3)],
)
def test_gain_inductance_and_lag_come_out(
    resistance_ohm: float, inductance_h: float, gain: float, delay_s: float
) -> None:
    noise = np.random.default_rng(1).normal(0.0, 1e-5, 50)
    rows = rows_of(resistance_ohm, inductance_h, gain, delay_s) + noise
    fit = fit_step(rows, 1.0, resistance_ohm)
    assert fit.gain == pytest.approx(gain, abs=1e-4)
    assert fit.inductance_h == pytest.approx(inductance_h, rel=0.01)
    assert fit.delay_s == pytest.approx(delay_s, abs=2e-5)
    assert fit.residual < 1e-3
    # The lag that predicts the rows best in the mean: the same area between told and sensed.
    share = 1.0 - np.exp(-1e-3 / fit.lag_s)
    assert (1.0 - share) / share == pytest.approx(np.sum(1.0 - rows[2:] / gain), abs=1e-3)


def test_the_nominal_coil_answers_as_one_pole() -> None:
    time_s = np.linspace(0.0, 0.01, 50)
    wanted = 1.0 - np.exp(-time_s / 1.5e-3)
    assert step_response(time_s, 100.0, 0.15) == pytest.approx(wanted, abs=1e-9)


def test_no_step_is_no_coil() -> None:
    with pytest.raises(ValueError, match=r"0\.00 times"):
        fit_step(np.random.default_rng(2).normal(0.0, 1e-5, 50), 1.0, 100.0)


def test_gain_and_margins_of_the_loop() -> None:
    fit = CoilFit(0.98, 100.0, 0.15, 0.0, 1.5e-3, 0.0)
    gain = gain_for(fit, 0.3)
    # |g / (jw (1 + jwT))| * 0.98 = 1.
    w = 2 * np.pi * 0.3
    assert gain == pytest.approx(w * np.hypot(1.0, w * FILTER_S) / 0.98, rel=1e-4)
    found = margins(fit, gain)
    assert found.crossover_hz == pytest.approx(0.3, rel=1e-3)
    assert found.phase_deg == pytest.approx(
        90 - np.degrees(np.arctan(w * FILTER_S)) - 0.43, abs=0.1
    )
    # At the gain margin the closed loop is at the edge of its stability.
    edge = gain * 10 ** (found.gain_db / 20)
    grid = np.geomspace(1.0, 300.0, 20000)
    loop = loop_response(grid, fit, edge)
    assert np.abs(loop + 1.0).min() < 2e-3
