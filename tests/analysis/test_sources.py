"""Forward model, map and dipole fit against closed forms and independent codes."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, R_MOMENT_NAM, make_array, simulate

from nullfield.analysis.arrows import arrows_pt_per_m
from nullfield.analysis.cleaning.homogeneous import homogeneous_projector
from nullfield.analysis.cleaning.reference import regress_references
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.features.poles import map_features
from nullfield.analysis.field_map import FieldMap, map_bz
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.half_space import (
    free_dipole_bz_pt,
    half_space_field_pt,
    half_space_lead,
    lead_field,
)
from nullfield.errors import AnalysisError


def sarvas_pt(points_m, dipole_m, moment_nam, centre_m):
    """Current dipole in a conducting sphere (Sarvas 1987, eq. 25), written out by itself."""
    q = np.asarray(moment_nam) * 1e-9
    r0 = np.asarray(dipole_m) - centre_m
    out = []
    for point in points_m:
        r = point - centre_m
        a_vec = r - r0
        a, size = np.linalg.norm(a_vec), np.linalg.norm(r)
        f = a * (size * a + size**2 - r0 @ r)
        grad = (a**2 / size + a_vec @ r / a + 2 * a + 2 * size) * r - (
            a + 2 * size + a_vec @ r / a
        ) * r0
        cross = np.cross(q, r0)
        out.append(1e-7 / f**2 * (f * cross - (cross @ r) * grad) * 1e12)
    return np.array(out)


@pytest.fixture(scope="module")
def points():
    random = np.random.default_rng(0)
    return np.column_stack([random.uniform(-0.1, 0.1, (20, 2)), random.uniform(0.01, 0.1, 20)])


@pytest.mark.parametrize("moment", [(1e4, 0, 0), (0, 1e4, 0), (5e3, -7e3, 9e3)])
def test_half_space_is_the_limit_of_a_large_sphere(points, moment):
    radius_m = 1000.0
    ours = half_space_field_pt(points, DIPOLE_M, moment)
    sphere = sarvas_pt(points, DIPOLE_M, moment, np.array([0.0, 0.0, -radius_m]))
    assert np.abs(ours - sphere).max() < 1e-3 * np.abs(ours).max()


def test_half_space_against_mne(points):
    mne = pytest.importorskip("mne")
    from mne.forward import _compute_forward

    assert hasattr(_compute_forward, "_sphere_field")
    rrs = np.array([[0.010, 0.010, -0.060]])
    centre = np.array([0.0, 0.0, -1000.0])
    field = []
    for axis in np.eye(3):
        coils = (
            points,
            np.tile(axis, (len(points), 1)),
            np.ones(len(points)),
            np.arange(len(points)),
        )
        sphere = mne.bem.ConductorModel(is_sphere=True, r0=centre, coord_frame=4, layers=[])
        rows = _compute_forward._sphere_field(rrs, coils, sphere)
        field.append(rows)  # (3 moments, n_points), T per A m
    theirs = np.stack(field, axis=1) * 1e12 * 1e-9
    ours = half_space_lead(points, rrs[0])  # (n_points, component, moment)
    np.testing.assert_allclose(
        ours, np.transpose(theirs, (2, 1, 0)), atol=1e-3 * np.abs(ours).max()
    )


def test_bz_is_that_of_the_free_dipole_and_a_normal_one_is_silent(points):
    moment = np.array([3e3, -8e3, 5e3])
    ours = half_space_field_pt(points, DIPOLE_M, moment)
    np.testing.assert_allclose(ours[:, 2], free_dipole_bz_pt(points, DIPOLE_M, moment), rtol=1e-12)
    assert not half_space_field_pt(points, DIPOLE_M, [0.0, 0.0, 1e4]).any()


def test_the_field_has_no_curl_and_no_divergence_outside(points):
    step = 1e-5
    gradient = np.stack(
        [
            (
                half_space_field_pt(points + step * unit, DIPOLE_M, R_MOMENT_NAM)
                - half_space_field_pt(points - step * unit, DIPOLE_M, R_MOMENT_NAM)
            )
            / (2 * step)
            for unit in np.eye(3)
        ],
        axis=2,
    )
    size = np.abs(gradient).max()
    assert np.abs(np.trace(gradient, axis1=1, axis2=2)).max() < 1e-6 * size
    assert np.abs(gradient - np.transpose(gradient, (0, 2, 1))).max() < 1e-6 * size


def test_lead_field_of_many_dipoles_is_that_of_each():
    array = make_array(3, (0, 1))
    dipoles = np.array([DIPOLE_M, [-0.02, 0.0, -0.04]])
    together = lead_field(array.positions_m, array.orientations, dipoles)
    for one, dipole in zip(together, dipoles, strict=True):
        np.testing.assert_allclose(one, lead_field(array.positions_m, array.orientations, dipole))


def true_map(field_map: FieldMap, dipole_m, moment_nam) -> FieldMap:
    gx, gy = np.meshgrid(field_map.x_m, field_map.y_m)
    points = np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, field_map.z_m)], axis=1)
    bz = half_space_field_pt(points, dipole_m, moment_nam)[:, 2].reshape(gx.shape)
    return FieldMap(field_map.x_m, field_map.y_m, field_map.z_m, bz, 1.0, 0)


def measure(array, dipole_m, moment_nam, random, noise_pt):
    """Field with head errors: 0.5 % gain, 0.6 mm of place."""
    places = array.positions_m + random.normal(size=(array.n_channels, 3)) * 0.0006
    field = np.einsum(
        "nc,nc->n", half_space_field_pt(places, dipole_m, moment_nam), array.orientations
    )
    gain = 1.0 + 0.005 * random.normal(size=array.n_channels)
    return field * gain + noise_pt * random.normal(size=array.n_channels)


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 1, 2)])
def test_map_from_36_heads_is_the_true_field(axes):
    random = np.random.default_rng(1)
    array = make_array(6, axes)
    noise_pt = np.full(array.n_channels, 0.2)
    for _ in range(10):
        dipole = np.append(random.uniform(-0.03, 0.03, 2), random.uniform(-0.08, -0.04))
        moment = np.append(random.normal(size=2) * 1e4, 0.0)
        field_pt = measure(array, dipole, moment, random, 0.2)
        field_map = map_bz(field_pt, array, noise_pt)
        truth = true_map(field_map, dipole, moment)
        assert np.corrcoef(field_map.bz_pt.ravel(), truth.bz_pt.ravel())[0, 1] >= 0.99


def test_a_dead_head_leaves_the_map_good():
    array = make_array(6, (0, 1))
    field_pt = measure(array, DIPOLE_M, R_MOMENT_NAM, np.random.default_rng(2), 0.2)
    field_pt[28:30] = np.nan
    field_map = map_bz(field_pt, array)
    truth = true_map(field_map, DIPOLE_M, R_MOMENT_NAM)
    assert np.corrcoef(field_map.bz_pt.ravel(), truth.bz_pt.ravel())[0, 1] >= 0.99
    assert field_map.n_channels == 70


@pytest.mark.parametrize("angle_deg", [-150.0, -40.0, 0.0, 75.0])
def test_arrows_and_features_of_a_dipole(angle_deg):
    """The arrow points along the dipole, the poles stand across at sqrt(2) times its depth."""
    turn = np.radians(angle_deg)
    dipole = np.array([0.0, 0.0, -0.03])
    line = np.linspace(-0.1, 0.1, 81)
    empty = FieldMap(line, line, 0.03, np.zeros((81, 81)), 1.0, 0)
    truth = true_map(empty, dipole, 1e4 * np.array([np.cos(turn), np.sin(turn), 0.0]))
    features = map_features(truth)
    assert features.pole_distance_mm == pytest.approx(np.sqrt(2.0) * 60.0, abs=0.5)
    assert features.pole_ratio == pytest.approx(1.0, abs=1e-3)
    assert features.poles_inside
    difference = (features.angle_deg - (angle_deg + 90.0) + 180.0) % 360.0 - 180.0
    assert abs(difference) < 0.5
    assert abs((features.arrow_angle_deg - angle_deg + 180.0) % 360.0 - 180.0) < 0.5
    along_x, along_y = arrows_pt_per_m(truth)
    centre = (along_x[40, 40], along_y[40, 40])
    np.testing.assert_allclose(
        np.array(centre) / np.hypot(*centre), [np.cos(turn), np.sin(turn)], atol=1e-2
    )


def test_a_map_with_one_pole_has_no_features():
    line = np.linspace(-0.1, 0.1, 5)
    with pytest.raises(AnalysisError, match="one pole"):
        map_features(FieldMap(line, line, 0.03, np.ones((5, 5)), 1.0, 4))


def test_dipole_from_36_heads_and_two_axes():
    random = np.random.default_rng(3)
    array = make_array(6, (0, 1))
    noise_pt = np.full(array.n_channels, 0.2)
    errors_mm, inside = [], []
    for _ in range(20):
        dipole = np.append(random.uniform(-0.04, 0.04, 2), random.uniform(-0.09, -0.03))
        moment = np.append(random.normal(size=2) * 1e4, 0.0)
        fit = fit_dipole(measure(array, dipole, moment, random, 0.2), array, noise_pt)
        errors_mm.append(1e3 * np.linalg.norm(fit.position_m - dipole))
        inside.append(errors_mm[-1] <= fit.confidence_axes_mm[0])
        assert fit.gof > 0.99
        np.testing.assert_allclose(fit.moment_nam[:2], moment[:2], atol=0.1 * np.abs(moment).max())
    assert np.median(errors_mm) < 1.0
    assert max(errors_mm) < 5.0
    assert np.mean(inside) >= 0.85


def test_confidence_tells_the_scatter():
    """The 95 % ellipsoid holds the place as often as it should, with noise alone."""
    random = np.random.default_rng(4)
    array = make_array(4, (0, 1))
    lead = lead_field(array.positions_m, array.orientations, DIPOLE_M)
    clean = lead @ R_MOMENT_NAM
    sigma = 0.02 * np.sqrt(np.mean(clean**2))
    noise_pt = np.full(len(clean), sigma)
    held = []
    for _ in range(60):
        field_pt = clean + sigma * random.normal(size=len(clean))
        fit = fit_dipole(field_pt, array, noise_pt, uncertainty=None)
        held.append(fit.region_holds(DIPOLE_M))
        assert 0.3 < fit.reduced_chi2 < 2.5
    assert 0.88 <= np.mean(held) <= 1.0


def test_four_triaxial_heads_are_enough():
    array = make_array(2, (0, 1, 2))
    lead = lead_field(array.positions_m, array.orientations, DIPOLE_M)
    fit = fit_dipole(lead @ R_MOMENT_NAM, array)
    np.testing.assert_allclose(fit.position_m, DIPOLE_M, atol=1e-5)
    np.testing.assert_allclose(fit.moment_nam[:2], R_MOMENT_NAM[:2], rtol=1e-3)
    assert fit.moment_nam[2] == 0.0


def test_too_little_is_refused_with_the_reason():
    four = make_array(2, (0,))
    with pytest.raises(AnalysisError, match="4 channels are too few"):
        fit_dipole(np.ones(4), four)
    with pytest.raises(AnalysisError, match="no field"):
        fit_dipole(np.zeros(12), make_array(2, (0, 1, 2)))
    field_pt = np.ones(12)
    field_pt[6:] = np.nan
    with pytest.raises(AnalysisError, match="2 places"):
        fit_dipole(field_pt, make_array(2, (0, 1, 2)))
    with pytest.raises(AnalysisError, match="too few for a map"):
        map_bz(np.array([1.0, np.nan, 2.0, 3.0]), four)
    with pytest.raises(AnalysisError, match="normal to the chest"):
        map_bz(np.ones(8), make_array(2, (1, 2)))


def test_a_dipole_outside_the_volume_is_told():
    array = make_array(4, (0, 1))
    lead = lead_field(array.positions_m, array.orientations, np.array([0.3, 0.0, -0.05]))
    fit = fit_dipole(lead @ R_MOMENT_NAM, array)
    assert fit.at_bound
    assert fit.confidence_mm is None


def test_references_take_the_common_field_and_leave_the_heart():
    array = make_array(3, (0, 1, 2), references=True)
    heart = simulate(array, common_pt=0.3)
    clean = simulate(array)
    from nullfield.analysis.beats import find_beats
    from nullfield.analysis.quality import quiet_samples

    quiet = quiet_samples(heart.recording, find_beats(clean.recording))
    corrected, result = regress_references(heart.recording, quiet)
    assert result.reduction_db > 20.0
    assert result.corrected[array.is_chest].all()
    chest = array.is_chest
    left = corrected.field_pt[chest] - clean.recording.field_pt[chest]
    left -= left.mean(axis=1, keepdims=True)
    peak = np.abs(clean.recording.field_pt[chest]).max()
    assert np.abs(left).max() < 0.15 * peak
    beats = np.round((clean.r_times_s - 5.0) * 1000).astype(int)
    mean_change = (left[:, beats] - left[:, beats - 60]).mean(axis=1)
    assert np.abs(mean_change).max() < 0.01 * peak


def test_references_are_refused_without_any():
    recording = simulate(make_array(2, (0,)), duration_s=5.0).recording
    with pytest.raises(AnalysisError, match="no working reference"):
        regress_references(recording, np.ones(recording.n_samples, bool))
    short = simulate(make_array(2, (0,), references=True), duration_s=5.0).recording
    with pytest.raises(AnalysisError, match="too little"):
        regress_references(short, np.zeros(short.n_samples, bool))


def test_homogeneous_projector():
    array = make_array(3, (0, 1, 2))
    projector = homogeneous_projector(array)
    assert np.abs(projector @ array.orientations).max() < 1e-12
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-12)
    with pytest.raises(AnalysisError, match="three directions"):
        homogeneous_projector(make_array(6, (0,)))


def test_arrays_that_do_not_fit_are_refused():
    array = make_array(2, (0,))
    with pytest.raises(ValueError, match="4 channels"):
        FieldRecording(np.zeros((3, 10)), 1000.0, array)
