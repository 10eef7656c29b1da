"""How the end and the size of the T wave differ between channels.

T ends, channel by channel, where the tangent at its steepest fall meets the base line (Lepeschkin
and Surawicz, Circulation 6, 1952). Only channels whose T wave stands out take part: in a flat one
the end of T is not to be seen. Noise spreads the ends too; that is the reason for the reflected
bootstrap interval, and for reading these figures with care.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nullfield.analysis.data import BoolArray, SensorArray
from nullfield.analysis.features.feature import Definition
from nullfield.dsp.gaps import FloatArray

FEWEST_CHANNELS = 8
LEAST_SHARE = 0.25
"""Of the largest T wave among the channels, below which a channel is left out."""
LEAST_SNR = 8.0
_SMOOTH_S = 0.006
_PEAK_WITHIN_S = 0.06
_NEIGHBOURS = 1.5
_MCG = "ROC cut-off of 64-channel magnetocardiography, not a normal range: Wu et al., PMID 23603823"

QT_DISPERSION = Definition(
    "QT_dispersion", "ms", "Latest minus earliest end of T over the channels.",
    "Day, McComb and Campbell, Br. Heart J. 63, 1990, 342-344; cited, not at hand",
)  # fmt: skip
QTC_DISPERSION = Definition(
    "QTc_dispersion", "ms", "QT dispersion / sqrt(RR / 1 s).",
    "as used by Wu et al., PMID 23603823", (0.0, 79.0), _MCG,
)  # fmt: skip
SMOOTHNESS_INDEX = Definition(
    "SI_QTc", "ms",
    "Smoothness index: mean over channels of the mean size of the QTc differences to neighbours.",
    "Van Leeuwen, Hailer and Wehr, PACE 19, 1996, 1894-1899 (cited, not at hand); Wu et al., "
    "PMID 23603823", (0.0, 9.0), _MCG,
)  # fmt: skip
T_AMPLITUDE_DISPERSION = Definition(
    "T_amplitude_dispersion", "",
    "Standard deviation over mean of the sizes of the field normal to the chest at the T peak.",
    "own definition: none was found in print",
)  # fmt: skip


def usable_channels(
    field_pt: FloatArray, noise_pt: FloatArray, array: SensorArray, good: BoolArray, peak: int
) -> BoolArray:
    """Normal channels whose T wave stands out, shape ``(n_channels,)``.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_times)``
    noise_pt : numpy.ndarray, shape ``(n_channels,)``
        Of the average; NaN if not known.
    array : SensorArray
    good : numpy.ndarray of bool, shape ``(n_channels,)``
    peak : int
        Sample of the T peak.
    """
    use = good & array.is_normal & np.isfinite(field_pt).all(axis=1)
    if not use.any():
        return use
    size = np.abs(np.nan_to_num(field_pt[:, peak]))
    clear = (size >= LEAST_SHARE * size[use].max()) & (size >= LEAST_SNR * np.nan_to_num(noise_pt))
    return np.asarray(use & clear)


def t_ends_s(field_pt: FloatArray, time_s: FloatArray, t_s: float, latest_s: float) -> FloatArray:
    """End of T of each channel.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(..., n_times)``
    time_s : numpy.ndarray, shape ``(n_times,)``
    t_s : float
        T peak over all channels; each channel's own is sought within 60 ms.
    latest_s : float
        Bound for the steepest fall.

    Returns
    -------
    numpy.ndarray, shape ``(...)``
        s; NaN where the T wave does not fall.
    """
    step = float(time_s[1] - time_s[0])
    smooth = ndimage.gaussian_filter1d(field_pt, _SMOOTH_S / step, axis=-1)
    peak = int(np.argmin(np.abs(time_s - t_s)))
    smooth = smooth * np.sign(smooth[..., peak : peak + 1])
    reach = max(1, round(_PEAK_WITHIN_S / step))
    low = max(0, peak - reach)
    own = low + smooth[..., low : peak + reach + 1].argmax(axis=-1)
    slope = np.gradient(smooth, step, axis=-1)
    sample = np.arange(len(time_s))
    falling = (sample > own[..., None]) & (time_s <= latest_s)
    steepest = np.where(falling, slope, np.inf).argmin(axis=-1)[..., None]
    fall = np.take_along_axis(slope, steepest, axis=-1)[..., 0]
    height = np.take_along_axis(smooth, steepest, axis=-1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = time_s[steepest[..., 0]] - height / fall
    return np.asarray(np.where((fall < 0.0) & (height > 0.0), ends, np.nan))


def neighbour_differences(positions_m: FloatArray) -> FloatArray:
    """Which places are neighbours, shape ``(n, n)``, rows adding up to one (or zero if alone)."""
    apart = np.linalg.norm(positions_m[:, None] - positions_m[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    near = apart <= _NEIGHBOURS * np.median(apart.min(axis=1))
    return np.asarray(near / np.maximum(near.sum(axis=1, keepdims=True), 1))


def spread(ends: FloatArray) -> FloatArray:
    """Largest minus smallest along the last axis."""
    return np.asarray(ends.max(axis=-1) - ends.min(axis=-1))


def smoothness_index(values: FloatArray, neighbours: FloatArray) -> FloatArray:
    """Mean size of the differences to neighbours, shape ``(...)`` for values ``(..., n)``."""
    difference = np.abs(values[..., :, None] - values[..., None, :])
    some = neighbours.sum(axis=1) > 0.0
    return np.asarray((difference * neighbours).sum(axis=-1)[..., some].mean(axis=-1))


def amplitude_dispersion(field_pt: FloatArray) -> FloatArray:
    """Standard deviation over mean of the sizes along the last axis."""
    size = np.abs(field_pt)
    return np.asarray(size.std(axis=-1, ddof=1) / size.mean(axis=-1))
