"""A map as numbers that a screen draws: field, arrows, places of the heads."""

from __future__ import annotations

from typing import Any

import numpy as np

from nullfield.analysis.arrows import arrows_pt_per_m
from nullfield.analysis.data import FloatArray, SensorArray
from nullfield.analysis.field_map import apply_operator
from nullfield.analysis.map_operator import MapOperator

_ARROWS_ACROSS = 12
"""Arrows along the longer side: enough to see the turn of the current, few enough to see each."""


def map_picture(operator: MapOperator, field_pt: FloatArray, array: SensorArray) -> dict[str, Any]:
    """Map of one moment.

    Parameters
    ----------
    operator : MapOperator
    field_pt : numpy.ndarray, shape ``(n_channels,)``
    array : SensorArray

    Returns
    -------
    dict
        ``x_mm``, ``y_mm``, ``bz_pt`` (rows along y), ``arrows`` with places and components, the
        longest of length one, ``sensors``, ``gof``.
    """
    field_map = apply_operator(operator, field_pt, array)
    along_x, along_y = arrows_pt_per_m(field_map)
    step = max(max(along_x.shape) // _ARROWS_ACROSS, 1)
    half = step // 2
    u, v = along_x[half::step, half::step], along_y[half::step, half::step]
    longest = max(float(np.hypot(u, v).max()), 1e-9)
    x, y = np.meshgrid(field_map.x_m[half::step], field_map.y_m[half::step])
    heads: dict[str, dict[str, Any]] = {}
    for number in np.flatnonzero(operator.used):
        name = array.head_names[number]
        heads.setdefault(
            name,
            {
                "name": name,
                "x_mm": round(float(array.positions_m[number, 0]) * 1e3, 2),
                "y_mm": round(float(array.positions_m[number, 1]) * 1e3, 2),
            },
        )
    return {
        "x_mm": np.round(field_map.x_m * 1e3, 2).tolist(),
        "y_mm": np.round(field_map.y_m * 1e3, 2).tolist(),
        "bz_pt": np.round(field_map.bz_pt, 3).tolist(),
        "arrows": {
            "x_mm": np.round(x.ravel() * 1e3, 2).tolist(),
            "y_mm": np.round(y.ravel() * 1e3, 2).tolist(),
            "u": np.round(u.ravel() / longest, 4).tolist(),
            "v": np.round(v.ravel() / longest, 4).tolist(),
        },
        "sensors": list(heads.values()),
        "gof": round(field_map.gof, 4),
    }
