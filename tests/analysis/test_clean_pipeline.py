"""The whole of cleaning: what it returns, and what it makes of bad input."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import make_array, simulate

from nullfield.analysis.cleaning.pipeline import clean
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.data import FieldRecording, SensorArray

EVERYTHING = CleaningSettings(
    drift=True, separation=True, components=True, gradiometers="references", reference_delays=1
)


def step(cleaned, name):
    return next(one for one in cleaned.steps if one.name == name)


@pytest.fixture(scope="module")
def room():
    """A heart among mains, drift, a step, a dead channel and gaps."""
    one = simulate(
        make_array(8, (0, 1, 2)), duration_s=20.0, common_pt=0.1, mains_pt=3.0, rate_bpm=66.0
    )
    field_pt = one.recording.field_pt.copy()
    field_pt[30, 8000:] += 200.0
    field_pt[7] = 0.0
    valid = np.ones(field_pt.shape, dtype=bool)
    valid[12:15, 5000:5300] = False
    field_pt[12:15, 5000:5300] = 1e9
    return one, replace(one.recording, field_pt=field_pt, valid=valid)


def test_a_room_is_cleaned_and_every_step_reports(room):
    one, recording = room
    before = recording.field_pt.copy()
    shares = []
    cleaned = clean(recording, progress=lambda what, share: shares.append(share))
    np.testing.assert_array_equal(recording.field_pt, before)
    assert shares == sorted(shares)
    assert cleaned.mains_hz == 50.0
    assert step(cleaned, "mains").parameters["lines_hz"] == pytest.approx([50.02], abs=0.01)
    assert np.flatnonzero(cleaned.bad_channels).tolist() == [7]
    assert len(step(cleaned, "steps").parameters["steps"]) == 1
    field = step(cleaned, "homogeneous field")
    assert field.is_applied
    assert field.removed_db > 10.0
    assert field.heart_kept_share > 0.9
    assert np.isnan(cleaned.recording.field_pt[12:15, 5000:5300]).all()
    json.dumps([one.parameters for one in cleaned.steps], allow_nan=False)
    # Against the heart alone, in the pauses' own level.
    alone = simulate(
        one.recording.array, duration_s=20.0, rate_bpm=66.0, noise_ft=0.0
    ).recording.field_pt
    left = cleaned.recording.field_pt - alone
    left -= np.nanmedian(left, axis=1, keepdims=True)
    left[7] = np.nan
    raw = recording.field_pt[0] - alone[0]
    assert np.nanstd(left) < 0.1 * np.std(raw)


def test_quiet_samples_are_found_or_taken(room):
    one, recording = room
    temporal = CleaningSettings(external="none", mains=False, jumps=False)
    found = clean(recording, temporal)
    assert 0.1 < found.quiet.mean() < 0.5
    for beat_s in one.r_times_s:
        assert not found.quiet[round((beat_s - recording.start_time_s) * 1000)]
    given = clean(recording, temporal, quiet=found.quiet)
    np.testing.assert_array_equal(given.quiet, found.quiet)


def test_each_step_can_be_switched_off(room):
    _, recording = room
    off = CleaningSettings(
        bad_channels=False, mains=False, jumps=False, external="none", drift=False
    )
    cleaned = clean(recording, off)
    assert cleaned.steps == ()
    assert cleaned.operator is None
    good = recording.usable
    np.testing.assert_array_equal(cleaned.recording.field_pt[good], recording.field_pt[good])
    assert np.isnan(cleaned.recording.field_pt[~good]).all()


def test_steps_run_in_a_fixed_order():
    recording = simulate(make_array(2, (0, 1)), duration_s=3.0).recording
    names = [one.name for one in clean(recording, EVERYTHING).steps]
    assert names == [
        "bad channels",
        "mains",
        "steps",
        "references",
        "homogeneous field",
        "gradiometers",
        "separation",
        "components",
        "movements",
        "drift",
    ]


@pytest.mark.parametrize("settings", [None, EVERYTHING], ids=["default", "everything"])
@pytest.mark.parametrize(
    "kind", ["one channel", "no place", "all nan", "empty", "short", "noise", "constant", "volts"]
)
def test_poor_input_gives_reasons_and_no_error(kind, settings):
    array = make_array(4, (0, 1, 2))
    recording = simulate(
        array, duration_s=8.0, heart=kind != "noise", common_pt=0.0 if kind == "noise" else 0.1
    ).recording
    if kind == "one channel":
        recording = recording.subset(np.array([4]))
    elif kind == "no place":
        lost = SensorArray(
            array.names,
            np.full_like(array.positions_m, np.nan),
            np.full_like(array.orientations, np.nan),
            array.head_names,
            array.axis_index,
            array.is_reference,
        )
        recording = FieldRecording(recording.field_pt, 1000.0, lost)
    elif kind == "all nan":
        recording = recording.with_field(np.full_like(recording.field_pt, np.nan))
    elif kind == "empty":
        recording = recording.with_field(recording.field_pt[:, :0])
    elif kind == "short":
        recording = recording.with_field(recording.field_pt[:, :7])
    elif kind == "constant":
        recording = recording.with_field(np.ones_like(recording.field_pt))
    elif kind == "volts":
        recording = replace(recording.subset(np.array([4])), unit="uV")
    cleaned = clean(recording, settings)
    assert cleaned.recording.field_pt.shape == recording.field_pt.shape
    assert all(one.is_applied or one.reason for one in cleaned.steps)
    applied = {one.name for one in cleaned.steps if one.is_applied}
    assert applied <= {"bad channels", "mains", "drift"}
    if kind in ("all nan", "constant", "empty"):
        assert cleaned.bad_channels.all()
    for one in cleaned.steps:
        json.dumps(one.parameters, allow_nan=False)


def test_a_thousand_channels():
    random = np.random.default_rng(0)
    heads = 334
    places = random.uniform([-0.15, -0.15, 0.02], [0.15, 0.15, 0.06], size=(heads, 3))
    small = make_array(1, (0, 1, 2))
    array = SensorArray(
        tuple(f"C{i}" for i in range(3 * heads)),
        np.repeat(places, 3, axis=0),
        np.tile(small.orientations, (heads, 1)),
        tuple(f"H{i // 3}" for i in range(3 * heads)),
        np.tile([0, 1, 2], heads),
        np.zeros(3 * heads, dtype=bool),
    )
    recording = simulate(array, duration_s=4.0, common_pt=0.1, mains_pt=1.0).recording
    cleaned = clean(recording)
    assert not cleaned.bad_channels.any()
    assert step(cleaned, "homogeneous field").is_applied
    assert step(cleaned, "homogeneous field").heart_kept_share > 0.95
