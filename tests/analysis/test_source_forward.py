"""Forward models against MNE, against closed forms and against one another; surfaces; refusals."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.free_dipole import FreeDipole
from nullfield.analysis.sources.half_space import HalfSpace, free_dipole_bz_pt
from nullfield.analysis.sources.sphere import Sphere
from nullfield.analysis.sources.surface import Surface, ellipsoid, load_surface
from nullfield.analysis.sources.triangle_integrals import (
    closest_m,
    linear_moments,
    linear_solid_angles,
)
from nullfield.errors import AnalysisError, InputError

CENTRE_M = np.array([0.0, 0.0, -0.12])
RADIUS_M = 0.12
SOURCES_M = np.array([[0.01, 0.02, -0.05], [0.0, 0.0, -0.08], [0.03, -0.03, -0.06]])


@pytest.fixture(scope="module")
def channels():
    line = np.linspace(-0.08, 0.08, 5)
    x, y = np.meshgrid(line, line)
    places = np.stack([x.ravel(), y.ravel(), np.full(25, 0.02)], axis=1)
    return np.repeat(places, 3, axis=0), np.tile(np.eye(3), (25, 1))


def mne_sphere_pt(positions_m, orientations, sources_m, centre_m):
    """MNE's forward field of a sphere, point-like coils, (n_sources, n_channels, 3)."""
    mne = pytest.importorskip("mne")
    from mne.forward import _compute_forward

    n = len(positions_m)
    coils = (positions_m, orientations, np.ones(n), np.arange(n))
    sphere = mne.bem.ConductorModel(is_sphere=True, r0=centre_m, coord_frame=4, layers=[])
    rows = _compute_forward._sphere_field(np.atleast_2d(sources_m), coils, sphere)
    return rows.reshape(len(sources_m), 3, n).transpose(0, 2, 1) * 1e3


def test_sphere_is_mnes_to_rounding(channels):
    ours = Sphere(tuple(CENTRE_M), RADIUS_M).lead_field(*channels, SOURCES_M)
    theirs = mne_sphere_pt(*channels, SOURCES_M, CENTRE_M)
    assert np.abs(ours - theirs).max() < 1e-12 * np.abs(theirs).max()


def test_a_radial_dipole_is_silent_in_the_sphere(channels):
    lead = Sphere(tuple(CENTRE_M), RADIUS_M).lead_field(*channels, SOURCES_M[0])
    radial = SOURCES_M[0] - CENTRE_M
    assert np.abs(lead @ radial).max() < 1e-12 * np.abs(lead).max()


def test_the_half_space_is_a_sphere_without_end(channels):
    large = Sphere((0.0, 0.0, -1e4), 1e4).lead_field(*channels, SOURCES_M)
    ours = HalfSpace().lead_field(*channels, SOURCES_M)
    assert np.abs(large - ours).max() < 1e-4 * np.abs(ours).max()


def test_the_free_dipole_is_biot_and_savarts(channels):
    moment = np.array([3e3, -8e3, 5e3])
    lead = FreeDipole().lead_field(*channels, SOURCES_M)
    field = (lead[0] @ moment).reshape(25, 3)
    bz = free_dipole_bz_pt(channels[0][::3], SOURCES_M[0], moment)
    np.testing.assert_allclose(field[:, 2], bz, rtol=1e-12)
    r = channels[0][::3] - SOURCES_M[0]
    # In nA m and pT: mu0/(4 pi) is 1e-4.
    whole = 1e-4 * np.cross(moment, r) / np.linalg.norm(r, axis=1, keepdims=True) ** 3
    np.testing.assert_allclose(field, whole, rtol=1e-10, atol=1e-9)


def test_closed_integrals_over_a_triangle_are_those_of_quadrature():
    random = np.random.default_rng(0)
    corners = random.normal(size=(1, 3, 3))
    points = random.normal(size=(3, 3)) * 1.5
    n = 600
    step = (np.arange(n) + 0.5) / n
    a, b = (grid.ravel() for grid in np.meshgrid(step, step))
    # Duffy's map of the square onto the triangle: no ragged edge.
    share = np.stack([1 - a, a * (1 - b), a * b], axis=1)
    side = corners[0, 1:] - corners[0, 0]
    normal = np.cross(side[0], side[1])
    weight = a * np.linalg.norm(normal) / n**2
    normal /= np.linalg.norm(normal)
    for i, point in enumerate(points):
        r = share @ corners[0] - point
        kernel = weight / np.linalg.norm(r, axis=1) ** 3
        angles = share.T @ (kernel * (r @ normal))
        moments = share.T @ (kernel[:, None] * np.cross(normal, r))
        np.testing.assert_allclose(
            linear_solid_angles(points, corners)[i, 0], angles, rtol=1e-4, atol=1e-7
        )
        np.testing.assert_allclose(
            linear_moments(points, corners)[i, 0], moments, rtol=1e-4, atol=1e-6
        )


def test_distance_to_a_triangle_by_brute_force():
    random = np.random.default_rng(1)
    corners, points = random.normal(size=(4, 3, 3)), random.normal(size=(20, 3)) * 2
    share = random.dirichlet(np.full(3, 0.7), size=20000)
    cloud = np.einsum("sk,tkc->tsc", share, corners)
    brute = np.linalg.norm(points[:, None, None] - cloud, axis=3).min(axis=2)
    ours = closest_m(points, corners)
    assert (ours <= brute + 1e-12).all()
    assert (brute - ours).max() < 0.05


@pytest.fixture(scope="module")
def spheres():
    return [ellipsoid(CENTRE_M, np.full(3, RADIUS_M), n) for n in (1, 2, 3)]


def error_of(surface: Surface, channels) -> float:
    truth = Sphere(tuple(CENTRE_M), RADIUS_M).lead_field(*channels, SOURCES_M)
    ours = BoundaryElement(surface, least_depth_m=0.0).lead_field(*channels, SOURCES_M)
    return float(np.linalg.norm(ours - truth) / np.linalg.norm(truth))


def test_boundary_elements_tend_to_the_sphere(spheres, channels):
    """Edges of half the length leave a quarter of the error: second order."""
    errors = [error_of(surface, channels) for surface in spheres]
    assert errors[1] < 0.35 * errors[0]
    assert errors[2] < 0.30 * errors[1]
    assert errors[2] < 0.05


def test_boundary_elements_do_not_depend_on_where_the_potential_is_zero(spheres, channels):
    """A closed surface at one potential drives no current and so adds no field."""
    surface = spheres[2]
    moments = linear_moments(channels[0][::3], surface.corners_m)
    assert np.abs(moments.sum(axis=(1, 2))).max() < 1e-12 * np.abs(moments).sum()
    angles = linear_solid_angles(CENTRE_M[None], surface.corners_m)
    assert angles.sum() == pytest.approx(4.0 * np.pi, rel=1e-12)


def test_a_torso_rotated_with_its_channels_and_sources_sees_the_same(channels):
    random = np.random.default_rng(2)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    torso = ellipsoid((0.0, 0.0, -0.1), (0.17, 0.25, 0.1), 2)
    turned = Surface(torso.vertices_m @ turn.T, torso.triangles)
    first = BoundaryElement(torso, 0.01).lead_field(*channels, SOURCES_M[:2])
    second = BoundaryElement(turned, 0.01).lead_field(
        channels[0] @ turn.T, channels[1] @ turn.T, SOURCES_M[:2] @ turn.T
    )
    np.testing.assert_allclose(first, second @ turn, atol=1e-10 * np.abs(first).max())


@pytest.mark.parametrize(
    "model",
    [
        Sphere(tuple(CENTRE_M), RADIUS_M),
        BoundaryElement(ellipsoid(CENTRE_M, np.full(3, RADIUS_M), 2)),
    ],
    ids=["sphere", "boundary elements"],
)
def test_sources_and_channels_where_a_model_does_not_hold_are_refused(
    model: ForwardModel, channels
):
    with pytest.raises(AnalysisError, match=r"source at \(0.0, 0.0, 10.0\) mm is outside"):
        model.lead_field(*channels, np.array([0.0, 0.0, 0.01]))
    with pytest.raises(AnalysisError, match="75 of 75 channels lie inside"):
        model.lead_field(0.5 * channels[0] + CENTRE_M, channels[1], SOURCES_M[1])
    near = np.array([0.0, 0.0, -0.002])
    if isinstance(model, BoundaryElement):
        with pytest.raises(AnalysisError, match="too near to its surface"):
            model.lead_field(*channels, near)


def test_the_depth_below_a_surface():
    ball = ellipsoid((0.0, 0.0, 0.0), (0.1, 0.1, 0.1), 3)
    depth = ball.depth_m(np.array([[0.0, 0.0, 0.05], [0.0, 0.0, 0.12], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(depth, [0.05, -0.02, 0.1], atol=1.5e-3)
    assert ball.volume_m3 == pytest.approx(4.0 / 3.0 * np.pi * 1e-3, rel=0.02)
    assert ball.vertex_areas_m2.sum() == pytest.approx(4.0 * np.pi * 0.01, rel=0.02)


def test_a_torso_comes_through_a_file(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    torso = ellipsoid((0.01, 0.0, -0.1), (0.17, 0.25, 0.1), 2)
    in_mm = trimesh.Trimesh(torso.vertices_m * 1e3, torso.triangles[:, ::-1], process=False)
    for name in ("torso.stl", "torso.obj", "torso.ply"):
        in_mm.export(tmp_path / name)
        loaded = load_surface(tmp_path / name, unit="mm")
        assert loaded.volume_m3 == pytest.approx(torso.volume_m3, rel=1e-5)
        assert len(loaded.vertices_m) == len(torso.vertices_m)
        assert any("turned" in note for note in loaded.notes)
        with pytest.raises(InputError, match="500 m long") as refused:
            load_surface(tmp_path / name)
        assert "mm" in refused.value.hint


def test_meshes_that_are_no_torso_are_refused(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    ball = ellipsoid((0.0, 0.0, 0.0), (0.2, 0.2, 0.2), 1)

    def saved(vertices, triangles):
        trimesh.Trimesh(vertices, triangles, process=False).export(tmp_path / "bad.ply")
        return tmp_path / "bad.ply"

    with pytest.raises(InputError, match="open at 3 edges"):
        load_surface(saved(ball.vertices_m, ball.triangles[1:]))
    turned = ball.triangles.copy()
    turned[0] = turned[0, ::-1]
    with pytest.raises(InputError, match="opposite ways"):
        load_surface(saved(ball.vertices_m, turned))
    two = np.vstack([ball.vertices_m, ball.vertices_m + 1.0])
    with pytest.raises(InputError, match="2 separate parts"):
        load_surface(saved(two, np.vstack([ball.triangles, ball.triangles + 42])))
    with pytest.raises(InputError, match="no such file"):
        load_surface(tmp_path / "none.stl")
    (tmp_path / "text.stl").write_text("solid nothing\n")
    with pytest.raises(InputError, match=r"text\.stl"):
        load_surface(tmp_path / "text.stl")
    with pytest.raises(InputError, match="unit"):
        load_surface(tmp_path / "bad.ply", unit="furlong")
    with pytest.raises(InputError, match="inside out"):
        Surface(ball.vertices_m, ball.triangles[:, ::-1])


def test_lead_fields_of_a_torso_are_kept(channels):
    model = BoundaryElement(ellipsoid((0.0, 0.0, -0.1), (0.17, 0.25, 0.1), 1), 0.01)
    first = model.lead_field(*channels, SOURCES_M[1])
    kept = model._transfer(*channels)
    model.lead_field(*channels, SOURCES_M[1])
    assert model._transfer(*channels) is kept
    other = model.lead_field(channels[0] + [0.0, 0.0, 0.001], channels[1], SOURCES_M[1])
    assert np.abs(other - first).max() > 1e-3 * np.abs(first).max()
