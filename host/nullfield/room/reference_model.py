"""From the channels of reference heads to the eight modes of the field, with channels that fail.

All eight modes are solved for by least squares while the channels that are left tell them apart.
With fewer channels the gradients are held at what they last were, since they change slowly and
little, and the three uniform components are solved from what is left. With fewer still there is
nothing to go by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from nullfield.room.first_order import (
    N_MODES,
    N_UNIFORM,
    channel_field,
    condition_number,
    first_order_field,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

GRADIENT_LENGTH_M = 0.75
"""Where a gradient counts as much as a uniform field: about the references' distance."""
WORST_CONDITION = 20.0
"""Beyond this a mode is guessed from small differences, and so is the field over the array."""


class Observable(IntEnum):
    """What some channels tell."""

    NOTHING = 0
    UNIFORM = 1
    ALL = 2


@dataclass(frozen=True)
class ReferenceModel:
    """Reference channels and the eight modes.

    Attributes
    ----------
    channels : numpy.ndarray, shape ``(n_channels, 8)``
        What each channel sees of each mode.
    """

    channels: FloatArray
    _made: dict[bytes, tuple[Observable, FloatArray]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of_heads(cls, positions_m: FloatArray, axes: FloatArray) -> ReferenceModel:
        """Make the model of some heads.

        Parameters
        ----------
        positions_m : numpy.ndarray, shape ``(n_heads, 3)``
        axes : numpy.ndarray, shape ``(n_heads, n_axes, 3)``
            The axes that stream well.
        """
        return cls(channel_field(positions_m, axes))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.channels)

    def estimator(self, valid: BoolArray) -> tuple[Observable, FloatArray]:
        """Solve for what the valid channels tell.

        Parameters
        ----------
        valid : numpy.ndarray of bool, shape ``(n_channels,)``

        Returns
        -------
        Observable
        numpy.ndarray, shape ``(8, n_channels)``
            Modes from readings; zero columns for channels not valid, zero rows for modes that are
            not solved for. With `Observable.UNIFORM` the gradients' share has to be taken from the
            readings before.
        """
        key = np.asarray(valid, dtype=np.bool_).tobytes()
        if key not in self._made:
            self._made[key] = self._solve(np.asarray(valid, dtype=np.bool_))
        return self._made[key]

    def _solve(self, valid: BoolArray) -> tuple[Observable, FloatArray]:
        out = np.zeros((N_MODES, self.n_channels))
        seen = self.channels[valid]
        if condition_number(seen, GRADIENT_LENGTH_M) <= WORST_CONDITION:
            out[:, valid] = np.linalg.pinv(seen)
            return Observable.ALL, out
        uniform = seen[:, :N_UNIFORM]
        if len(uniform) >= N_UNIFORM and np.linalg.cond(uniform) <= WORST_CONDITION:
            out[:N_UNIFORM, valid] = np.linalg.pinv(uniform)
            return Observable.UNIFORM, out
        return Observable.NOTHING, out

    def noise_gain(self, positions_m: FloatArray, valid: BoolArray | None = None) -> FloatArray:
        """Noise of the predicted field at points, by a channel's noise, rms over points.

        Returns
        -------
        numpy.ndarray, shape ``(3,)``
            Along x, y and z.
        """
        chosen = np.ones(self.n_channels, dtype=np.bool_) if valid is None else valid
        predicted = first_order_field(positions_m) @ self.estimator(chosen)[1]
        return np.asarray(np.sqrt((predicted**2).sum(axis=2).mean(axis=0)))
