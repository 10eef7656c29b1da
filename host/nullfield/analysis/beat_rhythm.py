"""Whether what repeats in a recording can be a heart at all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from nullfield.analysis.beat_template import cut
from nullfield.dsp.gaps import BoolArray, FloatArray

_SLOWEST_BPM = 20.0
_FASTEST_BPM = 240.0
_LEAST_SHARE = 0.3
_FEWEST_FOR_RHYTHM = 8
_JITTER_S = 0.004
"""Intervals of living hearts nearly always scatter by more, those of machines by the marks' error."""
_FASTEST_CHECKED_S = 0.49
_FROM_S = 0.12
_T_SHARE = 0.02
_MIRROR = 1.3
_REST = 0.5
_BLUNT = 0.7
_SMOOTH_S = 0.006


def why_no_heart(
    shape: FloatArray,
    energy: FloatArray,
    marks: FloatArray,
    accepted: BoolArray,
    n_peaks: int,
    rate_hz: float,
) -> str:
    """Say why the peaks are not those of a heart; empty if they may be.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        Filtered field, channels brought to one scale; 0 in gaps.
    energy : numpy.ndarray, shape ``(n_samples,)``
        Smoothed RMS in the QRS band.
    marks : numpy.ndarray, shape ``(n_beats,)``
        R peaks in samples and parts of them.
    accepted : numpy.ndarray of bool, shape ``(n_beats,)``
    n_peaks : int
        Beats and artefacts.
    rate_hz : float
    """
    if accepted.sum() < max(2.0, _LEAST_SHARE * n_peaks):
        return "no peaks that repeat like a heart's"
    interval_s = float(np.median(np.diff(marks))) / rate_hz
    if interval_s > 60.0 / _SLOWEST_BPM:
        return f"peaks come every {interval_s:.1f} s only, no heart is so slow"
    if interval_s < 60.0 / _FASTEST_BPM:
        return f"peaks come every {interval_s:.2f} s, no heart is so fast"
    if _never_rests(energy, marks):
        return "an oscillation: a heart rests between its beats"
    return ""


def rhythm_warning(
    shape: FloatArray, marks: FloatArray, accepted: BoolArray, rate_hz: float
) -> str:
    """What the reader should know of a rhythm that is as exact as a machine's; empty if it is not.

    A paced heart is as exact, so such beats are kept. Parameters are those of `why_no_heart`.
    """
    normal = marks[accepted]
    if len(normal) < _FEWEST_FOR_RHYTHM:
        return ""
    intervals = np.diff(normal) / rate_hz
    interval_s = float(np.median(intervals))
    if interval_s < _FASTEST_CHECKED_S:
        return ""
    spread_s = 1.4826 * float(np.median(np.abs(intervals - np.median(intervals))))
    if spread_s < _JITTER_S and not _has_t_wave(shape, normal, interval_s, rate_hz):
        return (
            f"beats every {np.median(intervals):.3f} s, exact to {1e3 * spread_s:.1f} ms and "
            "no T wave stands out: a paced heart, a machine or a made-up one"
        )
    return ""


def _never_rests(energy: FloatArray, marks: FloatArray) -> bool:
    """Whether the energy stays high all the way from most of the marks to the next."""
    places = np.round(marks).astype(np.int64)
    lowest = [energy[a : b + 1].min() for a, b in pairwise(places)]
    return float(np.median(lowest / energy[places[:-1]])) > _REST


def _has_t_wave(shape: FloatArray, marks: FloatArray, interval_s: float, rate_hz: float) -> bool:
    """Whether a blunt wave follows the peak that has no mirror image before it.

    A zero-phase filter puts the same hump on both sides of an edge; a heart's T has none.
    """
    half = round(0.6 * interval_s * rate_hz)
    samples = np.round(marks).astype(np.int64)
    samples = samples[(samples >= half) & (samples + half < shape.shape[1])]
    if len(samples) < 4:
        return True
    pieces = cut(shape, samples, half)
    mean = pieces.mean(axis=0)
    even = len(pieces) - len(pieces) % 2
    noise = (pieces[0:even:2] - pieces[1:even:2]).mean(axis=0) / 2.0
    size = np.sqrt((mean**2).sum(axis=0))
    smooth = ndimage.gaussian_filter1d(mean, _SMOOTH_S * rate_hz, axis=1)
    speed = np.sqrt((np.gradient(smooth, axis=1) ** 2).sum(axis=0))
    first = half + round(_FROM_S * rate_hz)
    peak = first + int(np.argmax(size[first:]))
    if not first < peak < len(size) - 1:
        return False  # a slope that comes from elsewhere, not a wave
    reach = round(0.05 * rate_hz)
    r_speed = float(speed[half - reach : half + reach + 1].max()) / float(size[half])
    t_speed = float(speed[peak - reach : peak + reach + 1].max()) / float(size[peak])
    back = 2 * half - peak
    mirrored = float(size[max(0, back - reach) : back + reach + 1].max())
    return bool(
        size[peak] > _T_SHARE * size[half]
        and size[peak] > 4.0 * np.sqrt((noise**2).sum(axis=0).mean())
        and size[peak] > _MIRROR * mirrored
        and t_speed < _BLUNT * r_speed
    )
