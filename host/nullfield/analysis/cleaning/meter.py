"""How much field there is in the heart's band between the beats, before and after a step.

A filter would smear the QRS complex into the pauses. So the samples are first averaged in bins of
12.5 ms (what is above 40 Hz goes), the beats are bridged by straight lines from pause to pause, and
only then the bins are high-passed at 1 Hz; the bins of the pauses count. The bridges exist here
only, for measuring; they never reach the data.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nullfield.dsp.filters import high_pass
from nullfield.dsp.gaps import BoolArray, FloatArray

HEART_BAND_HZ = (1.0, 40.0)
_WINDOW_S = 15.0
_MOST_WINDOWS = 10
_MOST_CHANNELS = 48
_EDGE_S = 0.5
"""The high-pass has not settled so close to the end of a window."""
_FEWEST_BINS = 20


class HeartBandMeter:
    """Measures RMS in 1 to 40 Hz on samples without the heart.

    Some windows and channels, spread evenly, stand for all: a step is judged, not each sample.

    Parameters
    ----------
    channels : numpy.ndarray of bool, shape ``(n_channels,)``
        Those that count.
    n_samples : int
    rate_hz : float
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``, or None
        None: all samples count, the heart's too.
    """

    def __init__(
        self, channels: BoolArray, n_samples: int, rate_hz: float, quiet: BoolArray | None
    ) -> None:
        chosen = np.flatnonzero(channels)
        if len(chosen) > _MOST_CHANNELS:
            chosen = chosen[np.linspace(0, len(chosen) - 1, _MOST_CHANNELS).astype(int)]
        self.channels = chosen
        self._quiet = np.ones(n_samples, dtype=bool) if quiet is None else quiet
        self._bin = max(1, round(rate_hz / (2.0 * HEART_BAND_HZ[1])))
        self._bin_rate_hz = rate_hz / self._bin
        length = min(n_samples, round(_WINDOW_S * rate_hz)) // self._bin * self._bin
        count = min(_MOST_WINDOWS, n_samples // length) if length else 0
        starts = np.linspace(0, n_samples - length, count).astype(int).tolist()
        self._windows = [(start, start + length) for start in starts]

    def rms_pt(self, field_pt: FloatArray) -> FloatArray:
        """RMS of each chosen channel, shape ``(n_chosen,)``; NaN where it cannot be told.

        Parameters
        ----------
        field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
            NaN is a gap.
        """
        power, count = np.zeros(len(self.channels)), np.zeros(len(self.channels))
        edge = round(_EDGE_S * self._bin_rate_hz)
        for start, stop in self._windows:
            count_bins = (stop - start) // self._bin
            pause = np.all(self._quiet[start:stop].reshape(count_bins, self._bin), axis=1)
            shape = (len(self.channels), count_bins, self._bin)
            bins = field_pt[self.channels, start:stop].reshape(shape)
            values = bins.mean(axis=2)
            known = np.isfinite(values) & pause
            rows = np.flatnonzero(known.sum(axis=1) >= _FEWEST_BINS)
            if not len(rows):
                continue
            bridged = np.array([_bridged(values[row], known[row]) for row in rows])
            band = high_pass(bridged, self._bin_rate_hz, HEART_BAND_HZ[0])
            counted = known[rows] & np.isfinite(band)
            counted[:, :edge] = counted[:, counted.shape[1] - edge :] = False
            power[rows] += (np.where(counted, band, 0.0) ** 2).sum(axis=1)
            count[rows] += counted.sum(axis=1)
        out = np.full(len(power), np.nan)
        enough = count >= _FEWEST_BINS
        out[enough] = np.sqrt(power[enough] / count[enough])
        return out


def removed_db(before_pt: FloatArray, after_pt: FloatArray) -> float | None:
    """Median over channels of the drop in RMS; None where no channel tells it."""
    known = np.isfinite(before_pt) & np.isfinite(after_pt) & (before_pt > 0) & (after_pt > 0)
    if not known.any():
        return None
    return float(np.median(20.0 * np.log10(before_pt[known] / after_pt[known])))


def _bridged(values: FloatArray, known: BoolArray) -> FloatArray:
    """Straight lines over what is not known, from the mean of three known bins to the next."""
    weight = ndimage.uniform_filter1d(known.astype(float), 3, mode="constant")
    total = ndimage.uniform_filter1d(np.where(known, values, 0.0), 3, mode="constant")
    index = np.flatnonzero(known)
    ends = total[index] / weight[index]
    return np.where(known, values, np.interp(np.arange(len(values)), index, ends))
