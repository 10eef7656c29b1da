"""Poles of a map against closed forms, and the arithmetic of angles."""

import numpy as np
import pytest
from scipy import optimize
from simulated_heart import make_array

from nullfield.analysis.data import CALIBRATED
from nullfield.analysis.features.equivalent import (
    bz_derivatives,
    bz_kernels,
    fit_equivalent_dipoles,
)
from nullfield.analysis.features.field_angle import difference_deg, unwrap_deg, wrap_deg
from nullfield.analysis.features.poles import PoleFinder, map_features, pole_features
from nullfield.analysis.field_map import FieldMap
from nullfield.analysis.sources.half_space import free_dipole_bz_pt, lead_field
from nullfield.errors import AnalysisError

DEPTH_M = 0.09
PLACE_M = np.array([0.012, -0.008, 0.03 - DEPTH_M])


def dipole_field(array, moment=(2000.0, -900.0, 0.0), place=PLACE_M):
    return lead_field(array.positions_m, array.orientations, place) @ np.array(moment)


@pytest.mark.parametrize(("side", "turn_deg"), [(6, -170.0), (6, 10.0), (8, 135.0)])
def test_poles_of_a_dipole_lie_where_the_closed_form_puts_them(side, turn_deg):
    # Bz = y / (x^2 + y^2 + d^2)^1.5 has its poles at y = +-d / sqrt(2), across the current.
    turn = np.radians(turn_deg)
    array = make_array(side)
    field = dipole_field(array, 2000.0 * np.array([np.cos(turn), np.sin(turn), 0.0]))
    found = pole_features(fit_equivalent_dipoles(field, array), array, field)
    assert abs(difference_deg(found.angle_deg, turn_deg + 90.0)) < 0.1
    assert found.pole_distance_mm == pytest.approx(1e3 * np.sqrt(2.0) * DEPTH_M, abs=0.3)
    assert found.pole_ratio == pytest.approx(1.0, abs=3e-3)
    assert abs(difference_deg(found.arrow_angle_deg, turn_deg)) < 0.3


def test_longest_arrow_is_the_steepest_slope_of_the_closed_form():
    # Above the dipole dBz/dy = mu0/(4 pi) Q / d^3.
    array = make_array(6)
    field = dipole_field(array)
    equivalent = fit_equivalent_dipoles(field, array)
    found = PoleFinder(equivalent, array).find(field[None])
    steepest = 1e-4 * np.hypot(2000.0, 900.0) / DEPTH_M**3
    assert found.arrow_length_pt_per_m[0] == pytest.approx(steepest, rel=5e-3)


def test_poles_off_the_grid_with_a_slanted_ridge():
    # An oblique hill: parabolas along x and along y alone would miss its top.
    x = np.arange(-0.1, 0.1001, 0.005)
    gx, gy = np.meshgrid(x, x)
    plus, minus = np.array([0.0312, 0.0187]), np.array([-0.0423, -0.0091])

    def hill(top):
        u, v = (gx - top[0] + gy - top[1]) / 0.03, (gx - top[0] - gy + top[1]) / 0.02
        return np.exp(-0.5 * (u**2 + v**2))

    found = map_features(FieldMap(x, x, 0.0, 3.0 * hill(plus) - 2.0 * hill(minus), 1.0, 9))
    assert np.allclose(found.positive_pole_m, plus, atol=1e-3)
    assert np.allclose(found.negative_pole_m, minus, atol=1e-3)
    assert found.pole_ratio == pytest.approx(1.5, rel=0.01)
    assert found.poles_inside


def test_derivatives_are_those_of_the_field():
    random = np.random.default_rng(3)
    places = random.normal(size=(5, 3)) * 0.03 + [0.0, 0.0, -0.08]
    moments = random.normal(size=(1, 5, 2)) * 1000.0
    point = np.array([[0.013, -0.021, 0.03]])

    def bz(p):
        of_x, of_y = bz_kernels(p, places)
        return float((of_x @ moments[0, :, 0] + of_y @ moments[0, :, 1])[0])

    full = np.concatenate([moments[0], np.zeros((5, 1))], axis=1)
    independent = sum(
        free_dipole_bz_pt(point, where, moment)[0]
        for where, moment in zip(places, full, strict=True)
    )
    value, gradient, hessian = bz_derivatives(point, places, moments)
    assert value[0] == pytest.approx(independent, rel=1e-12)
    slopes = optimize.approx_fprime(
        point[0, :2], lambda p: bz(np.array([[p[0], p[1], 0.03]])), 1e-6
    )
    assert np.allclose(gradient[0], slopes, rtol=1e-3, atol=1e-2)
    for axis in range(2):
        step = np.zeros(3)
        step[axis] = 1e-5
        after = bz_derivatives(point + step, places, moments)[1]
        before = bz_derivatives(point - step, places, moments)[1]
        assert np.allclose(hessian[0, axis], (after - before)[0] / 2e-5, rtol=1e-4, atol=1.0)


def test_newton_finds_the_highest_point_of_the_continuous_field():
    array = make_array(6)
    field = dipole_field(array) + dipole_field(array, (-300.0, 700.0, 0.0), PLACE_M + 0.02)
    equivalent = fit_equivalent_dipoles(field, array, uncertainty=CALIBRATED)
    found = PoleFinder(equivalent, array).find(field[None])
    moments = equivalent.moments(field)
    line = np.arange(-0.1, 0.1, 0.002)
    gx, gy = np.meshgrid(line, line)
    grid = np.column_stack([gx.ravel(), gy.ravel(), np.full(gx.size, 0.03)])
    of_x, of_y = bz_kernels(grid, equivalent.positions_m)
    bz = of_x @ moments[:, 0] + of_y @ moments[:, 1]
    assert found.positive_pt[0] >= bz.max() - 1e-9
    assert found.negative_pt[0] <= bz.min() + 1e-9
    assert np.linalg.norm(found.positive_m[0] - grid[bz.argmax(), :2]) < 2e-3


def test_pole_outside_the_array_is_flagged_and_a_lone_pole_refused():
    array = make_array(6)
    aside = np.array([0.0, 0.095, 0.03 - 0.11])
    field = dipole_field(array, place=aside)
    found = pole_features(fit_equivalent_dipoles(field, array), array, field)
    assert not found.poles_inside
    flat = FieldMap(np.arange(3) * 0.1, np.arange(3) * 0.1, 0.0, np.ones((3, 3)), 1.0, 9)
    with pytest.raises(AnalysisError, match="only one pole"):
        map_features(flat)


def test_nan_channels_are_left_out_and_few_channels_refused():
    array = make_array(6)
    field = dipole_field(array)
    field[[3, 17, 40]] = np.nan
    found = pole_features(fit_equivalent_dipoles(field, array), array, field)
    assert found.pole_distance_mm == pytest.approx(1e3 * np.sqrt(2.0) * DEPTH_M, abs=0.5)
    field[3:] = np.nan
    with pytest.raises(AnalysisError, match="too few for a map"):
        fit_equivalent_dipoles(field, array)
    with pytest.raises(AnalysisError, match="no field"):
        fit_equivalent_dipoles(np.zeros(array.n_channels), array)
    across = make_array(6, (1,))
    with pytest.raises(AnalysisError, match="normal to the chest"):
        fit_equivalent_dipoles(dipole_field(across), across)


def test_a_line_of_heads_has_poles_on_its_strip():
    array = make_array(6)
    line = array.subset(np.abs(array.positions_m[:, 0] - 0.02) < 1e-6)
    field = dipole_field(line, (2000.0, 0.0, 0.0))
    found = pole_features(fit_equivalent_dipoles(field, line), line, field)
    assert abs(difference_deg(found.angle_deg, 90.0)) < 30.0
    assert abs(found.positive_pole_m[0] - 0.02) <= 0.04


def test_drawn_errors_have_the_size_of_what_calibration_does():
    # Truth: many arrays with drawn gains under one dipole; the draws must spread as those do.
    array = make_array(6)
    field = dipole_field(array)
    random = np.random.default_rng(8)
    equivalent = fit_equivalent_dipoles(field, array, uncertainty=CALIBRATED)
    finder = PoleFinder(equivalent, array)
    gains = 1.0 + CALIBRATED.gain * random.normal(size=(200, array.n_channels))
    by_gain = finder.find(field * gains).distance_mm.std()
    draws = equivalent.draw_errors(200, random)
    drawn = finder.find(np.tile(field, (200, 1)), draws).distance_mm.std()
    assert by_gain < drawn < 20.0 * by_gain


def test_angles():
    assert wrap_deg([190.0, -180.0, 180.0, 540.0]).tolist() == [-170.0, 180.0, 180.0, 180.0]
    assert float(difference_deg(-175.0, 175.0)) == pytest.approx(10.0)
    assert np.allclose(unwrap_deg(np.array([[170.0, -170.0, -150.0]])), [[170.0, 190.0, 210.0]])
