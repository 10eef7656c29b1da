"""Response and path from pseudo-random commands; learning; the field of recorded commands."""

from __future__ import annotations

import numpy as np
import pytest
from compensated_room import ARRAY_M, DT_S, Room
from scipy.signal import lfilter

from nullfield.room.applied_field import applied_field
from nullfield.room.first_order import channel_field
from nullfield.room.learn_prediction import learn_prediction
from nullfield.room.path_fit import fit_path, probe_offsets, random_offsets
from nullfield.room.shielding_filter import design_filter, path_delay_s

N_STEPS = 6000


def probed(noise_ft=13.0, mains_pt=20.0):
    room = Room(noise_ft=noise_ft)
    offsets = random_offsets(N_STEPS, 8, 0.03, 4)
    readings = np.empty((N_STEPS, 8))
    for k in range(N_STEPS):
        mains = mains_pt * np.sin(2 * np.pi * 50.01 * k * DT_S)
        drift = 40.0 * k / N_STEPS
        readings[k] = room.sense(np.array([mains + drift, drift, 0, 0, 0, 0, 0, 0]))
        room.drive(offsets[k])
    return room, offsets, readings


def test_finds_response_and_path_beside_mains_and_drift():
    room, offsets, readings = probed()
    fit = fit_path(offsets, readings, DT_S)
    error = np.abs(fit.response_pt_per_ma - room.reference_response)
    assert error.max() < 2e-3 * np.abs(room.reference_response).max()
    assert np.all(error < 6.0 * fit.uncertainty_pt_per_ma + 2.0)
    true = room.path()
    assert path_delay_s(fit.mean_path, DT_S) == pytest.approx(path_delay_s(true, DT_S), abs=2e-4)
    np.testing.assert_allclose(fit.mean_path[: len(true)], true, atol=5e-3)
    assert fit.path.shape == (8, 65)
    assert np.all(fit.path[:, 0] == 0.0)


def test_strength_is_what_is_left_when_a_head_has_settled():
    """A head answers each coil in another way while it settles, and alternates; then it is right."""
    rng = np.random.default_rng(5)
    n_steps, n_coils = 12_000, 8
    true = 1e4 * rng.standard_normal((4, n_coils))
    errors = []
    for offsets in (
        random_offsets(n_steps, n_coils, 0.03, 4),
        probe_offsets(n_steps, n_coils, 0.03, 4),
    ):
        readings = 0.2 * rng.standard_normal((n_steps, 4))
        beam = np.zeros((n_steps, 4))
        for coil in range(n_coils):
            share = 1.0 - np.exp(-1.0 / (1.5 + 0.4 * coil))
            late = lfilter([0.0, 0.0, 0.0, share], [1.0, share - 1.0], offsets[:, coil])
            readings += late[:, None] * true[:, coil]
            beam += late[:, None] * 1e4 * rng.standard_normal(4)
        readings += 0.06 * beam * (-1.0) ** np.arange(n_steps)[:, None]
        fit = fit_path(offsets, readings, DT_S)
        errors.append(np.abs(fit.response_pt_per_ma - true).max() / np.abs(true).max())
        spread = np.abs(fit.response_pt_per_ma - true) / fit.uncertainty_pt_per_ma
    assert errors[0] > 0.02
    assert errors[1] < 0.004
    assert np.sqrt((spread**2).mean()) < 2.0


def test_rows_that_are_missing_are_left_out():
    room, offsets, readings = probed()
    readings[1000:1100, 3] = np.nan
    fit = fit_path(offsets, readings, DT_S)
    error = np.abs(fit.response_pt_per_ma - room.reference_response).max()
    assert error < 3e-3 * np.abs(room.reference_response).max()


def test_a_channel_that_gave_nothing_is_an_error():
    _, offsets, readings = probed()
    readings[:, 2] = np.nan
    with pytest.raises(ValueError, match="whole rows are too few"):
        fit_path(offsets, readings, DT_S)


def test_a_path_too_slow_for_a_bandwidth_is_refused():
    path = np.zeros(200)
    path[150] = 1.0
    with pytest.raises(ValueError, match=r"150\.0 ms allows no bandwidth of 1 Hz"):
        design_filter(path, 1.0, DT_S)


def test_learning_finds_heads_that_stand_askew():
    rng = np.random.default_rng(3)
    axes = np.broadcast_to(np.eye(3)[[2, 0]], (4, 2, 3))
    geometry = channel_field(ARRAY_M, axes)
    askew = geometry + 0.017 * rng.standard_normal(geometry.shape)
    n = 120
    slow = np.cumsum(rng.standard_normal((n, 8)), axis=0) * 20.0
    array = slow @ askew.T + 0.1 * rng.standard_normal((n, 8)) + 500.0
    learnt = learn_prediction(slow, array, geometry)
    before, after = np.abs(geometry - askew).max(), np.abs(learnt.array_modes - askew).max()
    assert after < before / 10.0
    assert learnt.left_after_pt < learnt.left_before_pt / 10.0
    assert np.all(np.abs(learnt.array_modes - askew) < 6.0 * learnt.uncertainty + 1e-4)


def test_what_the_drift_did_not_show_stays_as_the_rig_says():
    rng = np.random.default_rng(4)
    axes = np.broadcast_to(np.eye(3)[[2, 0]], (4, 2, 3))
    geometry = channel_field(ARRAY_M, axes)
    modes = np.zeros((60, 8))
    modes[:, 2] = np.cumsum(rng.standard_normal(60)) * 20.0
    modes[:, :2] = 0.02 * rng.standard_normal((60, 2))
    array = modes @ geometry.T + 2.0 * rng.standard_normal((60, 8))
    learnt = learn_prediction(modes, array, geometry)
    assert np.abs(learnt.array_modes - geometry)[:, :2].max() < 1e-3
    with pytest.raises(ValueError, match="too few to learn from"):
        learn_prediction(modes[:8], array[:8], geometry)


def test_the_field_of_recorded_commands():
    room, offsets, readings = probed(noise_ft=0.0, mains_pt=0.0)
    fit = fit_path(offsets, readings, DT_S)
    made = applied_field(offsets.T, fit.response_pt_per_ma, fit.path)
    drift = 40.0 * np.arange(N_STEPS) / N_STEPS
    modes = np.zeros((N_STEPS, 8))
    modes[:, 0] = modes[:, 1] = drift
    left = readings - made.T - modes @ room.reference_modes.T
    left -= left[200:].mean(axis=0)
    assert np.abs(left[200:]).max() < 3e-3 * np.abs(readings).max()
