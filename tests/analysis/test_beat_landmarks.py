"""Landmarks of beats whose onsets and ends are known exactly, and of real ones."""

from __future__ import annotations

import numpy as np
import pytest
from rhythms import data_folder
from simulated_heart import make_array, simulate

from nullfield.analysis.average import AveragedBeat, average_beats, remove_baseline
from nullfield.analysis.beats import find_beats
from nullfield.analysis.landmarks import NAMES, find_landmarks
from nullfield.files import read

RATE_HZ = 1000.0
N_CHANNELS = 6
PATTERNS = np.random.default_rng(4).normal(size=(3, N_CHANNELS))
TANGENT = 0.25 - 0.5 / np.pi
"""Where the tangent at the steepest slope of a raised cosine of unit length meets its base."""


def raised_cosine(time_s: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    share = np.clip((time_s - start_s) / (end_s - start_s), 0.0, 1.0)
    return 0.5 * (1.0 - np.cos(2 * np.pi * share))


def known_beat(
    *, noise_pt: float = 0.0, p_pt: float = 4.0, t_pt: float = 12.0, q_pt: float = 12.0
) -> AveragedBeat:
    """P from -0.22 to -0.12, QRS from -0.044 to 0.05, T from 0.18 to 0.38 s."""
    time_s = np.arange(-300, 501) / RATE_HZ
    p, qrs, t = PATTERNS / np.sqrt((PATTERNS**2).mean(axis=1, keepdims=True))
    turn = (
        50.0 * raised_cosine(time_s, -0.022, 0.022)
        - q_pt * raised_cosine(time_s, -0.044, -0.016)
        - 20.0 * raised_cosine(time_s, 0.014, 0.050)
    )
    field_pt = qrs[:, None] * turn
    field_pt += p[:, None] * p_pt * raised_cosine(time_s, -0.22, -0.12)
    field_pt += t[:, None] * t_pt * raised_cosine(time_s, 0.18, 0.38)
    field_pt += noise_pt * np.random.default_rng(1).normal(size=field_pt.shape)
    return AveragedBeat(
        time_s,
        field_pt,
        np.full(field_pt.shape, max(noise_pt, 1e-6)),
        np.full(N_CHANNELS, max(noise_pt, 1e-6)),
        np.full(N_CHANNELS, 60),
        (-0.09, -0.07),
        None,
    )


@pytest.mark.parametrize(("noise_pt", "tolerance_s"), [(0.0, 0.007), (0.1, 0.009)])
def test_known_onsets_peaks_and_ends(noise_pt, tolerance_s):
    found = find_landmarks(known_beat(noise_pt=noise_pt), 0.9)
    expected = {
        "P_onset": -0.22 + 0.1 * TANGENT,
        "P": -0.17,
        "P_offset": -0.12 - 0.1 * TANGENT,
        "QRS_onset": -0.044,
        "Q": -0.030,
        "R": 0.0,
        "S": 0.032,
        "QRS_offset": 0.050,
        "T_onset": 0.18 + 0.2 * TANGENT,
        "T": 0.28,
        "T_offset": 0.38 - 0.2 * TANGENT,
    }
    assert found.times_s.keys() == expected.keys()
    assert not found.reasons
    for name, time_s in expected.items():
        assert found.times_s[name] == pytest.approx(time_s, abs=tolerance_s), name
    assert list(found.times_s) == list(NAMES)


def test_what_is_absent_has_a_reason():
    found = find_landmarks(known_beat(noise_pt=0.1, p_pt=0.0, t_pt=0.0, q_pt=0.0), 0.9)
    assert found.get("R") == pytest.approx(0.0, abs=0.002)
    for name in ("P_onset", "P", "P_offset", "Q", "T_onset", "T", "T_offset"):
        assert found.get(name) is None
        assert found.reasons[name]
    assert set(found.times_s) | set(found.reasons) == set(NAMES)


def test_noise_alone_marks_no_wave_and_no_bounds():
    beat = known_beat(noise_pt=5.0, p_pt=0.0, t_pt=0.0)
    beat.field_pt[:] = np.random.default_rng(2).normal(size=beat.field_pt.shape) * 5.0
    found = find_landmarks(beat, 0.9)
    assert set(found.times_s) | set(found.reasons) == set(NAMES)
    assert found.get("P") is None


def test_a_dead_average_says_so():
    beat = known_beat()
    beat.field_pt[:] = np.nan
    found = find_landmarks(beat, 0.9)
    assert not found.times_s
    assert set(found.reasons) == set(NAMES)


@pytest.mark.parametrize("rate_bpm", [50.0, 75.0, 110.0])
def test_a_simulated_recording_from_end_to_end(rate_bpm):
    heart = simulate(make_array(4, (0,)), rate_bpm=rate_bpm, noise_ft=18.0)
    beats = find_beats(heart.recording)
    level, segment_s = remove_baseline(heart.recording, beats)
    found = find_landmarks(average_beats(level, beats, segment_s), beats.interval_s)
    interval_s = 60.0 / rate_bpm
    t_s = 0.26 * np.sqrt(interval_s)
    # Tangents of Gaussian hills meet the base two widths from their peaks.
    expected = {"P_onset": -0.19, "P": -0.15, "P_offset": -0.11, "T": t_s, "T_offset": t_s + 0.07}
    for name, time_s in expected.items():
        assert found.times_s[name] == pytest.approx(time_s, abs=0.010), name
    # Three widths of R before it, two and a half of S after that.
    assert found.times_s["QRS_onset"] == pytest.approx(-0.036, abs=0.006)
    assert found.times_s["QRS_offset"] == pytest.approx(0.055, abs=0.006)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "qrs_s"),
    [
        ("ecg_mitbih_100_first300s_360hz.csv", (0.06, 0.11)),  # a normal complex
        ("ecg_mitbih_118e24_360hz.csv", (0.11, 0.20)),  # right bundle branch block
    ],
)
def test_intervals_of_real_beats_lie_where_the_record_says(name, qrs_s):
    folder = data_folder()
    if folder is None or not (folder / name).exists():
        pytest.skip("no shared data")
    recording = read(folder / name)
    beats = find_beats(recording)
    level, segment_s = remove_baseline(recording, beats)
    times_s = find_landmarks(average_beats(level, beats, segment_s), beats.interval_s).times_s
    assert qrs_s[0] <= times_s["QRS_offset"] - times_s["QRS_onset"] <= qrs_s[1]
    # Adults: PR 120 to 200 ms (Surawicz, Childers, Deal and Gettes, Circulation 119, 2009, and
    # Kligfield and others, 115, 2007, for what is measured over all leads).
    assert 0.11 <= times_s["QRS_onset"] - times_s["P_onset"] <= 0.22


def test_one_channel_is_enough():
    beat = known_beat()
    alone = AveragedBeat(
        beat.time_s,
        beat.field_pt[:1],
        beat.standard_error_pt[:1],
        beat.noise_pt[:1],
        beat.beats_used[:1],
        beat.baseline_s,
        None,
    )
    found = find_landmarks(alone, 0.9)
    assert {"P", "QRS_onset", "R", "QRS_offset", "T"} <= set(found.times_s)
    assert found.times_s["QRS_offset"] == pytest.approx(0.05, abs=0.012)
