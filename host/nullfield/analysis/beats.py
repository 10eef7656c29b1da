"""Heartbeats in any number of channels, of either polarity.

The channels are brought to a common scale by the height of their own typical QRS complex and
weighted by how far it stands out, so that a noisy channel counts little and no lead has to be
chosen. Candidates are peaks of the combined QRS energy; a template of all channels then places
each beat by cross-correlation and tells which ones have another shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from nullfield.analysis.beat_class import find_artefacts
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.filters import band_pass
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.dsp.spikes import without_spikes

IntArray = npt.NDArray[np.int64]

SLOWEST_BPM = 30.0
FASTEST_BPM = 220.0
QRS_BAND_HZ = (5.0, 30.0)
_TEMPLATE_BAND_HZ = (2.0, 40.0)
_WINDOW_S = 2.0
_PROMINENCE = 4.5
"""Typical peak over the noise between beats; white noise reaches 3 to 3.5 in two seconds."""
_MOST_CHANNELS = 48
_SMOOTH_S = 0.08
_SEARCH_S = 0.05
_TEMPLATE_S = 0.10
_FLAT_SHARE = 1e-3
_PIECE_S = 10.0
_PIECES = 6
_SHARP_HZ = 12.0
_T_REACH_S = 0.42
"""Latest T peak after its R at 60 beats a minute; goes with the root of the interval."""
_BLUNT = 0.4
_CORRELATION_FLOOR = 0.5
_CORRELATION_CEILING = 0.9
_RESEMBLES = 0.7
"""Correlation from which a beat that is not accepted passes for a disturbed normal one."""


@dataclass(frozen=True)
class Beats:
    """Heartbeats that were found, normal ones and others.

    Attributes
    ----------
    samples : numpy.ndarray of int, shape ``(n_beats,)``
        Sample of each R peak.
    times_s : numpy.ndarray, shape ``(n_beats,)``
        The same on the recording's clock.
    accepted : numpy.ndarray of bool, shape ``(n_beats,)``
        False where the shape differs from the template's (an ectopic beat), or where its window has
        samples missing in every channel.
    correlation : numpy.ndarray, shape ``(n_beats,)``
        With the template, over all channels.
    rate_bpm : float or None
        From the median interval of all beats; None below two.
    reason : str
        Why there are no beats; empty if there are.
    artefacts : numpy.ndarray of int, shape ``(n_artefacts,)``
        Samples of peaks that were found and are no heartbeats.
    """

    samples: IntArray
    times_s: FloatArray
    accepted: BoolArray
    correlation: FloatArray
    rate_bpm: float | None
    reason: str = ""
    artefacts: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def kinds(self) -> npt.NDArray[np.str_]:
        """Kind of each heartbeat, shape ``(n_beats,)``.

        ``"normal"`` (accepted), ``"disturbed"`` (resembles the template, but not well enough to be
        averaged: something lies on it) or ``"ectopic"`` (of another shape).
        """
        other = np.where(self.correlation >= _RESEMBLES, "disturbed", "ectopic")
        return np.asarray(np.where(self.accepted, "normal", other))

    @property
    def n_accepted(self) -> int:
        """Number of beats that an average may use."""
        return int(self.accepted.sum())

    def subset(self, chosen: BoolArray) -> Beats:
        """Some of the beats; the rate stays that of all."""
        return replace(
            self,
            samples=self.samples[chosen],
            times_s=self.times_s[chosen],
            accepted=self.accepted[chosen],
            correlation=self.correlation[chosen],
        )

    def joined(self, other: Beats) -> Beats:
        """These beats and those of a later section, in the order of time."""
        order = np.argsort(np.concatenate([self.samples, other.samples]), kind="stable")

        def join(mine: npt.NDArray[Any], others: npt.NDArray[Any]) -> Any:
            return np.concatenate([mine, others])[order]

        return replace(
            self,
            samples=join(self.samples, other.samples),
            times_s=join(self.times_s, other.times_s),
            accepted=join(self.accepted, other.accepted),
            correlation=join(self.correlation, other.correlation),
            artefacts=np.concatenate([self.artefacts, other.artefacts]),
        )

    @property
    def interval_s(self) -> float | None:
        """Median interval between beats."""
        return None if self.rate_bpm is None else 60.0 / self.rate_bpm


def find_beats(recording: FieldRecording) -> Beats:
    """Find the R peaks of a recording.

    Reference channels are left out. Gaps are stepped over: nothing is found inside them.

    Returns
    -------
    Beats
        Empty, with the reason, where there is no heart.
    """
    chest = np.flatnonzero(recording.array.is_chest)
    rate_hz = recording.sampling_rate_hz
    if len(chest) == 0:
        return _none("no channel over the chest")
    if recording.n_samples < _WINDOW_S * rate_hz:
        return _none(f"{recording.duration_s:.1f} s are too short, {_WINDOW_S:g} s are needed")
    good = recording.usable
    chest = chest[_promising(recording.field_pt, good, chest, rate_hz)]
    if len(chest) == 0:
        return _none("no channel shows a heartbeat above its noise")
    good = good[chest]
    field_pt = without_spikes(recording.field_pt[chest], rate_hz, good)
    high_hz = min(QRS_BAND_HZ[1], 0.4 * rate_hz)
    filtered = band_pass(field_pt, rate_hz, QRS_BAND_HZ[0], high_hz, valid=good)
    height, weight = _heights(filtered, rate_hz)
    if not weight.any():
        return _none("no channel shows a heartbeat above its noise")
    best = np.flatnonzero(weight)
    energy = _combined(filtered[best], height[best], weight[best], rate_hz)
    sharp = _sharpness(filtered[best], height[best], weight[best], high_hz, rate_hz)
    candidates = _peaks(energy, sharp, rate_hz)
    if len(candidates) == 0:
        return _none("no peaks that repeat like a heart's")
    shape_hz = min(_TEMPLATE_BAND_HZ[1], 0.4 * rate_hz)
    shape = band_pass(field_pt[best], rate_hz, _TEMPLATE_BAND_HZ[0], shape_hz, valid=good[best])
    shape = np.where(np.isfinite(shape), shape, 0.0)
    shape = shape * (np.sqrt(weight[best]) / height[best])[:, None]
    samples, correlation, gain = _align(shape, candidates, rate_hz)
    accepted = _same_shape(correlation, gain)
    is_artefact = find_artefacts(shape, energy, samples, accepted, rate_hz)
    if not accepted[~is_artefact].any():
        return _none("no peaks that repeat like a heart's")
    artefacts = samples[is_artefact]
    samples = samples[~is_artefact]
    correlation, accepted = correlation[~is_artefact], accepted[~is_artefact]
    times_s = recording.start_time_s + samples / rate_hz
    rate_bpm = None
    if len(samples) > 1:
        rate_bpm = float(60.0 * rate_hz / np.median(np.diff(samples)))
    return Beats(samples, times_s, accepted, correlation, rate_bpm, "", artefacts)


def _promising(field_pt: FloatArray, good: BoolArray, chest: IntArray, rate_hz: float) -> IntArray:
    """Indices into `chest` of the channels in which the heart stands out most.

    Judged on pieces of the recording: with a hundred channels that takes a fraction of the time,
    and the best few dozen see as well as all.
    """
    length = round(_PIECE_S * rate_hz)
    count = max(1, min(_PIECES, field_pt.shape[1] // length))
    high_hz = min(QRS_BAND_HZ[1], 0.4 * rate_hz)
    total = np.zeros(len(chest))
    for start in np.linspace(0, max(0, field_pt.shape[1] - length), count).astype(int):
        part = slice(start, start + length)
        filtered = band_pass(
            field_pt[chest, part], rate_hz, QRS_BAND_HZ[0], high_hz, valid=good[chest, part]
        )
        total += _heights(filtered, rate_hz)[1]
    # One piece may lie in a gap, or in a burst: what is seen anywhere counts.
    return np.asarray(np.argsort(total)[::-1][: min(_MOST_CHANNELS, np.count_nonzero(total))])


def _none(reason: str) -> Beats:
    empty = np.zeros(0)
    return Beats(empty.astype(np.int64), empty, empty.astype(bool), empty, None, reason)


def _sharpness(
    filtered: FloatArray, height: FloatArray, weight: FloatArray, high_hz: float, rate_hz: float
) -> FloatArray:
    """Energy in the upper part of the QRS band, where a T wave has next to none."""
    sos = signal.butter(2, (_SHARP_HZ, high_hz), "bandpass", fs=rate_hz, output="sos")
    upper = signal.sosfiltfilt(sos, np.nan_to_num(filtered), axis=1)
    return _combined(upper, height, weight, rate_hz)


def _heights(filtered: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Typical QRS height of each channel, and a weight by how far that stands out."""
    n_channels, n_samples = filtered.shape
    length = round(_WINDOW_S * rate_hz)
    count = n_samples // length
    blocks = np.abs(filtered[:, : count * length]).reshape(n_channels, count, length)
    height = np.ones(n_channels)
    weight = np.zeros(n_channels)
    for channel in range(n_channels):
        data = blocks[channel]
        full = np.isfinite(data).mean(axis=1) > 0.8
        if not full.any():
            continue
        # The lower quartile is that of the quiet part even when the QRS takes 40 % of the time
        # (220 bpm); 0.3186 is the quartile of |x| for a Gaussian of unit width.
        noise = np.nanquantile(data[full], 0.25) / 0.3186
        typical = float(np.median(np.nanmax(data[full], axis=1)))
        if typical <= 0.0:
            continue
        height[channel] = typical
        weight[channel] = max(0.0, typical / max(noise, 1e-12 * typical) - _PROMINENCE)
    if weight.any():
        # A channel that holds still (a beam axis between two zeroings) stands out above its own
        # rounding; brought to the others' height it would be noise.
        weight[height < _FLAT_SHARE * float(np.median(height[weight > 0.0]))] = 0.0
    # Beyond a ratio of 20 a channel is as good as any; more would make one channel decide.
    return height, np.minimum(weight, 20.0 - _PROMINENCE)


def _combined(
    filtered: FloatArray, height: FloatArray, weight: FloatArray, rate_hz: float
) -> FloatArray:
    # Clipped: an artefact in one channel may count as one beat of that channel, not as a hundred.
    scaled = np.clip(filtered / height[:, None], -1.5, 1.5) ** 2
    present = np.isfinite(scaled)
    total = np.where(present, scaled, 0.0).T @ weight
    share = present.T @ weight
    mean = np.where(share > 0.1 * weight.sum(), total / np.maximum(share, 1e-12), 0.0)
    return np.asarray(
        np.sqrt(np.maximum(0.0, ndimage.uniform_filter1d(mean, max(1, round(_SMOOTH_S * rate_hz)))))
    )


def _peaks(energy: FloatArray, sharp: FloatArray, rate_hz: float) -> IntArray:
    """Peaks of the QRS energy above a threshold that follows the beats' own height."""
    refractory = round(60.0 / FASTEST_BPM * 0.9 * rate_hz)
    length = round(_WINDOW_S * rate_hz)
    tops = [float(energy[i : i + length].max()) for i in range(0, len(energy), length)]
    typical = ndimage.median_filter(np.array(tops), size=7, mode="nearest")
    centres = (np.arange(len(tops)) + 0.5) * length
    local = np.interp(np.arange(len(energy)), centres, typical)
    local = np.maximum(local, 0.3 * float(np.median(tops)))
    peaks, _ = signal.find_peaks(energy, distance=refractory)
    strong = peaks[energy[peaks] > 0.45 * local[peaks]]
    strong = _without_t_waves(strong, energy, sharp, rate_hz)
    if len(strong) < 2:
        return np.asarray(strong, dtype=np.int64)
    interval = float(np.median(np.diff(strong)))
    weak = peaks[energy[peaks] > 0.25 * local[peaks]]
    found = list(strong)
    for before, after in pairwise(strong):
        if after - before > 1.66 * interval:
            low, high = before + 0.4 * interval, after - 0.4 * interval
            inside = weak[(weak > low) & (weak < high)]
            if len(inside):
                found.append(inside[np.argmax(energy[inside])])
    return np.array(sorted(found), dtype=np.int64)


def _without_t_waves(
    peaks: IntArray, energy: FloatArray, sharp: FloatArray, rate_hz: float
) -> IntArray:
    """Drop of two peaks within the time of a T wave the much smaller, or the much blunter one."""
    if len(peaks) < 2:
        return peaks
    # The usual interval between those that are sharp, so that T waves do not halve it.
    clear = peaks[sharp[peaks] > 0.5 * float(np.quantile(sharp[peaks], 0.75))]
    interval_s = float(np.median(np.diff(clear))) / rate_hz if len(clear) > 1 else 1.0
    reach = _T_REACH_S * float(np.sqrt(min(1.0, interval_s))) * rate_hz
    kept: list[int] = []
    for peak in peaks:
        if kept and peak - kept[-1] < reach:
            ratio = energy[peak] / energy[kept[-1]]
            edge = (sharp[peak] / energy[peak]) / max(sharp[kept[-1]] / energy[kept[-1]], 1e-12)
            if ratio < 0.6 or edge < _BLUNT:
                continue
            if ratio > 1.0 / 0.6 or edge > 1.0 / _BLUNT:
                kept[-1] = int(peak)
                continue
        kept.append(int(peak))
    return np.array(kept, dtype=np.int64)


def _align(
    shape: FloatArray, candidates: IntArray, rate_hz: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Place the beats by the template of all channels; R is the peak of the template's RMS."""
    half = round(_TEMPLATE_S * rate_hz)
    search = round(_SEARCH_S * rate_hz)
    padded = np.pad(shape, ((0, 0), (half + search, half + search)))
    # The energy's peak lies anywhere in the QRS; begin at the largest RMS near it.
    rms = np.sqrt((shape**2).sum(axis=0))
    samples = np.array([_local_top(rms, int(c), search) for c in candidates], dtype=np.int64)
    correlation = np.ones(len(samples))
    gain = np.ones(len(samples))
    for _ in range(3):
        pieces = np.stack([padded[:, s + search : s + search + 2 * half + 1] for s in samples])
        template = np.median(pieces, axis=0)
        offset = _local_top(np.sqrt((template**2).sum(axis=0)), half, search) - half
        norm = float((template**2).sum())
        if norm <= 0.0:
            break
        moved = samples.copy()
        for i, sample in enumerate(samples):
            wide = padded[:, sample : sample + 2 * (half + search) + 1]
            product = signal.fftconvolve(wide, template[:, ::-1], mode="valid", axes=1).sum(axis=0)
            energy = np.convolve((wide**2).sum(axis=0), np.ones(2 * half + 1), mode="valid")
            match = product / np.sqrt(np.maximum(energy * norm, 1e-300))
            best = int(np.argmax(match))
            moved[i] = sample + best - search
            correlation[i] = match[best]
            gain[i] = product[best] / norm
        settled = np.array_equal(moved, samples) and offset == 0
        samples = np.clip(moved + offset, 0, shape.shape[1] - 1)
        if settled:
            break
    # What has another shape is placed by its own energy: the template would pull it away.
    odd = correlation < _CORRELATION_FLOOR
    samples[odd] = [_local_top(rms, int(s), search) for s in samples[odd]]
    # Two candidates may have been drawn to one beat.
    samples, first = np.unique(samples, return_index=True)
    apart = np.ones(len(samples), dtype=bool)
    apart[1:] = np.diff(samples) > 0.2 * rate_hz
    return samples[apart], correlation[first][apart], gain[first][apart]


def _local_top(values: FloatArray, centre: int, reach: int) -> int:
    low = max(0, centre - reach)
    return low + int(np.argmax(values[low : centre + reach + 1]))


def _same_shape(correlation: FloatArray, gain: FloatArray) -> BoolArray:
    middle = float(np.median(correlation))
    spread = 1.4826 * float(np.median(np.abs(correlation - middle)))
    # Never stricter than the natural change from beat to beat, never so lax as to let noise in.
    limit = float(
        np.clip(middle - max(5.0 * spread, 0.05), _CORRELATION_FLOOR, _CORRELATION_CEILING)
    )
    return np.asarray((correlation >= limit) & (gain > 0.5) & (gain < 2.0))
