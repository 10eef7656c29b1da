"""What a coil is wanted for: planes, room, target volume, wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError

FloatArray = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Axis = Literal["x", "y", "z"]
Penalty = Literal["power", "curvature"]

AXES: tuple[Axis, ...] = ("x", "y", "z")
MOST_TURNS = 200


@dataclass(frozen=True)
class CoilRequest:
    """What is wanted. The origin is midway between the planes, in the middle of both.

    Parameters
    ----------
    spacing_m : float
        Distance of the two planes.
    plane_m : (float, float)
        Size of each along the next two axes in the order x, y, z, x (a plane normal to z: along x
        and y).
    volume_m : (float, float, float)
        Full size of the box over which the field shall be right, along x, y, z.
    normal : {'x', 'y', 'z'}
        Normal of the planes.
    centre_m : (float, float, float)
        Centre of the box.
    room_m : (float, float, float), optional
        Inside of the room along x, y, z; the planes must fit into it.
    tolerance : float
        Largest deviation allowed anywhere in the box, as a share of the largest wanted field.
    turns : int
        Contours in the highest lobe of the stream function.
    wire_diameter_m : float
        Copper.
    wall_distance_m : float, optional
        From the origin to walls of high permeability parallel to the planes.
    n_modes : int
        Sine modes along either edge of a plane.
    penalty : {'power', 'curvature'}
        What is kept small beside the deviation: dissipated power, or the bend of the windings.

    Raises
    ------
    InputError
        If it cannot be made; names the key and the fix.
    """

    spacing_m: float
    plane_m: tuple[float, float]
    volume_m: Triple
    normal: Axis = "z"
    centre_m: Triple = (0.0, 0.0, 0.0)
    room_m: Triple | None = None
    tolerance: float = 0.02
    turns: int = 20
    wire_diameter_m: float = 0.5e-3
    wall_distance_m: float | None = None
    n_modes: int = 8
    penalty: Penalty = "power"

    def __post_init__(self) -> None:
        self._check_sizes()
        k = self.normal_index
        half, centre = np.array(self.volume_m) / 2, np.array(self.centre_m)
        reach_m = abs(centre[k]) + half[k]
        if reach_m >= 0.5 * self.spacing_m:
            raise InputError(
                f"the target volume reaches {reach_m:g} m along {self.normal}, the planes stand at "
                f"{0.5 * self.spacing_m:g} m",
                "make the volume smaller or the spacing larger",
            )
        for axis, size_m in zip(self.plane_axes, self.plane_m, strict=True):
            if abs(centre[axis]) + half[axis] > 0.5 * size_m:
                raise InputError(
                    f"the target volume reaches beyond the planes along {AXES[axis]}",
                    f"make the planes at least {2 * (abs(centre[axis]) + half[axis]):g} m wide",
                )
        if self.room_m is not None:
            self._check_room(np.array(self.room_m))
        if self.wall_distance_m is not None and self.wall_distance_m <= 0.5 * self.spacing_m:
            raise InputError(
                f"walls at {self.wall_distance_m:g} m would stand between the planes",
                f"the distance counts from the origin: more than {0.5 * self.spacing_m:g} m",
            )

    def _check_sizes(self) -> None:
        sizes = {
            "spacing": (self.spacing_m,),
            "plane size": self.plane_m,
            "volume": self.volume_m,
            "wire diameter": (self.wire_diameter_m,),
            "room size": self.room_m or (1.0,),
        }
        for name, values in sizes.items():
            if not all(np.isfinite(value) and value > 0 for value in values):
                raise InputError(f"the {name} must be above 0", "sizes are in metres")
        if not 0 < self.tolerance < 1:
            raise InputError("the tolerance must lie between 0 and 1", "0.02 is two percent")
        if not 1 <= self.turns <= MOST_TURNS:
            raise InputError(f"{self.turns} turns", f"give a number in 1..{MOST_TURNS}")
        if not 2 <= self.n_modes <= 24:
            raise InputError(f"{self.n_modes} modes", "give a number in 2..24")

    def _check_room(self, room_m: FloatArray) -> None:
        outer = np.zeros(3)
        outer[self.normal_index] = self.spacing_m
        outer[list(self.plane_axes)] = self.plane_m
        for axis in np.flatnonzero(outer > room_m):
            raise InputError(
                f"the coil takes {outer[axis]:g} m along {AXES[axis]}, the room has "
                f"{room_m[axis]:g} m",
                "make the planes or their spacing smaller",
            )

    @property
    def normal_index(self) -> int:
        """0, 1 or 2."""
        return AXES.index(self.normal)

    @property
    def plane_axes(self) -> tuple[int, int]:
        """The two axes of a plane; with the normal they are right-handed."""
        k = self.normal_index
        return (k + 1) % 3, (k + 2) % 3

    def grid_m(self, n: int) -> FloatArray:
        """Points (n^3, 3) of the box, its faces included."""
        axes = [
            c + 0.5 * size * np.linspace(-1.0, 1.0, n)
            for c, size in zip(self.centre_m, self.volume_m, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)

    def image_planes(self) -> list[tuple[float, float]]:
        """Normal coordinate of every sheet of current and its factor, for each of the two planes.

        Returns
        -------
        list of (float, float)
            ``(shift, sign)``: a plane at s appears at ``shift + sign * s``. Walls of infinite
            permeability mirror currents parallel to them in the same sense; two walls mirror the
            mirror images again.
        """
        if self.wall_distance_m is None:
            return [(0.0, 1.0)]
        count = 12
        return [
            (2.0 * k * self.wall_distance_m, -1.0 if k % 2 else 1.0)
            for k in range(-count, count + 1)
        ]
