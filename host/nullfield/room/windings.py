"""Windings that can be driven, as the model of a calibration knows them: room coils and loops.

A room coil lies in the room, whose place about the array is known roughly; a loop lies on the plate
of a transfer standard, which is seated on the array. Each winding differs from its drawing by a few
small numbers; room and plate have a place of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from nullfield.room.coil_geometry import CoilErrors, coil_field_pt_per_ma, field_pt_per_ma

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Winding:
    """One winding as drawn.

    Attributes
    ----------
    name : str
    kind : str
        Of a room coil, see `coil_geometry.loops`; ``loop`` of a standard's loop.
    nominal_nt_per_ma : float
        Of a room coil.
    corners_m : numpy.ndarray, shape ``(n, 3)``, or None
        Of a loop: corner points in the head frame, not closed.
    turns : int
        Of a loop.
    """

    name: str
    kind: str
    nominal_nt_per_ma: float = 10.0
    corners_m: FloatArray | None = None
    turns: int = 1

    @property
    def is_loop(self) -> bool:
        """Whether it belongs to a transfer standard."""
        return self.kind == "loop"

    @property
    def n_parameters(self) -> int:
        """Numbers by which it may differ from its drawing."""
        return len(LOOP_PARAMETERS) if self.is_loop else len(COIL_PARAMETERS)


_PLACE = ("gain", "turn x", "turn y", "turn z", "shift x", "shift y", "shift z")
STRAY_PARAMETERS = ("stray x", "stray y", "stray z")
"""Field that does not come from the winding but went with its currents by chance: the room drifted
while they were switched. The same at all heads, pT/mA."""
COIL_PARAMETERS = (*_PLACE, *STRAY_PARAMETERS)
"""Gain as a share, rotation vector about the origin in radians, shift in metres, stray field."""
LOOP_PARAMETERS = (*_PLACE, "size", *STRAY_PARAMETERS)
"""The same about the loop's own centre, and the size as a share."""
ROOM_PARAMETERS = (
    "turn x", "turn y", "turn z", "shift x", "shift y", "shift z", "length", "image",
)  # fmt: skip
"""Coils and walls as a whole about the origin, their length as a share, strength of the image."""
PLATE_PARAMETERS = ROOM_PARAMETERS[:7]
"""The standard as a whole about its centre."""


def turned(points: FloatArray, place: FloatArray, centre: FloatArray | float = 0.0) -> FloatArray:
    """Points scaled, turned and shifted by seven numbers as `PLATE_PARAMETERS`."""
    turn = Rotation.from_rotvec(place[:3]).as_matrix()
    moved = (1.0 + place[6]) * (np.asarray(points) - centre) @ turn.T
    return np.asarray(moved + centre + place[3:6])


def coil_field(
    winding: Winding, points_m: FloatArray, errors: FloatArray, room: FloatArray
) -> FloatArray:
    """Field of a room coil, head frame.

    Parameters
    ----------
    winding : Winding
    points_m : numpy.ndarray, shape ``(n, 3)``
    errors : numpy.ndarray, shape ``(10,)``
        `COIL_PARAMETERS`.
    room : numpy.ndarray, shape ``(8,)``
        `ROOM_PARAMETERS`.

    Returns
    -------
    numpy.ndarray, shape ``(n, 3)``
        pT/mA. A room larger by a share has the field of the smaller one, seen from nearer: the
        currents of a longer wire count less, which the gain takes up.
    """
    turn = Rotation.from_rotvec(room[:3]).as_matrix()
    inside = (points_m - room[3:6]) @ turn / (1.0 + room[6])
    built = CoilErrors(1.0 + errors[0], errors[1:4], errors[4:7])
    field = coil_field_pt_per_ma(
        winding.kind, winding.nominal_nt_per_ma, inside, built, float(room[7])
    )
    return np.asarray(field @ turn.T + errors[7:10])


def loop_corners_m(
    winding: Winding, errors: FloatArray, plate: FloatArray, centre_m: FloatArray
) -> FloatArray:
    """Closed corners of a standard's loop as it lies on the array, shape ``(n + 1, 3)``."""
    corners = np.asarray(winding.corners_m, dtype=np.float64)
    own_centre = corners.mean(axis=0)
    built = turned(corners, errors[1:8], own_centre)
    placed = turned(built, plate, centre_m)
    return np.vstack([placed, placed[:1]])


def loop_field(
    winding: Winding,
    points_m: FloatArray,
    errors: FloatArray,
    plate: FloatArray,
    centre_m: FloatArray,
) -> FloatArray:
    """Field of a standard's loop, head frame, shape ``(n, 3)``, pT/mA.

    Parameters
    ----------
    winding : Winding
    points_m : numpy.ndarray, shape ``(n, 3)``
    errors : numpy.ndarray, shape ``(11,)``
        `LOOP_PARAMETERS`.
    plate : numpy.ndarray, shape ``(7,)``
        `PLATE_PARAMETERS`.
    centre_m : numpy.ndarray, shape ``(3,)``
        Of the plate as drawn.
    """
    corners = loop_corners_m(winding, errors, plate, centre_m)
    own = field_pt_per_ma([(corners, winding.turns * (1.0 + errors[0]))], points_m)
    return own + errors[8:11]


def plate_centre_m(windings: tuple[Winding, ...]) -> FloatArray:
    """Centre of the corners of all loops; the origin without any."""
    corners = [np.asarray(w.corners_m) for w in windings if w.is_loop]
    return np.asarray(np.concatenate(corners).mean(axis=0)) if corners else np.zeros(3)


def nominal_field_pt_per_ma(windings: tuple[Winding, ...], points_m: FloatArray) -> FloatArray:
    """Field of all windings as drawn, without walls, shape ``(n, 3, n_windings)``, pT/mA."""
    centre = plate_centre_m(windings)
    none = np.zeros(len(LOOP_PARAMETERS))
    out = np.empty((len(points_m), 3, len(windings)))
    for k, winding in enumerate(windings):
        out[:, :, k] = (
            loop_field(winding, points_m, none, none[:7], centre)
            if winding.is_loop
            else coil_field(winding, points_m, none[:10], none[:8])
        )
    return out
