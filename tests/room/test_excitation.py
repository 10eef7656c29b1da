"""Weighing designs: orthogonal, exact without noise, honest with it; drift, dead heads, open coils."""

import numpy as np
import pytest

from nullfield.room.excitation import excitation_patterns, fit_response, hadamard

N_COILS = 8


def truth(n_channels=30, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, 1e4, (n_channels, N_COILS)), rng.normal(0.0, 4e4, n_channels)


def readings(patterns, noise_pt=0.0, drift_pt_per_s=0.0, seed=2, n_channels=30):
    response, field = truth(n_channels)
    time_s = 0.5 * np.arange(len(patterns))
    noise = noise_pt * np.random.default_rng(seed).standard_normal((len(patterns), n_channels))
    drift = drift_pt_per_s * (time_s - time_s[-1])[:, None]
    return field + patterns @ response.T + drift + noise, time_s, response, field


@pytest.mark.parametrize("count", range(1, 50))
def test_hadamard_matrices_are_orthogonal_signs(count):
    matrix = hadamard(count)
    order = len(matrix)
    assert order >= count
    assert order < 2 * count or order == 2
    np.testing.assert_array_equal(np.abs(matrix), 1.0)
    np.testing.assert_array_equal(matrix.T @ matrix, order * np.eye(order))
    np.testing.assert_array_equal(matrix[:, 0], 1.0)


def test_there_is_no_hadamard_matrix_without_rows():
    with pytest.raises(ValueError, match="at least one row"):
        hadamard(0)


def test_patterns_measure_every_coil_with_the_noise_of_all_readings():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    assert patterns.shape == (12, N_COILS)
    np.testing.assert_allclose(patterns.T @ patterns, 12 * 0.2**2 * np.eye(N_COILS), atol=1e-12)
    np.testing.assert_allclose(patterns.sum(axis=0), 0.0, atol=1e-12)
    field, time_s, *_ = readings(patterns, 20.0)
    fit = fit_response(patterns, field, time_s)
    # One coil at a time, on and off, would have sqrt(2) / 0.2.
    best = fit.noise_pt[0] / (0.2 * np.sqrt(12))
    assert fit.uncertainty_pt_per_ma[0].max() < 1.1 * best


def test_exact_without_noise_even_while_the_room_drifts():
    patterns = excitation_patterns(np.linspace(0.1, 0.5, N_COILS))
    field, time_s, response, base = readings(patterns, drift_pt_per_s=50.0)
    fit = fit_response(patterns, field, time_s)
    np.testing.assert_allclose(fit.response_pt_per_ma, response, atol=1e-6)
    np.testing.assert_allclose(fit.field_pt, base, atol=1e-6)
    np.testing.assert_allclose(fit.drift_pt_per_s, 50.0, atol=1e-6)
    assert fit.is_fitted.all()


def test_patterns_about_currents_tell_the_field_at_their_middle():
    middle = np.linspace(-3, 3, N_COILS)
    patterns = middle + excitation_patterns(np.full(N_COILS, 0.2))
    field, time_s, response, base = readings(patterns)
    fit = fit_response(patterns, field, time_s)
    np.testing.assert_allclose(fit.field_pt, base + response @ middle, atol=1e-5)


def test_the_uncertainty_is_what_repeats_scatter():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    errors, told = [], []
    for seed in range(40):
        field, time_s, response, base = readings(patterns, 30.0, 10.0, seed)
        fit = fit_response(patterns, field, time_s)
        errors.append((fit.response_pt_per_ma - response, fit.field_pt - base))
        told.append((fit.uncertainty_pt_per_ma, fit.field_uncertainty_pt))
    for kind in range(2):
        scatter = np.sqrt(np.mean([e[kind] ** 2 for e in errors]))
        assert scatter == pytest.approx(np.sqrt(np.mean([t[kind] ** 2 for t in told])), rel=0.1)


def test_a_noisy_head_is_told_as_such():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    field, time_s, *_ = readings(patterns, 10.0)
    field[:, 3] += 500.0 * np.random.default_rng(5).standard_normal(12)
    noise = fit_response(patterns, field, time_s).noise_pt
    assert noise[3] > 3.0 * np.median(noise)


def test_groups_keep_their_noise_apart():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    field, time_s, *_ = readings(patterns, 10.0)
    field[:, 15:] += 190.0 * np.random.default_rng(6).standard_normal((12, 15))
    noise = fit_response(patterns, field, time_s, np.repeat([0, 1], 15)).noise_pt
    assert noise[:15].max() < 30.0 < 100.0 < np.median(noise[15:])


def test_missing_readings_are_done_without_and_too_many_leave_a_head_out():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    field, time_s, response, _ = readings(patterns)
    field[3, 0] = np.nan
    field[4:, 1] = np.nan
    fit = fit_response(patterns, field, time_s)
    np.testing.assert_allclose(fit.response_pt_per_ma[0], response[0], atol=1e-6)
    assert list(np.flatnonzero(~fit.is_fitted)) == [1]
    assert np.isnan(fit.response_pt_per_ma[1]).all()


def test_patterns_that_do_not_tell_coils_apart_are_refused():
    patterns = excitation_patterns(np.full(N_COILS, 0.2))
    patterns[:, 1] = patterns[:, 0]
    field, time_s, *_ = readings(patterns)
    with pytest.raises(ValueError, match="do not tell"):
        fit_response(patterns, field, time_s)
