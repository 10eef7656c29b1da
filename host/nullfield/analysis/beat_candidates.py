"""Where heartbeats may be: peaks of the QRS energy of all channels.

The channels are brought to a common scale by the height of their own typical QRS complex and
weighted by how far it stands out, so that a noisy channel counts little and no lead has to be
chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, signal

from nullfield.dsp.filters import band_pass
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray

QRS_BAND_HZ = (5.0, 30.0)
WINDOW_S = 2.0
REFRACTORY_S = 0.2
_SHAPE_BAND_HZ = (2.0, 40.0)
_SHARP_HZ = 12.0
_PROMINENCE = 4.5
"""Typical peak over the noise between beats; white noise reaches 3 to 3.5 in two seconds."""
_BEST_RATIO = 40.0
_MOST_CHANNELS = 24
_SMOOTH_S = 0.08
_SILENT = 1e-30
"""What a filter's ringing leaves of a field that stands still, in whatever unit."""
_FLAT_SHARE = 1e-3
_PIECE_S = 10.0
_PIECES = 6
_STRONG = 0.45
_RATE_HZ = 240.0
"""Least rate of detection: eight times the QRS band's upper edge."""
_LOUD = 2.0


@dataclass(frozen=True)
class Signals:
    """What candidates are found in.

    Attributes
    ----------
    rate_hz : float
    channels : numpy.ndarray of int
        Those of the given ones that are used.
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        2 to 40 Hz, channels on one scale and weighted; 0 in gaps.
    filtered : numpy.ndarray, same shape
        5 to 30 Hz; NaN in gaps.
    height, weight : numpy.ndarray, shape ``(n_channels,)``
    energy, sharp : numpy.ndarray, shape ``(n_samples,)``
        Smoothed RMS over the channels, in the QRS band and in its upper part, where a T wave has
        next to none.
    usual : (float, float)
        Height of both at beats that are known; 0 before any are.
    """

    rate_hz: float
    channels: IntArray
    shape: FloatArray
    filtered: FloatArray
    height: FloatArray
    weight: FloatArray
    energy: FloatArray
    sharp: FloatArray
    usual: tuple[float, float] = (0.0, 0.0)


def coarse(field_pt: FloatArray, good: BoolArray, rate_hz: float) -> tuple[FloatArray, int]:
    """Means over as many samples as leave a rate that detection can do with.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_samples // step)``
        NaN where a sample is missing.
    step : int
    """
    clean = np.where(good, field_pt, np.nan)
    step = max(1, int(rate_hz // _RATE_HZ))
    if step == 1:
        return clean, 1
    count = clean.shape[1] // step
    total = clean[:, 0 : count * step : step].copy()
    for offset in range(1, step):
        total += clean[:, offset : count * step : step]
    return total / step, step


def promising(field_pt: FloatArray, good: BoolArray, chest: IntArray, rate_hz: float) -> IntArray:
    """Which of the channels `chest` show the heart best, the best first.

    Judged on pieces of the recording: with a hundred channels that takes a fraction of the time,
    and the best two dozen see as well as all.
    """
    length = round(_PIECE_S * rate_hz)
    count = max(1, min(_PIECES, field_pt.shape[1] // length))
    total = np.zeros(len(chest))
    for start in np.linspace(0, max(0, field_pt.shape[1] - length), count).astype(int):
        part = slice(start, start + length)
        piece, step = coarse(field_pt[chest, part], good[chest, part], rate_hz)
        total += _heights(_qrs_band(piece, rate_hz / step), rate_hz / step)[1]
    # One piece may lie in a gap, or in a burst: what is seen anywhere counts.
    best = np.argsort(-total, kind="stable")[: min(_MOST_CHANNELS, np.count_nonzero(total))]
    return np.asarray(chest[best])


def make_signals(field_pt: FloatArray, rate_hz: float) -> Signals | None:
    """Filter and combine; None where no channel stands out."""
    filtered = _qrs_band(field_pt, rate_hz)
    loud = _loudness(filtered, rate_hz)
    if loud is not None:
        filtered = filtered / loud
    height, weight = _heights(filtered, rate_hz)
    best = np.flatnonzero(weight)
    if not len(best):
        return None
    shape_hz = min(_SHAPE_BAND_HZ[1], 0.4 * rate_hz)
    shape = np.nan_to_num(band_pass(field_pt[best], rate_hz, _SHAPE_BAND_HZ[0], shape_hz))
    shape *= (weight[best] / height[best])[:, None]
    if loud is not None:
        shape /= loud[best]
    empty = np.zeros(0)
    signals = Signals(
        rate_hz, best, shape, filtered[best], height[best], weight[best], empty, empty
    )
    return _with_energy(signals)


def with_height_of(signals: Signals, beats: IntArray) -> Signals:
    """The same on the scale of beats that are known: a half of the recording may have none."""
    reach = round(0.06 * signals.rate_hz)
    where = np.clip(beats[:, None] + np.arange(-reach, reach + 1), 0, signals.filtered.shape[1] - 1)
    pieces = np.abs(signals.filtered[:, where])
    peak = np.where(np.isfinite(pieces), pieces, 0.0).max(axis=2)
    seen = peak > 0.0
    height = np.array(
        [
            np.median(row[known]) if known.any() else old
            for row, known, old in zip(peak, seen, signals.height, strict=True)
        ]
    )
    shape = signals.shape * (signals.height / height)[:, None]
    scaled = _with_energy(replace(signals, shape=shape, height=height))
    usual = (float(np.median(scaled.energy[beats])), float(np.median(scaled.sharp[beats])))
    return replace(scaled, usual=usual)


def _with_energy(signals: Signals) -> Signals:
    upper = _upper(signals.filtered, signals.rate_hz)
    return replace(
        signals, energy=_combined(signals, signals.filtered), sharp=_combined(signals, upper)
    )


def _qrs_band(field_pt: FloatArray, rate_hz: float) -> FloatArray:
    return band_pass(field_pt, rate_hz, QRS_BAND_HZ[0], min(QRS_BAND_HZ[1], 0.4 * rate_hz))


def _noise(blocks: FloatArray) -> FloatArray:
    # The lower quartile is that of the quiet part even when the QRS takes 40 % of the time
    # (220 bpm); 0.3186 is the quartile of |x| for a Gaussian of unit width.
    quartile = np.quantile if np.isfinite(blocks).all() else np.nanquantile
    return np.asarray(quartile(blocks, 0.25, axis=-1) / 0.3186)


def _heights(filtered: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Typical QRS height of each channel, and a weight by how far that stands out."""
    height, weight = _standing_out(filtered, rate_hz)
    # A tall T wave passes for noise between the beats; the upper part of the band is free of it.
    _, upper = _standing_out(_upper(filtered, rate_hz), rate_hz)
    return height, np.maximum(weight, upper)


def _upper(filtered: FloatArray, rate_hz: float) -> FloatArray:
    high_hz = min(QRS_BAND_HZ[1], 0.4 * rate_hz)
    sos = signal.butter(2, (_SHARP_HZ, high_hz), "bandpass", fs=rate_hz, output="sos")
    upper = signal.sosfiltfilt(sos, np.nan_to_num(filtered), axis=1)
    return np.where(np.isfinite(filtered), upper, np.nan)


def _standing_out(filtered: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    n_channels, n_samples = filtered.shape
    length = min(round(WINDOW_S * rate_hz), n_samples)
    count = n_samples // length
    blocks = np.abs(filtered[:, : count * length]).reshape(n_channels, count, length)
    height = np.ones(n_channels)
    weight = np.zeros(n_channels)
    for channel in range(n_channels):
        data = blocks[channel]
        full = np.isfinite(data).mean(axis=1) > 0.8
        if not full.any():
            continue
        noise = float(_noise(data[full].ravel()))
        typical = float(np.median(np.nanmax(data[full], axis=1)))
        if typical <= _SILENT:
            continue
        height[channel] = typical
        weight[channel] = max(0.0, typical / max(noise, 1e-12 * typical) - _PROMINENCE)
    if weight.any():
        # A channel that holds still (a beam axis between two zeroings) stands out above its own
        # rounding; brought to the others' height it would be noise.
        weight[height < _FLAT_SHARE * float(np.median(height[weight > 0.0]))] = 0.0
    # Beyond that ratio a channel is as good as any; more would make one channel decide.
    return height, np.minimum(weight, _BEST_RATIO - _PROMINENCE)


def _loudness(filtered: FloatArray, rate_hz: float) -> FloatArray | None:
    """What to divide channels by where they are far noisier than usual and others are not."""
    n_channels, n_samples = filtered.shape
    length = round(WINDOW_S * rate_hz)
    count = n_samples // length
    if n_channels < 2 or count < 3:
        return None
    blocks = np.abs(filtered[:, : count * length]).reshape(n_channels, count, length)
    known = np.isfinite(blocks).mean(axis=2) > 0.5
    noise = np.full((n_channels, count), np.nan)
    noise[known] = _noise(blocks[known])
    # The usual noise is that of the quieter half: a channel may be wild for most of the time.
    usual = np.array(
        [np.nanquantile(row, 0.25) if np.isfinite(row).any() else 1.0 for row in noise]
    )
    loud = np.nan_to_num(noise / np.maximum(usual, 1e-300)[:, None], nan=1.0)
    loud = np.maximum(1.0, loud / _LOUD)
    loud /= loud.min(axis=0)
    if loud.max() < 1.01:
        return None
    loud = ndimage.maximum_filter1d(loud, 3, axis=1)
    index = np.minimum(np.arange(n_samples) // length, count - 1)
    return np.asarray(loud[:, index])


def _combined(signals: Signals, filtered: FloatArray) -> FloatArray:
    # Clipped: an artefact in one channel may count as one beat of that channel, not as a hundred.
    scaled = np.clip(filtered / signals.height[:, None], -1.5, 1.5) ** 2
    present = np.isfinite(scaled)
    weight = signals.weight
    total = np.where(present, scaled, 0.0).T @ weight
    share = present.T @ weight
    mean = np.where(share > 0.1 * weight.sum(), total / np.maximum(share, 1e-12), 0.0)
    smooth = ndimage.uniform_filter1d(mean, max(1, round(_SMOOTH_S * signals.rate_hz)))
    return np.asarray(np.sqrt(np.maximum(0.0, smooth)))


def peaks_of(signals: Signals, floor: float = 0.0) -> IntArray:
    """Peaks of the QRS energy, and of its sharp part, that are of the height of those around.

    Parameters
    ----------
    signals : Signals
    floor : float
        Least height of the surroundings, of a usual beat.
    """
    refractory = round(REFRACTORY_S * signals.rate_hz)
    found = [
        _high_peaks(one, signals.rate_hz, floor * usual)
        for one, usual in ((signals.energy, signals.usual[0]), (signals.sharp, signals.usual[1]))
    ]
    kept = list(found[0])
    for peak in found[1]:
        # R beside a much taller T: it is the upper part of the band that shows it.
        if not len(kept) or np.abs(np.array(kept) - peak).min() > refractory // 2:
            kept.append(peak)
    return np.array(sorted(kept), dtype=np.int64)


def _high_peaks(energy: FloatArray, rate_hz: float, floor: float) -> IntArray:
    length = round(WINDOW_S * rate_hz)
    tops = [float(energy[i : i + length].max()) for i in range(0, len(energy), length)]
    typical = ndimage.median_filter(np.array(tops), size=7, mode="nearest")
    centres = (np.arange(len(tops)) + 0.5) * length
    local = np.interp(np.arange(len(energy)), centres, typical)
    local = np.maximum(local, max(floor, 0.3 * float(np.median(tops))))
    # An oscillation goes up and down, too, but not as far down.
    padded = np.concatenate([[0.0], energy, [0.0]])
    peaks, facts = signal.find_peaks(
        padded, distance=max(1, round(REFRACTORY_S * rate_hz)), prominence=0.0
    )
    peaks = peaks - 1
    high = (energy[peaks] > _STRONG * local[peaks]) & (facts["prominences"] > 0.3 * energy[peaks])
    return np.asarray(peaks[high], dtype=np.int64)
