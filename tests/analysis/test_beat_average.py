"""The weighted average: error against closed forms, honest standard errors, bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from rhythms import one_place

from nullfield.analysis.average import average_beats, beat_weights, remove_baseline
from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording

RATE_HZ = 1000.0
BEFORE, AFTER = 150, 250
SHAPE_PT = 50.0 * np.exp(-0.5 * (np.arange(-BEFORE, AFTER + 1) / 12.0) ** 2)
SEGMENT_S = (-0.1, -0.08)


def recording_with(noise_pt: np.ndarray, seed: int, n_channels: int = 1):
    """One beat every 500 ms, each with its own noise; the noise of each beat in pT."""
    random = np.random.default_rng(seed)
    samples = np.arange(len(noise_pt)) * 500 + 200
    field_pt = np.zeros((n_channels, len(noise_pt) * 500))
    for sample, size in zip(samples, noise_pt, strict=True):
        noise = size * random.normal(size=(n_channels, len(SHAPE_PT)))
        field_pt[:, sample - BEFORE : sample + AFTER + 1] = SHAPE_PT + noise
    good = np.ones(len(samples), dtype=bool)
    beats = Beats(samples.astype(np.int64), samples / RATE_HZ, good, good * 1.0, 120.0)
    return FieldRecording(field_pt, RATE_HZ, one_place(n_channels)), beats


def test_noisy_beats_count_less_and_the_error_is_that_of_the_best_weights():
    noise_pt = np.where(np.arange(80) % 4 == 0, 20.0, 4.0)
    recording, beats = recording_with(noise_pt, 1, n_channels=30)
    weighted = average_beats(recording, beats, SEGMENT_S, before=BEFORE, after=AFTER)
    plain = average_beats(
        recording, beats, SEGMENT_S, before=BEFORE, after=AFTER, is_weighted=False
    )
    ideal_pt = 1.0 / np.sqrt(np.sum(noise_pt**-2.0))
    equal_pt = np.sqrt(np.mean(noise_pt**2) / len(noise_pt))
    assert np.std(weighted.field_pt - SHAPE_PT) == pytest.approx(ideal_pt, rel=0.03)
    assert np.std(plain.field_pt - SHAPE_PT) == pytest.approx(equal_pt, rel=0.03)
    # The alternating average tells the same noise without knowing the shape.
    assert np.sqrt(np.mean(weighted.noise_pt**2)) == pytest.approx(ideal_pt, rel=0.05)
    expected_db = 20.0 * np.log10(50.0 / weighted.noise_pt)
    np.testing.assert_allclose(weighted.snr_db_by_channel, expected_db, atol=0.5)
    assert weighted.effective_beats == pytest.approx(np.full(30, 60.0), rel=0.1)
    np.testing.assert_allclose(weighted.weights.mean(axis=1), 1.0)


@pytest.mark.parametrize("count", [5, 12, 60])
def test_the_standard_error_covers_the_truth(count):
    noise_pt = np.where(np.arange(count) % 5 == 0, 12.0, 4.0)
    recording, beats = recording_with(noise_pt, count, n_channels=40)
    average = average_beats(recording, beats, SEGMENT_S, before=BEFORE, after=AFTER)
    off = np.abs(average.field_pt - SHAPE_PT) / average.standard_error_pt
    # Student's t with few beats: 95 % lie within 2.8 at four degrees of freedom, 2.0 at many.
    limit = {5: 2.78, 12: 2.2, 60: 2.0}[count]
    assert np.mean(off <= limit) == pytest.approx(0.95, abs=0.03)


def test_equal_beats_are_averaged_alike():
    recording, beats = recording_with(np.full(100, 5.0), 3)
    average = average_beats(recording, beats, SEGMENT_S, before=BEFORE, after=AFTER)
    assert average.effective_beats[0] > 97.0
    clipped = beat_weights(np.vstack([np.zeros((50, 40)), np.ones((50, 40)) * 1e-9]))
    np.testing.assert_allclose(clipped, 1.0, rtol=0.01)


def test_a_beat_with_a_gap_counts_in_the_other_channels_only():
    recording, beats = recording_with(np.full(20, 2.0), 4, n_channels=2)
    recording.field_pt[0, beats.samples[7] + 3] = np.nan
    average = average_beats(recording, beats, SEGMENT_S, before=BEFORE, after=AFTER)
    assert list(average.beats_used) == [19, 20]
    assert average.weights[0, 7] == 0.0
    assert average.weights[1, 7] > 0.0
    assert np.isfinite(average.field_pt).all()


def test_memory_goes_with_one_channel_and_not_with_all():
    recording, beats = recording_with(np.full(60, 2.0), 5, n_channels=64)
    tracemalloc.start()
    level, segment_s = remove_baseline(recording, beats)
    after_baseline = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    held = tracemalloc.get_traced_memory()[0]
    average_beats(level, beats, segment_s, before=BEFORE, after=AFTER)
    averaging = tracemalloc.get_traced_memory()[1] - held
    tracemalloc.stop()
    whole = recording.field_pt.nbytes
    assert after_baseline < 1.5 * whole
    assert averaging < 0.25 * whole
