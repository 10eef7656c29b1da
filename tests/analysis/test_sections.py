"""Sections, what is merged of them, and the means over groups of beats."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from simulated_heart import make_array, simulate

from nullfield.analysis import sections
from nullfield.analysis.beats import Beats
from nullfield.analysis.chain import analyze
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.groups import beats_in_group, group_beats
from nullfield.analysis.merge import merge_beats
from nullfield.analysis.quality import assess
from nullfield.analysis.sections import MARGIN_S, InMemory, sections_of
from nullfield.analysis.settings import AnalysisSettings

RATE_HZ = 1000.0


def noise(n_channels: int, seconds: float, seed: int = 0) -> FieldRecording:
    """White noise of 18 fT/√Hz."""
    random = np.random.default_rng(seed)
    field_pt = 0.018 * np.sqrt(RATE_HZ / 2) * random.normal(size=(n_channels, int(seconds * 1000)))
    return FieldRecording(field_pt, RATE_HZ, make_array(8, (0,)).subset(np.arange(n_channels)))


def test_sections_share_nothing_but_their_margins(monkeypatch):
    monkeypatch.setattr(sections, "SHORTEST_S", 10.0)
    monkeypatch.setattr(sections, "MOST_VALUES", 1)
    source = InMemory(noise(4, 40.0))
    cuts = list(sections_of(source))
    assert len(cuts) > 2
    assert cuts[0].start == 0
    assert cuts[-1].stop == source.n_samples
    margin = round(MARGIN_S * RATE_HZ)
    # Long enough for the slowest beat and the filters around it.
    assert MARGIN_S >= 2.0
    for before, after in pairwise(cuts):
        assert before.stop == after.start
        assert after.first == after.start - margin
        assert before.last == before.stop + margin
        part = source.read(after.first, after.last)
        inner = part.field_pt[:, after.core]
        np.testing.assert_array_equal(inner, source.recording.field_pt[:, after.start : after.stop])


def beats_at(samples: list[int], accepted: bool = True) -> Beats:
    index = np.array(samples, dtype=np.int64)
    good = np.full(len(index), accepted)
    return Beats(index, index / RATE_HZ, good, good * 1.0, 70.0)


def test_a_beat_on_the_edge_of_two_sections_counts_once():
    joined = merge_beats([beats_at([500, 1300, 2100]), beats_at([2103, 2900, 3700])], RATE_HZ)
    assert joined.samples.tolist() == [500, 1300, 2100, 2900, 3700]
    assert joined.rate_bpm == pytest.approx(75.0)
    none = replace(beats_at([]), reason="nothing there", rate_bpm=None)
    assert merge_beats([none, none], RATE_HZ).reason == "nothing there"


def test_groups_are_means_of_the_beats_that_are_whole():
    recording = noise(4, 20.0)
    field_pt = recording.field_pt.copy()
    field_pt[1, 3100:3110] = np.nan  # in the third beat of channel 1
    field_pt[2, 1000:4800] = np.nan  # in all beats of the first group of channel 2
    samples = np.arange(1100, 9000, 1000)
    groups = group_beats(recording.with_field(field_pt), samples, 200, 300, 4)
    assert groups.beats.tolist() == [4, 4]

    def window(channel: int, beats: np.ndarray) -> np.ndarray:
        return np.mean([field_pt[channel, s - 200 : s + 301] for s in beats], axis=0)

    np.testing.assert_allclose(groups.field_pt[0, 0], window(0, samples[:4]), atol=1e-5)
    np.testing.assert_allclose(groups.field_pt[0, 1], window(1, samples[[0, 1, 3]]), atol=1e-5)
    assert np.isnan(groups.field_pt[0, 2]).all()
    np.testing.assert_allclose(groups.field_pt[1, 2], window(2, samples[4:]), atol=1e-5)
    np.testing.assert_array_equal(groups.at(200), groups.field_pt[:, :, 200].astype(float))


def test_a_short_rest_joins_the_group_before_it():
    samples = np.arange(1000, 10000, 1000)
    groups = group_beats(noise(1, 20.0), samples, 200, 300, 4)
    assert groups.beats.tolist() == [4, 5]


def test_groups_stay_within_bounds_however_long_the_recording():
    for n_beats, n_channels in ((60, 72), (8400, 192), (8400, 1000), (100_000, 3000)):
        size = beats_in_group(n_beats, n_channels, 900)
        assert 20 <= -(-n_beats // size) <= 200
    assert beats_in_group(60, 72, 900) == 1


def test_noise_of_many_pauses_is_told_from_some_of_them():
    recording = noise(6, 400.0)
    quiet = (np.arange(recording.n_samples) % 1000) < 400
    nothing_bad = np.zeros(6, dtype=bool)
    quality = assess(recording, recording, nothing_bad, quiet, (10.0, 100.0))
    np.testing.assert_allclose(quality.noise_ft_rthz, 18.0, rtol=0.12)
    np.testing.assert_array_equal(quality.quiet, quiet)
    # What lies in the pauses that are passed over takes no part.
    assert not quality.reason


def test_all_samples_are_quiet_where_there_is_no_heart():
    recording = simulate(make_array(2, (0,)), heart=False, duration_s=15.0).recording
    quality = assess(
        recording, recording, np.zeros(4, bool), np.ones(recording.n_samples, bool), (10.0, 100.0)
    )
    np.testing.assert_allclose(quality.noise_ft_rthz, 18.0, rtol=0.15)


def test_a_spike_in_the_margin_of_two_sections_is_one_artefact(monkeypatch):
    heart = simulate(make_array(3, (0,)), duration_s=40.0, rate_bpm=70.0)
    field_pt = heart.recording.field_pt.copy()
    at = round((heart.r_times_s[23] - 5.0 + 0.45) * RATE_HZ)
    pattern = np.where(np.arange(9) % 2, 300.0, -300.0)
    field_pt[:, at - 12 : at + 13] += pattern[:, None] * np.hanning(25)
    recording = heart.recording.with_field(field_pt)
    whole = analyze(recording, AnalysisSettings(resamples=0))
    assert len(whole.beats.artefacts) == 1
    monkeypatch.setattr(sections, "SHORTEST_S", 10.0)
    monkeypatch.setattr(sections, "MOST_VALUES", 1)
    # The spike lies within the margin of the next section.
    edges = [cut.start for cut in sections_of(InMemory(recording))]
    assert min(abs(at - edge) for edge in edges) < MARGIN_S * RATE_HZ
    cut = analyze(recording, AnalysisSettings(resamples=0))
    assert len(cut.beats.artefacts) == 1
