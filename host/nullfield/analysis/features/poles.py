"""Poles of the field normal to the chest, and the longest pseudo-current arrow.

The arrows a = (dBz/dy) x - (dBz/dx) y (Hosaka and Cohen, J. Electrocardiology 9, 1976) point along
a current below and are longest above it. Features are research features, not a diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import SensorArray
from nullfield.analysis.features.equivalent import (
    EquivalentDipoles,
    bz_derivatives,
    bz_kernels,
)
from nullfield.analysis.features.field_angle import direction_deg
from nullfield.analysis.field_map import FieldMap, grid_line
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

ONE_POLE = "the map has only one pole"
_STEP_M = 0.008
_BEYOND_M = 0.04
"""How far beyond the outermost channels poles are searched: about a pitch; they are flagged."""
_NEWTON_STEPS = 3


@dataclass(frozen=True)
class MapFeatures:
    """Poles of a map.

    Attributes
    ----------
    angle_deg : float
        Direction from the negative to the positive pole, counter-clockwise from +x (patient right
        to left) as seen from in front of the chest, in (-180, 180].
    pole_distance_mm : float
        Between the places of the largest and the least Bz.
    pole_ratio : float
        Largest Bz over the size of the least.
    positive_pole_m, negative_pole_m : (float, float)
        Places (x, y).
    poles_inside : bool
        False if a pole lies on the edge of the map or outside the array: angle, distance and ratio
        then rest on extrapolation, or are those of the map, not of the heart.
    arrow_angle_deg : float
        Direction of the longest pseudo-current arrow, counted as `angle_deg`.
    """

    angle_deg: float
    pole_distance_mm: float
    pole_ratio: float
    positive_pole_m: tuple[float, float]
    negative_pole_m: tuple[float, float]
    poles_inside: bool
    arrow_angle_deg: float


@dataclass(frozen=True)
class PoleSet:
    """Poles of many fields, one each along the first axis.

    Attributes
    ----------
    positive_m, negative_m : numpy.ndarray, shape ``(n, 2)``
        NaN where the field has one pole only.
    positive_pt, negative_pt : numpy.ndarray, shape ``(n,)``
        Heights; the negative one below zero.
    inside : numpy.ndarray of bool, shape ``(n,)``
        Both poles lie within the array.
    arrow_pt_per_m : numpy.ndarray, shape ``(n, 2)``
        The longest arrow.
    """

    positive_m: FloatArray
    negative_m: FloatArray
    positive_pt: FloatArray
    negative_pt: FloatArray
    inside: npt.NDArray[np.bool_]
    arrow_pt_per_m: FloatArray

    @property
    def angle_deg(self) -> FloatArray:
        """From the negative to the positive pole, shape ``(n,)``."""
        across = self.positive_m - self.negative_m
        return direction_deg(across[:, 0], across[:, 1])

    @property
    def distance_mm(self) -> FloatArray:
        """Between the poles, shape ``(n,)``."""
        across = self.positive_m - self.negative_m
        return np.asarray(np.hypot(across[:, 0], across[:, 1]) * 1e3)

    @property
    def ratio(self) -> FloatArray:
        """Height of the positive over the size of the negative pole, shape ``(n,)``."""
        return np.asarray(self.positive_pt / -self.negative_pt)

    @property
    def arrow_angle_deg(self) -> FloatArray:
        """Direction of the longest arrow, shape ``(n,)``."""
        return direction_deg(self.arrow_pt_per_m[:, 0], self.arrow_pt_per_m[:, 1])

    @property
    def arrow_length_pt_per_m(self) -> FloatArray:
        """Length of the longest arrow, shape ``(n,)``."""
        return np.asarray(np.hypot(self.arrow_pt_per_m[:, 0], self.arrow_pt_per_m[:, 1]))


class PoleFinder:
    """Finds the poles of fields that equivalent dipoles make in the plane of the array.

    A coarse grid tells which hill is the highest, Newton's method on the continuous field where its
    top is.

    Parameters
    ----------
    equivalent : EquivalentDipoles
    array : SensorArray
        Its chest channels give the plane (their mean height) and the extent.
    """

    def __init__(self, equivalent: EquivalentDipoles, array: SensorArray) -> None:
        self.equivalent = equivalent
        places = array.positions_m[array.is_chest & array.has_place]
        self.low, self.high = places[:, :2].min(axis=0), places[:, :2].max(axis=0)
        self.z_m = float(places[:, 2].mean())
        lines = [
            grid_line(np.array([a - _BEYOND_M, b + _BEYOND_M]), _STEP_M)
            for a, b in zip(self.low, self.high, strict=True)
        ]
        self.x_m, self.y_m = lines
        gx, gy = np.meshgrid(self.x_m, self.y_m)
        self._grid = np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, self.z_m)], axis=1)
        of_x, of_y = bz_kernels(self._grid, equivalent.positions_m)
        # Half a step more, so that the narrowest array holds a grid point.
        margin = 0.5 * _STEP_M
        self._inside = inside_rectangle(self.x_m, self.y_m, self.low - margin, self.high + margin)
        self._kernel = np.stack([of_x, of_y], axis=2).reshape(len(self._grid), -1)

        # Straight from the channels to the grid: there are fewer channels than dipoles.
        self._to_grid = self._kernel @ equivalent.operator.reshape(self._kernel.shape[1], -1)

    def bz_pt(self, field_pt: FloatArray) -> FloatArray:
        """Bz on the coarse grid, shape ``(n, n_y, n_x)``, for fields ``(n, n_channels)``."""
        flat = field_pt[:, self.equivalent.used] @ self._to_grid.T
        return np.asarray(flat.reshape(-1, len(self.y_m), len(self.x_m)))

    def find(self, field_pt: FloatArray, errors_nam: FloatArray | None = None) -> PoleSet:
        """Poles of fields.

        Parameters
        ----------
        field_pt : numpy.ndarray, shape ``(n, n_channels)``
        errors_nam : numpy.ndarray, shape ``(n, n_dipoles, 2)``, optional
            Moments to be added, from `EquivalentDipoles.draw_errors`.
        """
        moments_nam = self.equivalent.moments(field_pt)
        bz = self.bz_pt(field_pt)
        if errors_nam is not None:
            moments_nam += errors_nam
            bz += (errors_nam.reshape(len(bz), -1) @ self._kernel.T).reshape(bz.shape)
        plus, plus_pt = self._top(bz, moments_nam)
        minus, minus_pt = self._top(-bz, -moments_nam)
        two = (plus_pt > 0.0) & (minus_pt > 0.0)
        edge = 1e-9
        inside = np.ones(len(bz), dtype=bool)
        for one in (plus, minus):
            inside &= ((one >= self.low - edge) & (one <= self.high + edge)).all(axis=1)
        plus[~two], minus[~two] = np.nan, np.nan
        return PoleSet(
            positive_m=plus,
            negative_m=minus,
            positive_pt=np.where(two, plus_pt, np.nan),
            negative_pt=np.where(two, -minus_pt, np.nan),
            inside=inside & two,
            arrow_pt_per_m=self._longest_arrow(bz, moments_nam),
        )

    def _top(self, bz: FloatArray, moments_nam: FloatArray) -> tuple[FloatArray, FloatArray]:
        best = bz.reshape(len(bz), -1).argmax(axis=1)
        place = self._grid[best].copy()
        start = place[:, :2].copy()
        for _ in range(_NEWTON_STEPS):
            _, slope, bend = bz_derivatives(place, self.equivalent.positions_m, moments_nam)
            # Where the hill is no dome yet the step is along the slope; it never leaves the cell.
            dome = (bend[:, 0, 0] < 0.0) & (np.linalg.det(bend) > 0.0)
            safe = np.where(dome[:, None, None], bend, -np.eye(2) * np.abs(bend).max(initial=1e-12))
            step = -np.linalg.solve(safe, slope[:, :, None])[:, :, 0]
            moved = np.clip(place[:, :2] + step, start - 1.5 * _STEP_M, start + 1.5 * _STEP_M)
            place[:, :2] = np.clip(moved, self.low - _BEYOND_M, self.high + _BEYOND_M)
        value, _, _ = bz_derivatives(place, self.equivalent.positions_m, moments_nam)
        return place[:, :2], value

    def _longest_arrow(self, bz: FloatArray, moments_nam: FloatArray) -> FloatArray:
        """Where it is by the grid and a parabola each way, how long it is by the field itself."""
        along_y, along_x = np.gradient(bz, self.y_m, self.x_m, axis=(1, 2))
        length2 = along_x**2 + along_y**2
        within = np.where(self._inside, length2, -1.0).reshape(len(bz), -1)
        best = within.argmax(axis=1)
        row, column = np.divmod(best, len(self.x_m))
        place = self._grid[best].copy()
        every = np.arange(len(bz))
        for axis, step in ((0, (0, 1)), (1, (1, 0))):
            before, here, after = (
                length2[every, row + k * step[0], column + k * step[1]] for k in (-1, 0, 1)
            )
            bend = np.minimum(before - 2.0 * here + after, -1e-300)
            place[:, axis] += np.clip(0.5 * (before - after) / bend, -0.5, 0.5) * _STEP_M
        place[:, :2] = np.clip(place[:, :2], self.low, self.high)
        _, slope, _ = bz_derivatives(place, self.equivalent.positions_m, moments_nam)
        return np.stack([slope[:, 1], -slope[:, 0]], axis=1)


def inside_rectangle(
    x_m: FloatArray, y_m: FloatArray, low_m: FloatArray, high_m: FloatArray
) -> npt.NDArray[np.bool_]:
    """Grid points within a rectangle, shape ``(n_y, n_x)``."""
    inside_x = (x_m >= low_m[0] - 1e-9) & (x_m <= high_m[0] + 1e-9)
    inside_y = (y_m >= low_m[1] - 1e-9) & (y_m <= high_m[1] + 1e-9)
    return np.asarray(inside_y[:, None] & inside_x[None])


def longest_arrow(
    bz_pt: FloatArray, x_m: FloatArray, y_m: FloatArray, low_m: FloatArray, high_m: FloatArray
) -> FloatArray:
    """The longest arrow of each map within a rectangle.

    Parameters
    ----------
    bz_pt : numpy.ndarray, shape ``(n, n_y, n_x)``
    x_m, y_m : numpy.ndarray
    low_m, high_m : numpy.ndarray, shape ``(2,)``
        Corners of the rectangle.

    Returns
    -------
    numpy.ndarray, shape ``(n, 2)``
        pT/m.
    """
    along_y, along_x = np.gradient(bz_pt, y_m, x_m, axis=(1, 2))
    inside = inside_rectangle(x_m, y_m, low_m, high_m)
    arrow = np.stack([along_y, -along_x], axis=-1)[:, inside]
    best = (arrow**2).sum(axis=2).argmax(axis=1)
    return np.asarray(arrow[np.arange(len(arrow)), best])


def pole_features(
    equivalent: EquivalentDipoles, array: SensorArray, field: FloatArray
) -> MapFeatures:
    """Features of one field by its equivalent dipoles; the exact counterpart of `map_features`.

    Parameters
    ----------
    equivalent : EquivalentDipoles
    array : SensorArray
    field : numpy.ndarray, shape ``(n_channels,)``
        pT.

    Raises
    ------
    AnalysisError
        If the map has no two poles of opposite sign.
    """
    found = PoleFinder(equivalent, array).find(field[None])
    if not np.isfinite(found.positive_pt[0]):
        raise AnalysisError(ONE_POLE, "place the array so that both poles lie below it")
    return MapFeatures(
        angle_deg=float(found.angle_deg[0]),
        pole_distance_mm=float(found.distance_mm[0]),
        pole_ratio=float(found.ratio[0]),
        positive_pole_m=(float(found.positive_m[0, 0]), float(found.positive_m[0, 1])),
        negative_pole_m=(float(found.negative_m[0, 0]), float(found.negative_m[0, 1])),
        poles_inside=bool(found.inside[0]),
        arrow_angle_deg=float(found.arrow_angle_deg[0]),
    )


def map_features(field_map: FieldMap) -> MapFeatures:
    """Features of a map on a grid; see `MapFeatures`.

    Raises
    ------
    AnalysisError
        If the map has no two poles of opposite sign.
    """
    bz = field_map.bz_pt
    if not (bz.max() > 0.0 > bz.min()):
        raise AnalysisError(ONE_POLE, "place the array so that both poles lie below it")
    plus_x, plus_y, plus, plus_inside = _extremum(field_map, bz)
    minus_x, minus_y, minus, minus_inside = _extremum(field_map, -bz)
    across, along = plus_x - minus_x, plus_y - minus_y
    low = np.array([field_map.x_m[0], field_map.y_m[0]])
    high = np.array([field_map.x_m[-1], field_map.y_m[-1]])
    arrow = longest_arrow(bz[None], field_map.x_m, field_map.y_m, low, high)[0]
    return MapFeatures(
        angle_deg=float(np.degrees(np.arctan2(along, across))),
        pole_distance_mm=float(np.hypot(across, along) * 1e3),
        pole_ratio=plus / minus,
        positive_pole_m=(plus_x, plus_y),
        negative_pole_m=(minus_x, minus_y),
        poles_inside=plus_inside and minus_inside,
        arrow_angle_deg=float(np.degrees(np.arctan2(arrow[1], arrow[0]))),
    )


def _extremum(field_map: FieldMap, values: FloatArray) -> tuple[float, float, float, bool]:
    """Place and height of the largest value, between grid points by a paraboloid."""
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(values)), values.shape))
    x, y = float(field_map.x_m[column]), float(field_map.y_m[row])
    height = float(values[row, column])
    if not (0 < row < len(field_map.y_m) - 1 and 0 < column < len(field_map.x_m) - 1):
        return x, y, height, False
    near = values[row - 1 : row + 2, column - 1 : column + 2]
    slope = 0.5 * np.array([near[1, 2] - near[1, 0], near[2, 1] - near[0, 1]])
    cross = 0.25 * (near[2, 2] - near[2, 0] - near[0, 2] + near[0, 0])
    bend = np.array(
        [
            [near[1, 2] - 2.0 * height + near[1, 0], cross],
            [cross, near[2, 1] - 2.0 * height + near[0, 1]],
        ]
    )
    if bend[0, 0] >= 0.0 or np.linalg.det(bend) <= 0.0:
        return x, y, height, True  # a ridge or a plateau: the grid point is as good
    shift = np.clip(-np.linalg.solve(bend, slope), -1.0, 1.0)
    step_x = float(field_map.x_m[column + 1] - field_map.x_m[column])
    step_y = float(field_map.y_m[row + 1] - field_map.y_m[row])
    top = height + float(slope @ shift + 0.5 * shift @ bend @ shift)
    return x + float(shift[0]) * step_x, y + float(shift[1]) * step_y, top, True
