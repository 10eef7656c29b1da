"""How the array truly sees the modes that the references tell, from their common slow changes.

Heads stand a degree and a percent off what a rig file says; a degree alone limits shielding to
35 dB. While the field of the room drifts, array and references see the same change, so the array's
channels can be fitted by the references' modes. The rig's geometry is the prior: what the drift has
not shown stays as it was (ridge regression toward a prior; Hoerl and Kennard 1970).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.first_order import mode_scale
from nullfield.room.reference_model import GRADIENT_LENGTH_M

FloatArray = npt.NDArray[np.float64]

PRIOR_SHARE = 0.03
"""How far geometry may be off, of a mode's own size: angle, gain and place of two heads."""


@dataclass(frozen=True)
class LearntPrediction:
    """What the array sees of each mode.

    Attributes
    ----------
    array_modes : numpy.ndarray, shape ``(n_array_channels, 8)``
    uncertainty : numpy.ndarray, shape ``(n_array_channels, 8)``
        The prior's where nothing was learnt.
    change_rms_pt : float
        Of the field while learning, over the array's channels.
    left_before_pt, left_after_pt : float
        What the rig's geometry and what was learnt leave of it, rms.
    """

    array_modes: FloatArray
    uncertainty: FloatArray
    change_rms_pt: float
    left_before_pt: float
    left_after_pt: float


def learn_prediction(
    mode: FloatArray, array_pt: FloatArray, geometry: FloatArray
) -> LearntPrediction:
    """Fit the array's channels by the references' modes.

    Parameters
    ----------
    mode : numpy.ndarray, shape ``(n, 8)``
        Modes of the ambient field by the references, averaged over stretches long against the
        heart's field (half a second and more).
    array_pt : numpy.ndarray, shape ``(n, n_array_channels)``
        Ambient field at the array over the same stretches; the coils' part taken out.
    geometry : numpy.ndarray, shape ``(n_array_channels, 8)``
        What the rig file says that the array sees of each mode.

    Raises
    ------
    ValueError
        With fewer than 12 stretches.
    """
    n = len(mode)
    if n < 12:
        raise ValueError(f"{n} stretches are too few to learn from")
    # Level and a slow line are the heads' own, as much as the room's.
    time = np.linspace(-1.0, 1.0, n)
    free = np.linalg.qr(np.stack([np.ones(n), time], axis=1))[0]
    x = mode - free @ (free.T @ mode)
    y = array_pt - free @ (free.T @ array_pt)
    scale = 1.0 / mode_scale(GRADIENT_LENGTH_M)
    rest = y - x @ geometry.T
    noise = np.maximum(rest.std(axis=0), 1e-3)
    modes = np.array(geometry)
    uncertainty = np.empty_like(modes)
    for channel in range(y.shape[1]):
        variance = noise[channel] ** 2
        # Twice: the first rest holds the error of geometry, which is no noise.
        for _ in range(2):
            precision = np.diag(1.0 / (PRIOR_SHARE / scale) ** 2)
            covariance = np.linalg.inv(x.T @ x / variance + precision)
            change = covariance @ (x.T @ rest[:, channel]) / variance
            variance = max(
                float(np.mean((rest[:, channel] - x @ change) ** 2)) * n / (n - 10), 1e-6
            )
        modes[channel] = geometry[channel] + change
        uncertainty[channel] = np.sqrt(np.diag(covariance))
    return LearntPrediction(
        modes,
        uncertainty,
        float(np.sqrt((y**2).mean())),
        float(np.sqrt((rest**2).mean())),
        float(np.sqrt(((y - x @ modes.T) ** 2).mean())),
    )
