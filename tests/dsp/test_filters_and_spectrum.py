"""Filters, gaps and noise densities against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.dsp.filters import (
    band_pass,
    detect_mains_hz,
    detrend,
    high_pass,
    low_pass,
    notch_mains,
)
from nullfield.dsp.gaps import runs, shared_segments
from nullfield.dsp.spectrum import amplitude_density, noise_density_ft_rthz

RATE = 1000.0
TIME = np.arange(20000) / RATE


def tone(frequency_hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * TIME)[None, :]


def middle_gain(filtered: np.ndarray, original: np.ndarray) -> float:
    cut = slice(5000, 15000)
    return float(filtered[0, cut] @ original[0, cut] / (original[0, cut] @ original[0, cut]))


def test_runs():
    assert runs([0, 1, 1, 0, 1]) == [(1, 3), (4, 5)]
    assert runs([]) == []
    assert runs([1, 1]) == [(0, 2)]


def test_channels_with_the_same_gaps_go_together():
    good = np.ones((3, 10), bool)
    good[:2, 4] = False
    found = sorted((tuple(c), a, b) for c, a, b in shared_segments(good))
    assert found == [((0, 1), 0, 4), ((0, 1), 5, 10), ((2,), 0, 10)]


@pytest.mark.parametrize("frequency_hz", [2.0, 10.0, 20.0, 60.0])
def test_zero_phase_gain_is_the_squared_butterworth(frequency_hz):
    signal = tone(frequency_hz)
    warp = np.tan(np.pi * frequency_hz / RATE)
    low = 1.0 / (1.0 + (warp / np.tan(np.pi * 20.0 / RATE)) ** 4)
    high = 1.0 / (1.0 + (np.tan(np.pi * 10.0 / RATE) / warp) ** 4)
    assert middle_gain(low_pass(signal, RATE, 20.0), signal) == pytest.approx(low, abs=2e-3)
    assert middle_gain(high_pass(signal, RATE, 10.0), signal) == pytest.approx(high, abs=2e-3)


def test_a_gap_is_kept_and_nothing_crosses_it():
    data = np.random.default_rng(0).normal(size=(2, 20000))
    gap = data.copy()
    gap[0, 8000:8050] = np.nan
    other = gap.copy()
    other[0, :8000] += 1000.0 * np.sin(TIME[:8000])
    a, b = (band_pass(x, RATE, 1.0, 40.0) for x in (gap, other))
    assert np.isnan(a[0, 8000:8050]).all()
    assert np.isfinite(a[0, :8000]).all()
    np.testing.assert_array_equal(a[0, 8050:], b[0, 8050:])
    np.testing.assert_array_equal(a[1], band_pass(data, RATE, 1.0, 40.0)[1])


def test_validity_marks_count_as_gaps_and_short_pieces_go():
    valid = np.ones((1, 20000), bool)
    valid[0, 100] = False
    out = high_pass(tone(5.0), RATE, 1.0, valid=valid)
    assert np.isnan(out[0, :101]).all()  # 100 samples say nothing about 1 Hz
    assert np.isfinite(out[0, 101:]).all()


def test_all_nan_stays_nan():
    out = notch_mains(np.full((2, 3000), np.nan), RATE, 50.0)
    assert np.isnan(out).all()
    assert detect_mains_hz(out, RATE) is None


def test_edges_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        low_pass(tone(1.0), RATE, 600.0)
    with pytest.raises(ValueError, match="do not fit"):
        band_pass(tone(1.0), RATE, 40.0, 1.0)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_are_found_and_taken_out(mains_hz):
    random = np.random.default_rng(1)
    data = random.normal(size=(4, 20000)) + 3.0 * tone(mains_hz + 0.03) + tone(3 * mains_hz)
    assert detect_mains_hz(data, RATE) == mains_hz
    left = notch_mains(data, RATE, mains_hz)
    assert detect_mains_hz(left, RATE) is None
    assert middle_gain(notch_mains(tone(20.0), RATE, mains_hz), tone(20.0)) == pytest.approx(
        1.0, abs=1e-3
    )


def test_no_mains_are_made_up():
    assert detect_mains_hz(np.random.default_rng(2).normal(size=(4, 20000)), RATE) is None


def test_detrend_works_piece_by_piece():
    data = np.where(TIME < 10.0, 3.0 * TIME, -2.0 * TIME + 7.0)[None, :]
    valid = np.ones(data.shape, bool)
    valid[0, 10000] = False
    out = detrend(data, valid=valid)
    assert np.nanmax(np.abs(out)) < 1e-9


def test_white_noise_has_its_density():
    density_ft = 18.0
    data = np.random.default_rng(3).normal(size=(3, 60000)) * density_ft * 1e-3 * np.sqrt(RATE / 2)
    np.testing.assert_allclose(noise_density_ft_rthz(data, RATE), density_ft, rtol=0.04)
    data[1, ::500] = np.nan
    _, spectrum = amplitude_density(data, RATE, window_s=0.25)
    np.testing.assert_allclose(np.median(spectrum * 1e3, axis=1), density_ft, rtol=0.05)


def test_the_noise_figure_ignores_mains_and_says_nothing_without_data():
    data = np.random.default_rng(4).normal(size=(2, 60000)) * 0.4
    lined = data + 5.0 * np.sin(2 * np.pi * 50.0 * np.arange(60000) / RATE)
    clean, with_line = noise_density_ft_rthz(data, RATE), noise_density_ft_rthz(lined, RATE)
    np.testing.assert_allclose(with_line, clean, rtol=0.05)
    lined[1] = np.nan
    assert np.isnan(noise_density_ft_rthz(lined, RATE)[1])
