"""Beats in simulated channels and in real electrocardiograms with expert marks."""

from __future__ import annotations

import numpy as np
import pytest
from rhythms import data_folder
from simulated_heart import RATE_HZ, make_array, simulate

from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import FieldRecording

TOLERANCE_S = 0.150
"""As in ANSI/AAMI EC57 for beat-by-beat comparison."""


def single_channel(values: np.ndarray, rate_hz: float) -> FieldRecording:
    array = make_array(1, (0,))
    return FieldRecording(values[None, :], rate_hz, array)


def compare(found: np.ndarray, truth: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Sensitivity and positive predictivity, one to one."""
    left = list(found)
    hits = 0
    for mark in truth:
        near = [one for one in left if abs(one - mark) <= tolerance]
        if near:
            left.remove(min(near, key=lambda one: abs(one - mark)))
            hits += 1
    return hits / len(truth), hits / max(1, len(found))


@pytest.mark.parametrize(
    ("record", "polarity"),
    [
        ("ecg_mitbih_100_first300s", 1.0),
        ("ecg_mitbih_100_first300s", -1.0),
        ("ecg_mitbih_118e24", 1.0),
    ],
)
def test_real_electrocardiograms(record, polarity):
    folder = data_folder()
    if folder is None or not (folder / f"{record}_360hz.csv").exists():
        pytest.skip("no shared data")
    values = np.genfromtxt(folder / f"{record}_360hz.csv")
    marks = np.genfromtxt(folder / f"{record}_beats.csv")
    marks = marks[np.isfinite(marks)]
    beats = find_beats(single_channel(polarity * values[np.isfinite(values)], 360.0))
    sensitivity, predictivity = compare(beats.samples, marks, TOLERANCE_S * 360.0)
    assert sensitivity >= 0.99
    assert predictivity >= 0.99


@pytest.mark.parametrize("rate_bpm", [32.0, 70.0, 150.0, 215.0])
@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_every_rate_and_polarity(rate_bpm, polarity):
    heart = simulate(make_array(2, (0,)), rate_bpm=rate_bpm, polarity=polarity)
    beats = find_beats(heart.recording)
    assert len(beats.samples) == len(heart.r_times_s)
    assert np.abs(beats.times_s - heart.r_times_s).max() <= 0.003
    assert beats.rate_bpm == pytest.approx(rate_bpm, rel=0.03)
    assert beats.accepted.mean() > 0.95


def test_one_noisy_channel_is_enough_and_drift_does_not_matter():
    heart = simulate(make_array(1, (0,)), noise_ft=60.0)
    drift = 2000.0 * np.sin(2 * np.pi * 0.1 * heart.recording.time_s)
    beats = find_beats(heart.recording.with_field(heart.recording.field_pt + drift))
    assert compare(beats.times_s, heart.r_times_s, 0.02) == (1.0, 1.0)


def test_a_wild_channel_does_not_spoil_the_others():
    heart = simulate(make_array(2, (0,)))
    field_pt = heart.recording.field_pt.copy()
    field_pt[2] = np.random.default_rng(5).normal(size=field_pt.shape[1]) * 1e4
    beats = find_beats(heart.recording.with_field(field_pt))
    assert compare(beats.times_s, heart.r_times_s, 0.02) == (1.0, 1.0)


def test_channels_that_hold_still_spoil_no_beat():
    # A beam axis between two zeroings: a constant of some nT, with nothing but rounding on it.
    heart = simulate(make_array(2, (0,)))
    field_pt = heart.recording.field_pt.copy()
    rounding = np.random.default_rng(7).normal(size=field_pt.shape[1]) * 1e-11
    field_pt[1] = -13900.0 + rounding
    beats = find_beats(heart.recording.with_field(field_pt))
    assert compare(beats.times_s, heart.r_times_s, 0.02) == (1.0, 1.0)
    assert beats.accepted.all()
    assert np.median(beats.correlation) > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_no_heart_no_beats(seed):
    heart = simulate(make_array(2, (0, 1)), heart=False, mains_pt=3.0, seed=seed)
    beats = find_beats(heart.recording)
    assert len(beats.samples) == 0
    assert beats.rate_bpm is None
    assert beats.reason


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_dead_or_missing_channels_give_no_beats(value):
    recording = simulate(make_array(1, (0,))).recording
    beats = find_beats(recording.with_field(np.full_like(recording.field_pt, value)))
    assert len(beats.samples) == 0
    assert beats.reason


def test_channels_of_next_to_nothing_give_no_beats_and_no_error():
    # What a filter's ringing leaves of a field that has stood still, down to the smallest numbers.
    recording = simulate(make_array(1, (0,))).recording
    for size in (1e-40, 1e-306, 1e-315):
        field_pt = np.zeros_like(recording.field_pt)
        field_pt[:, ::800] = size
        beats = find_beats(recording.with_field(field_pt))
        assert len(beats.samples) == 0
        assert beats.reason


def test_too_short_and_reference_only():
    heart = simulate(make_array(1, (0,), references=True), duration_s=5.0)
    short = FieldRecording(heart.recording.field_pt[:, :900], RATE_HZ, heart.recording.array)
    assert "too short" in find_beats(short).reason
    assert "chest" in find_beats(heart.recording.subset(heart.recording.array.is_reference)).reason


def test_nothing_is_found_in_a_gap():
    heart = simulate(make_array(2, (0,)))
    field_pt = heart.recording.field_pt.copy()
    field_pt[:, 10000:13000] = np.nan
    beats = find_beats(heart.recording.with_field(field_pt))
    assert not np.any((beats.samples >= 10000) & (beats.samples < 13000))
    truth = np.round((heart.r_times_s - 5.0) * RATE_HZ)
    outside = truth[(truth < 9800) | (truth > 13200)]
    assert compare(beats.samples, outside, 20)[0] == 1.0


def test_other_shapes_are_marked():
    heart = simulate(make_array(2, (0,)))
    samples = np.round((heart.r_times_s - 5.0) * RATE_HZ).astype(int)
    field_pt = heart.recording.field_pt.copy()
    wide = np.exp(-0.5 * (np.arange(-80, 81) / 25.0) ** 2) * np.array([40.0, -40, 20, 10])[:, None]
    odd = samples[10]
    field_pt[:, odd - 80 : odd + 81] = wide
    beats = find_beats(heart.recording.with_field(field_pt))
    nearest = int(np.argmin(np.abs(beats.samples - odd)))
    assert not beats.accepted[nearest]
    assert beats.accepted.sum() >= len(samples) - 2
