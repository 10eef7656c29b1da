"""Sources and coils: lag from R and L, compliance, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

from nullfield.room.coil_model import step_response
from nullfield.virtual.plant import Scenario
from nullfield.virtual.plant.coil_circuit import CoilCircuits


def _circuits(noise: bool = False, seed: int = 5, **world: Any) -> CoilCircuits:
    scenario = Scenario(noise_enabled=noise, coil_current_gain_error=0.0, **world)
    return CoilCircuits(8, scenario, seed)


def test_resistance_and_inductance_are_drawn_and_repeat() -> None:
    one, same, other = _circuits(), _circuits(), _circuits(seed=6)
    assert np.array_equal(one.resistance_ohm, same.resistance_ohm)
    assert not np.array_equal(one.resistance_ohm, other.resistance_ohm)
    assert (np.abs(one.resistance_ohm / 100.0 - 1.0) <= 0.2).all()
    assert np.ptp(one.inductance_h) > 0.01


def test_the_step_follows_from_r_and_l() -> None:
    circuits = _circuits()
    trace = np.array([circuits.step(np.ones(8)).copy() for _ in range(12)])
    time_s = np.arange(1, 13) * 1e-3
    for coil in range(8):
        wanted = step_response(
            time_s, float(circuits.resistance_ohm[coil]), float(circuits.inductance_h[coil])
        )
        assert trace[:, coil] == pytest.approx(wanted, abs=1e-9)
    assert circuits.voltage_v == pytest.approx(1e-3 * circuits.resistance_ohm, rel=5e-3)


def test_at_its_supply_a_source_gives_what_it_can_and_comes_back() -> None:
    circuits = _circuits()
    circuits.set_resistance(0, 2000.0)
    told = np.full(8, 9.0)
    for _ in range(300):
        circuits.step(told)
    assert circuits.current_ma[0] == pytest.approx(6.0, rel=1e-3)
    assert circuits.voltage_v[0] == 12.0
    assert circuits.current_ma[1] == pytest.approx(9.0, rel=1e-4)
    # No wind-up at the rail: back within a few time constants of the slow coil.
    for _ in range(300):
        circuits.step(np.full(8, 1.0))
    assert circuits.current_ma[0] == pytest.approx(1.0, rel=0.03)


def test_noise_has_its_level_and_its_corner() -> None:
    circuits = _circuits(noise=True, coil_source_noise_na=0.2, coil_source_corner_hz=1.0)
    trace = np.array([circuits.step(np.zeros(8)).copy() for _ in range(120_000)]).T * 1e6
    frequency, power = signal.welch(trace, 1000.0, nperseg=16384)
    level = np.sqrt(power.mean(axis=0))
    white = level[(frequency > 10) & (frequency < 30)].mean()
    assert white == pytest.approx(0.2, rel=0.1)
    low = level[(frequency > 0.09) & (frequency < 0.2)].mean()
    assert 1.8 < low / white < 5.0
    quiet = _circuits()
    assert np.array_equal(quiet.step(np.zeros(8)), np.zeros(8))
