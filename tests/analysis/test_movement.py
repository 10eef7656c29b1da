"""A field that changes over a recording, told from noise."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.movement import field_change

N_CHANNELS = 36
ALL = np.ones(N_CHANNELS, dtype=np.bool_)


def groups_of(field_pt: np.ndarray, noise_pt: float, seed: int = 1) -> BeatGroups:
    """Groups whose only sample has a field, given for each group, and noise."""
    noise = np.random.default_rng(seed).normal(0.0, noise_pt, field_pt.shape)
    return BeatGroups(
        (field_pt + noise)[:, :, None].astype(np.float32), np.ones(len(field_pt), int)
    )


def heart_pt(shift_mm: np.ndarray) -> np.ndarray:
    """Two poles below a row of channels, moved by some millimetres in each group."""
    x_mm = np.linspace(-100, 100, N_CHANNELS)[None, :] - shift_mm[:, None]
    return 60.0 * (x_mm / 50.0) * np.exp(-((x_mm / 60.0) ** 2))


def test_a_heart_that_stays_shows_no_change_whatever_the_noise() -> None:
    for noise_pt in (0.0, 2.0, 10.0):
        shares = [
            field_change(groups_of(heart_pt(np.zeros(60)), noise_pt, seed), 0, ALL).share  # type: ignore[union-attr]
            for seed in range(40)
        ]
        assert np.mean(shares) < 0.06
        assert max(shares) < 0.12


@pytest.mark.parametrize("moved_mm", [10.0, 30.0])
def test_a_heart_that_moves_in_the_middle_is_seen_through_noise(moved_mm: float) -> None:
    shift_mm = np.where(np.arange(60) < 30, 0.0, moved_mm)
    clean = field_change(groups_of(heart_pt(shift_mm), 0.0), 0, ALL)
    noisy = field_change(groups_of(heart_pt(shift_mm), 5.0), 0, ALL)
    assert clean is not None
    assert noisy is not None
    # Of the derivative over the field: some 2 % a millimetre here.
    assert clean.share > 0.015 * moved_mm
    assert noisy.share == pytest.approx(clean.share, rel=0.2)
    assert clean.noise_share == 0.0
    assert noisy.noise_share > 0.02


def test_a_channel_that_drops_out_does_not_count() -> None:
    field = heart_pt(np.zeros(12))
    field[8:, 3] = np.nan
    field[:, 5] += np.linspace(0.0, 500.0, 12)
    used = ALL.copy()
    used[5] = False
    change = field_change(groups_of(field, 0.0), 0, used)
    assert change is not None
    assert change.share == pytest.approx(0.0, abs=1e-6)


def test_where_there_is_nothing_to_compare_nothing_is_said() -> None:
    assert field_change(groups_of(heart_pt(np.zeros(5)), 1.0), 0, ALL) is None
    assert field_change(groups_of(heart_pt(np.zeros(9)), 1.0), 0, ~ALL) is None
    assert field_change(groups_of(np.zeros((9, N_CHANNELS)), 0.0), 0, ALL) is None
