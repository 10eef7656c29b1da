"""Arrays whose heads are not quite where and what they are said to be, and what they then read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nullfield.analysis.data import SensorArray, SensorUncertainty

HEIGHT_M = 0.03
"""Of the cells above the half-space's boundary, which is the skin."""
PITCH_M = 0.04
_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From positions and orientations of channels to what they see, pT."""


def square_array(side: int, axes: tuple[int, ...] = (2, 0)) -> SensorArray:
    """Heads in a square over the chest; the axes that each of them measures."""
    line = (np.arange(side) - (side - 1) / 2) * PITCH_M
    gx, gy = np.meshgrid(line, line)
    places = np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, HEIGHT_M)], axis=1)
    heads = [f"H{i + 1}" for i in range(len(places))]
    n = len(places) * len(axes)
    return SensorArray(
        names=tuple(f"{head}-{'xyz'[a]}" for head in heads for a in axes),
        positions_m=np.repeat(places, len(axes), axis=0),
        orientations=np.tile(_AXES[list(axes)], (len(places), 1)),
        head_names=tuple(head for head in heads for _ in axes),
        axis_index=np.tile(np.array(axes), len(places)),
        is_reference=np.zeros(n, dtype=bool),
    )


@dataclass(frozen=True)
class DrawnArray:
    """True geometry, gains and cross-talk of an array."""

    array: SensorArray
    gain: np.ndarray
    mixing: np.ndarray

    def reading_pt(self, field: Field) -> np.ndarray:
        """What the channels read of a field."""
        true = field(self.array.positions_m, self.array.orientations)
        return self.gain * (true + self.mixing @ true)


def draw(
    array: SensorArray, uncertainty: SensorUncertainty, random: np.random.Generator
) -> DrawnArray:
    """Draw the errors of every head and channel; written apart from the fit's covariance."""
    n = array.n_channels
    heads = sorted(set(array.head_names))
    shift = {head: uncertainty.position_m * random.normal(size=3) for head in heads}
    places = array.positions_m + np.array([shift[head] for head in array.head_names])
    # A small rotation about a random vector tilts the axis by angle_rad in each direction.
    turn = uncertainty.angle_rad * random.normal(size=(n, 3))
    axes = array.orientations + np.cross(turn, array.orientations)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    head = np.array(array.head_names)
    apart = np.linalg.norm(array.positions_m[:, None] - array.positions_m[None], axis=2)
    coupled = (head[:, None] != head[None]) & (array.axis_index[:, None] == array.axis_index[None])
    share = np.where(coupled, (PITCH_M / np.maximum(apart, 1e-3)) ** 3, 0.0)
    mixing = uncertainty.crosstalk * share * random.normal(size=(n, n))
    gain = 1.0 + uncertainty.gain * random.normal(size=n)
    return DrawnArray(replace(array, positions_m=places, orientations=axes), gain, mixing)
