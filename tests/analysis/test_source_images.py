"""Images on an epicardial surface and dipoles over time."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, R_MOMENT_NAM, T_MOMENT_NAM, make_array

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import CALIBRATED
from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.distributed import image_minimum_norm
from nullfield.analysis.sources.half_space import HalfSpace, lead_field
from nullfield.analysis.sources.moving_dipole import fit_moving_dipole
from nullfield.analysis.sources.source_space import (
    HEART_DEPTH_M,
    HEART_HALF_AXES_M,
    default_epicardium,
    set_up,
)
from nullfield.analysis.sources.sparse import image_sparse, solve
from nullfield.analysis.sources.sphere import Sphere
from nullfield.analysis.sources.surface import ellipsoid
from nullfield.errors import AnalysisError, InputError

NOISE_PT = 0.02


@pytest.fixture(scope="module")
def array():
    return make_array(6, (0, 1))


@pytest.fixture(scope="module")
def coarse(array):
    """The default heart with fewer vertices."""
    return ellipsoid((0.0, 0.0, 0.03 - HEART_DEPTH_M), HEART_HALF_AXES_M, 2)


def patch_field_pt(array, surface, centre_m, radius_m, moment_nam, random):
    """Field of a patch of a finer surface than the one that is imaged on, with noise."""
    fine = ellipsoid(surface.vertices_m.mean(axis=0), HEART_HALF_AXES_M, 3)
    inside = np.linalg.norm(fine.vertices_m - centre_m, axis=1) < radius_m
    share = fine.vertex_areas_m2[inside] / fine.vertex_areas_m2[inside].sum()
    lead = lead_field(array.positions_m, array.orientations, fine.vertices_m[inside])
    field = np.einsum("s,snq,q->n", share, lead, moment_nam)
    return field + NOISE_PT * random.normal(size=array.n_channels)


def test_the_default_heart_lies_below_the_array(array):
    heart = default_epicardium(array)
    np.testing.assert_allclose(
        heart.vertices_m.mean(axis=0), [0, 0, 0.03 - HEART_DEPTH_M], atol=1e-9
    )
    assert heart.vertices_m[:, 2].max() == pytest.approx(-0.03, abs=1e-3)
    assert heart.volume_m3 == pytest.approx(363e-6, rel=0.02)


@pytest.mark.parametrize(
    ("options", "most_mm"),
    [
        ({}, 20.0),
        ({"regularisation": "l-curve"}, 20.0),
        ({"standardised": True}, 14.0),
        ({"orientation": "free", "depth": 0.0}, 25.0),
    ],
    ids=["gcv", "l-curve", "sLORETA", "no depth weighting"],
)
def test_a_patch_comes_back_within_an_edge_or_two(array, coarse, options, most_mm):
    """The mean edge is 14 mm; the patch lies on the front, where the array sees best."""
    random = np.random.default_rng(5)
    front = np.flatnonzero(coarse.vertex_normals[:, 2] > 0.4)
    noise_pt = np.full(array.n_channels, NOISE_PT)
    for vertex in random.choice(front, 4, replace=False):
        centre = coarse.vertices_m[vertex]
        moment = np.append(random.normal(size=2), 0.0)
        moment *= 1e4 / np.linalg.norm(moment)
        field = patch_field_pt(array, coarse, centre, 0.012, moment, random)
        image = image_minimum_norm(
            field, array, noise_pt, surface=coarse, uncertainty=CALIBRATED, **options
        )
        assert 1e3 * np.linalg.norm(image.peak_m - centre) <= most_mm
        assert image.gof > 0.99
        # The sum is what the array knows best of all.
        assert np.linalg.norm(image.total_moment_nam - moment) < 0.15 * 1e4


def test_density_is_moment_per_area(array, coarse):
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    image = image_minimum_norm(field, array, np.full(72, NOISE_PT), surface=coarse)
    assert image.unit == "A/m"
    total = (image.density * coarse.vertex_areas_m2[:, None]).sum(axis=0)
    np.testing.assert_allclose(total * 1e9, image.total_moment_nam, rtol=1e-12)
    # Some 13,000 nA m over a patch of some 10 cm^2 are some 0.01 A/m.
    assert 1e-3 < np.linalg.norm(image.density, axis=1).max() < 1e-1


def test_minimum_norm_is_the_ridge_solution_of_its_textbook(array, coarse):
    """Against numpy's least squares of the stacked system."""
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    noise_pt = np.full(72, NOISE_PT)
    image = image_minimum_norm(
        field, array, noise_pt, surface=coarse, uncertainty=None, depth=0.0, regularisation=1e-4
    )
    problem = set_up(field, array, noise_pt, coarse, HalfSpace(), None, "free")
    areas = coarse.vertex_areas_m2 / coarse.vertex_areas_m2.mean()
    root = np.repeat(np.sqrt(areas), 2)
    gain = problem.gain.reshape(72, -1) * root
    stacked = np.vstack([gain, np.sqrt(image.regularisation) * np.eye(gain.shape[1])])
    x = np.linalg.lstsq(stacked, np.append(problem.seen, np.zeros(gain.shape[1])), rcond=None)[0]
    np.testing.assert_allclose(
        image.moments_nam[:, :2].ravel(), root * x, atol=1e-6 * np.abs(x).max()
    )


def test_point_spread_is_told(array, coarse):
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    noise_pt = np.full(72, NOISE_PT)
    plain = image_minimum_norm(field, array, noise_pt, surface=coarse)
    standard = image_minimum_norm(field, array, noise_pt, surface=coarse, standardised=True)
    front = coarse.vertex_normals[:, 2] > 0.5
    back = coarse.vertex_normals[:, 2] < -0.5
    # sLORETA has no bias of its maximum, for free directions up to the mixing of a vertex's own.
    assert np.median(standard.localisation_error_m) < 1e-9
    assert plain.localisation_error_m[back].mean() > 0.002
    assert plain.spread_m[front].mean() < plain.spread_m[back].mean()
    assert 0.01 < plain.spread_m[front].mean() < 0.05


def test_the_sparse_image_finds_two_sources(array, coarse):
    random = np.random.default_rng(6)
    middle = coarse.vertices_m.mean(axis=0)
    wanted = [
        int(np.argmin(np.linalg.norm(coarse.vertices_m - middle - offset, axis=1)))
        for offset in ([-0.03, 0.0, 0.03], [0.03, 0.01, 0.03])
    ]
    moments = np.array([[0.0, 1e4, 0.0], [5e3, -6e3, 0.0]])
    lead = lead_field(array.positions_m, array.orientations, coarse.vertices_m[wanted])
    field = np.einsum("snq,sq->n", lead, moments) + NOISE_PT * random.normal(size=72)
    image = image_sparse(
        field, array, np.full(72, NOISE_PT), surface=coarse, uncertainty=CALIBRATED
    )
    assert len(image.active) <= 4
    strongest = np.argsort(np.linalg.norm(image.moments_nam, axis=1))[-2:]
    assert set(strongest) == set(wanted)
    np.testing.assert_allclose(image.moments_nam[wanted], moments, atol=200.0)
    assert image.gof > 0.999


def test_sparse_learning_is_mnes():
    """The same sources and strengths as MNE's gamma-MAP in the same form of its update."""
    pytest.importorskip("mne")
    from mne.inverse_sparse._gamma_map import _gamma_map_opt

    random = np.random.default_rng(7)
    gain = random.normal(size=(30, 80))
    truth = np.zeros(80)
    truth[[5, 40, 71]] = [20.0, -35.0, 15.0]
    seen = gain @ truth + random.normal(size=30)
    theirs = np.zeros(80)
    strengths, active = _gamma_map_opt(
        seen[:, None], gain, alpha=1.0, maxit=3000, tol=1e-8, update_mode=2, verbose="error"
    )
    theirs[active] = strengths[:, 0]
    ours = solve(gain[:, :, None], seen)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=0.1)
    assert {5, 40, 71} <= set(np.flatnonzero(ours))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"orientation": "up"}, InputError, "orientation"),
        (
            {"surface": ellipsoid((0, 0, 0.03), (0.05, 0.05, 0.05), 1)},
            AnalysisError,
            "reaches above",
        ),
        ({"model": Sphere((0.0, 0.0, -0.03), 0.05)}, AnalysisError, "outside the sphere"),
        ({"noise_pt": None, "uncertainty": None}, InputError, "neither|without noise"),
    ],
)
def test_images_that_make_no_sense_are_refused(array, coarse, change, error, text):
    field = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ R_MOMENT_NAM
    options = {"noise_pt": np.full(72, NOISE_PT), "surface": coarse} | change
    for image in (image_minimum_norm, image_sparse):
        with pytest.raises(error, match=text):
            image(field, array, **options)
    with pytest.raises(AnalysisError, match="no field"):
        image_sparse(np.zeros(72), array, surface=coarse)
    with pytest.raises(AnalysisError, match="too few for an image"):
        image_sparse(np.where(np.arange(72) < 6, field, np.nan), array, surface=coarse)
    with pytest.raises(InputError, match="depth exponent"):
        image_minimum_norm(field, array, surface=coarse, depth=2.0)
    with pytest.raises(InputError, match="regularisation"):
        image_minimum_norm(field, array, surface=coarse, regularisation="good")


def test_an_image_in_a_torso_has_three_directions(array, coarse):
    torso = BoundaryElement(ellipsoid((0.0, 0.0, -0.1), (0.2, 0.3, 0.1), 2), least_depth_m=0.01)
    lead = torso.lead_field(array.positions_m, array.orientations, np.array([0.0, 0.0, -0.035]))
    field = lead @ np.array([0.0, 1e4, 0.0])
    image = image_minimum_norm(field, array, np.full(72, NOISE_PT), surface=coarse, model=torso)
    assert np.abs(image.moments_nam[:, 2]).max() > 0.0
    assert image.gof > 0.99
    assert image.model == "torso of 320 triangles"


def average_of(array, moments_nam, places_m, random, noise_pt=0.03):
    """An averaged beat whose dipole wanders and turns."""
    time_s = np.arange(len(moments_nam)) / 1000.0 - 0.05
    lead = lead_field(array.positions_m, array.orientations, places_m)
    field = np.einsum("tnq,tq->nt", lead, moments_nam)
    field += noise_pt * random.normal(size=field.shape)
    n = array.n_channels
    return AveragedBeat(
        time_s=time_s,
        field_pt=field,
        standard_error_pt=np.full(field.shape, noise_pt),
        noise_pt=np.full(n, noise_pt),
        beats_used=np.full(n, 60),
        baseline_s=(-0.05, -0.045),
        snr_db=40.0,
    )


def test_a_wandering_dipole_is_followed(array):
    random = np.random.default_rng(8)
    turn = np.linspace(0.0, 2.0, 101)[:, None]
    moments = R_MOMENT_NAM * np.cos(turn) + T_MOMENT_NAM[[1, 0, 2]] * np.sin(turn) * 4.0
    moments[:, 2] = 0.0
    places = DIPOLE_M + np.linspace(0.0, 0.02, 101)[:, None] * np.array([1.0, 0.5, -0.5])
    average = average_of(array, moments, places, random)
    found = fit_moving_dipole(average, array, (-0.04, 0.04), uncertainty=CALIBRATED, step_s=0.008)
    truth = np.array([places[average.index(t)] for t in found.time_s])
    assert len(found.time_s) == 11
    assert found.is_trusted.all()
    assert 1e3 * np.linalg.norm(found.positions_m - truth, axis=1).max() < 1.0
    assert (found.gof > 0.999).all()
    assert (found.confidence_mm < 2.0).all()
    wanted = np.array([moments[average.index(t)] for t in found.time_s])
    np.testing.assert_allclose(found.moments_nam, wanted, atol=300.0)
    whole = 1e3 * np.linalg.norm(truth[-1] - truth[0])
    assert found.path_mm == pytest.approx(whole, rel=0.3)


def test_a_window_without_field_is_not_trusted(array):
    random = np.random.default_rng(9)
    quiet = average_of(array, np.zeros((101, 3)), np.tile(DIPOLE_M, (101, 1)), random)
    found = fit_moving_dipole(quiet, array, (-0.04, 0.04), step_s=0.01)
    assert not found.is_trusted.any()
    silent = AveragedBeat(**{**vars(quiet), "field_pt": np.zeros_like(quiet.field_pt)})
    nothing = fit_moving_dipole(silent, array, (-0.04, 0.04), step_s=0.02)
    assert all(fit is None for fit in nothing.fits)
    assert all("no field" in reason for reason in nothing.reasons)
    assert np.isnan(nothing.positions_m).all()
    assert nothing.path_mm is None
    with pytest.raises(InputError, match="not within the averaged beat"):
        fit_moving_dipole(quiet, array, (-0.04, 0.4))
