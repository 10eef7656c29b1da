"""The averaged beat: baseline, mean, standard error, signal to noise, R and T."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

IntArray = npt.NDArray[np.int64]

_PQ_SEARCH_S = (-0.14, -0.045)
_PQ_LENGTH_S = 0.02
_R_SEARCH_S = 0.06
_T_FROM_S = 0.14
_T_TO_S = 0.45
_T_SMOOTH_S = 0.03
_T_PROMINENCE = 0.05
_T_OVER_NOISE = 1.25
_FEWEST_FOR_WEIGHTS = 8
_LEAST_VARIANCE = 0.5
"""Share of the median variance below which a beat's own variance is not believed."""


@dataclass(frozen=True)
class AveragedBeat:
    """Mean beat of every channel.

    Attributes
    ----------
    time_s : numpy.ndarray, shape ``(n_times,)``
        Relative to the R peak.
    field_pt : numpy.ndarray, shape ``(n_channels, n_times)``
        Relative to the PQ segment; NaN for a channel without beats.
    standard_error_pt : numpy.ndarray, same shape
        From the scatter of the beats; NaN below two beats.
    noise_pt : numpy.ndarray, shape ``(n_channels,)``
        RMS of the average with alternating signs, in which the heart cancels.
    beats_used : numpy.ndarray of int, shape ``(n_channels,)``
    baseline_s : (float, float)
        The PQ segment, relative to the R peak.
    snr_db : float or None
        RMS over the channels at the R peak over RMS of `noise_pt`.
    weights : numpy.ndarray or None, shape ``(n_channels, n_beats)``
        Of each beat in each channel, mean 1 over those used and 0 for one that is not; None where
        it was not kept.
    effective_beats : numpy.ndarray or None, shape ``(n_channels,)``
        Beats of equal weight that would average as well: the squared sum of the weights over the
        sum of their squares (Kish, Survey Sampling, 1965).
    """

    time_s: FloatArray
    field_pt: FloatArray
    standard_error_pt: FloatArray
    noise_pt: FloatArray
    beats_used: IntArray
    baseline_s: tuple[float, float]
    snr_db: float | None
    weights: FloatArray | None = None
    effective_beats: FloatArray | None = None

    @property
    def has_beats(self) -> npt.NDArray[np.bool_]:
        """Channels with an average, shape ``(n_channels,)``."""
        return np.asarray(np.isfinite(self.field_pt).all(axis=1))

    @property
    def snr_db_by_channel(self) -> FloatArray:
        """Largest field within 60 ms of the mark over `noise_pt`, dB, shape ``(n_channels,)``.

        NaN for a channel below two beats, or without a field or a noise.
        """
        near = np.abs(self.time_s) <= _R_SEARCH_S
        out = np.full(len(self.noise_pt), np.nan)
        peak = np.abs(self.field_pt[:, near]).max(axis=1, initial=0.0)
        known = np.isfinite(peak) & (peak > 0.0) & (np.nan_to_num(self.noise_pt) > 0.0)
        out[known] = 20.0 * np.log10(peak[known] / self.noise_pt[known])
        return out

    def index(self, time_s: float) -> int:
        """Sample nearest to a time."""
        return int(np.argmin(np.abs(self.time_s - time_s)))

    def field_at(
        self, time_s: float, channels: npt.NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray | None]:
        """Field of some channels at one moment, and its standard error.

        Parameters
        ----------
        time_s : float
            Relative to the R mark.
        channels : numpy.ndarray of bool, shape ``(n_channels,)``

        Returns
        -------
        field_pt : numpy.ndarray, shape ``(n_channels,)``
            NaN for the other channels, and for those without beats.
        error_pt : numpy.ndarray, shape ``(n_channels,)``, or None
            One beat has no scatter: then all channels count alike, and there is no error.
        """
        index = self.index(time_s)
        field_pt = np.where(channels & self.has_beats, self.field_pt[:, index], np.nan)
        error_pt = self.standard_error_pt[:, index]
        return field_pt, error_pt if np.isfinite(error_pt[np.isfinite(field_pt)]).all() else None

    def rms_pt(self) -> FloatArray:
        """RMS over the channels that have beats, shape ``(n_times,)``."""
        return np.asarray(np.sqrt(np.mean(self.field_pt[self.has_beats] ** 2, axis=0)))


def remove_baseline(
    recording: FieldRecording, beats: Beats
) -> tuple[FieldRecording, tuple[float, float]]:
    """Subtract the line through the PQ segments of neighbouring beats.

    It takes slow field drift away without the bend that a high-pass leaves in the ST segment and
    the T wave (Meyer and Keiser, Computers and Biomedical Research 10, 1977).

    Returns
    -------
    FieldRecording
    (float, float)
        The PQ segment, s relative to the R peak: the flattest piece shortly before the QRS.
    """
    rate_hz = recording.sampling_rate_hz
    segment_s = _flattest_piece(recording, beats)
    begin, end = (round(edge * rate_hz) for edge in segment_s)
    starts = beats.samples + begin
    length = end - begin
    starts = starts[(starts >= 0) & (starts + length <= recording.n_samples)]
    out = np.full(recording.field_pt.shape, np.nan)
    if not len(starts):
        return recording.with_field(out), segment_s
    where = starts + (length - 1) / 2.0
    pieces = starts[:, None] + np.arange(length)
    samples = np.arange(recording.n_samples)
    # Channel by channel: with hundreds of channels a copy of all is what memory is short of.
    for channel in range(len(out)):
        values = _clean(recording, channel)
        knots = values[pieces].mean(axis=1)
        known = np.isfinite(knots)
        if known.any():
            out[channel] = values - np.interp(samples, where[known], knots[known])
    return recording.with_field(out), segment_s


def beat_window(beats: Beats, rate_hz: float) -> tuple[int, int]:
    """Samples before and after the R mark that an average takes, by the usual interval.

    Shares of the interval, so that the neighbouring beats stay outside even of a fast heart.
    """
    interval_s = beats.interval_s or 1.0
    return (
        round(min(0.30, 0.40 * interval_s) * rate_hz),
        round(min(0.60, 0.58 * interval_s) * rate_hz),
    )


def average_beats(
    recording: FieldRecording,
    beats: Beats,
    baseline_s: tuple[float, float],
    *,
    before: int | None = None,
    after: int | None = None,
    is_weighted: bool = True,
) -> AveragedBeat:
    """Average the accepted beats, channel by channel, the quiet ones more than the noisy ones.

    A beat counts in a channel if all its samples are there. Its weight is one over the variance of
    what is left of it after a first average is taken away; the variances are Winsorised from below
    at half of their median, so that no beat counts more than twice the usual one (weighted averaging
    of beats: Leski, IEEE Transactions on Biomedical Engineering 49, 2002). The standard error is
    that of a weighted mean whose weights need not be right (White, Econometrica 48, 1980). Memory
    goes with one channel's beats, not with all.

    Parameters
    ----------
    recording : FieldRecording
        With its baseline removed; gaps are NaN or not valid.
    beats : Beats
    baseline_s : (float, float)
        From `remove_baseline`.
    before, after : int, optional
        Samples of the window; `beat_window` of these beats if left out.
    is_weighted : bool
        False counts every beat alike.

    Raises
    ------
    AnalysisError
        If no accepted beat lies whole in the recording.
    """
    rate_hz = recording.sampling_rate_hz
    if before is None or after is None:
        before, after = beat_window(beats, rate_hz)
    samples = beats.samples[beats.accepted]
    samples = samples[(samples >= before) & (samples + after < recording.n_samples)]
    if len(samples) == 0:
        raise AnalysisError(
            f"none of {len(beats.samples)} beats can be averaged", "record for longer"
        )
    n_channels, n_times = recording.array.n_channels, before + after + 1
    field_pt = np.full((n_channels, n_times), np.nan)
    error_pt = np.full((n_channels, n_times), np.nan)
    noise_pt = np.full(n_channels, np.nan)
    weights = np.zeros((n_channels, len(samples)))
    used = np.zeros(n_channels, dtype=np.int64)
    window = samples[:, None] + np.arange(-before, after + 1)
    for channel in range(n_channels):
        pieces = _clean(recording, channel)[window]
        whole = np.isfinite(pieces).all(axis=1)
        pieces = pieces if whole.all() else pieces[whole]
        used[channel] = count = len(pieces)
        if not count:
            continue
        weight = beat_weights(pieces) if is_weighted else np.ones(count)
        weights[channel, whole] = weight
        field_pt[channel] = weight @ pieces / count
        if count > 1:
            noise_pt[channel] = _alternating(pieces, weight)
            # Few independent beats scatter less about their own mean than about the true one.
            effective = count**2 / float(weight @ weight)
            pieces -= field_pt[channel]
            squares = (weight**2) @ (pieces**2) / count**2
            error_pt[channel] = np.sqrt(squares * effective / max(effective - 1.0, 0.5))
    time_s = np.arange(-before, after + 1) / rate_hz
    effective_beats = used**2 / np.maximum((weights**2).sum(axis=1), 1e-300)
    average = AveragedBeat(
        time_s, field_pt, error_pt, noise_pt, used, baseline_s, None, weights, effective_beats
    )
    return replace(average, snr_db=snr_db(average, recording.array.is_chest))


def beat_weights(pieces: FloatArray) -> FloatArray:
    """Inverse-variance weights of the beats of one channel.

    Parameters
    ----------
    pieces : numpy.ndarray, shape ``(n_beats, n_times)``

    Returns
    -------
    numpy.ndarray, shape ``(n_beats,)``
        Mean 1. All alike below `_FEWEST_FOR_WEIGHTS` beats, which do not tell their own noise.
    """
    count = len(pieces)
    weight = np.ones(count)
    if count < _FEWEST_FOR_WEIGHTS:
        return weight
    for _ in range(2):
        rest = pieces - weight @ pieces / count
        # An offset is what the baseline's line left over: as much an error as any other.
        variance = np.einsum("bt,bt->b", rest, rest) / pieces.shape[1]
        # A beat pulls the mean toward itself, by its share of the weights.
        variance /= np.maximum(1.0 - weight / count, 0.5) ** 2
        floor = _LEAST_VARIANCE * float(np.median(variance))
        if floor <= 0.0:
            return np.ones(count)
        weight = 1.0 / np.maximum(variance, floor)
        weight *= count / weight.sum()
    return weight


def _alternating(pieces: FloatArray, weight: FloatArray) -> float:
    """RMS of the weighted average with alternating signs.

    Pairs of neighbours: slow change of the heart's field cancels, noise does not. A pair counts
    with the geometric mean of its weights, which gives the noise of the weighted average where
    the weights are one over the variance.
    """
    even = len(pieces) - len(pieces) % 2
    pair = np.sqrt(weight[0:even:2] * weight[1:even:2])
    # An odd beat is left out; the rest stands for it.
    share = pair / np.sqrt(weight[:even].sum() * weight.sum())
    return float(np.sqrt(np.mean((share @ (pieces[0:even:2] - pieces[1:even:2])) ** 2)))


def _clean(recording: FieldRecording, channel: int) -> FloatArray:
    """One channel, NaN where it is not usable."""
    values = recording.field_pt[channel]
    if recording.valid is None:
        return np.where(np.isfinite(values), values, np.nan)
    return np.where(recording.valid[channel] & np.isfinite(values), values, np.nan)


def snr_db(average: AveragedBeat, is_chest: npt.NDArray[np.bool_]) -> float | None:
    """RMS over the chest channels at the R peak over that of `noise_pt`; None if untold."""
    chosen = average.has_beats & is_chest & np.isfinite(average.noise_pt)
    if not chosen.any():
        return None
    peak = float(_rms(average, chosen)[np.abs(average.time_s) <= _R_SEARCH_S].max())
    noise = float(np.sqrt(np.mean(average.noise_pt[chosen] ** 2)))
    return float(20.0 * np.log10(peak / noise)) if peak > 0.0 and noise > 0.0 else None


def find_r_s(average: AveragedBeat, channels: npt.NDArray[np.bool_] | None = None) -> float:
    """Time of the R peak: the largest RMS over the channels within 60 ms of the beats' mark."""
    rms = _rms(average, channels)
    near = np.flatnonzero(np.abs(average.time_s) <= _R_SEARCH_S)
    return float(average.time_s[near[np.argmax(rms[near])]])


def find_t_s(
    average: AveragedBeat,
    r_s: float,
    interval_s: float,
    channels: npt.NDArray[np.bool_] | None = None,
) -> float:
    """Time of the T peak: the largest hill of the smoothed RMS in a window that goes with the rate.

    The window scales with the square root of the interval, as the QT time does (Bazett).

    Raises
    ------
    AnalysisError
        If there is no hill in the window.
    """
    scale = float(np.sqrt(np.clip(interval_s, 0.25, 1.5)))
    rate_hz = 1.0 / float(average.time_s[1] - average.time_s[0])
    rms = ndimage.gaussian_filter1d(_rms(average, channels), _T_SMOOTH_S * rate_hz / 2.0)
    low, high = r_s + _T_FROM_S * scale, r_s + _T_TO_S * scale
    peaks, found = signal.find_peaks(rms, prominence=0.0)
    inside = (average.time_s[peaks] >= low) & (average.time_s[peaks] <= high)
    peaks, prominence = peaks[inside], found["prominences"][inside]
    chosen = average.has_beats if channels is None else average.has_beats & channels
    noise_pt = float(np.sqrt(np.mean(np.nan_to_num(average.noise_pt[chosen]) ** 2)))
    # The RMS of noise alone is the noise, and smoothing leaves little of its ups and downs.
    clear = (prominence > _T_PROMINENCE * rms[peaks]) & (rms[peaks] > _T_OVER_NOISE * noise_pt)
    if not clear.any():
        raise AnalysisError(
            f"no T wave between {low * 1e3:.0f} and {high * 1e3:.0f} ms after the R peak",
            "more beats lower the noise",
        )
    return float(average.time_s[peaks[clear][np.argmax(rms[peaks[clear]])]])


def _rms(average: AveragedBeat, channels: npt.NDArray[np.bool_] | None) -> FloatArray:
    chosen = average.has_beats if channels is None else average.has_beats & channels
    if not chosen.any():
        raise AnalysisError("no channel has an averaged beat", "check that the heads were locked")
    return np.asarray(np.sqrt(np.mean(average.field_pt[chosen] ** 2, axis=0)))


def _flattest_piece(recording: FieldRecording, beats: Beats) -> tuple[float, float]:
    rate_hz = recording.sampling_rate_hz
    first, last = (round(edge * rate_hz) for edge in _PQ_SEARCH_S)
    length = max(2, round(_PQ_LENGTH_S * rate_hz))
    default = (last / rate_hz - length / rate_hz, last / rate_hz)
    samples = beats.samples[beats.accepted]
    samples = samples[samples + first >= 0]
    chest = np.flatnonzero(recording.array.is_chest)
    if not len(samples) or not len(chest):
        return default
    window = samples[:, None] + np.arange(first, last)
    pieces = np.stack([_clean(recording, int(channel))[window] for channel in chest])
    whole = np.asarray(np.isfinite(pieces).all(axis=2))
    pieces = np.where(whole[:, :, None], pieces, 0.0)
    count = whole.sum(axis=1)
    mean = pieces.sum(axis=1)[count > 0] / count[count > 0][:, None]
    if not len(mean):
        return default
    slope = ndimage.gaussian_filter1d(mean, max(1.0, 0.004 * rate_hz), axis=1, order=1)
    power = ndimage.uniform_filter1d((slope**2).sum(axis=0), length, mode="nearest")
    edge = length // 2 + 1
    best = edge + int(np.argmin(power[edge : len(power) - edge]))
    start = first + best - length // 2
    return start / rate_hz, (start + length) / rate_hz
