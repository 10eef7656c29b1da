"""Steps of cleaning by themselves: bad channels, steps, movements, drift, components."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, make_array, simulate

from nullfield.analysis.cleaning.bad_channels import bad_channel_step
from nullfield.analysis.cleaning.components import component_step
from nullfield.analysis.cleaning.drift import remove_drift
from nullfield.analysis.cleaning.gradiometers import gradiometer_step
from nullfield.analysis.cleaning.homogeneous import homogeneous_step
from nullfield.analysis.cleaning.jumps import mark_movements, remove_steps
from nullfield.analysis.cleaning.meter import HeartBandMeter, removed_db
from nullfield.analysis.cleaning.reference import fit_references, reference_step
from nullfield.analysis.cleaning.separation import separation_step
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.sources.half_space import lead_field


def as_work(recording: FieldRecording, beats_s: np.ndarray | None = None) -> Work:
    work = Work(
        recording.field_pt.copy(),
        recording.sampling_rate_hz,
        recording.array,
        np.zeros(recording.array.n_channels, dtype=bool),
    )
    if beats_s is not None:
        time_s = recording.time_s
        work.quiet = ~((time_s > beats_s[:, None] - 0.22) & (time_s < beats_s[:, None] + 0.42)).any(
            axis=0
        )
    return work


@pytest.fixture(scope="module")
def heart():
    return simulate(make_array(6, (0, 1, 2)), duration_s=24.0, common_pt=0.05, rate_bpm=72.0)


def test_each_kind_of_bad_channel_is_named(heart):
    work = as_work(heart.recording)
    random = np.random.default_rng(1)
    field = work.field_pt
    field += 2000.0 * random.normal(size=(len(field), 1))
    untouched = field.copy()
    field[3, :16000] = np.nan
    field[10] = 5.0
    field[20] = np.minimum(field[20], np.quantile(field[20], 0.95))
    field[30] += 20.0 * random.normal(size=field.shape[1])
    field[40] *= -1.0
    field[60] = field[60].mean() + 0.01 * (field[60] - field[60].mean())
    field[70, 5000:6000] = field[70, 5000]
    step = bad_channel_step(work, bad_channel_step(work))
    kinds = {name: reason.split(":")[0] for name, reason in step.parameters["bad"].items()}
    names = heart.recording.array.names
    assert kinds == {
        names[3]: "dead",
        names[10]: "stuck",
        names[20]: "clipped",
        names[30]: "noisy",
        names[40]: "reversed",
        names[60]: "insensitive",
    }
    assert np.flatnonzero(work.bad).tolist() == [3, 10, 20, 30, 40, 60]
    assert step.parameters["samples_marked"] == {names[70]: 1000}
    assert np.isnan(work.field_pt[70, 5000:6000]).all()
    good = ~work.bad
    good[70] = False
    np.testing.assert_array_equal(work.field_pt[good], untouched[good])


def test_a_channel_of_another_place_is_found_by_its_neighbours(heart):
    work = as_work(heart.recording)
    work.field_pt[[30, 63]] = work.field_pt[[63, 30]]
    step = bad_channel_step(work, bad_channel_step(work))
    assert {heart.recording.array.names[30], heart.recording.array.names[63]} <= set(
        step.parameters["bad"]
    )


@pytest.mark.parametrize("kind", ["heart", "noise", "quantised"])
def test_good_channels_stay(heart, kind):
    recording = heart.recording
    if kind == "noise":
        recording = simulate(recording.array, duration_s=12.0, heart=False).recording
    if kind == "quantised":
        recording = recording.with_field(np.round(recording.field_pt / 0.5) * 0.5)
    work = as_work(recording)
    step = bad_channel_step(work, bad_channel_step(work))
    assert not step.is_applied
    assert step.parameters == {"bad": {}, "samples_marked": {}}
    np.testing.assert_array_equal(work.field_pt, recording.field_pt)


@pytest.mark.parametrize("rate_bpm", [38.0, 72.0, 160.0])
def test_steps_of_single_sensors_are_subtracted_where_they_are(rate_bpm):
    recording = simulate(
        make_array(4, (0, 1)), duration_s=24.0, rate_bpm=rate_bpm, common_pt=0.02
    ).recording
    work = as_work(recording)
    wanted = {(5, 10.1, 60.0), (6, 10.1, -100.0), (20, 5.345, 300.0)}
    wanted |= {(20, 17.0, -500.0), (20, 18.2, 200.0)}
    for channel, time_s, size_pt in wanted:
        work.field_pt[channel, round(time_s * 1000) :] += size_pt
    step = remove_steps(work)
    found = step.parameters["steps"]
    assert len(found) == len(wanted)
    names = recording.array.names
    for channel, time_s, size_pt in wanted:
        nearest = min(found, key=lambda one: (one[0] != names[channel], abs(one[1] - time_s)))
        assert nearest[0] == names[channel]
        assert nearest[1] == pytest.approx(time_s, abs=0.015)
        assert nearest[2] == pytest.approx(size_pt, abs=2.0)
    # The transition is missing, not invented; no other sample is.
    assert 0 < np.isnan(work.field_pt).sum() <= len(wanted) * 40
    left = np.nan_to_num(work.field_pt - recording.field_pt)
    assert np.abs(left).max() < 2.0
    others = np.setdiff1d(np.arange(len(left)), [5, 6, 20])
    assert (left[others] == 0.0).all()


def test_no_steps_in_hearts_of_any_rate():
    for rate_bpm in (33.0, 110.0, 210.0):
        recording = simulate(make_array(3, (0, 1)), duration_s=20.0, rate_bpm=rate_bpm).recording
        work = as_work(recording)
        assert not remove_steps(work).is_applied
        assert not mark_movements(work).is_applied
        np.testing.assert_array_equal(work.field_pt, recording.field_pt)


def test_a_movement_is_marked_and_nothing_subtracted(heart):
    work = as_work(heart.recording)
    random = np.random.default_rng(2)
    moved = 80.0 * random.normal(size=(work.n_channels, 1))
    work.field_pt[:, 12000:] += moved
    before = work.field_pt.copy()
    assert not remove_steps(work).is_applied
    step = mark_movements(work)
    assert step.is_applied
    ((start_s, stop_s),) = step.parameters["segments_s"]
    assert start_s < 12.0 < stop_s
    assert stop_s - start_s < 2.5
    gone = np.isnan(work.field_pt)
    assert gone[:, 12000].all()
    np.testing.assert_array_equal(work.field_pt[~gone], before[~gone])


def test_drift_goes_and_st_t_does_not_bend():
    clean = simulate(make_array(2, (0, 1)), duration_s=30.0, noise_ft=0.0, rate_bpm=66.0)
    time_s = clean.recording.time_s
    drift = 40.0 * np.sin(2 * np.pi * 0.05 * time_s) + 3.0 * (time_s - time_s[0])
    beats_s = clean.r_times_s
    with_drift, without = (
        as_work(replace(clean.recording, field_pt=clean.recording.field_pt + added), beats_s)
        for added in (drift, 0.0)
    )
    step = remove_drift(with_drift)
    remove_drift(without)
    assert step.is_applied
    inside = (time_s > beats_s[1]) & (time_s < beats_s[-2])
    left = (with_drift.field_pt - without.field_pt)[:, inside]
    assert np.abs(left).max() < 0.02 * np.abs(drift).max()
    # A heart without drift comes out as it went in, against the level of its own pauses.
    change = (without.field_pt - clean.recording.field_pt)[:, inside]
    largest = np.abs(clean.recording.field_pt).max()
    assert np.abs(change - change.mean(axis=1, keepdims=True)).max() < 1e-3 * largest


def test_references_are_judged_on_time_that_the_fit_did_not_see():
    one = simulate(
        make_array(3, (0, 1, 2), references=True), duration_s=24.0, common_pt=0.1, rate_bpm=60.0
    )
    work = as_work(one.recording, one.r_times_s)
    step, has_references = reference_step(work, CleaningSettings())
    assert has_references
    assert step.is_applied
    assert step.parameters["held_out_db"] > 15.0
    assert step.heart_kept_share > 0.97
    # Noise of its own in every channel is nothing that references could explain.
    alone = as_work(simulate(one.recording.array, duration_s=24.0, heart=False).recording)
    step, _ = reference_step(alone, CleaningSettings())
    assert not step.is_applied
    assert "not used" in step.reason


def test_a_delayed_reference_needs_delays():
    array = make_array(2, (0, 1, 2), references=True)
    one = simulate(array, duration_s=24.0, heart=False, noise_ft=2.0)
    random = np.random.default_rng(5)
    common = np.convolve(random.normal(size=24010), np.hanning(12), "same")[5:24005]
    field = one.recording.field_pt + array.orientations.sum(axis=1)[:, None] * common
    field[array.is_reference] = np.roll(field[array.is_reference], 2, axis=1)
    gains = [
        fit_references(as_work(one.recording.with_field(field)), delays=delays).reduction_db
        for delays in (0, 3)
    ]
    assert gains[0] < 8.0
    assert gains[1] > 20.0


def test_references_that_see_the_heart_are_refused():
    array = make_array(3, (0, 1, 2), references=True)
    near = array.positions_m.copy()
    near[array.is_reference] *= np.array([0.11, 0.11, 1.0])
    close = replace_positions(array, near)
    one = simulate(close, duration_s=24.0, common_pt=0.1, rate_bpm=60.0)
    work = as_work(one.recording, one.r_times_s)
    before = work.field_pt.copy()
    step, _ = reference_step(work, CleaningSettings())
    assert not step.is_applied
    assert "see the heart" in step.reason
    np.testing.assert_array_equal(work.field_pt, before)


def replace_positions(array: SensorArray, positions_m: np.ndarray) -> SensorArray:
    return SensorArray(
        array.names,
        positions_m,
        array.orientations,
        array.head_names,
        array.axis_index,
        array.is_reference,
    )


@pytest.mark.parametrize("order", [1, 2])
def test_harmonic_correction_removes_the_room_and_leaves_the_heart(order):
    array = make_array(8, (0, 1, 2))
    one = simulate(array, duration_s=12.0, noise_ft=0.0, rate_bpm=60.0)
    random = np.random.default_rng(3)
    walk = np.cumsum(random.normal(size=(8, 12000)), axis=1)
    slopes = np.zeros((5, 3, 3))
    slopes[0] = np.diag([1.0, -1.0, 0.0])
    slopes[1] = np.diag([1.0, 1.0, -2.0])
    for term, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)], start=2):
        slopes[term, i, j] = slopes[term, j, i] = 1.0
    room = array.orientations @ walk[:3]
    if order == 2:
        seen = np.einsum("gij,cj,ci->cg", slopes, array.positions_m, array.orientations)
        room += 3.0 * seen @ walk[3:]
    work = as_work(replace(one.recording, field_pt=one.recording.field_pt + room), one.r_times_s)
    step = homogeneous_step(work, CleaningSettings(homogeneous_order=order))
    assert step.is_applied
    assert step.heart_kept_share > 0.9
    clean = as_work(one.recording)
    clean.field_pt = work.operator @ clean.field_pt
    assert np.abs(work.field_pt - clean.field_pt).max() < 1e-8 * np.abs(room).max()
    largest = np.abs(one.recording.field_pt).max()
    assert np.abs(clean.field_pt - one.recording.field_pt).max() < 0.05 * largest


@pytest.mark.parametrize("step_of", [homogeneous_step, separation_step, gradiometer_step])
def test_a_flat_array_of_one_axis_is_refused(step_of):
    work = as_work(simulate(make_array(6, (0,)), duration_s=6.0, common_pt=0.1).recording)
    before = work.field_pt.copy()
    step = step_of(work, CleaningSettings(gradiometers="pairs"))
    assert not step.is_applied
    assert step.reason
    np.testing.assert_array_equal(work.field_pt, before)
    assert work.operator is None


def test_a_projection_that_takes_most_of_a_deep_heart_is_refused():
    work = as_work(simulate(make_array(6, (0, 1, 2)), duration_s=6.0, common_pt=0.1).recording)
    step = homogeneous_step(work, CleaningSettings(homogeneous_method="orthogonal"))
    assert not step.is_applied
    assert step.heart_kept_share < 0.5
    assert "% of the worst heart" in step.reason


def test_missing_samples_get_the_operator_of_the_channels_that_are_there():
    array = make_array(6, (0, 1, 2))
    one = simulate(array, duration_s=8.0, noise_ft=0.0, heart=False, common_pt=1.0)
    work = as_work(one.recording)
    work.field_pt[:9, 3000:3500] = np.nan
    work.field_pt[4:, 5000:5100] = np.nan
    step = homogeneous_step(work, CleaningSettings())
    assert "100 samples lost" in step.reason
    assert np.isnan(work.field_pt[:, 5000:5100]).all()
    assert np.isnan(work.field_pt[:9, 3000:3500]).all()
    assert np.isnan(work.field_pt).sum() == 9 * 500 + 108 * 100
    # A uniform field goes completely, whichever channels are there.
    assert np.nanmax(np.abs(work.field_pt)) < 1e-6 * np.abs(one.recording.field_pt).max()


def test_gradiometers_from_two_layers_and_from_references():
    flat = make_array(6, (0, 1))
    both = SensorArray(
        flat.names + tuple(f"{name}-upper" for name in flat.names),
        np.concatenate([flat.positions_m, flat.positions_m + np.array([0.0, 0.0, 0.1])]),
        np.concatenate([flat.orientations, flat.orientations]),
        flat.head_names + tuple(f"{name}-upper" for name in flat.head_names),
        np.concatenate([flat.axis_index, flat.axis_index]),
        np.zeros(2 * flat.n_channels, dtype=bool),
    )
    work = as_work(simulate(both, duration_s=10.0, common_pt=1.0, noise_ft=0.0).recording)
    raw = work.field_pt.copy()
    step = gradiometer_step(work, CleaningSettings(gradiometers="pairs"))
    assert step.is_applied
    assert step.parameters["pairs"] == flat.n_channels
    np.testing.assert_allclose(work.field_pt[:72], raw[:72] - raw[72:], atol=1e-9)
    assert work.bad[72:].all()
    assert not work.bad[:72].any()
    far = make_array(4, (0, 1, 2), references=True)
    work = as_work(
        simulate(far, duration_s=10.0, common_pt=1.0, noise_ft=0.0, heart=False).recording
    )
    step = gradiometer_step(work, CleaningSettings(gradiometers="references"))
    assert step.is_applied
    assert np.abs(work.field_pt[far.is_chest]).max() < 1e-6


def test_separation_keeps_a_heart_and_removes_a_uniform_field():
    array = make_array(8, (0, 1, 2))
    one = simulate(array, duration_s=8.0, noise_ft=1.0, common_pt=1.0)
    work = as_work(one.recording, one.r_times_s)
    step = separation_step(work, CleaningSettings())
    assert step.is_applied
    assert step.heart_kept_share > 0.9
    assert np.abs(work.operator @ array.orientations).max() < 1e-6
    heart = lead_field(array.positions_m, array.orientations, DIPOLE_M)[:, :2]
    after = work.operator @ heart
    assert np.linalg.norm(after - heart) < 0.08 * np.linalg.norm(heart)


def test_components_of_a_disturbance_go_and_those_of_the_heart_stay():
    pytest.importorskip("sklearn")
    array = make_array(5, (0, 1))
    one = simulate(array, duration_s=30.0, rate_bpm=66.0)
    random = np.random.default_rng(4)
    # A pump beside the table: a magnetic dipole half a metre away.
    offset = array.positions_m - np.array([0.4, 0.3, 0.0])
    distance = np.linalg.norm(offset, axis=1)[:, None]
    across = (array.orientations * np.array([1.0, 2.0, 0.5])).sum(axis=1)
    along = (offset * np.array([1.0, 2.0, 0.5])).sum(axis=1)
    topography = 3.0 * along * (array.orientations * offset).sum(axis=1) / distance[:, 0] ** 5
    topography -= across / distance[:, 0] ** 3
    topography *= 20.0 / np.abs(topography).max()
    pump = np.sign(np.sin(2 * np.pi * 7.3 * one.recording.time_s)) + 0.05 * random.normal(
        size=one.recording.n_samples
    )
    noisy = one.recording.with_field(one.recording.field_pt + topography[:, None] * pump)
    work = as_work(noisy, one.r_times_s)
    meter = HeartBandMeter(work.chest, work.n_samples, work.rate_hz, work.quiet)
    before = meter.rms_pt(work.field_pt)
    step = component_step(work)
    assert step.is_applied, step.reason
    assert removed_db(before, meter.rms_pt(work.field_pt)) > 15.0
    assert step.parameters["protected"]
    assert not set(step.parameters["protected"]) & set(step.parameters["removed"])
    heart = lead_field(array.positions_m, array.orientations, DIPOLE_M)[:, :2]
    after = work.operator @ heart
    assert (heart * after).sum() > 0.9 * (heart * heart).sum()
    # Without beats a heart could not be told from the pump.
    work.quiet = np.ones(work.n_samples, dtype=bool)
    assert "no beats" in component_step(work).reason
