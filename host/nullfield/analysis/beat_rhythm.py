"""Whether what repeats in a recording can be a heart at all."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.beat_template import cut
from nullfield.dsp.gaps import BoolArray, FloatArray

_SLOWEST_BPM = 20.0
_FASTEST_BPM = 240.0
_LEAST_SHARE = 0.3
_FEWEST_FOR_RHYTHM = 8
_JITTER_S = 0.0015
"""Intervals of living hearts scatter by 5 ms and more, those of machines by their marks' error."""
_FASTEST_CHECKED_S = 0.49
_FROM_S = 0.12
_T_SHARE = 0.02
_MIRROR = 1.3
_BLUNT = 0.5


def why_no_heart(
    shape: FloatArray, marks: FloatArray, accepted: BoolArray, n_peaks: int, rate_hz: float
) -> str:
    """Say why the peaks are not those of a heart; empty if they may be.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        Filtered field, channels brought to one scale; 0 in gaps.
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
    normal = marks[accepted]
    if len(normal) < _FEWEST_FOR_RHYTHM or interval_s < _FASTEST_CHECKED_S:
        return ""
    # Several beats apart: marks err independently, a drift of the rate is slow.
    intervals = np.diff(normal) / rate_hz
    spread_s = 1.4826 * float(np.median(np.abs(intervals - np.median(intervals))))
    if spread_s < _JITTER_S and not _has_t_wave(shape, normal, interval_s, rate_hz):
        return (
            f"pulses every {np.median(intervals):.3f} s, exact to {1e3 * spread_s:.1f} ms and "
            "without T waves: a machine's, not a heart's"
        )
    return ""


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
    speed = np.sqrt((np.gradient(mean, axis=1) ** 2).sum(axis=0))
    first = half + round(_FROM_S * rate_hz)
    peak = first + int(np.argmax(size[first:]))
    reach = round(0.05 * rate_hz)
    r_speed = float(speed[half - reach : half + reach + 1].max()) / float(size[half])
    t_speed = float(speed[max(first, peak - reach) : peak + reach + 1].max()) / float(size[peak])
    back = 2 * half - peak
    mirrored = float(size[max(0, back - reach) : back + reach + 1].max())
    return bool(
        size[peak] > _T_SHARE * size[half]
        and size[peak] > 4.0 * np.sqrt((noise**2).sum(axis=0).mean())
        and size[peak] > _MIRROR * mirrored
        and t_speed < _BLUNT * r_speed
    )
