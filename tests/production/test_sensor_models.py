"""Fits of the sensor plan against systems of known constants."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.production.sensor_field import step_response
from nullfield.production.sensor_thermal import balance


def test_balance_finds_heat_capacity_and_loss() -> None:
    # 0.04 J/K, 2 mW/K, in steps of 1 ms, seen every 0.1 s, under a power that waxes and wanes.
    time_s = np.arange(0.0, 20.0, 1e-3)
    power_w = np.clip(0.5 * np.sin(time_s / 2.0), 0.0, None)
    rise = np.zeros_like(time_s)
    for k in range(1, len(time_s)):
        rise[k] = rise[k - 1] + 1e-3 * (power_w[k - 1] - 2e-3 * rise[k - 1]) / 0.04
    seen = slice(None, None, 100)
    noise = np.random.default_rng(1).normal(0.0, 0.02, len(time_s[seen]))
    rates, errors = balance(time_s[seen], 20.0 + rise[seen] + noise, power_w[seen])
    assert rates[0] == pytest.approx(25.0, rel=0.02)
    # The errors told are those made: the loss is known less well, and says so.
    assert abs(rates[0] - 25.0) < 4.0 * errors[0]
    assert abs(rates[1] - 0.05) < 4.0 * errors[1]
    assert errors[0] < 0.2
    assert errors[1] < 0.005


def test_balance_says_nothing_without_a_drive() -> None:
    time_s = np.arange(0.0, 5.0, 0.1)
    rates, _ = balance(time_s, 20.0 + time_s, np.zeros_like(time_s))
    assert np.isnan(rates).all()


def test_settling_and_overshoot_of_a_known_response() -> None:
    trace = np.concatenate([np.zeros(30), [0.3, 0.7, 1.1, 1.02], np.ones(60)])
    rows, overshoot = step_response(trace, 0.05)
    assert rows == 3
    assert overshoot == pytest.approx(0.1)
