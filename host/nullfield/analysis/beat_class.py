"""Which peaks that do not look like the others are heartbeats all the same.

An ectopic beat has another shape, but it is a beat: as large as others, as long as a ventricle
takes, seen by many channels. What fails that is an artefact.
"""

from __future__ import annotations

import numpy as np

from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray

_SIZE = (0.25, 3.5)
"""Energy of an ectopic beat over that of the usual one."""
_WIDEST_S = 0.30
_ONE_CHANNEL = 0.8
"""Share of one channel in a peak's energy from which the peak is that channel's own."""
_HALF_S = 0.06
_TWIN = 0.8
_FEWEST_TWINS = 2


def find_artefacts(
    shape: FloatArray, energy: FloatArray, samples: IntArray, accepted: BoolArray, rate_hz: float
) -> BoolArray:
    """Tell peaks that are no heartbeats.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        Filtered field, channels brought to one scale.
    energy : numpy.ndarray, shape ``(n_samples,)``
        Combined QRS energy.
    samples : numpy.ndarray of int, shape ``(n_peaks,)``
    accepted : numpy.ndarray of bool, shape ``(n_peaks,)``
        Peaks of the usual shape; they are heartbeats.
    rate_hz : float

    Returns
    -------
    numpy.ndarray of bool, shape ``(n_peaks,)``
    """
    out = np.zeros(len(samples), dtype=bool)
    odd = np.flatnonzero(~accepted)
    if not accepted.any() or not len(odd):
        return out
    half = round(_HALF_S * rate_hz)
    pieces = np.stack(
        [np.pad(shape, ((0, 0), (half, half)))[:, s : s + 2 * half + 1] for s in samples]
    )
    power = (pieces**2).sum(axis=2)
    concentration = power.max(axis=1) / np.maximum(power.sum(axis=1), 1e-300)
    usual = float(np.median(energy[samples[accepted]]))
    usual_concentration = float(np.median(concentration[accepted]))
    twins = _twins(pieces[odd])
    for row, peak in enumerate(odd):
        size = float(energy[samples[peak]]) / usual
        alone = shape.shape[0] > 2 and concentration[peak] > max(
            _ONE_CHANNEL, 1.3 * usual_concentration
        )
        wide = _width_s(energy, int(samples[peak]), rate_hz) > _WIDEST_S
        # A shape that comes again and again is the heart's, however odd; its size still counts.
        again = twins[row] >= _FEWEST_TWINS and size > _SIZE[0]
        out[peak] = not again and (alone or wide or not _SIZE[0] <= size <= _SIZE[1])
    return out


def _twins(pieces: FloatArray) -> IntArray:
    """How many of the others have nearly the same shape."""
    flat = pieces.reshape(len(pieces), -1)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    return np.asarray((flat @ flat.T > _TWIN).sum(axis=1) - 1, dtype=np.int64)


def _width_s(energy: FloatArray, peak: int, rate_hz: float) -> float:
    """Time for which the energy stays above half of its peak."""
    limit = 0.5 * float(energy[peak])
    reach = round(0.5 * rate_hz)
    before = energy[max(0, peak - reach) : peak + 1][::-1] < limit
    after = energy[peak : peak + reach] < limit
    left = int(np.argmax(before)) if before.any() else reach
    right = int(np.argmax(after)) if after.any() else reach
    return (left + right) / rate_hz
