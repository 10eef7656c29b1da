"""Dipole fit: coverage of its region, significance, geometries, models with three directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, R_MOMENT_NAM, make_array

from nullfield.analysis.data import CALIBRATED, UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.free_dipole import FreeDipole
from nullfield.analysis.sources.half_space import HalfSpace, lead_field
from nullfield.analysis.sources.sphere import Sphere
from nullfield.analysis.sources.surface import ellipsoid
from nullfield.analysis.sources.uncertainty import (
    error_covariance_pt2,
    head_index,
    noise_covariance_pt2,
    whitener,
)
from nullfield.errors import AnalysisError, InputError

NOISE_PT = 0.02


def drawn_field_pt(array: SensorArray, errors: SensorUncertainty, dipole_m, moment_nam, random):
    """Field with gains, places and axes drawn; each head moves as a whole."""
    head = head_index(array)
    shift = errors.position_m * random.normal(size=(head.max() + 1, 3))
    tilt = errors.angle_rad * random.normal(size=(array.n_channels, 3))
    axes = array.orientations + np.cross(tilt, array.orientations)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    field = lead_field(array.positions_m + shift[head], axes, dipole_m) @ moment_nam
    gain = 1.0 + errors.gain * random.normal(size=array.n_channels)
    return gain * field


@pytest.mark.parametrize("errors", [CALIBRATED, UNCALIBRATED], ids=["calibrated", "uncalibrated"])
def test_the_region_holds_the_truth_as_often_as_it_says(errors):
    """70 draws of all errors; 95 % give 66, three deviations less are 61."""
    random = np.random.default_rng(11)
    array = make_array(4, (0, 1))
    errors = replace(errors, crosstalk=0.0)
    held, chi2 = [], []
    for _ in range(70):
        place = np.append(random.uniform(-0.03, 0.03, 2), random.uniform(-0.07, -0.03))
        moment = np.append(1e4 * random.normal(size=2), 0.0)
        field = drawn_field_pt(array, errors, place, moment, random)
        field += NOISE_PT * random.normal(size=array.n_channels)
        fit = fit_dipole(field, array, np.full(array.n_channels, NOISE_PT), uncertainty=errors)
        held.append(fit.region_holds(place))
        chi2.append(fit.reduced_chi2)
    assert sum(held) >= 61
    assert 0.85 < np.mean(chi2) < 1.15


def test_a_region_for_noise_alone_is_too_small_for_an_uncalibrated_array():
    """The reason for it all: without the errors of the heads the region is not honest."""
    random = np.random.default_rng(12)
    array = make_array(5, (0, 1))
    held = {"noise": 0, "all": 0}
    for _ in range(20):
        field = drawn_field_pt(array, UNCALIBRATED, DIPOLE_M, R_MOMENT_NAM, random)
        noise = np.full(array.n_channels, NOISE_PT)
        small = fit_dipole(field, array, noise, uncertainty=None)
        whole = fit_dipole(field, array, noise, uncertainty=UNCALIBRATED)
        # What noise alone would give, without the misfit's warning.
        narrow = small.covariance_m2 / small.reduced_chi2
        miss = small.position_m - DIPOLE_M
        held["noise"] += float(miss @ np.linalg.solve(narrow, miss)) < 7.81
        held["all"] += bool(whole.region_holds(DIPOLE_M))
    assert held["noise"] <= 4
    assert held["all"] >= 16


def test_the_error_covariance_is_that_of_drawn_errors():
    random = np.random.default_rng(13)
    array = make_array(2, (0, 1, 2))
    errors = replace(UNCALIBRATED, crosstalk=0.0)
    drawn = np.array(
        [drawn_field_pt(array, errors, DIPOLE_M, R_MOMENT_NAM, random) for _ in range(4000)]
    )
    seen = np.cov(drawn.T)
    told = error_covariance_pt2(
        array, HalfSpace(), DIPOLE_M[None], R_MOMENT_NAM[None] * [1, 1, 0], errors
    )
    size = np.sqrt(np.outer(np.diag(told), np.diag(told)))
    assert np.abs((seen - told) / size).max() < 0.12


def test_cross_talk_falls_with_the_cube_of_the_distance():
    array = make_array(2, (0,))
    only = SensorUncertainty(gain=0.0, position_m=0.0, angle_rad=0.0, crosstalk=0.01)
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    told = error_covariance_pt2(array, HalfSpace(), DIPOLE_M[None], R_MOMENT_NAM[None], only)
    # 40 mm pitch: two neighbours at 40 mm, one at 56.6 mm.
    wanted = 1e-4 * (field[1] ** 2 + field[2] ** 2 + field[3] ** 2 / 8.0)
    assert told[0, 0] == pytest.approx(wanted, rel=1e-9)
    assert np.count_nonzero(told - np.diag(np.diag(told))) == 0


def test_whitening_by_heads_is_whitening_of_the_whole():
    random = np.random.default_rng(14)
    array = make_array(3, (0, 1, 2))
    head = head_index(array)
    root = random.normal(size=(27, 27)) * (head[:, None] == head[None])
    covariance = root @ root.T + np.eye(27)
    sparse = whitener(covariance, head)
    np.testing.assert_allclose(sparse @ covariance @ sparse.T, np.eye(27), atol=1e-10)
    full = covariance + 0.1
    dense = whitener(full, head)
    np.testing.assert_allclose(dense @ full @ dense.T, np.eye(27), atol=1e-10)
    with pytest.raises(InputError, match="positive definite"):
        whitener(-np.eye(27), head)


def test_a_noise_covariance_weighs_like_deviations_where_it_is_diagonal():
    array = make_array(4, (0, 1))
    random = np.random.default_rng(15)
    deviation = random.uniform(0.1, 0.5, 32)
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    field += deviation * random.normal(size=32)
    one = fit_dipole(field, array, deviation)
    other = fit_dipole(field, array, np.diag(deviation**2))
    np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-9)
    shared = np.diag(deviation**2) + 0.3**2
    assert fit_dipole(field, array, shared).reduced_chi2 > 0.0
    with pytest.raises(InputError, match="does not fit"):
        noise_covariance_pt2(field, np.ones(3))
    with pytest.raises(InputError, match="negative"):
        noise_covariance_pt2(field, -deviation)


@pytest.mark.parametrize("is_known", [True, False], ids=["noise known", "noise unknown"])
def test_noise_is_no_dipole(is_known):
    random = np.random.default_rng(16)
    array = make_array(4, (0, 1))
    noise = np.full(32, 0.1) if is_known else None
    alarms = 0
    for _ in range(25):
        fit = fit_dipole(0.1 * random.normal(size=32), array, noise)
        alarms += fit.is_significant
        assert 0.0 <= fit.gof < 0.9
        assert fit.at_bound or fit.covariance_m2 is not None or fit.reason
    assert alarms <= 2
    lead = lead_field(array.positions_m, array.orientations, DIPOLE_M)
    weak = lead @ R_MOMENT_NAM * 0.02
    seen = fit_dipole(weak + 0.1 * random.normal(size=32), array, noise)
    assert seen.is_significant


def test_depth_counts_from_the_lowest_channels():
    """An array in coordinates of its own, 1.2 m up: the same fit as at z = 0."""
    array = make_array(4, (0, 1))
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    up = np.array([0.4, -0.3, 1.2])
    moved = replace(array, positions_m=array.positions_m + up)
    fit = fit_dipole(field, moved)
    np.testing.assert_allclose(fit.position_m, DIPOLE_M + up, atol=1e-5)
    deep = np.array([0.0, 0.0, 0.03 - 0.28])
    far = lead_field(array.positions_m, array.orientations, deep) @ R_MOMENT_NAM
    found = fit_dipole(far, array)
    np.testing.assert_allclose(found.position_m, deep, atol=1e-3)
    assert not found.at_bound


def test_channels_without_a_place_are_left_out():
    array = make_array(4, (0, 1))
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    places = array.positions_m.copy()
    places[:4] = np.nan
    fit = fit_dipole(field, replace(array, positions_m=places), np.full(32, NOISE_PT))
    assert fit.n_channels == 28
    np.testing.assert_allclose(fit.position_m, DIPOLE_M, atol=1e-5)


def line_array(axes: np.ndarray) -> SensorArray:
    """Eight heads on one line along x."""
    n = 8 * len(axes)
    places = np.column_stack([np.linspace(-0.12, 0.12, 8), np.zeros(8), np.full(8, 0.03)])
    return SensorArray(
        names=tuple(f"c{i}" for i in range(n)),
        positions_m=np.repeat(places, len(axes), axis=0),
        orientations=np.tile(axes, (8, 1)),
        head_names=tuple(f"h{i // len(axes)}" for i in range(n)),
        axis_index=np.tile(np.arange(len(axes)), 8),
        is_reference=np.zeros(n, bool),
    )


def test_a_line_of_heads_is_refused_where_it_cannot_tell_the_side():
    z, y = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    moment = np.array([4e3, -8e3, 0.0])
    for axes in (z[None], y[None]):
        array = line_array(axes)
        field = lead_field(array.positions_m, array.orientations, [0.01, 0.02, -0.05]) @ moment
        with pytest.raises(AnalysisError, match="one line cannot tell"):
            fit_dipole(field, array)
    # Both axes: the mirror image differs, and the side is found.
    array = line_array(np.array([z, y]))
    for side in (0.02, -0.02):
        place = np.array([0.01, side, -0.05])
        field = lead_field(array.positions_m, array.orientations, place) @ moment
        np.testing.assert_allclose(fit_dipole(field, array).position_m, place, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "moment"),
    [
        (FreeDipole(), [6e3, -7e3, 4e3]),
        (Sphere((0.02, -0.03, -0.16), 0.16), [6e3, -7e3, 4e3]),
        (
            BoundaryElement(ellipsoid((0.0, -0.05, -0.1), (0.17, 0.26, 0.1), 2), 0.015),
            [6e3, 5e3, 3e3],
        ),
    ],
    ids=["free", "sphere", "boundary elements"],
)
def test_models_that_see_three_directions_are_fitted_with_three(model: ForwardModel, moment):
    random = np.random.default_rng(17)
    array = make_array(5, (0, 1, 2))
    lead = model.lead_field(array.positions_m, array.orientations, DIPOLE_M)
    field = lead @ np.array(moment) + NOISE_PT * random.normal(size=75)
    fit = fit_dipole(field, array, np.full(75, NOISE_PT), model=model, uncertainty=None)
    assert fit.region_holds(DIPOLE_M)
    assert 1e3 * np.linalg.norm(fit.position_m - DIPOLE_M) < 0.5
    assert fit.model == model.name
    # The moment is known up to what the model cannot see (a sphere's radial part).
    miss = lead @ (fit.moment_nam - moment)
    assert np.linalg.norm(miss) < 0.01 * np.linalg.norm(field)
    if not isinstance(model, Sphere):
        np.testing.assert_allclose(
            fit.moment_nam, moment, atol=5.0 * fit.moment_deviation_nam.max()
        )


def test_a_dipole_pressed_against_the_conductors_wall_is_told():
    """A field from above the sphere's top, where no source of it can be."""
    array = make_array(5, (0, 1))
    small = Sphere((0.0, 0.0, -0.15), 0.06)
    field = lead_field(array.positions_m, array.orientations, [0.0, 0.0, -0.03]) @ R_MOMENT_NAM
    fit = fit_dipole(field, array, model=small)
    assert fit.at_bound
    assert fit.confidence_mm is None
    assert "edge" in fit.reason
    assert small.clearance_m(fit.position_m)[0] > -1e-3
    with pytest.raises(AnalysisError, match="no part of the sphere"):
        fit_dipole(field, array, model=Sphere((0.0, 0.0, -2.0), 0.06))


def test_a_thousand_channels():
    random = np.random.default_rng(18)
    array = make_array(18, (0, 1, 2))
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    field += 0.2 * random.normal(size=972)
    fit = fit_dipole(field, array, np.full(972, 0.2), uncertainty=CALIBRATED)
    assert fit.n_channels == 972
    assert fit.region_holds(DIPOLE_M)
    assert fit.confidence_mm < 0.5


def test_conductors_in_doubt_are_not_leaned_on():
    """Truth in a sphere between two others: one as the model, the other as its alternative."""
    random = np.random.default_rng(19)
    array = make_array(5, (0, 1))

    def ball(radius_m: float) -> Sphere:
        return Sphere((0.0, 0.0, -radius_m), radius_m)

    small, true, large = ball(0.16), ball(0.20), ball(0.26)
    lead = true.lead_field(array.positions_m, array.orientations, DIPOLE_M)
    field = lead @ [9e3, -7e3, 0.0] + NOISE_PT * random.normal(size=50)
    noise = np.full(50, NOISE_PT)
    options = {"model": large, "uncertainty": CALIBRATED}
    sure = fit_dipole(field, array, noise, **options)
    unsure = fit_dipole(field, array, noise, **options, alternatives=(small,))
    miss_mm = [1e3 * np.linalg.norm(fit.position_m - DIPOLE_M) for fit in (sure, unsure)]
    assert miss_mm[0] > 3.0
    assert miss_mm[1] < 1.0
    assert not sure.region_holds(DIPOLE_M)
    assert unsure.region_holds(DIPOLE_M)
