"""Coil design against closed forms and against another program."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from nullfield.room.coil_design.biot_savart import wire_field
from nullfield.room.coil_design.figures import homogeneity, with_images
from nullfield.room.coil_design.independent_check import difference_from_magpylib
from nullfield.room.coil_design.inductance import mutual_inductance_h, resampled
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.square_pair import pair_component, square_pair
from nullfield.room.coil_design.stream_function import design_matrix, sine_modes, stream_function
from nullfield.room.coil_design.targets import COMPONENTS, FIRST_ORDER, target_field

MU0 = 4e-7 * np.pi
ROOM = CoilRequest(spacing_m=1.6, plane_m=(2.0, 1.8), volume_m=(0.4, 0.4, 0.3))


def circle(radius_m, height_m=0.0, n=360):
    angle = np.linspace(0.0, 2 * np.pi, n + 1)
    loop = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle), 0 * angle + height_m], 1)
    loop[-1] = loop[0]
    return loop


def test_helmholtz_pair_has_its_textbook_field():
    field = wire_field([circle(0.5, -0.25), circle(0.5, 0.25)], np.zeros((1, 3)))
    assert field[0] == pytest.approx([0.0, 0.0, 0.8**1.5 * MU0 / 0.5], rel=1e-4, abs=1e-15)


def test_square_loop_has_its_closed_form_on_the_axis():
    a, d = 0.7, 0.4
    corners = np.array([[a, a, 0], [-a, a, 0], [-a, -a, 0], [a, -a, 0], [a, a, 0]], dtype=float)
    field = wire_field([corners], np.array([[0.0, 0.0, d]]))[0, 2]
    wanted = 1e-7 * 8 * a**2 / ((a**2 + d**2) * np.sqrt(2 * a**2 + d**2))
    assert field == pytest.approx(wanted, rel=1e-12)


def test_own_biot_savart_agrees_with_magpylib():
    points = np.random.default_rng(1).uniform(-0.3, 0.3, (40, 3))
    loops = [*square_pair(ROOM, "gradient_xy"), circle(0.6, 0.5, 37)]
    assert difference_from_magpylib(loops, points) < 1e-9


def test_inductance_of_a_circle_and_of_a_square():
    radius, wire = 0.5, 0.25e-3
    loop = circle(radius)
    wanted = MU0 * radius * (np.log(8 * radius / wire) - 1.75)
    assert mutual_inductance_h([loop], [loop], wire) == pytest.approx(wanted, rel=1e-3)
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=float)
    square = resampled(corners, 0.05)
    # Grover: (2 mu0 w / pi) (ln(w / a) - 0.77401), and 1/4 for the field inside the wire
    wanted = 2 * MU0 / np.pi * (np.log(1.0 / wire) - 0.77401 + 0.25)
    assert mutual_inductance_h([square], [square], wire) == pytest.approx(wanted, rel=5e-3)


def test_mutual_inductance_of_coaxial_circles_is_maxwells():
    radius, away = 0.5, 0.1
    m = 4 * radius**2 / ((2 * radius) ** 2 + away**2)
    k = np.sqrt(m)
    wanted = MU0 * radius * ((2 / k - k) * ellipk(m) - 2 / k * ellipe(m))
    seen = mutual_inductance_h([circle(radius)], [circle(radius, away)], 1e-4)
    assert seen == pytest.approx(wanted, rel=1e-3)


def test_sheet_field_is_that_of_its_current():
    """The dipole layer against the surface current grad(psi) x n, summed by Biot and Savart."""
    rng = np.random.default_rng(3)
    request = CoilRequest(1.6, (2.0, 1.8), (0.4, 0.4, 0.3), n_modes=4)
    coefficients = rng.standard_normal(2 * 4 * 4)
    points = np.array([[0.1, -0.2, 0.05], [0.0, 0.15, -0.12]])
    seen = design_matrix(request, points) @ coefficients
    n = 300
    u, v = (size * ((np.arange(n) + 0.5) / n - 0.5) for size in request.plane_m)
    order = np.pi * np.arange(1, 5)
    c = coefficients.reshape(2, 4, 4)
    su, sv = sine_modes(u, 2.0, 4), sine_modes(v, 1.8, 4)
    cu = np.cos(np.outer(u / 2.0 + 0.5, order)) * order / 2.0
    cv = np.cos(np.outer(v / 1.8 + 0.5, order)) * order / 1.8
    wanted = np.zeros((2, 3))
    for side in range(2):
        current = np.zeros((n, n, 3))
        current[..., 0] = np.einsum("mn,um,vn->uv", c[side], su, cv)  # d psi / dv
        current[..., 1] = -np.einsum("mn,um,vn->uv", c[side], cu, sv)  # -d psi / du
        place = np.stack(np.meshgrid(u, v, [(side - 0.5) * 1.6], indexing="ij"), -1)[:, :, 0]
        for k, point in enumerate(points):
            away = point - place
            piece = np.cross(current, away) / np.linalg.norm(away, axis=-1)[..., None] ** 3
            wanted[k] += 1e-7 * piece.sum(axis=(0, 1)) * (2.0 / n) * (1.8 / n)
    assert seen == pytest.approx(wanted, rel=2e-4, abs=1e-10)


def test_stream_function_is_zero_on_the_edges():
    coefficients = np.random.default_rng(2).standard_normal(2 * ROOM.n_modes**2)
    _, _, psi = stream_function(ROOM, coefficients, 101)
    for edge in (psi[:, 0], psi[:, -1], psi[:, :, 0], psi[:, :, -1]):
        assert np.abs(edge).max() < 1e-12 * np.abs(psi).max()


@pytest.mark.parametrize("component", COMPONENTS)
def test_targets_have_no_divergence_and_no_curl(component):
    point, step = np.array([[0.2, -0.3, 0.4]]), 1e-5
    jacobian = np.empty((3, 3))
    for k in range(3):
        moved = np.zeros((1, 3))
        moved[0, k] = step
        difference = target_field(component, point + moved) - target_field(component, point - moved)
        jacobian[:, k] = difference[0] / (2 * step)
    assert np.trace(jacobian) == pytest.approx(0.0, abs=1e-8)
    assert jacobian == pytest.approx(jacobian.T, abs=1e-8)


def test_walls_leave_no_tangential_field_on_themselves():
    walled = CoilRequest(1.6, (2.0, 2.0), (0.4, 0.4, 0.4), wall_distance_m=1.1)
    loops = with_images(walled, [circle(0.5, -0.8), circle(0.3, 0.8)])
    points = np.array([[0.3, 0.2, 1.1], [-0.4, 0.1, -1.1]])
    field = wire_field(loops, points)
    # what is left is the cut of the series of images
    assert np.abs(field[:, :2]).max() < 1e-4 * np.abs(field[:, 2]).max()


@pytest.mark.parametrize("component", FIRST_ORDER)
def test_a_square_pair_makes_the_field_of_its_name(component):
    seen = homogeneity(
        CoilRequest(1.6, (2.0, 2.0), (0.02, 0.02, 0.02)),
        pair_component(component),
        square_pair(ROOM, component),
    )
    assert seen.constant > 0
    # the half loops of a mixed gradient make a little more along one axis than along the other
    assert seen.max_deviation < 0.02
