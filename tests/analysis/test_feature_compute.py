"""All features of a made-up heart, and of data that do not support them."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import T_MOMENT_NAM, make_array, simulate

from nullfield.analysis import RESEARCH_USE
from nullfield.analysis.average import average_beats, remove_baseline
from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import CALIBRATED
from nullfield.analysis.features.compute import compute_features
from nullfield.analysis.features.table import feature_table
from nullfield.analysis.groups import BeatGroups, group_beats
from nullfield.analysis.landmarks import BeatLandmarks, find_landmarks
from nullfield.dsp.filters import low_pass


@pytest.fixture(scope="module")
def heart():
    recording = simulate(make_array(6), duration_s=14.0, noise_ft=15.0, seed=3).recording
    beats = find_beats(recording)
    smooth = recording.with_field(low_pass(recording.field_pt, 1000.0, 100.0))
    level, segment_s = remove_baseline(smooth, beats)
    average = average_beats(level, beats, segment_s)
    before, after = -round(1e3 * average.time_s[0]), round(1e3 * average.time_s[-1])
    samples = beats.samples[beats.accepted]
    inside = (samples >= before) & (samples + after < recording.n_samples)
    groups = group_beats(level, samples[inside], before, after, 1)
    return recording.array, average, groups, find_landmarks(average, beats.interval_s), beats


def compute(heart, n_resamples=60, **changed):
    array, average, groups, landmarks, beats = heart
    given = {
        "average": average, "beat_fields": groups, "array": array, "landmarks": landmarks,
        "interval_s": beats.interval_s, "uncertainty": CALIBRATED, "n_resamples": n_resamples,
    }  # fmt: skip
    return {one.name: one for one in compute_features(**{**given, **changed})}


@pytest.fixture(scope="module")
def features(heart):
    return compute(heart)


def test_map_features_are_those_of_the_dipole(features):
    arrow = np.degrees(np.arctan2(T_MOMENT_NAM[1], T_MOMENT_NAM[0]))
    truth = {
        "T_angle": arrow + 90.0,
        "T_pole_distance": 1e3 * np.sqrt(2.0) * 0.09,  # 90 mm below the array
        "T_pole_ratio": 1.0,
    }
    tolerance = {"T_angle": 1.0, "T_pole_distance": 2.0, "T_pole_ratio": 0.03}
    for name, true in truth.items():
        one = features[name]
        assert abs(one.value - true) < tolerance[name]
        assert one.low < true < one.high
        assert one.high - one.low < 4.0 * tolerance[name]
    assert features["T_arrow_angle"].value == pytest.approx(arrow, abs=1.0)
    assert features["R_T_angle_change"].value == pytest.approx(
        arrow - np.degrees(np.arctan2(-8000.0, 10000.0)), abs=1.0
    )


def test_a_dipole_that_stays_has_no_changes_and_one_pattern(features):
    assert features["T_angle_change"].value < 1.5
    assert features["T_distance_change"].value < 3.0
    assert features["T_ratio_change"].value < 0.05
    assert features["T_dipole_residual"].value < 1e-3
    assert features["T_non_dipolarity"].value < 1e-3
    assert features["QT_dispersion"].value < 12.0
    assert 250.0 < features["QT"].value < 450.0


def test_every_feature_has_a_source_and_references_have_theirs(features):
    for one in features.values():
        assert one.definition.endswith(".")
        assert one.source
        assert one.reference is None or one.reference_source
        assert one.value is not None, one.reason
        assert one.low is not None
        assert one.low <= one.high


def test_same_seed_same_intervals(heart, features):
    again = compute(heart)
    assert [(f.low, f.high) for f in again.values()] == [(f.low, f.high) for f in features.values()]


def test_without_a_t_wave_the_rest_remains(heart, features):
    _, _, _, landmarks, _ = heart
    times = {k: v for k, v in landmarks.times_s.items() if not k.startswith("T")}
    found = compute(heart, landmarks=BeatLandmarks(times, {"T": "no T wave"}), beat_fields=None)
    assert list(found) == list(features)
    assert found["QRS"].value is not None
    assert found["R_angle"].value is not None
    for name in ("T_angle", "T_angle_change", "ST_T_map_class", "SI_QTc", "T_pole_ratio"):
        assert found[name].value is None
        assert "no T wave" in found[name].reason
    assert found["T_non_dipolarity"].value is None


def test_a_single_beat_has_values_but_no_intervals(heart):
    _, average, groups, _, _ = heart
    single = replace(average, standard_error_pt=np.full_like(average.standard_error_pt, np.nan))
    alone = BeatGroups(groups.field_pt[:1], groups.beats[:1])
    found = compute(heart, average=single, beat_fields=alone)
    assert found["T_pole_distance"].value == pytest.approx(127.3, abs=3.0)
    for one in found.values():
        assert one.low is None
        assert one.high is None
        assert one.reason


def test_without_places_only_what_needs_none_remains(heart):
    array, *_ = heart
    nowhere = replace(array, positions_m=np.full_like(array.positions_m, np.nan))
    found = compute(heart, array=nowhere, beat_fields=None)
    assert found["QT"].value is not None
    assert found["T_non_dipolarity"].value is not None
    assert found["T_angle"].value is None
    assert found["QT_dispersion"].value is None


def test_few_channels_and_channels_without_beats(heart):
    array, average, _, _, _ = heart
    field = average.field_pt.copy()
    field[[4, 20]] = np.nan
    found = compute(heart, average=replace(average, field_pt=field), beat_fields=None)
    assert found["T_pole_distance"].value == pytest.approx(127.3, abs=2.0)
    two = np.arange(array.n_channels) < 2
    found = compute(heart, channels=two, beat_fields=None)
    assert "too few" in found["T_angle"].reason
    assert "8 are needed" in found["QT_dispersion"].reason
    assert found["QT"].value is not None
    none = compute(heart, channels=np.zeros(array.n_channels, dtype=bool), beat_fields=None)
    assert none["T_angle"].value is None


def test_groups_with_gaps_still_give_intervals(heart):
    _, _, groups, _, _ = heart
    gappy = groups.field_pt.copy()
    gappy[2:4, 10:30] = np.nan
    found = compute(heart, beat_fields=BeatGroups(gappy, groups.beats))
    assert found["T_pole_distance"].low < 127.3 < found["T_pole_distance"].high


def test_table_ends_with_what_it_is_not_for(features):
    text = feature_table(features.values())
    assert text.rstrip().endswith(RESEARCH_USE)
    assert RESEARCH_USE == "Research use only: not a diagnosis."
    assert all(name in text for name in features)
