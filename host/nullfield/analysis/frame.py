"""The working frame: where the chest is, for an array in coordinates of its own.

Maps and sources are computed with x from right to left of the patient, y toward the head and z out
of the chest. Our own recordings are in that frame. A file of another system is in its device
coordinates; there the array itself tells the plane that it lies in, and which way is outward:

1. as the user says (`outward`);
2. a curved array (a helmet) is hollow toward the body;
3. the sensitive axes along the plane's normal point outward, by the custom of MEG;
4. else toward the device's +z.

A plane within 26 degrees of the device's own x-y plane is taken as it is, and the coordinates stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import CHEST_NORMAL_COSINE, FieldRecording, SensorArray
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import InputError

_CURVED = 0.1
"""Bulge over half width from which an array counts as curved (a planar one has placing errors)."""
_ALIKE = 0.5
"""Mean cosine from which the sensitive axes count as pointing one way."""


@dataclass(frozen=True)
class WorkingFrame:
    """Rotation and origin between device coordinates and the working frame.

    Attributes
    ----------
    rotation : numpy.ndarray, shape ``(3, 3)``
        Columns are the working axes in device coordinates.
    origin_m : numpy.ndarray, shape ``(3,)``
        The working frame's origin in device coordinates.
    how : str
        What it was found from, for the reader.
    """

    rotation: FloatArray = field(default_factory=lambda: np.eye(3))
    origin_m: FloatArray = field(default_factory=lambda: np.zeros(3))
    how: str = "the file's own coordinates"

    @property
    def is_identity(self) -> bool:
        """True if device coordinates are the working frame."""
        return bool(np.array_equal(self.rotation, np.eye(3)) and not self.origin_m.any())

    def array_to_working(self, array: SensorArray) -> SensorArray:
        """The array with positions and orientations in the working frame."""
        if self.is_identity:
            return array
        return replace(
            array,
            positions_m=(array.positions_m - self.origin_m) @ self.rotation,
            orientations=array.orientations @ self.rotation,
        )

    def to_working(self, recording: FieldRecording) -> FieldRecording:
        """The recording with its array in the working frame; samples are shared."""
        if self.is_identity:
            return recording
        return replace(recording, array=self.array_to_working(recording.array))

    def points_to_device_m(self, points_m: npt.ArrayLike) -> FloatArray:
        """Points, shape ``(..., 3)``, from the working frame to device coordinates."""
        return np.asarray(np.asarray(points_m, dtype=float) @ self.rotation.T + self.origin_m)

    def directions_to_device(self, directions: npt.ArrayLike) -> FloatArray:
        """Vectors, shape ``(..., 3)``, from the working frame to device coordinates."""
        return np.asarray(np.asarray(directions, dtype=float) @ self.rotation.T)


def find_frame(array: SensorArray, outward: Sequence[float] | None = None) -> WorkingFrame:
    """Find the working frame of an array; see the module's text for the rules.

    Parameters
    ----------
    array : SensorArray
        In device coordinates.
    outward : sequence of 3 float, optional
        Direction away from the body in device coordinates, of any length.

    Returns
    -------
    WorkingFrame
        The identity where there are too few places to tell a plane.

    Raises
    ------
    InputError
        If `outward` has no direction.
    """
    normal: FloatArray | None = None
    how = ""
    if outward is not None:
        normal = np.asarray(outward, dtype=float)
        length = float(np.linalg.norm(normal)) if normal.shape == (3,) else 0.0
        if not np.isfinite(length) or length == 0.0:
            raise InputError(
                f"outward {list(outward)} is no direction", "give three numbers, for instance 0,0,1"
            )
        normal, how = normal / length, "outward as given"
    chosen = array.has_place & array.is_chest
    places = np.unique(np.round(array.positions_m[chosen], 4), axis=0)
    if normal is None:
        if len(places) < 3:
            return WorkingFrame(how="the file's own coordinates: too few places to tell a plane")
        normal, how = _normal(places, array.orientations[chosen])
    if normal[2] >= CHEST_NORMAL_COSINE:
        return WorkingFrame(how="the file's own coordinates" if outward is None else how)
    origin = places.mean(axis=0) if len(places) else np.zeros(3)
    return WorkingFrame(_axes(normal), origin, how)


def _normal(places_m: FloatArray, orientations: FloatArray) -> tuple[FloatArray, str]:
    centred = places_m - places_m.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    mean_axis = orientations.mean(axis=0)
    if spread[1] < 1e-3 * max(float(spread[0]), 1e-9):
        # A line of sensors: it has no plane, but its axes may tell.
        if np.linalg.norm(mean_axis) > _ALIKE:
            return mean_axis / np.linalg.norm(mean_axis), "sensitive axes of a line of sensors"
        return np.array([0.0, 0.0, 1.0]), "a line of sensors: +z taken as outward"
    normal = axes[2]
    height = centred @ normal
    across2 = ((centred - height[:, None] * normal) ** 2).sum(axis=1)
    # A hollow array's rim lies lower (nearer to the body) than its middle: height falls outward.
    slope = float(np.cov(across2, height)[0, 1] / max(float(np.var(across2, ddof=1)), 1e-300))
    bulge = abs(slope) * float(np.sqrt(across2.max()))
    if bulge > _CURVED:
        return (-normal if slope > 0.0 else normal), "hollow side of a curved array is the body's"
    cosine = orientations @ normal
    upright = cosine[np.abs(cosine) >= CHEST_NORMAL_COSINE]
    along = float(upright.mean()) if len(upright) else 0.0
    if abs(along) > _ALIKE:
        return (normal if along > 0.0 else -normal), "plane of the array, outward as its axes point"
    if abs(normal[2]) > 1e-6:
        return (normal if normal[2] > 0.0 else -normal), "plane of the array, outward toward +z"
    return normal, "plane of the array; its outward side is not told: give it"


def _axes(normal: FloatArray) -> FloatArray:
    """Working axes: y as near as can be to the device's +z, which mostly is up, else to its +y."""
    up = np.array([0.0, 0.0, 1.0]) if abs(normal[2]) < CHEST_NORMAL_COSINE else np.eye(3)[1]
    y = up - normal * float(up @ normal)
    y /= np.linalg.norm(y)
    return np.column_stack([np.cross(y, normal), y, normal])
