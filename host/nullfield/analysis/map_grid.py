"""The standard grid of a map: a plane of points over the array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray
from nullfield.errors import AnalysisError, InputError

STEP_M = 0.005
MOST_POINTS = 40_000
_FLAT_PITCHES = 0.5
"""Heights of the heads that differ by more of the pitch than that make an array curved."""


@dataclass(frozen=True)
class MapGrid:
    """Regular grid at one height, in the working frame (x to the patient's left, y to the head).

    Attributes
    ----------
    x_m : numpy.ndarray, shape ``(n_x,)``
        Rising.
    y_m : numpy.ndarray, shape ``(n_y,)``
        Rising.
    z_m : float
    """

    x_m: FloatArray
    y_m: FloatArray
    z_m: float

    def __post_init__(self) -> None:
        for name, line in (("x_m", self.x_m), ("y_m", self.y_m)):
            if np.ndim(line) != 1 or len(line) < 2 or not (np.diff(line) > 0.0).all():
                raise InputError(
                    f"MapGrid.{name} is no line of two or more rising values",
                    "give the places of the grid's columns or rows in metres",
                )
        if not np.isfinite(self.z_m):
            raise InputError(f"MapGrid.z_m is {self.z_m}", "give a height in metres")
        if self.n_points > MOST_POINTS:
            raise InputError(
                f"a map of {self.n_points} points is asked for, {MOST_POINTS} are the most",
                "take a larger step",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_y, n_x)``."""
        return len(self.y_m), len(self.x_m)

    @property
    def n_points(self) -> int:
        """Number of grid points."""
        return len(self.y_m) * len(self.x_m)

    @property
    def points_m(self) -> FloatArray:
        """All points, row after row, shape ``(n_points, 3)``."""
        gx, gy = np.meshgrid(self.x_m, self.y_m)
        return np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, self.z_m)], axis=1)

    @classmethod
    def over(
        cls,
        array: SensorArray,
        *,
        step_m: float = STEP_M,
        z_m: float | None = None,
        margin_m: float = 0.0,
    ) -> MapGrid:
        """The standard grid of an array: its extent, in steps of 5 mm.

        Parameters
        ----------
        array : SensorArray
        step_m : float, optional
            About; the extent is divided evenly. A huge array gets a larger one.
        z_m : float, optional
            Height. If left out, the mean of a flat array, and the highest head of a curved one:
            there the field is continued upward only, which is safe.
        margin_m : float, optional
            How far the grid goes beyond the outermost heads.

        Raises
        ------
        AnalysisError
            If there is no area: no place is known, or all heads lie on one line.
        """
        chosen = array.is_chest & array.has_place
        places = array.positions_m[chosen]
        if not len(places):
            raise AnalysisError(
                "no channel has a known place: there is nothing to map over",
                "give the positions of the channels",
            )
        low, high = places.min(axis=0), places.max(axis=0)
        extent = high - low + 2.0 * margin_m
        if min(float(extent[0]), float(extent[1])) < step_m or _is_line(places[:, :2]):
            raise AnalysisError(
                "the channels lie on one line: they span no area for a map",
                "give a grid of your own, or use heads beside the line",
            )
        while (extent[0] / step_m + 1) * (extent[1] / step_m + 1) > MOST_POINTS:
            step_m *= 2.0
        if z_m is None:
            rise = float(high[2] - low[2])
            flat = rise <= _FLAT_PITCHES * pitch_m(array.subset(chosen))
            z_m = float(places[:, 2].mean() if flat else high[2])
        return cls(
            grid_line(np.array([low[0] - margin_m, high[0] + margin_m]), step_m),
            grid_line(np.array([low[1] - margin_m, high[1] + margin_m]), step_m),
            float(z_m),
        )


def grid_line(values_m: FloatArray, step_m: float = STEP_M) -> FloatArray:
    """Evenly spaced values from the least to the largest, about `step_m` apart."""
    low, high = float(values_m.min()), float(values_m.max())
    return np.linspace(low, high, max(2, round((high - low) / step_m) + 1))


def head_places_m(array: SensorArray) -> FloatArray:
    """Mean place of the channels of each head, shape ``(n_heads, 3)``.

    Channels of one head may sit some millimetres apart in it; that is not the array's pitch.
    """
    _, index = np.unique(np.array(array.head_names), return_inverse=True)
    count = np.bincount(index)
    sums = [np.bincount(index, weights=array.positions_m[:, axis]) for axis in range(3)]
    return np.unique(np.round(np.stack(sums, axis=1) / count[:, None], 4), axis=0)


def pitch_m(array: SensorArray) -> float:
    """Usual distance from a head to the next one; 4 cm for a single head."""
    places = head_places_m(array)
    if len(places) < 2:
        return 0.04
    from scipy.spatial import KDTree

    nearest = np.asarray(KDTree(places).query(places, k=2)[0])
    extent = np.ptp(places, axis=0)
    # Channels of unknown heads that sit in pairs must not make the array look dense.
    least = 0.5 * float(np.sqrt(extent[0] * extent[1] / len(places)))
    return max(float(np.median(nearest[:, 1])), least)


def _is_line(places_m: FloatArray) -> bool:
    spread = np.linalg.svd(places_m - places_m.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 0.02 * spread[0])
