"""The forward model that was chosen, and what the body might be as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nullfield.analysis.data import SensorArray
from nullfield.analysis.frame import WorkingFrame
from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.free_dipole import FreeDipole
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.model_choice import ModelChoice
from nullfield.analysis.sources.sphere import Sphere
from nullfield.analysis.sources.surface import Surface, ellipsoid, load_surface
from nullfield.errors import AnalysisError

TRUNK_HALF_AXES_M = (0.17, 0.26, 0.10)
"""A usual trunk, as an ellipsoid: 340 mm wide, 520 mm of it along the body, 200 mm deep."""
_DOUBTED_SIZES = (0.85, 1.15)
_GAP_M = 0.01
"""From the lowest channel to the top of the sphere: clothes and the heads' own walls."""


def forward_model(choice: ModelChoice, array: SensorArray, frame: WorkingFrame) -> ForwardModel:
    """Make the model.

    Parameters
    ----------
    choice : ModelChoice
    array : SensorArray
        In the working frame.
    frame : WorkingFrame
        For the mesh, which is in device coordinates.

    Raises
    ------
    InputError
        If the mesh cannot be used.
    AnalysisError
        If a sphere is asked for and no channel has a place.
    """
    if choice.name == "free":
        return FreeDipole()
    if choice.name == "sphere":
        places = array.positions_m[array.has_place & array.is_chest]
        if not len(places):
            raise AnalysisError("no channel has a place to put a sphere under", "give --positions")
        top_m = np.append(places[:, :2].mean(axis=0), places[:, 2].min() - _GAP_M)
        x, y, z = (float(v) for v in top_m - [0.0, 0.0, choice.radius_m])
        return Sphere((x, y, z), choice.radius_m)
    if choice.name == "torso":
        assert choice.surface is not None  # checked when it was made
        surface = load_surface(Path(choice.surface), unit=choice.surface_unit)
        return BoundaryElement(
            Surface(
                (surface.vertices_m - frame.origin_m) @ frame.rotation,
                surface.triangles,
                surface.notes,
            )
        )
    return HalfSpace()


def alternative_models(choice: ModelChoice, array: SensorArray) -> tuple[ForwardModel, ...]:
    """The trunks that the body might be as well; none where the conductor is not in doubt.

    Their fronts touch the plane just below the middle of the array.
    """
    places = array.positions_m[array.has_place & array.is_chest]
    if not choice.is_doubted or not len(places):
        return ()
    front_m = np.append(places[:, :2].mean(axis=0), places[:, 2].min() - _GAP_M)
    models = []
    for size in _DOUBTED_SIZES:
        half_axes_m = size * np.array(TRUNK_HALF_AXES_M)
        centre_m = front_m - [0.0, 0.0, half_axes_m[2]]
        models.append(BoundaryElement(ellipsoid(centre_m, half_axes_m)))
    return tuple(models)
