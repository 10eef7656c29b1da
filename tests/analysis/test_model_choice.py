"""Forward models by name, and the trunks that a body might be as well."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_heart import DIPOLE_M, make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.data import CALIBRATED
from nullfield.analysis.frame import WorkingFrame
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.choice import (
    TRUNK_HALF_AXES_M,
    alternative_models,
    forward_model,
)
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.half_space import HalfSpace, lead_field
from nullfield.analysis.sources.model_choice import ModelChoice
from nullfield.analysis.sources.surface import ellipsoid
from nullfield.errors import AnalysisError, InputError

ARRAY = make_array(6, (0, 1))
AT_HOME = WorkingFrame()


def test_each_name_gives_its_model():
    names = {
        one: forward_model(ModelChoice(one), ARRAY, AT_HOME).name
        for one in ("half-space", "free", "sphere")
    }
    assert "half-space" in names["half-space"]
    assert "sphere of 150 mm" in names["sphere"]
    assert len(set(names.values())) == 3


def test_what_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="no such forward model"):
        ModelChoice("cube")
    with pytest.raises(InputError, match="mesh file"):
        ModelChoice("torso")
    nowhere = ARRAY.subset(np.zeros(ARRAY.n_channels, dtype=bool))
    with pytest.raises(AnalysisError, match="no channel has a place"):
        forward_model(ModelChoice("sphere"), nowhere, AT_HOME)


def test_a_torso_is_read_in_device_coordinates(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    surface = ellipsoid((0.0, 0.0, -0.10), (0.17, 0.26, 0.10), 2)
    frame = WorkingFrame(
        Rotation.from_euler("xyz", [90, 20, 0], degrees=True).as_matrix(), np.array([0.1, 0.2, 1.0])
    )
    mesh = trimesh.Trimesh(frame.points_to_device_m(surface.vertices_m), surface.triangles)
    mesh.export(tmp_path / "torso.stl")
    choice = ModelChoice("torso", surface=str(tmp_path / "torso.stl"), surface_unit="m")
    model = forward_model(choice, ARRAY, frame)
    heart_m = np.array([[0.0, 0.02, -0.08]])
    assert isinstance(model, BoundaryElement)
    assert model.surface.depth_m(heart_m)[0] == pytest.approx(surface.depth_m(heart_m)[0], abs=1e-4)


def test_doubt_brings_a_half_space_nearer_to_a_heart_in_a_trunk():
    trunk = alternative_models(ModelChoice(is_doubted=True), ARRAY)
    assert len(trunk) == 2
    assert alternative_models(ModelChoice(), ARRAY) == ()
    # A body between the two.
    truth = forward_model_of_a_trunk()
    heart_m = np.array([0.01, 0.015, -0.07])
    lead = truth.lead_field(ARRAY.positions_m, ARRAY.orientations, heart_m)
    field_pt = lead @ np.array([9000.0, -6000.0, 0.0])
    noise_pt = np.full(len(field_pt), 0.05)

    def error_m(alternatives):
        fit = fit_dipole(
            field_pt, ARRAY, noise_pt, model=HalfSpace(), uncertainty=CALIBRATED,
            alternatives=alternatives,
        )  # fmt: skip
        return float(np.linalg.norm(fit.position_m - heart_m))

    plain_m, doubted_m = error_m(()), error_m(trunk)
    assert plain_m > 0.01
    assert doubted_m < 0.005


def test_doubt_in_the_settings_reaches_the_fits_of_an_analysis():
    array = make_array(6, (0, 1))
    heart = simulate(array, duration_s=12.0, noise_ft=15.0)
    # The same heart in a trunk: its moments are told from the half-space that it was made in.
    places, axes = array.positions_m, array.orientations
    made = lead_field(places, axes, DIPOLE_M)
    moment_nam = np.linalg.pinv(made) @ heart.recording.field_pt
    within = forward_model_of_a_trunk().lead_field(places, axes, DIPOLE_M)
    rest_pt = heart.recording.field_pt - made @ moment_nam
    recording = heart.recording.with_field(within @ moment_nam + rest_pt)

    def error_m(is_doubted):
        choice = ModelChoice(is_doubted=is_doubted)
        settings = AnalysisSettings(model=choice, uncertainty=CALIBRATED, resamples=0)
        analysis = analyze(recording, settings)
        assert analysis.moving_dipole is not None
        return float(np.linalg.norm(analysis.landmarks["R"].dipole.position_m - DIPOLE_M))

    assert error_m(False) > 0.01
    assert error_m(True) < 0.005


def forward_model_of_a_trunk():
    half_axes_m = np.array(TRUNK_HALF_AXES_M)
    return BoundaryElement(ellipsoid((0.0, 0.0, 0.02 - half_axes_m[2]), half_axes_m))
