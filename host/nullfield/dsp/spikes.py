"""Spikes: single wild samples that no body makes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, signal

from nullfield.dsp.gaps import BoolArray, FloatArray, usable

_ABOVE_HZ = 70.0
"""The field of a heart has next to nothing above; a spike of some milliseconds has most."""
_FACTOR = 10.0
_HALF_WIDTH_S = 0.012


def without_spikes(
    field_pt: FloatArray, rate_hz: float, valid: BoolArray | None = None
) -> FloatArray:
    """Bridge spikes by a straight line, for detectors; never for data that are averaged.

    A spike stands ten times above the usual size of the channel above 70 Hz, and above half of
    the channel's own largest usual swing there and below together.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
    rate_hz : float
        Below 200 Hz there is nothing to judge by, and the data come back as they are.
    valid : numpy.ndarray of bool, same shape, optional

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    if rate_hz < 2.8 * _ABOVE_HZ or field_pt.shape[1] < round(rate_hz):
        return field_pt
    good = usable(field_pt, valid)
    filled = np.where(good, field_pt, 0.0)
    sos = signal.butter(2, _ABOVE_HZ, "highpass", fs=rate_hz, output="sos")
    fast = np.abs(signal.sosfiltfilt(sos, filled, axis=1))
    slow = np.abs(filled - ndimage.uniform_filter1d(filled, round(0.3 * rate_hz), axis=1))
    reach = round(_HALF_WIDTH_S * rate_hz)
    out = field_pt
    for channel in range(len(field_pt)):
        row = good[channel]
        if not row.any():
            continue
        usual = float(np.median(fast[channel, row])) / 0.6745
        swing = float(np.quantile(slow[channel, row], 0.98))
        wild = row & (fast[channel] > max(_FACTOR * usual, 0.5 * swing, 1e-12))
        # Edges of gaps look like spikes, and are none.
        wild &= ~ndimage.binary_dilation(~row, iterations=2 * reach) if not row.all() else True
        if not wild.any():
            continue
        wild = ndimage.binary_dilation(wild, iterations=reach) & row
        if wild.mean() > 0.2:
            continue  # that is how the channel is, not a spike
        if out is field_pt:
            out = field_pt.copy()
        calm = np.flatnonzero(row & ~wild)
        out[channel, wild] = np.interp(np.flatnonzero(wild), calm, field_pt[channel, calm])
    return out
