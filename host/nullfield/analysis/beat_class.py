"""Which peaks that do not look like the others are heartbeats all the same.

An ectopic beat has another shape, but it is a beat: as large as others, as long as a ventricle
takes, seen by many channels, back at its level afterwards. What fails that is an artefact. A T wave
is blunter than the complex before it and follows each one at the same distance.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray

_SIZE = (0.25, 3.5)
"""Energy of an ectopic beat over that of the usual one."""
_WIDEST_S = 0.30
_ONE_CHANNEL = 0.8
"""Share of one channel in a peak's energy from which the peak is that channel's own."""
_HALF_S = 0.06
_TWIN = 0.8
_FEWEST_TWINS = 2
_T_REACH_S = 0.40
"""Latest T peak after its R at 60 beats a minute; goes with the root of the interval."""
_BLUNT = 0.4
_T_SIZE = 0.6
_RATHER_BLUNT = 0.7
_TALLEST_T = 0.9
"""QRS energy of a late T wave over that of its complex; beyond it is an ectopic beat (bigeminy)."""
_LATE = 0.8
_USUAL = 0.7
_RECURS = 0.5
_SAME_DELAY_S = 0.06
_LEVEL_S = (0.12, 0.40)
_JUMP = 0.5
"""Change of level over the swing of the peak; a beat comes back to where it was."""
_EDGE_HZ = 70.0
_EDGE = 5.0
_EDGE_SHARE = 0.25


def find_artefacts(
    shape: FloatArray,
    raw: FloatArray,
    energy: FloatArray,
    samples: IntArray,
    is_like: BoolArray,
    accepted: BoolArray,
    rate_hz: float,
) -> BoolArray:
    """Tell peaks that are no heartbeats.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        Filtered field, channels brought to one scale.
    raw : numpy.ndarray, same shape
        Field before any filter; NaN in gaps.
    energy : numpy.ndarray, shape ``(n_samples,)``
        Combined QRS energy.
    samples : numpy.ndarray of int, shape ``(n_peaks,)``
    is_like : numpy.ndarray of bool, shape ``(n_peaks,)``
        Peaks where the template was found, disturbed or not: only an abrupt one is none.
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
    abrupt = _jumps(raw, samples, rate_hz) | _edges(raw, samples, accepted, rate_hz)
    for row, peak in enumerate(odd):
        size = float(energy[samples[peak]]) / usual
        alone = shape.shape[0] > 2 and concentration[peak] > max(
            _ONE_CHANNEL, 1.3 * usual_concentration
        )
        wide = _width_s(energy, int(samples[peak]), rate_hz) > _WIDEST_S
        # A shape that comes again and again is the heart's, however odd; its size still counts.
        again = twins[row] >= _FEWEST_TWINS and size > _SIZE[0]
        wrong = not is_like[peak] and (alone or wide or not _SIZE[0] <= size <= _SIZE[1])
        out[peak] = abrupt[peak] or (not again and wrong)
    return out


def _jumps(raw: FloatArray, samples: IntArray, rate_hz: float) -> BoolArray:
    """Peaks after which the field stays at another level."""
    near, far = (round(edge * rate_hz) for edge in _LEVEL_S)
    out = np.zeros(len(samples), dtype=bool)
    scale = np.nanmedian(np.abs(raw - np.nanmedian(raw, axis=1, keepdims=True)), axis=1)
    scale = np.maximum(np.nan_to_num(scale, nan=1.0), 1e-300)
    for row, sample in enumerate(samples):
        before = raw[:, max(0, sample - far) : max(0, sample - near)]
        after = raw[:, sample + near : sample + far]
        middle = raw[:, max(0, sample - near) : sample + near + 1]
        parts = (before, after, middle)
        whole = np.all([np.isfinite(one).all(axis=1) for one in parts], axis=0)
        if not whole.any() or not before.shape[1] or not after.shape[1]:
            continue
        change = np.median(after[whole], axis=1) - np.median(before[whole], axis=1)
        swing = np.ptp(middle[whole], axis=1)
        sizes = scale[whole]
        out[row] = np.sum(np.abs(change) / sizes) > _JUMP * np.sum(swing / sizes)
    return out


def _edges(raw: FloatArray, samples: IntArray, accepted: BoolArray, rate_hz: float) -> BoolArray:
    """Peaks with an edge that is far steeper than the usual beat's: no muscle is so fast."""
    out = np.zeros(len(samples), dtype=bool)
    if rate_hz < 2.8 * _EDGE_HZ:
        return out
    sos = signal.butter(2, _EDGE_HZ, "highpass", fs=rate_hz, output="sos")
    centred = raw - np.nanmedian(raw, axis=1, keepdims=True)
    fast = np.abs(signal.sosfiltfilt(sos, np.nan_to_num(centred), axis=1))
    reach = round(_HALF_S * rate_hz)
    sizes = np.array([fast[:, max(0, s - reach) : s + reach + 1].max(axis=1) for s in samples])
    swing = np.array(
        [np.ptp(np.nan_to_num(centred[:, max(0, s - reach) : s + reach + 1]), axis=1)
         for s in samples]
    )  # fmt: skip
    usual = np.median(sizes[accepted], axis=0)
    height = np.median(swing[accepted], axis=0)
    steep = (sizes > _EDGE * usual) & (sizes > _EDGE_SHARE * height)
    return np.asarray(steep.mean(axis=1) > 0.25)


def without_t_waves(
    peaks: IntArray, energy: FloatArray, sharp: FloatArray, rate_hz: float
) -> IntArray:
    """Drop of two peaks within the time of a T wave the much smaller, or the much blunter one."""
    if len(peaks) < 2:
        return peaks
    # The usual interval between those that are sharp, so that T waves do not halve it.
    clear = peaks[sharp[peaks] > 0.5 * float(np.quantile(sharp[peaks], 0.75))]
    reach = _t_reach(clear, rate_hz)
    kept: list[int] = []
    for peak in peaks:
        if kept and peak - kept[-1] < reach:
            ratio = energy[peak] / energy[kept[-1]]
            edge = (sharp[peak] / energy[peak]) / max(sharp[kept[-1]] / energy[kept[-1]], 1e-12)
            if ratio < _T_SIZE or edge < _BLUNT:
                continue
            if ratio > 1.0 / _T_SIZE or edge > 1.0 / _BLUNT:
                kept[-1] = int(peak)
                continue
        kept.append(int(peak))
    return np.array(kept, dtype=np.int64)


def _t_reach(beats: IntArray, rate_hz: float) -> float:
    interval_s = float(np.median(np.diff(beats))) / rate_hz if len(beats) > 1 else 1.0
    return _T_REACH_S * float(np.sqrt(min(1.0, interval_s))) * rate_hz


def find_t_waves(
    peaks: IntArray, score: FloatArray, energy: FloatArray, sharp: FloatArray, rate_hz: float
) -> BoolArray:
    """Tell peaks that are T waves of the beat before them.

    Parameters
    ----------
    peaks : numpy.ndarray of int, shape ``(n_peaks,)``
    score : numpy.ndarray, shape ``(n_peaks,)``
        Correlation with the usual beat; 0 where the peak is none of its kind.
    energy, sharp : numpy.ndarray, shape ``(n_samples,)``
    rate_hz : float

    Returns
    -------
    numpy.ndarray of bool, shape ``(n_peaks,)``
    """
    out = np.zeros(len(peaks), dtype=bool)
    edge = sharp[peaks] / np.maximum(energy[peaks], 1e-12)
    usual = score > _USUAL
    if not usual.any():
        return out
    # Tall T waves may resemble the template; the sharper three quarters are complexes for sure.
    edge /= max(float(np.quantile(edge[usual], 0.75)), 1e-12)
    usual &= edge > _BLUNT
    reach = _t_reach(peaks[usual], rate_hz)
    delay = np.diff(peaks, prepend=-peaks[-1] - 1)
    behind = np.concatenate([[False], usual[:-1]]) & (delay < reach)
    blunt = behind & ~usual & (edge < _BLUNT)
    same = _SAME_DELAY_S * rate_hz
    for row in np.flatnonzero(delay < reach):
        if out[row - 1]:
            continue
        small = energy[peaks[row]] < _T_SIZE * energy[peaks[row - 1]]
        alike = np.sum(blunt & (np.abs(delay - delay[row]) <= same))
        late = delay[row] > _LATE * reach
        tall = late and energy[peaks[row]] > _TALLEST_T * energy[peaks[row - 1]]
        recurring = blunt[row] and not tall and alike > _RECURS * usual.sum()
        out[row] = recurring or (small and edge[row] < _RATHER_BLUNT)
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
