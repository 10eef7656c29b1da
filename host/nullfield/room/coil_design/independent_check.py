"""The field of the wires by another program's Biot-Savart: magpylib, an optional extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.extras import library
from nullfield.room.coil_design.biot_savart import wire_field

FloatArray = npt.NDArray[np.float64]


def difference_from_magpylib(loops_m: Sequence[FloatArray], points_m: FloatArray) -> float:
    """Largest difference of the two fields over the largest field.

    Raises
    ------
    AnalysisError
        If magpylib is not installed.
    """
    magpylib: Any = library(
        "magpylib", "the independent check of the field needs magpylib", "coils"
    )
    sources = [magpylib.current.Polyline(current=1.0, vertices=loop) for loop in loops_m]
    theirs = np.asarray(magpylib.getB(sources, points_m, sumup=True)).reshape(-1, 3)
    ours = wire_field(loops_m, points_m)
    return float(np.abs(ours - theirs).max() / np.linalg.norm(theirs, axis=1).max())
