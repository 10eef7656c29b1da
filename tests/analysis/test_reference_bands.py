"""References are taken band by band, as far as they help between the beats and spare the heart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from tests.analysis.simulated_heart import RATE_HZ, make_array, simulate

from nullfield.analysis.cleaning.reference import reference_step
from nullfield.analysis.cleaning.reference_bands import (
    CORNERS_HZ,
    band_responses,
    fit_band_gains,
    in_bands,
)
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.filters import band_pass

SECONDS = 40.0
REFERENCE_NOISE_FT = 60.0


class Room:
    """A heart below an array, a slow uniform field, and references that are noisy."""

    def __init__(self, *, fast_pt=0.0, fast_hz=30.0, seed=1):
        self.array = make_array(4, (0, 1, 2), references=True)
        rate = {"duration_s": SECONDS, "rate_bpm": 60.0, "seed": seed}
        one = simulate(self.array, **rate)
        self.heart_pt = simulate(self.array, noise_ft=0.0, **rate).recording.field_pt
        rng = np.random.default_rng(seed)
        n = one.recording.n_samples
        time_s = np.arange(n) / RATE_HZ
        walk = np.cumsum(rng.normal(size=(3, n)), axis=1) * 0.2
        # Nothing above some 4 Hz, as in a room with an aluminium layer.
        self.outside = gaussian_filter1d(walk, 0.06 * RATE_HZ, axis=1)
        self.outside += fast_pt * np.sin(2 * np.pi * fast_hz * time_s)
        field = one.recording.field_pt + self.array.orientations @ self.outside
        noise_pt = REFERENCE_NOISE_FT * 1e-3 * np.sqrt(RATE_HZ / 2.0)
        field[self.array.is_reference] += noise_pt * rng.normal(
            size=field[self.array.is_reference].shape
        )
        self.quiet = np.ones(n, dtype=bool)
        for beat_s in one.r_times_s - one.recording.start_time_s:
            begin = max(0, round((beat_s - 0.25) * RATE_HZ))
            self.quiet[begin : round((beat_s + 0.45) * RATE_HZ)] = False
        self.work = Work(
            field, RATE_HZ, self.array, np.zeros(self.array.n_channels, dtype=bool), self.quiet
        )

    def clean(self):
        step, _ = reference_step(self.work, CleaningSettings())
        return step

    def left_pt(self, low_hz, high_hz):
        """RMS of what is not heart at the chest, beats included: the truth."""
        chest = self.array.is_chest
        left = self.work.field_pt[chest] - self.heart_pt[chest]
        band = band_pass(left, RATE_HZ, low_hz, high_hz)[:, 2000:-2000]
        return float(np.sqrt((band**2).mean()))


def test_bands_are_whole_together_and_keep_drift_apart():
    frequency = np.array([0.0, 0.01, 0.1, *CORNERS_HZ, 400.0])
    responses = band_responses(frequency)
    np.testing.assert_allclose(responses.sum(axis=0), 1.0, atol=1e-12)
    for number, corner in enumerate(CORNERS_HZ):
        at = np.flatnonzero(frequency == corner)[0]
        below = responses[: number + 1, at].sum()
        assert below == pytest.approx(np.sqrt(0.5), abs=1e-9)
    # A tenth of a hertz, where a room's drift is: a millionth of it in the second band.
    assert responses[1, 2] < 3e-6
    assert responses[2:, 2].max() < 1e-9


def test_all_bands_together_are_the_signal_with_its_gaps():
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.normal(size=(2, 5000)), axis=1)
    values[0, 700:760] = np.nan
    whole = in_bands(values, RATE_HZ, np.ones((1, len(CORNERS_HZ) + 1)))[0]
    np.testing.assert_allclose(whole, values, atol=1e-9)
    assert np.isnan(whole[0, 700:760]).all()


def test_noisy_references_take_the_drift_and_add_no_noise():
    room = Room()
    before = room.left_pt(10.0, 100.0), room.left_pt(0.2, 2.0)
    step = room.clean()
    assert step.is_applied
    assert room.left_pt(0.2, 2.0) < 0.1 * before[1]
    # All of the prediction would bring 60 fT of the references for 12 of the channel itself.
    assert room.left_pt(10.0, 100.0) < 1.03 * before[0]
    gains = step.parameters["band_gains"]
    assert gains[0] > 0.97
    assert max(gains[3:]) < 0.05


def test_a_disturbance_in_a_fast_band_is_taken_there():
    room = Room(fast_pt=8.0)
    before = room.left_pt(28.0, 32.0)
    step = room.clean()
    assert room.left_pt(28.0, 32.0) < 0.1 * before
    assert step.parameters["band_gains"][3] > 0.9
    assert step.parameters["band_gains"][4] < 0.1


def test_what_is_taken_of_the_heart_counts_against_a_band():
    room = Room(fast_pt=0.8)
    chest = np.flatnonzero(room.array.is_chest)
    references = np.flatnonzero(room.array.is_reference)
    weights = np.linalg.lstsq(
        room.array.orientations[references].T, room.array.orientations[chest].T, rcond=None
    )[0].T
    both = np.stack([weights, weights])
    gains = [
        fit_band_gains(room.work, references, chest, (0,), both, heart_share=share).gain
        for share in (0.0, 1e-4, 1e-1)
    ]
    assert gains[0][3] > gains[1][3] > gains[2][3]
    assert gains[2][3] < 0.2
    # There are no beats in the slowest band.
    assert gains[2][0] > 0.97


def test_a_gap_of_a_reference_is_a_gap_and_spoils_no_other_time():
    room, whole = Room(), Room()
    reference = np.flatnonzero(room.array.is_reference)[0]
    room.work.field_pt[reference, 20_000:20_100] = np.nan
    room.clean()
    whole.clean()
    chest = room.array.is_chest
    assert np.isnan(room.work.field_pt[chest, 20_000:20_100]).all()
    away = np.r_[3_000:19_000, 21_000:37_000]
    change = room.work.field_pt[chest][:, away] - whole.work.field_pt[chest][:, away]
    change -= change.mean(axis=1, keepdims=True)
    assert np.sqrt((change**2).mean()) < 0.02
