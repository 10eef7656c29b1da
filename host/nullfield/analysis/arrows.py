"""Pseudo-current arrows and features of a Bz map.

The arrows a = (dBz/dy) x - (dBz/dx) y (Hosaka and Cohen, J. Electrocardiology 9, 1976) point along
a current below and are longest above it. Features are research features, not a diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.field_map import FieldMap
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError


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
        False if a pole lies on the edge of the map: the true one may lie outside, and angle,
        distance and ratio are then those of the map, not of the heart.
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


def arrows_pt_per_m(field_map: FieldMap) -> tuple[FloatArray, FloatArray]:
    """Pseudo-current arrows on the map's grid.

    Returns
    -------
    along_x, along_y : numpy.ndarray, shape ``(n_y, n_x)``
        pT/m.
    """
    along_y, along_x = np.gradient(field_map.bz_pt, field_map.y_m, field_map.x_m)
    return np.asarray(along_y), np.asarray(-along_x)


def map_features(field_map: FieldMap) -> MapFeatures:
    """Features of a map; see `MapFeatures`.

    Raises
    ------
    AnalysisError
        If the map has no two poles of opposite sign.
    """
    bz = field_map.bz_pt
    if not (bz.max() > 0.0 > bz.min()):
        raise AnalysisError(
            "the map has only one pole", "place the array so that both poles lie below it"
        )
    plus_x, plus_y, plus, plus_inside = _extremum(field_map, bz)
    minus_x, minus_y, minus, minus_inside = _extremum(field_map, -bz)
    across, along = plus_x - minus_x, plus_y - minus_y
    arrow_x, arrow_y = arrows_pt_per_m(field_map)
    longest = np.unravel_index(int(np.argmax(arrow_x**2 + arrow_y**2)), arrow_x.shape)
    return MapFeatures(
        angle_deg=float(np.degrees(np.arctan2(along, across))),
        pole_distance_mm=float(np.hypot(across, along) * 1e3),
        pole_ratio=plus / minus,
        positive_pole_m=(plus_x, plus_y),
        negative_pole_m=(minus_x, minus_y),
        poles_inside=plus_inside and minus_inside,
        arrow_angle_deg=float(np.degrees(np.arctan2(arrow_y[longest], arrow_x[longest]))),
    )


def _extremum(field_map: FieldMap, values: FloatArray) -> tuple[float, float, float, bool]:
    """Place and height of the largest value, between grid points by a parabola each way."""
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(values)), values.shape))
    inside = 0 < row < len(field_map.y_m) - 1 and 0 < column < len(field_map.x_m) - 1
    height = float(values[row, column])
    x, gain_x = _vertex(field_map.x_m, values[row], column)
    y, gain_y = _vertex(field_map.y_m, values[:, column], row)
    return x, y, height + gain_x + gain_y, inside


def _vertex(places_m: FloatArray, values: FloatArray, index: int) -> tuple[float, float]:
    if not 0 < index < len(places_m) - 1:
        return float(places_m[index]), 0.0
    before, here, after = (float(v) for v in values[index - 1 : index + 2])
    bend = before - 2.0 * here + after
    if bend >= 0.0:
        return float(places_m[index]), 0.0
    shift = 0.5 * (before - after) / bend
    step = float(places_m[index + 1] - places_m[index])
    return float(places_m[index]) + shift * step, -0.125 * (before - after) ** 2 / bend
