"""Live spectra against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.console.live.spectrum import FEWEST_SAMPLES, densities

RATE_HZ = 1000.0
N_SAMPLES = 8000
WHITE_FT_RTHZ = 15.0
SIGMA_PT = WHITE_FT_RTHZ * 1e-3 * np.sqrt(RATE_HZ / 2.0)


def white(n_channels: int, n_samples: int = N_SAMPLES) -> np.ndarray:
    return np.random.default_rng(7).normal(scale=SIGMA_PT, size=(n_channels, n_samples))


def test_white_noise_has_its_density():
    frequency_hz, density = densities(white(4), RATE_HZ)
    inside = (frequency_hz > 5.0) & (frequency_hz < 495.0)
    mean = np.sqrt(np.mean(density[:, inside] ** 2, axis=1))
    np.testing.assert_allclose(mean, WHITE_FT_RTHZ, rtol=0.04)


def test_differences_of_white_noise_rise_as_the_sine():
    frequency_hz, density = densities(np.diff(white(16)), RATE_HZ)
    expected = WHITE_FT_RTHZ * 2.0 * np.sin(np.pi * frequency_hz / RATE_HZ)
    for low_hz, high_hz in [(20.0, 30.0), (90.0, 110.0), (240.0, 260.0), (440.0, 460.0)]:
        band = (frequency_hz >= low_hz) & (frequency_hz <= high_hz)
        found = np.sqrt(np.mean(density[:, band] ** 2))
        assert found == pytest.approx(np.sqrt(np.mean(expected[band] ** 2)), rel=0.06)


def test_a_mains_line_stands_on_its_frequency():
    time_s = np.arange(N_SAMPLES) / RATE_HZ
    field_pt = white(1) + 20.0 * np.sin(2 * np.pi * 50.0 * time_s)
    frequency_hz, density = densities(field_pt, RATE_HZ)
    assert frequency_hz[np.argmax(density[0])] == 50.0
    # The Hann window keeps it within two steps to either side.
    beside = density[0][(np.abs(frequency_hz - 50.0) > 2.5) & (frequency_hz > 5.0)]
    assert beside.max() < 3.0 * WHITE_FT_RTHZ


def test_frequencies_begin_above_zero_and_end_at_half_the_rate():
    frequency_hz, density = densities(white(2), RATE_HZ)
    assert frequency_hz[0] == 1.0
    assert frequency_hz[-1] == RATE_HZ / 2
    assert density.shape == (2, len(frequency_hz))


def test_a_gap_neither_adds_power_nor_silences_other_channels():
    field_pt = white(2) + 1e4
    field_pt[0, 3000:3100] = np.nan
    frequency_hz, density = densities(field_pt, RATE_HZ)
    inside = (frequency_hz > 5.0) & (frequency_hz < 495.0)
    mean = np.sqrt(np.mean(density[:, inside] ** 2, axis=1))
    np.testing.assert_allclose(mean, WHITE_FT_RTHZ, rtol=0.08)


def test_a_channel_full_of_holes_is_not_told():
    field_pt = white(2)
    field_pt[1, ::50] = np.nan
    _, density = densities(field_pt, RATE_HZ)
    assert np.isfinite(density[0]).all()
    assert np.isnan(density[1]).all()


def test_a_short_window_gives_coarser_steps():
    frequency_hz, density = densities(white(1, 500), RATE_HZ)
    assert frequency_hz[0] == pytest.approx(4.0)
    assert np.isfinite(density).all()


def test_next_to_nothing_gives_nothing():
    frequency_hz, density = densities(white(3, FEWEST_SAMPLES - 1), RATE_HZ)
    assert frequency_hz.shape == (0,)
    assert density.shape == (3, 0)
