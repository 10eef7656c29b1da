"""Source gain and offset against a simulated board of known errors, its trim off."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.production.coil_response import (
    fit_source,
    ramp_ends,
    ramp_lag_s,
    settling_rows,
)

TARGETS_A = [-8e-3, -4e-3, 0.0, 4e-3, 8e-3]
RAMP_A = 1e-4
HOLD_ROWS = 150


def simulate(
    gain: float, offset_a: float, lag_rows: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ramping flags, command and sensed current of a board with a source and a load, row by row."""
    command = sensed = 0.0
    pipeline = [0.0, 0.0]
    share = 1.0 - np.exp(-1.0 / lag_rows)
    flags, told, trace = [], [], []
    targets = [0.0] * 40
    for target in TARGETS_A:
        targets += [target] * (round(abs(target - targets[-1]) / RAMP_A) + HOLD_ROWS)
    for target in targets:
        asked = pipeline.pop(0)
        sensed += share * (gain * asked + offset_a - sensed)
        trace.append(sensed)
        step = target - command
        flags.append(abs(step) > RAMP_A * (1 + 1e-9))
        command += np.clip(step, -RAMP_A, RAMP_A)
        told.append(command)
        pipeline.append(command)
    return np.array(flags), np.array(told), np.array(trace)


@pytest.mark.parametrize(("gain", "offset_a"), [(1.0, 0.0), (1.02, 0.0), (0.99, 40e-6)])
def test_gain_and_offset_come_out(gain: float, offset_a: float) -> None:
    flags, asked, sensed = simulate(gain, offset_a, 1.5)
    ends = ramp_ends(flags, len(TARGETS_A))
    assert asked[ends] == pytest.approx(TARGETS_A, abs=1e-9)
    late = [(asked[e + 80 : e + 140].mean(), sensed[e + 83 : e + 143].mean()) for e in ends]
    fit = fit_source(np.array([a for a, _ in late]), np.array([s for _, s in late]))
    assert fit.gain_error == pytest.approx(gain - 1.0, abs=2e-4)
    assert fit.offset_a == pytest.approx(offset_a, abs=1e-6)


def test_lag_grows_with_the_load() -> None:
    lags = []
    for rows in (1e-3, 1.5, 3.0):
        flags, asked, sensed = simulate(1.0, 0.0, rows)
        end = ramp_ends(flags, len(TARGETS_A))[0]
        lags.append(ramp_lag_s(asked, sensed, end - 60, end, 1.0)[0])
    # Two blocks for a bare source; a load adds its discrete one-pole lag.
    assert lags[0] == pytest.approx(2e-3, abs=2e-5)
    for lag, rows in zip(lags[1:], (1.5, 3.0), strict=True):
        share = 1.0 - np.exp(-1.0 / rows)
        assert lag - lags[0] == pytest.approx((1.0 - share) / share * 1e-3, rel=0.03)


def test_too_few_ramps_are_refused() -> None:
    with pytest.raises(ValueError, match="1 ramps for 2"):
        ramp_ends(np.array([False, True, True, False]), 2)


def test_settling_counts_to_the_last_row_outside() -> None:
    trace = np.ones(100)
    trace[:7] = 0.5
    trace[20] = 1.2
    assert settling_rows(trace, 0, 100, 0.1) == 21
    assert settling_rows(np.ones(100), 10, 100, 0.1) == 0


def test_a_line_needs_three_points() -> None:
    with pytest.raises(ValueError, match="three"):
        fit_source(np.zeros(2), np.zeros(2))
