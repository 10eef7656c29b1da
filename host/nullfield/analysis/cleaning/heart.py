"""What a step that mixes channels does to a heart: an ensemble of dipoles below the array.

Whether a spatial step is harmless depends on geometry alone, so it is decided before any data are
looked at. The ensemble stands for where a heart can be: 4 to 12 cm below the lowest chest sensor,
up to 6 cm to each side of the middle of the array, dipoles in every direction along the chest (one
along z is silent in the half-space). For an operator M and a topography h the kept share is
``h·Mh / h·h``: what is left of h along h. For an orthogonal projector it is the share of the
power, ``|Mh|²/|h|²``.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.data import SensorArray
from nullfield.analysis.sources.half_space import lead_field
from nullfield.dsp.gaps import BoolArray, FloatArray

DEPTHS_M = (0.04, 0.06, 0.08, 0.10, 0.12)
SIDEWAYS_M = (-0.06, -0.03, 0.0, 0.03, 0.06)
LEAST_KEPT_SHARE = 0.5
"""For a projection that the forward model shares. Half the power of the worst dipole is 3 dB of its
signal-to-noise ratio, twice the beats to win it back; below that the topography that remains
correlates with the true one by less than 0.71 and looks more like the step than like the heart."""
LEAST_UNCORRECTED_SHARE = 0.9
"""For a step after which forward models are used as they are: the amplitude of the worst dipole is
then wrong by a tenth at most, which is below what an unknown depth or conductor does to it."""
PRIOR_RMS_PT = 20.0
"""Of the heart over the array, when the outer field is estimated beside it: between QRS and T."""
PRIOR_NOISE_PT = 0.5
"""Of a sensor, 15 fT/sqrt(Hz) over 1 kHz."""


def ensemble(array: SensorArray, channels: BoolArray, below: BoolArray | None = None) -> FloatArray:
    """Lead fields of the ensemble.

    Parameters
    ----------
    array : SensorArray
    channels : numpy.ndarray of bool, shape ``(n_channels,)``
        Those that are wanted, with a place.
    below : numpy.ndarray of bool, shape ``(n_channels,)``, optional
        The hearts lie below these; None: below `channels`.

    Returns
    -------
    numpy.ndarray, shape ``(n_dipoles, n_chosen, 2)``
        pT/(nA m), for dipoles along x and y.
    """
    positions_m = array.positions_m[channels]
    above_m = positions_m if below is None else array.positions_m[below]
    middle = 0.5 * (above_m.min(axis=0) + above_m.max(axis=0))
    lowest = above_m[:, 2].min()
    places = np.array(
        [
            (middle[0] + x, middle[1] + y, lowest - depth)
            for depth in DEPTHS_M
            for x in SIDEWAYS_M
            for y in SIDEWAYS_M
        ]
    )
    return lead_field(positions_m, array.orientations[channels], places)[..., :2]


def kept_share(operator: FloatArray, leads: FloatArray) -> float:
    """Least ``h·Mh / h·h`` over the ensemble and over all directions along the chest.

    Parameters
    ----------
    operator : numpy.ndarray, shape ``(n_chosen, n_chosen)``
    leads : numpy.ndarray, shape ``(n_dipoles, n_chosen, 2)``
        From `ensemble`.
    """
    after = np.einsum("ce,dej->dcj", operator, leads, optimize=True)
    return kept_share_of(leads, after)


def kept_share_of(before: FloatArray, after: FloatArray) -> float:
    """Least ``h·h' / h·h`` from topographies before and after, both as from `ensemble`."""
    cross = np.einsum("dci,dcj->dij", before, after)
    cross = 0.5 * (cross + cross.transpose(0, 2, 1))
    power = np.einsum("dci,dcj->dij", before, before)
    # The least generalised eigenvalue of each pair of 2 x 2 forms, by whitening the second.
    values, vectors = np.linalg.eigh(power)
    is_seen = (values[:, 0] > 1e-9 * values[:, -1]) & (values[:, -1] > 0)
    if not is_seen.any():
        return 0.0
    whitener = vectors[is_seen] / np.sqrt(values[is_seen])[:, None, :]
    white = np.einsum("dki,dkl,dlj->dij", whitener, cross[is_seen], whitener)
    return float(np.linalg.eigvalsh(white)[:, 0].min())


def covariance(leads: FloatArray) -> FloatArray:
    """Covariance of the heart's field and of sensor noise over the channels, pT²."""
    flat = leads.transpose(1, 0, 2).reshape(leads.shape[1], -1)
    # Every dipole of the ensemble as likely to be seen as any other, deep ones too.
    flat = flat / np.linalg.norm(flat, axis=0)
    heart = flat @ flat.T
    heart *= PRIOR_RMS_PT**2 / (np.trace(heart) / len(heart))
    return np.asarray(heart + PRIOR_NOISE_PT**2 * np.eye(len(heart)))
