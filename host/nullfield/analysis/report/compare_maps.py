"""Maps of two recordings on one grid, and how they differ in shape and in size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import BoolArray, FloatArray
from nullfield.analysis.field_map import FieldMap, grid_line, map_bz
from nullfield.analysis.result import Analysis, Landmark
from nullfield.errors import AnalysisError

CLEAR = 1.96
"""Standard errors, two-sided 5 % of a normal error."""
_LEAST_EXTENT_M = 0.02


@dataclass(frozen=True)
class MapPair:
    """The maps of both recordings at one landmark, on one grid.

    Attributes
    ----------
    x_m, y_m : numpy.ndarray
        Grid lines, shapes ``(n_x,)`` and ``(n_y,)``.
    z_m : float
    first_pt, second_pt : numpy.ndarray, shape ``(n_y, n_x)``
    correlation : float
        Of the two maps over the grid; blind to their size.
    relative_difference : float
        ``|a/|a| - b/|b||``, from 0 (same shape) to 2 (opposite) (Meijs et al., IEEE Transactions on
        Biomedical Engineering 36, 1989).
    magnification : float
        ``|b|/|a|``, second over first.
    error_pt : numpy.ndarray, shape ``(n_y, n_x)``, or None
        Standard error of the difference, from those of both maps.
    """

    x_m: FloatArray
    y_m: FloatArray
    z_m: float
    first_pt: FloatArray
    second_pt: FloatArray
    correlation: float
    relative_difference: float
    magnification: float
    error_pt: FloatArray | None = None

    @property
    def difference_pt(self) -> FloatArray:
        """Second minus first, shape ``(n_y, n_x)``."""
        return np.asarray(self.second_pt - self.first_pt)

    @property
    def is_clear(self) -> BoolArray | None:
        """Where the difference is more than 1.96 of its standard errors, shape ``(n_y, n_x)``."""
        if self.error_pt is None:
            return None
        return np.asarray(np.abs(self.difference_pt) > CLEAR * self.error_pt)


def map_pair(name: str, first: Analysis, second: Analysis) -> MapPair:
    """Both maps at one landmark.

    Raises
    ------
    AnalysisError
        If a map is missing, or the arrays do not lie over the same part of the chest.
    """
    a, b = first.landmarks.get(name), second.landmarks.get(name)
    if a is None or b is None or a.field_map is None or b.field_map is None:
        raise AnalysisError(f"one of the recordings has no map at {name}")
    one, two = a.field_map, b.field_map
    if not same_grid(one, two):
        one, two = _on_one_grid(first, a, second, b)
    left, right = one.bz_pt.ravel(), two.bz_pt.ravel()
    norms = float(np.linalg.norm(left)), float(np.linalg.norm(right))
    if min(norms) == 0.0:
        raise AnalysisError(f"a map at {name} is empty")
    shape = float(np.linalg.norm(left / norms[0] - right / norms[1]))
    correlation = float(np.corrcoef(left, right)[0, 1]) if np.ptp(left) and np.ptp(right) else 0.0
    ratio = norms[1] / norms[0]
    error = None
    if one.error_pt is not None and two.error_pt is not None:
        error = np.hypot(one.error_pt, two.error_pt)
    return MapPair(
        one.x_m, one.y_m, one.z_m, one.bz_pt, two.bz_pt, correlation, shape, ratio, error
    )


def same_grid(one: FieldMap, two: FieldMap) -> bool:
    """Whether two maps have the same points."""
    return (
        one.bz_pt.shape == two.bz_pt.shape
        and np.allclose(one.x_m, two.x_m, atol=1e-6)
        and np.allclose(one.y_m, two.y_m, atol=1e-6)
        and abs(one.z_m - two.z_m) < 1e-6
    )


def _on_one_grid(
    first: Analysis, a: Landmark, second: Analysis, b: Landmark
) -> tuple[FieldMap, FieldMap]:
    """Both maps anew where both arrays have sensors, at the height of the higher one."""
    one, two = a.field_map, b.field_map
    assert one is not None
    assert two is not None
    lines = []
    for p, q in ((one.x_m, two.x_m), (one.y_m, two.y_m)):
        low, high = max(float(p[0]), float(q[0])), min(float(p[-1]), float(q[-1]))
        if high - low < _LEAST_EXTENT_M:
            raise AnalysisError(
                "the arrays do not lie over the same part of the chest",
                "record both with the array in the same place",
            )
        lines.append(grid_line(np.array([low, high])))
    height = max(one.z_m, two.z_m)
    x, y = lines
    return tuple(  # type: ignore[return-value]
        map_bz(
            _placed(analysis, mark),
            analysis.array,
            _noise(analysis, mark),
            x_m=x,
            y_m=y,
            z_m=height,
        )
        for analysis, mark in ((first, a), (second, b))
    )


def _placed(analysis: Analysis, landmark: Landmark) -> FloatArray:
    return np.where(analysis.array.has_place, landmark.field_pt, np.nan)


def _noise(analysis: Analysis, landmark: Landmark) -> FloatArray | None:
    if analysis.average is None:
        return None
    return analysis.average.field_at(landmark.time_s, analysis.used)[1]
