"""The field model: its degree by evidence, honest uncertainty, dead and lying heads, references."""

import numpy as np
import pytest
from room_examples import Example

from nullfield.room.evidence import left_out, regress
from nullfield.room.field_model import fit_field, fit_gradient
from nullfield.room.harmonics import field_basis, gradient_basis, term_degrees


def made_field(example, degree, seed=3, size_pt=3000.0):
    """A field of a given degree at the array's heads, errors of the heads left away."""
    rng = np.random.default_rng(seed)
    coefficient = size_pt * rng.standard_normal(len(term_degrees(degree)))
    place = example.position_m[example.near]
    field = field_basis(place, degree) @ coefficient
    local = np.einsum("nak,nk->na", example.axes[example.near], field)
    noise = 20.0 * rng.standard_normal(local.shape)
    return place, example.axes[example.near], local + noise, coefficient


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_the_evidence_finds_the_degree(degree):
    place, axes, reading, _ = made_field(Example(), degree)
    model = fit_field(place, axes, reading, np.full(reading.shape, 20.0))
    assert model.degree == degree
    assert max(model.log_evidence, key=model.log_evidence.get) == degree
    assert not model.outliers


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_plants_room_is_found_within_what_the_model_says_of_itself(seed):
    example = Example(seed=seed, room_residual_nt=70.0)
    model = fit_field(
        example.position_m, example.axes, example.field_pt, example.uncertainty_pt,
        example.is_reference,
    )  # fmt: skip
    assert model.degree >= 2
    place = example.position_m[example.near]
    error = model.field_pt(place) - example.room_pt[example.near]
    told = model.field_uncertainty_pt(place)
    # Heads are turned by a degree and their place is off by a millimetre: all alike errors.
    assert np.sqrt(np.mean(error**2)) < 2.5 * np.sqrt(np.mean(told**2))
    assert np.sqrt(np.mean(error**2)) < 0.01 * 70e3
    # What is beyond the stated 20 pT is found: a degree of 40 nT is hundreds of pT.
    assert 200.0 < model.extra_noise_pt < 1500.0


def test_dead_heads_are_interpolated():
    example = Example(room_residual_nt=5.0, room_gradient_nt_per_m=20.0)
    field = example.field_pt.copy()
    dead = [0, 7, 14, 21, 28, 35]
    field[dead] = np.nan
    model = fit_field(
        example.position_m, example.axes, field, example.uncertainty_pt, example.is_reference
    )
    assert not model.used[dead].any()
    error = model.field_pt(example.position_m[dead]) - example.room_pt[dead]
    assert np.sqrt(np.mean(error**2)) < 100.0


def test_a_head_that_the_others_contradict_is_set_aside_and_named():
    example = Example(room_residual_nt=5.0)
    field = example.field_pt.copy()
    field[17] *= -1.0
    field[17, 0] += 4000.0
    model = fit_field(
        example.position_m, example.axes, field, example.uncertainty_pt, example.is_reference
    )
    assert model.outliers == (17,)
    assert not model.used[17]


def test_references_near_the_walls_are_not_believed_over_the_array():
    """A field that only the far heads see, as a cable by the wall makes it."""
    example = Example(room_residual_nt=1.0, room_gradient_nt_per_m=5.0)
    field = example.field_pt.copy()
    field[example.is_reference] += 50_000.0 * np.random.default_rng(1).standard_normal((4, 3))
    model = fit_field(
        example.position_m, example.axes, field, example.uncertainty_pt, example.is_reference
    )
    assert not model.used[example.is_reference].any()


def test_references_help_where_the_series_holds_out_to_them():
    used = [
        fit_field(e.position_m, e.axes, e.field_pt, e.uncertainty_pt, e.is_reference)
        .used[e.is_reference].any()
        for e in (Example(seed=s, room_residual_nt=5.0) for s in range(1, 7))
    ]  # fmt: skip
    assert any(used)


def test_a_few_heads_still_give_a_uniform_field():
    example = Example("bench4", room_residual_nt=20.0, room_gradient_nt_per_m=1.0)
    field = example.field_pt.copy()
    field[1:] = np.nan
    model = fit_field(example.position_m, example.axes, field, example.uncertainty_pt)
    assert model.degree == 1
    np.testing.assert_allclose(model.field_pt(np.zeros((1, 3)))[0], example.room_pt[0], atol=900.0)


def test_no_head_at_all_is_refused():
    example = Example("bench4")
    with pytest.raises(ValueError, match="no head over the array"):
        fit_field(example.position_m, example.axes, np.full((4, 3), np.nan), example.uncertainty_pt)


def test_the_gradient_is_that_of_the_field_and_its_uncertainty_what_repeats_scatter():
    place, axes, _, coefficient = made_field(Example(), 2)
    local = np.einsum("nak,nk->na", axes, field_basis(place, 2) @ coefficient)
    wanted = gradient_basis(np.zeros((1, 3)), 2)[0] @ coefficient
    exact = fit_gradient(place, axes, local + 1e-9 * np.arange(108).reshape(36, 3) % 7e-9)
    np.testing.assert_allclose(exact.tensor_pt_per_m, wanted, rtol=1e-6, atol=1e-3)
    assert exact.size_pt_per_m == pytest.approx(np.linalg.norm(wanted), rel=1e-6)
    rng = np.random.default_rng(4)
    found = [
        fit_gradient(place, axes, local + 50.0 * rng.standard_normal((36, 3))) for _ in range(60)
    ]
    scatter = np.sqrt(np.mean([(f.tensor_pt_per_m - wanted) ** 2 for f in found], axis=0))
    told = np.mean([f.uncertainty_pt_per_m for f in found], axis=0)
    np.testing.assert_allclose(scatter, told, rtol=0.35)


def test_too_few_readings_for_a_gradient_are_refused():
    place, axes, reading, _ = made_field(Example(), 1)
    with pytest.raises(ValueError, match="6 readings do not tell 8 terms"):
        fit_gradient(place[:2], axes[:2], reading[:2])


def test_leaving_out_in_closed_form_is_leaving_out():
    rng = np.random.default_rng(7)
    design = rng.standard_normal((20, 3))
    data = design @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.standard_normal(20)
    fit = regress(design, data, np.full(20, 0.1), np.zeros(3, dtype=np.int64))
    block = np.repeat(np.arange(10), 2)
    chi, density = left_out(data, fit.data_covariance, block)
    one, rest = np.flatnonzero(block == 4), np.flatnonzero(block != 4)
    cov = fit.data_covariance
    gain = cov[np.ix_(one, rest)] @ np.linalg.inv(cov[np.ix_(rest, rest)])
    error = data[one] - gain @ data[rest]
    spread = cov[np.ix_(one, one)] - gain @ cov[np.ix_(rest, one)]
    assert chi[4] == pytest.approx(error @ np.linalg.solve(spread, error))
    assert len(density) == 10


def test_the_regression_refuses_what_is_not_finite():
    design, group = np.ones((3, 1)), np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="finite"):
        regress(design, np.array([1.0, np.nan, 0.0]), np.ones(3), group)
    with pytest.raises(ValueError, match="larger than zero"):
        regress(design, np.ones(3), np.array([1.0, 0.0, 1.0]), group)
