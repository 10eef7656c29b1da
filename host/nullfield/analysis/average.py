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
    effective_beats : numpy.ndarray, shape ``(n_channels,)``
        Equal beats that would be as good as the weighted ones.
    """

    time_s: FloatArray
    field_pt: FloatArray
    standard_error_pt: FloatArray
    noise_pt: FloatArray
    beats_used: IntArray
    baseline_s: tuple[float, float]
    snr_db: float | None
    effective_beats: FloatArray

    @property
    def has_beats(self) -> npt.NDArray[np.bool_]:
        """Channels with an average, shape ``(n_channels,)``."""
        return np.asarray(np.isfinite(self.field_pt).all(axis=1))

    def index(self, time_s: float) -> int:
        """Sample nearest to a time."""
        return int(np.argmin(np.abs(self.time_s - time_s)))

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
    good = recording.usable
    field_pt = np.where(good, recording.field_pt, np.nan)
    starts = beats.samples + begin
    length = end - begin
    inside = (starts >= 0) & (starts + length <= recording.n_samples)
    starts = starts[inside]
    out = np.full_like(field_pt, np.nan)
    if not len(starts):
        return recording.with_field(out), segment_s
    pieces = field_pt[:, starts[:, None] + np.arange(length)]
    knots = pieces.mean(axis=2)
    where = starts + (length - 1) / 2.0
    samples = np.arange(recording.n_samples)
    for channel in range(len(field_pt)):
        known = np.isfinite(knots[channel])
        if known.any():
            line = np.interp(samples, where[known], knots[channel, known])
            out[channel] = field_pt[channel] - line
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
) -> AveragedBeat:
    """Average the accepted beats, channel by channel.

    A beat counts in a channel if all its samples are there, and the less the noisier it is there.

    Parameters
    ----------
    recording : FieldRecording
        With its baseline removed; gaps are NaN or not valid.
    beats : Beats
    baseline_s : (float, float)
        From `remove_baseline`.
    before, after : int, optional
        Samples of the window; `beat_window` of these beats if left out.

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
    used = np.zeros(n_channels, dtype=np.int64)
    window = samples[:, None] + np.arange(-before, after + 1)
    clean = np.where(recording.usable, recording.field_pt, np.nan)
    effective = np.zeros(n_channels)
    for channel in range(n_channels):
        pieces = clean[channel, window]
        pieces = pieces[np.isfinite(pieces).all(axis=1)]
        count = len(pieces)
        used[channel] = count
        if not count:
            continue
        weight = _weights(pieces)
        effective[channel] = 1.0 / float((weight**2).sum())
        field_pt[channel] = weight @ pieces
        if count > 1:
            scatter = (pieces - field_pt[channel]) ** 2
            error_pt[channel] = np.sqrt(count / (count - 1) * (weight**2 @ scatter))
            even = count - count % 2
            difference = pieces[0:even:2] - pieces[1:even:2]
            pair = weight[0:even:2] + weight[1:even:2]
            # Pairs of neighbours: slow change of the heart's field cancels, noise does not.
            mean = pair @ difference / pair.sum()
            noise_pt[channel] = float(np.sqrt(np.mean(mean**2)) / 2.0)
    time_s = np.arange(-before, after + 1) / rate_hz
    average = AveragedBeat(time_s, field_pt, error_pt, noise_pt, used, baseline_s, None, effective)
    return replace(average, snr_db=snr_db(average, recording.array.is_chest))


def _weights(pieces: FloatArray) -> FloatArray:
    """Inverse variance of each beat about the median beat, shape ``(n_beats,)``; the sum is one.

    No beat counts more than twice the usual one: a variance by chance too small would make one
    beat decide.
    """
    if len(pieces) < 5:
        return np.full(len(pieces), 1.0 / len(pieces))
    variance = ((pieces - np.median(pieces, axis=0)) ** 2).mean(axis=1)
    weight = 1.0 / np.maximum(variance, max(0.5 * float(np.median(variance)), 1e-300))
    return np.asarray(weight / weight.sum())


def snr_by_channel_db(average: AveragedBeat) -> FloatArray:
    """Largest size within 60 ms of the mark over `noise_pt`, dB, shape ``(n_channels,)``."""
    near = np.abs(average.time_s) <= _R_SEARCH_S
    peak = np.abs(average.field_pt[:, near]).max(axis=1)
    good = np.isfinite(peak) & (peak > 0.0) & (average.noise_pt > 0.0)
    ratio = np.divide(peak, average.noise_pt, out=np.ones_like(peak), where=good)
    return np.asarray(np.where(good, 20.0 * np.log10(ratio), np.nan))


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
    clear = prominence > _T_PROMINENCE * rms[peaks]
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
    clean = np.where(recording.usable[chest], recording.field_pt[chest], np.nan)
    pieces = clean[:, samples[:, None] + np.arange(first, last)]
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
