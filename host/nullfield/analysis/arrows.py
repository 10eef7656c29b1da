"""Pseudo-current arrows of a Bz map on a grid.

The arrows a = (dBz/dy) x - (dBz/dx) y (Hosaka and Cohen, J. Electrocardiology 9, 1976) point along
a current below and are longest above it.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.field_map import FieldMap
from nullfield.dsp.gaps import FloatArray


def arrows_pt_per_m(field_map: FieldMap) -> tuple[FloatArray, FloatArray]:
    """Pseudo-current arrows on the map's grid.

    Returns
    -------
    along_x, along_y : numpy.ndarray, shape ``(n_y, n_x)``
        pT/m.
    """
    along_y, along_x = np.gradient(field_map.bz_pt, field_map.y_m, field_map.x_m)
    return np.asarray(along_y), np.asarray(-along_x)
