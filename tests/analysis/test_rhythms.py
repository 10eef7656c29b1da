"""The beat detector on every rhythm, disturbance and thing that is no heart; on real records, too."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from rhythms import data_folder, hearts, make, no_hearts, score

from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import FieldRecording
from nullfield.files import read

HEARTS = hearts()
NO_HEARTS = no_hearts()
EXACT = (
    "strokes of 25 ms, one a second",
    "square wave of 1 Hz",
    "square wave of 2 Hz",
    "saw tooth of 2 Hz",
)
"""Pulses with rest between them: a paced heart's beats are as exact."""
# A step or an artefact, larger than R, may hide the beat that it falls on or pass for one.
LEAST = {
    "steps of the field": (0.93, 0.95),
    "artefacts, Poisson": (0.97, 0.96),
    "artefacts, Poisson, 8 channels": (0.97, 0.96),
    "channels wild or dead half of the time": (1.0, 0.96),
}


@pytest.mark.parametrize("name", HEARTS)
def test_every_heartbeat_is_found_and_nothing_else(name):
    rhythm = HEARTS[name]
    beats = find_beats(rhythm.recording)
    sensitivity, precision, error_ms = score(beats.times_s, rhythm.beats_s)
    least = LEAST.get(name, (1.0, 1.0))
    assert sensitivity >= least[0]
    assert precision >= least[1]
    assert error_ms < 7.0


@pytest.mark.parametrize(
    "name",
    [
        "premature beats",
        "premature beats, 8 channels",
        "bigeminy",
        "bigeminy at 100 /min",
        "five ectopic beats in a row",
    ],
)
def test_ectopic_beats_count_and_are_not_averaged(name):
    rhythm = HEARTS[name]
    beats = find_beats(rhythm.recording)
    nearest = np.abs(beats.times_s[:, None] - rhythm.beats_s[None, :]).argmin(axis=1)
    np.testing.assert_array_equal(beats.accepted, ~rhythm.is_ectopic[nearest])


@pytest.mark.parametrize("name", NO_HEARTS)
def test_what_is_no_heart_has_no_beats(name):
    beats = find_beats(NO_HEARTS[name])
    if name in EXACT:
        # So might be those of a paced heart: kept, and told.
        assert "exact to" in beats.warning
        return
    assert len(beats.samples) == 0
    assert beats.reason


def test_a_made_up_heart_as_exact_as_a_clock_has_its_beats():
    rhythm = make(np.full(30, 1.0), t_wave=0.0)
    beats = find_beats(rhythm.recording)
    assert score(beats.times_s, rhythm.beats_s)[:2] == (1.0, 1.0)
    assert "paced" in beats.warning


@pytest.mark.parametrize("seed", range(12))
def test_wrecked_channels_give_beats_or_a_reason(seed):
    random = np.random.default_rng(seed)
    n_channels = int(random.integers(1, 4))
    noise_pt = float(random.choice([0.0, 3.0, 30.0, 200.0]))
    whole = make(np.full(12, 0.8), n_channels=n_channels, noise_pt=noise_pt, seed=seed).recording
    field_pt = whole.field_pt.copy()
    for _ in range(5):
        start, length = random.integers(0, field_pt.shape[1], size=2)
        value = random.choice([np.nan, np.inf, 0.0, 1e9, -40.0])
        field_pt[random.integers(n_channels), start : start + length] = value
    rate_hz = float(random.choice([51.0, 100.0, 360.0, 1000.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        beats = find_beats(FieldRecording(field_pt, rate_hz, whole.array))
    assert bool(beats.reason) == (len(beats.samples) == 0)
    assert np.all(np.diff(beats.samples) > 0)
    assert len(beats.kinds) == len(beats.samples)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("record", "least"), [("mitbih_100_first300s", 0.995), ("mitbih_118e24", 0.99)]
)
def test_real_records_against_the_experts(record, least):
    folder = data_folder()
    if folder is None or not (folder / f"ecg_{record}_360hz.csv").exists():
        pytest.skip("no shared data")
    signal = folder / f"ecg_{record}_360hz.csv"
    lines = (folder / f"ecg_{record}_beats.csv").read_text(encoding="utf-8").split()
    expert_s = np.array([int(line) for line in lines if line.isdigit()]) / 360.0
    recording: FieldRecording = read(signal)
    sensitivity, precision, _ = score(find_beats(recording).times_s, expert_s)
    assert sensitivity >= least
    assert precision >= least
