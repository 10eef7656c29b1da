"""Mains as sines: closed forms, gaps, and what a heart keeps."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.dsp.filters import notch_mains
from nullfield.dsp.lines import find_lines, subtract_lines

RATE = 1000.0
TIME = np.arange(20000) / RATE


def lines(true_hz: float) -> np.ndarray:
    sway = 1.0 + 0.1 * np.sin(2 * np.pi * 0.1 * TIME)
    return np.array(
        [
            3.0 * sway * np.sin(2 * np.pi * true_hz * TIME + k)
            + 0.6 * np.cos(2 * np.pi * 3 * true_hz * TIME - k)
            for k in range(6)
        ]
    )


@pytest.mark.parametrize("true_hz", [49.93, 50.0, 50.21])
def test_lines_and_their_frequency_are_found(true_hz):
    noise = 0.3 * np.random.default_rng(0).normal(size=(6, TIME.size))
    found = find_lines(lines(true_hz) + noise, RATE, 50.0)
    assert [line.frequency_hz for line in found] == pytest.approx([true_hz, 3 * true_hz], abs=2e-3)
    assert [line.amplitude_pt for line in found] == pytest.approx([3.0, 0.6], rel=0.1)


def test_what_is_subtracted_is_the_line_and_nothing_else():
    noise = 0.3 * np.random.default_rng(1).normal(size=(6, TIME.size))
    drift = 200.0 * TIME + 500.0 * np.sin(2 * np.pi * 0.3 * TIME)
    field = noise + drift + lines(50.02)
    subtract_lines(field, RATE, np.array([50.02, 150.06]))
    left = field - noise - drift
    assert 20.0 * np.log10(np.std(lines(50.02)) / np.std(left)) > 25.0
    alone = noise + drift
    subtract_lines(alone, RATE, np.array([50.02, 150.06]))
    # Sensor noise in two bands of less than a hertz each, and no more.
    assert np.std(alone - noise - drift) < 0.3 * np.sqrt(2 * 1.0 / (RATE / 2))


def test_gaps_stay_gaps_and_change_nothing_elsewhere():
    whole = lines(50.02)
    holey = whole.copy()
    holey[1, 4000:9000] = np.nan
    holey[2] = np.nan
    holey[3:5, 12000:12010] = np.nan
    subtract_lines(holey, RATE, np.array([50.02, 150.06]))
    assert np.isnan(holey[1, 4000:9000]).all()
    assert np.isnan(holey[2]).all()
    assert np.isnan(holey).sum() == 5000 + 20000 + 20
    assert np.nanstd(holey) < 0.05 * np.std(whole)


def test_a_heart_keeps_its_shape_where_a_notch_rings():
    beats = np.arange(0.4, 19.5, 0.8)
    heart = 60.0 * np.exp(-0.5 * ((TIME - beats[:, None]) / 0.008) ** 2).sum(axis=0)[None, :]
    quiet = (np.abs(TIME - beats[:, None]) > 0.15).all(axis=0)
    mains = lines(50.02)[:1]
    by_notch = notch_mains(heart + mains, RATE, 50.0)
    by_sines = heart + mains
    subtract_lines(by_sines, RATE, np.array([50.02, 150.06]), quiet=quiet)
    inside = slice(2000, 18000)
    assert np.std((by_sines - heart)[:, inside]) < 0.05
    assert np.std((by_sines - heart)[:, inside]) < 0.2 * np.std((by_notch - heart)[:, inside])


def test_no_lines_no_change():
    noise = np.random.default_rng(3).normal(size=(4, 5000))
    assert find_lines(noise, RATE, 50.0) == ()
    assert find_lines(np.full((2, 5000), np.nan), RATE, 50.0) == ()
    assert find_lines(noise[:, :100], RATE, 50.0) == ()
    same = noise.copy()
    subtract_lines(same, RATE, np.array([]))
    np.testing.assert_array_equal(same, noise)
