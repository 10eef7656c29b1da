"""Heart-rate variability against the measures' own definitions and a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.analysis.beats import Beats
from nullfield.analysis.variability import heart_rate_variability, normal_intervals
from nullfield.errors import AnalysisError


def beats_at(times_s: np.ndarray, accepted: np.ndarray | None = None) -> Beats:
    good = np.ones(len(times_s), bool) if accepted is None else accepted
    return Beats(np.round(times_s * 1000).astype(np.int64), times_s, good, good * 1.0, 70.0)


def test_measures_by_their_definitions():
    intervals_s = 0.8 + 0.04 * np.random.default_rng(1).normal(size=200)
    found = heart_rate_variability(beats_at(5.0 + np.cumsum(np.r_[0.0, intervals_s])))
    assert found.n_intervals == 200
    step_ms = np.diff(intervals_s) * 1e3
    assert found.values["mean_nn_ms"] == pytest.approx(1e3 * intervals_s.mean())
    assert found.values["sdnn_ms"] == pytest.approx(1e3 * intervals_s.std(ddof=1))
    assert found.values["rmssd_ms"] == pytest.approx(np.sqrt(np.mean(step_ms**2)), rel=0.01)
    share = 100 * np.mean(np.abs(step_ms) > 50.0)
    assert found.values["pnn50_percent"] == pytest.approx(share, abs=0.6)


def test_power_of_a_known_oscillation():
    # 20 ms amplitude at 0.1 Hz have a power of 200 ms², all of it in LF.
    times_s = [0.0]
    while times_s[-1] < 600.0:
        times_s.append(times_s[-1] + 0.8 + 0.020 * np.sin(2 * np.pi * 0.1 * times_s[-1]))
    found = heart_rate_variability(beats_at(np.array(times_s)))
    assert found.values["lf_ms2"] == pytest.approx(200.0, rel=0.2)
    assert found.values["hf_ms2"] < 0.05 * found.values["lf_ms2"]


def test_intervals_beside_ectopic_beats_and_gaps_are_left_out():
    times_s = np.arange(30) * 0.8
    times_s[20:] += 10.0
    accepted = np.ones(30, bool)
    accepted[7] = False
    times_s[7] -= 0.3
    _, intervals_ms = normal_intervals(beats_at(times_s, accepted))
    assert len(intervals_ms) == 29 - 2 - 1
    np.testing.assert_allclose(intervals_ms, 800.0)


def test_short_recordings_say_what_is_missing():
    found = heart_rate_variability(beats_at(np.arange(50) * 0.8 + 0.01 * np.sin(np.arange(50))))
    assert "too short" in found.reasons["hf_ms2"]
    assert "lf_hf" not in found.values
    with pytest.raises(AnalysisError, match="too few"):
        heart_rate_variability(beats_at(np.arange(5) * 0.8))
