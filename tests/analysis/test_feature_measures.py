"""Intervals, dispersion, classes, patterns: made-up series with known answers."""

import numpy as np
import pytest
from simulated_heart import make_array

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.features import dispersion, intervals, smoothness
from nullfield.analysis.features.bootstrap import (
    BeatBootstrap,
    circular_interval,
    percentile_interval,
    reflected_interval,
)
from nullfield.analysis.features.current_vectors import classify
from nullfield.analysis.features.feature import Definition
from nullfield.analysis.features.park2005 import largest_change, rising_samples
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.sources.half_space import free_dipole_bz_pt


def make_average(time_s, field_pt, error_pt=0.01, beats=30):
    return AveragedBeat(
        time_s=time_s,
        field_pt=field_pt,
        standard_error_pt=np.full(field_pt.shape, error_pt),
        noise_pt=np.full(len(field_pt), error_pt),
        beats_used=np.full(len(field_pt), beats),
        effective_beats=np.full(len(field_pt), float(beats)),
        baseline_s=(-0.09, -0.07),
        snr_db=None,
    )


def test_intervals_and_rate_corrections():
    times = {"P_onset": -0.2, "QRS_onset": -0.04, "QRS_offset": 0.05, "T": 0.28, "T_offset": 0.36}
    found = intervals.intervals_ms(times, 0.64)
    assert found[intervals.PR] == pytest.approx(160.0)
    assert found[intervals.QT] == pytest.approx(400.0)
    assert found[intervals.QTC_BAZETT] == pytest.approx(500.0)
    assert found[intervals.QTC_FRIDERICIA] == pytest.approx(400.0 / 0.64 ** (1 / 3))
    assert found[intervals.T_PEAK_END] == pytest.approx(80.0)
    assert intervals.P not in found
    assert intervals.missing(intervals.P, times, {"P_offset": "flat"}) == "P_offset: flat"
    assert intervals.QTC_BAZETT not in intervals.intervals_ms(times, None)


def test_largest_change_looks_at_30_ms_only_and_across_the_turn():
    ramp = np.arange(0.0, 100.0)[None]
    assert largest_change(ramp, 0.001).tolist() == [30.0]
    assert largest_change(ramp[:, :11], 0.001).tolist() == [10.0]
    assert largest_change(np.array([[179.0, -178.0]]), 0.01, is_angle=True)[0] == pytest.approx(3.0)


def test_rising_samples_begin_at_a_third_of_the_maximum():
    time_s = np.arange(-0.3, 0.6, 0.001)
    hill = np.exp(-0.5 * ((time_s - 0.25) / 0.04) ** 2)
    average = make_average(time_s, np.outer([3.0, -2.0], hill))
    stretch = rising_samples(average, 0.25, np.array([True, True]))
    begin = 0.25 - 0.04 * np.sqrt(2.0 * np.log(3.0))
    assert time_s[stretch][0] == pytest.approx(begin, abs=0.004)
    assert time_s[stretch][-1] == pytest.approx(0.25)


def test_t_ends_by_the_tangent_of_a_gaussian_hill():
    # The tangent at the steepest fall of a Gaussian, one sigma after its top, meets zero one sigma
    # later; the smoothing widens the hill.
    time_s = np.arange(0.0, 0.6, 0.001)
    tops, sigma = np.array([0.24, 0.25, 0.27]), 0.04
    signs = np.array([1.0, -2.0, 0.5])[:, None]
    hills = signs * np.exp(-0.5 * ((time_s - tops[:, None]) / sigma) ** 2)
    ends = dispersion.t_ends_s(hills, time_s, 0.25, 0.5)
    assert np.allclose(ends, tops + 2.0 * np.hypot(sigma, 0.006), atol=1e-3)
    assert float(dispersion.spread(ends)) == pytest.approx(0.03, abs=1e-3)


def test_smoothness_index_of_a_slope_and_of_a_checkerboard():
    line = np.arange(4) * 0.04
    gx, gy = np.meshgrid(line, line)
    near = dispersion.neighbour_differences(
        np.column_stack([gx.ravel(), gy.ravel(), 0 * gx.ravel()])
    )
    assert near[0].nonzero()[0].tolist() == [1, 4, 5]
    checks = ((np.indices((4, 4)).sum(axis=0) % 2) * 10.0).ravel()
    slope = (gx / 0.04).ravel()
    assert dispersion.smoothness_index(np.full(16, 7.0), near) == 0.0
    assert dispersion.smoothness_index(checks, near) > 3.0 * dispersion.smoothness_index(
        slope, near
    )


def test_channels_with_a_flat_t_wave_are_left_out():
    array = make_array(3)
    field = np.zeros((array.n_channels, 5))
    field[:, 2] = np.linspace(1.0, 10.0, array.n_channels)
    good = np.ones(array.n_channels, dtype=bool)
    use = dispersion.usable_channels(field, np.full(array.n_channels, 0.5), array, good, 2)
    assert not use[~array.is_normal].any()
    assert use.sum() == int((field[array.is_normal, 2] >= 4.0).sum())


def test_classes_follow_direction_and_clusters():
    x = np.arange(-0.1, 0.1001, 0.01)
    gx, gy = np.meshgrid(x, x)
    points = np.column_stack([gx.ravel(), gy.ravel(), np.full(gx.size, 0.03)])

    def bz(*dipoles):
        return sum(
            free_dipole_bz_pt(points, [px, py, -0.03], moment).reshape(gx.shape)
            for px, py, moment in dipoles
        )

    left_down, right_up = np.array([1000.0, -1000.0, 0.0]), np.array([-1000.0, 1000.0, 0.0])
    maps = np.array(
        [
            bz((0.0, 0.0, left_down)),
            bz((0.0, 0.0, right_up)),
            bz((0.06, 0.06, left_down), (-0.06, -0.06, left_down)),
            bz((0.06, 0.06, right_up), (-0.06, -0.06, right_up)),
        ]
    )
    classes, share, clusters = classify(maps, x, x)
    assert classes.tolist() == [0.0, 2.0, 3.0, 4.0]
    assert clusters.tolist() == [1.0, 1.0, 2.0, 2.0]
    assert share[0] > 0.95
    assert share[1] < 0.05


def test_three_patterns_are_dipolar_and_a_fourth_is_not():
    random = np.random.default_rng(1)
    patterns, _ = np.linalg.qr(random.normal(size=(20, 4)))
    courses, _ = np.linalg.qr(random.normal(size=(100, 4)))
    three = patterns[:, :3] @ np.diag([5.0, 2.0, 1.0]) @ courses[:, :3].T
    beyond, second = smoothness.singular_shares(three)
    assert beyond == pytest.approx(0.0, abs=1e-12)
    assert second == pytest.approx(0.16)
    four = three + 0.5 * np.outer(patterns[:, 3], courses[:, 3])
    assert smoothness.singular_shares(four)[0] == pytest.approx(0.25 / 30.25)
    assert smoothness.singular_shares(four[:, ::2])[0] > 0.0


def test_bootstrap_spread_is_the_standard_error():
    random = np.random.default_rng(4)
    beats = random.normal(size=(50, 3, 4)).astype(np.float32)
    beats[::2, 2] = np.nan
    average = make_average(np.arange(4) * 0.01, np.zeros((3, 4)), beats=50)
    boot = BeatBootstrap(average, BeatGroups(beats, np.ones(50, dtype=np.int64)), 1000, seed=2)
    spread = boot.fields(slice(0, 4)).std(axis=0)
    error = np.nanstd(beats, axis=0, ddof=1) / np.sqrt([[50], [50], [25]])
    assert np.allclose(spread, error, rtol=0.12)
    again = BeatBootstrap(average, BeatGroups(beats, np.ones(50, dtype=np.int64)), 1000, seed=2)
    assert np.array_equal(boot.fields(1), again.fields(1))
    assert np.allclose(next(iter(boot.averages(1))), boot.fields(slice(0, 4))[0])


def test_intervals_of_draws():
    draws = np.arange(1001.0)
    assert percentile_interval(draws) == (25.0, 975.0)
    assert reflected_interval(600.0, draws) == (225.0, 1175.0)
    low, high = circular_interval(179.0, np.array([178.0, -179.0] * 50))
    assert (low, high) == (pytest.approx(178.0), pytest.approx(181.0))
    draws[:200] = np.nan
    assert percentile_interval(draws) is None


def test_a_feature_says_why_there_is_no_value():
    one = Definition("a", "ms", "b", "c").at(None, (1.0, 2.0), "no T wave")
    assert (one.value, one.low, one.high, one.reason) == (None, None, None, "no T wave")
