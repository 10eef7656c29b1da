"""Harmonic fields: free of divergence and curl, equal to closed forms, complete, unit rms."""

import numpy as np
import pytest

from nullfield.room.harmonics import (
    REFERENCE_RADIUS_M,
    field_basis,
    gradient_basis,
    term_count,
    term_degrees,
)
from nullfield.virtual.plant.room import harmonic_terms

DEGREE = 5
POINTS = np.random.default_rng(1).uniform(-0.3, 0.3, (40, 3))


def test_counts():
    assert [term_count(degree) for degree in range(1, 5)] == [3, 8, 15, 24]
    assert list(np.bincount(term_degrees(4))) == [0, 3, 5, 7, 9]
    assert field_basis(POINTS, 4).shape == (40, 3, 24)
    with pytest.raises(ValueError, match="degree 1"):
        field_basis(POINTS, 0)


def test_gradient_is_the_derivative_of_the_field():
    step = 1e-4
    exact = gradient_basis(POINTS, DEGREE)
    for axis in range(3):
        move = step * np.eye(3)[axis]
        numeric = (field_basis(POINTS + move, DEGREE) - field_basis(POINTS - move, DEGREE)) / (
            2 * step
        )
        np.testing.assert_allclose(exact[:, :, axis], numeric, rtol=1e-5, atol=1e-4)


def test_no_divergence_and_no_curl():
    exact = gradient_basis(POINTS, DEGREE)
    size = np.abs(exact).max()
    assert np.abs(np.einsum("nkkt->nt", exact)).max() < 1e-12 * size
    assert np.abs(exact - np.swapaxes(exact, 1, 2)).max() < 1e-12 * size


def test_closed_forms_of_the_lowest_degrees():
    x, y, z = (POINTS / REFERENCE_RADIUS_M).T
    o = np.zeros_like(x)
    basis = field_basis(POINTS, 2)
    np.testing.assert_allclose(basis[:, :, 0], np.tile([0.0, 0.0, 1.0], (40, 1)), atol=1e-12)
    closed = {
        3: (-x / 2, -y / 2, z),
        4: (z, o, x),
        5: (o, z, y),
        6: (x, -y, o),
        7: (y, x, o),
    }
    for column, form in closed.items():
        wanted = np.stack(form, axis=1)
        factor = basis[0, :, column] @ wanted[0] / (wanted[0] @ wanted[0])
        np.testing.assert_allclose(basis[:, :, column], factor * wanted, atol=1e-12)


def test_the_plants_own_terms_are_in_the_span_and_the_other_way_round():
    """Two codes that do not know of each other: same 15 fields up to degree 3."""
    ours = field_basis(POINTS, 3).reshape(120, -1)
    theirs = np.moveaxis(harmonic_terms(POINTS), 0, 2).reshape(120, -1)
    for a, b in ((ours, theirs), (theirs, ours)):
        rest = b - a @ np.linalg.lstsq(a, b, rcond=None)[0]
        assert np.abs(rest).max() < 1e-10 * np.abs(b).max()


def test_unit_rms_over_the_sphere_and_orthogonal_there():
    rng = np.random.default_rng(2)
    # Gauss-Legendre in z and equal steps in azimuth integrate these polynomials exactly.
    node, weight = np.polynomial.legendre.leggauss(8)
    phi = np.arange(16) * 2 * np.pi / 16 + rng.uniform()
    z, angle = np.meshgrid(node, phi, indexing="ij")
    ring = np.sqrt(1 - z**2)
    sphere = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=-1).reshape(-1, 3)
    share = np.repeat(weight / 2 / 16, 16)
    basis = field_basis(sphere * REFERENCE_RADIUS_M, 4)
    product = np.einsum("n,nkt,nku->tu", share, basis, basis)
    np.testing.assert_allclose(product, np.eye(24), atol=1e-12)


def test_another_radius_is_another_unit():
    near, far = field_basis(POINTS, 3, 0.1), field_basis(POINTS, 3, 0.2)
    ratio = (0.1 / 0.2) ** (term_degrees(3) - 1)
    np.testing.assert_allclose(far, near * ratio, rtol=1e-12)
