"""Arithmetic of angles: differences, spread and intervals on the circle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.dsp.gaps import FloatArray


def wrap_deg(angle_deg: npt.ArrayLike) -> FloatArray:
    """The same angle in (-180, 180]."""
    angle = np.asarray(angle_deg, dtype=np.float64)
    return np.asarray(180.0 - np.mod(180.0 - angle, 360.0))


def difference_deg(first_deg: npt.ArrayLike, second_deg: npt.ArrayLike) -> FloatArray:
    """`first` minus `second` the short way round, in (-180, 180]."""
    return wrap_deg(np.asarray(first_deg, dtype=np.float64) - np.asarray(second_deg))


def direction_deg(along_x: npt.ArrayLike, along_y: npt.ArrayLike) -> FloatArray:
    """Direction of a vector, counter-clockwise from +x as seen from in front of the chest."""
    return np.asarray(np.degrees(np.arctan2(along_y, along_x)))


def unwrap_deg(angle_deg: FloatArray) -> FloatArray:
    """Angles along the last axis without jumps of a whole turn."""
    return np.asarray(np.unwrap(angle_deg, period=360.0, axis=-1))
