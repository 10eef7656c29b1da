"""What the steps of cleaning hand on to one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from nullfield.analysis.data import SensorArray
from nullfield.dsp.gaps import BoolArray, FloatArray

BLOCK = 8_192
"""Samples that are worked on at a time: a copy of such a block stays small."""


@dataclass
class Work:
    """A recording that is being cleaned.

    Attributes
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        Changed in place by the steps; NaN is a gap.
    rate_hz : float
    array : SensorArray
    bad : numpy.ndarray of bool, shape ``(n_channels,)``
        Left out of everything that mixes channels.
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``, or None
        Samples between the beats, where known.
    operator : numpy.ndarray, shape ``(n_channels, n_channels)``, or None
        Product of all spatial steps so far, for a forward model that has to see the same.
    """

    field_pt: FloatArray
    rate_hz: float
    array: SensorArray
    bad: BoolArray
    quiet: BoolArray | None = None
    operator: FloatArray | None = field(default=None)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.field_pt)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.field_pt.shape[1])

    @property
    def chest(self) -> BoolArray:
        """Good chest channels, shape ``(n_channels,)``."""
        return np.asarray(self.array.is_chest & ~self.bad)

    @property
    def placed_chest(self) -> BoolArray:
        """Good chest channels with a known place, shape ``(n_channels,)``."""
        return np.asarray(self.chest & self.array.has_place)

    def blocks(self) -> Iterator[slice]:
        """Samples of one block after the other."""
        for start in range(0, self.n_samples, BLOCK):
            yield slice(start, min(self.n_samples, start + BLOCK))

    def then(self, matrix: FloatArray) -> None:
        """Note that `matrix`, shape ``(n_channels, n_channels)``, has been applied."""
        self.operator = matrix if self.operator is None else np.asarray(matrix @ self.operator)
