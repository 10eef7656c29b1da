"""Harmonic bases and the corrections built on them, against MNE and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_heart import AXES, make_array

from nullfield.analysis.cleaning.harmonics import inner_basis, outer_basis
from nullfield.analysis.cleaning.heart import covariance, ensemble, kept_share
from nullfield.analysis.cleaning.homogeneous import homogeneous_projector
from nullfield.analysis.data import SensorArray
from nullfield.analysis.sources.half_space import lead_field


def tri_axial(seed: int = 0, heads: int = 30) -> SensorArray:
    """Heads scattered over a plate, turned at random: no symmetry helps."""
    random = np.random.default_rng(seed)
    places = random.uniform([-0.12, -0.12, -0.02], [0.12, 0.12, 0.03], size=(heads, 3))
    turned = np.linalg.qr(random.normal(size=(heads, 3, 3)))[0]
    names = tuple(f"H{i}-{axis}" for i in range(heads) for axis in "xyb")
    return SensorArray(
        names,
        np.repeat(places, 3, axis=0),
        turned.reshape(-1, 3),
        tuple(name.split("-")[0] for name in names),
        np.tile([0, 1, 2], heads),
        np.zeros(3 * heads, dtype=bool),
    )


def mne_info(array: SensorArray):
    mne = pytest.importorskip("mne")
    info = mne.create_info(list(array.names), 1000.0, "mag", verbose="error")
    for channel, place, axis in zip(
        info["chs"], array.positions_m, array.orientations, strict=True
    ):
        across = np.cross(axis, AXES[1] if abs(axis[0]) < 0.9 else AXES[2])
        across /= np.linalg.norm(across)
        channel["loc"][:] = np.concatenate([place, across, np.cross(axis, across), axis])
        channel["coil_type"] = mne._fiff.constants.FIFF.FIFFV_COIL_POINT_MAGNETOMETER
    info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    return info


@pytest.mark.parametrize("order", [1, 2, 3])
# No head on the axis through the origin, where the spherical coordinates of MNE are singular.
@pytest.mark.parametrize("array", [tri_axial(), make_array(6, (0, 1, 2))], ids=["turned", "grid"])
def test_projector_is_that_of_mne(order, array):
    mne = pytest.importorskip("mne")
    projections = mne.preprocessing.compute_proj_hfc(mne_info(array), order, verbose="error")
    assert len(projections) == order * (order + 2)
    # Their span; make_projector of MNE would drop directions that it thinks alike.
    vectors = np.concatenate([one["data"]["data"] for one in projections]).T
    left = np.linalg.svd(vectors, full_matrices=False)[0]
    expected = np.eye(array.n_channels) - left @ left.T
    found = homogeneous_projector(array, order)
    assert np.abs(found - expected).max() < 1e-11
    assert np.linalg.matrix_rank(np.eye(len(found)) - found, tol=1e-8) == order * (order + 2)


@pytest.mark.parametrize(("inner", "outer"), [(4, 2), (7, 3)])
def test_bases_span_what_those_of_mne_span(inner, outer):
    pytest.importorskip("mne")
    from mne.preprocessing.maxwell import _prep_mf_coils, _sss_basis

    array = tri_axial(1, 40)
    origin = np.array([0.01, -0.02, -0.15])
    coils = _prep_mf_coils(mne_info(array), ignore_ref=False, verbose="error")
    theirs = _sss_basis({"origin": origin, "int_order": inner, "ext_order": outer}, coils)
    count = inner * (inner + 2)
    places = array.positions_m - origin
    for ours, reference in (
        (inner_basis(places, array.orientations, inner), theirs[:, :count]),
        (outer_basis(places, array.orientations, outer), theirs[:, count:]),
    ):
        assert ours.shape == reference.shape
        scaled = reference / np.linalg.norm(reference, axis=0)
        fitted = ours @ np.linalg.lstsq(ours, scaled, rcond=None)[0]
        assert np.abs(fitted - scaled).max() < 1e-7


def test_first_degrees_are_a_uniform_field_and_a_magnetic_dipole():
    array = tri_axial(2)
    uniform = outer_basis(array.positions_m, array.orientations, 1)
    fitted = uniform @ np.linalg.lstsq(uniform, array.orientations, rcond=None)[0]
    np.testing.assert_allclose(fitted, array.orientations, atol=1e-12)
    offset = array.positions_m - np.array([0.0, 0.0, -0.1])
    distance = np.linalg.norm(offset, axis=1)[:, None]
    along = (array.orientations * offset).sum(axis=1)[:, None]
    dipoles = 3.0 * along * offset / distance**5 - array.orientations / distance**3
    near = inner_basis(offset, array.orientations, 1)
    fitted = near @ np.linalg.lstsq(near, dipoles, rcond=None)[0]
    np.testing.assert_allclose(fitted, dipoles, rtol=1e-9, atol=1e-9 * np.abs(dipoles).max())


def test_kept_share_is_the_least_over_directions():
    array = make_array(5, (0, 1, 2))
    leads = ensemble(array, np.ones(array.n_channels, dtype=bool))
    operator = homogeneous_projector(array, 1)
    angles = np.linspace(0.0, np.pi, 721)
    fields = np.einsum("dcj,ja->dca", leads, np.array([np.cos(angles), np.sin(angles)]))
    left = np.einsum("dca,ce,dea->da", fields, operator, fields, optimize=True)
    share = left / (fields**2).sum(axis=1)
    assert kept_share(operator, leads) == pytest.approx(share.min(), rel=1e-4)
    assert kept_share(operator, leads) <= share.min() + 1e-12
    assert kept_share(np.eye(len(operator)), leads) == pytest.approx(1.0)
    assert kept_share(0.0 * operator, leads) == pytest.approx(0.0)


def test_ensemble_follows_the_array_and_sees_the_half_space():
    array = make_array(4, (0, 1))
    channels = np.ones(array.n_channels, dtype=bool)
    leads = ensemble(array, channels)
    moved = array.positions_m + np.array([0.3, -0.2, 1.0])
    shifted = SensorArray(
        array.names,
        moved,
        array.orientations,
        array.head_names,
        array.axis_index,
        array.is_reference,
    )
    np.testing.assert_allclose(ensemble(shifted, channels), leads, rtol=1e-9)
    middle = lead_field(array.positions_m, array.orientations, np.array([0.0, 0.0, 0.03 - 0.08]))
    assert np.isclose(leads, middle[None, :, :2]).all(axis=(1, 2)).any()
    assert np.linalg.eigvalsh(covariance(leads)).min() > 0.0
