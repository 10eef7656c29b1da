"""Heartbeats in any number of channels, of either polarity.

Candidates are peaks of the combined QRS energy. What most of them look like becomes a template of
all channels, and the template then finds beats of its kind anywhere, beside artefacts and below
noise too. Candidates of another shape are kept as ectopic beats unless they are T waves or what no
heart does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from nullfield.analysis.beat_candidates import (
    REFRACTORY_S,
    WINDOW_S,
    Signals,
    coarse,
    make_signals,
    peaks_of,
    promising,
    with_height_of,
)
from nullfield.analysis.beat_class import find_artefacts, find_t_waves, without_t_waves
from nullfield.analysis.beat_rhythm import rhythm_warning, why_no_heart
from nullfield.analysis.beat_template import SEARCH_S, Match, match_usual_beat, top
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.dsp.spikes import without_spikes

_CORRELATION_FLOOR = 0.5
_CORRELATION_CEILING = 0.9
_RESEMBLES = 0.7
"""Correlation from which a beat that is not accepted passes for a disturbed normal one."""
_LEAST_SCORE = 0.55
"""Correlation times gain (1 at most) of a beat of the template's kind; noise reaches 0.3."""
_NEIGHBOURS = 15
_SLOWEST_RATE_HZ = 50.0
_CLIP = 2.5
_FULL_GAIN = 0.6
"""Share of the neighbours' size from which a beat is of full size: breathing changes it."""
_FLOOR = 0.4
"""Least height of the surroundings by which a peak is judged, of a usual beat."""


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
        False where shape or size differ from the template's: not for the average, a beat all the
        same.
    correlation : numpy.ndarray, shape ``(n_beats,)``
        With the template, over all channels.
    rate_bpm : float or None
        From the median interval of all beats; None below two.
    reason : str
        Why there are no beats; empty if there are.
    artefacts : numpy.ndarray of int, shape ``(n_artefacts,)``
        Samples of peaks that were found and are no heartbeats.
    warning : str
        What the reader should know of the rhythm; empty if nothing.
    """

    samples: IntArray
    times_s: FloatArray
    accepted: BoolArray
    correlation: FloatArray
    rate_bpm: float | None
    reason: str = ""
    artefacts: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    warning: str = ""

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
    if recording.n_samples < WINDOW_S * rate_hz:
        return _none(f"{recording.duration_s:.1f} s are too short, {WINDOW_S:g} s are needed")
    if rate_hz < _SLOWEST_RATE_HZ:
        return _none(f"{rate_hz:g} samples a second do not show a QRS complex")
    good = recording.usable
    chosen = promising(recording.field_pt, good, chest, rate_hz)
    if len(chosen) == 0:
        return _none("no channel shows a heartbeat above its noise")
    raw, step = coarse(recording.field_pt[chosen], good[chosen], rate_hz)
    rate = rate_hz / step
    signals = make_signals(without_spikes(raw, rate), rate)
    if signals is None:
        return _none("no channel shows a heartbeat above its noise")
    first = _usual(signals, signals.shape, 0.0)
    if first is None:
        return _none("no peaks that repeat like a heart's")
    match, places, _ = first
    # The recording may hold stretches without beats: now the beats themselves give the scale.
    signals = with_height_of(signals, places)
    limit = _CLIP * signals.weight[:, None]
    second = _usual(signals, np.clip(signals.shape, -limit, limit), _FLOOR)
    if second is None:
        return _none("no peaks that repeat like a heart's")
    match, places, candidates = second
    peaks, is_like = _peaks(signals, match, places, candidates)
    correlation, gain = match.correlation[peaks], match.gain[peaks]
    accepted = is_like & _same_shape(correlation, gain, is_like)
    is_artefact = find_artefacts(
        signals.shape, raw[signals.channels], signals.energy, peaks, is_like, accepted, rate
    )
    is_artefact &= correlation < _RESEMBLES
    marks = _between(match.correlation, peaks, is_like)[~is_artefact]
    correlation, accepted = correlation[~is_artefact], accepted[~is_artefact]
    reason = why_no_heart(signals.shape, signals.energy, marks, accepted, len(peaks), rate)
    if reason:
        return _none(reason)

    def to_samples(places: FloatArray) -> IntArray:
        full = np.round(places * step + (step - 1) / 2.0).astype(np.int64)
        return np.asarray(np.clip(full, 0, recording.n_samples - 1))

    samples = to_samples(marks)
    rate_bpm = None
    if len(samples) > 1:
        rate_bpm = float(60.0 * rate_hz / np.median(np.diff(samples)))
    times_s = recording.start_time_s + samples / rate_hz
    artefacts = to_samples(peaks[is_artefact].astype(np.float64))
    warning = rhythm_warning(signals.shape, marks, accepted, rate)
    return Beats(samples, times_s, accepted, correlation, rate_bpm, "", artefacts, warning)


def _none(reason: str) -> Beats:
    empty = np.zeros(0)
    return Beats(empty.astype(np.int64), empty, empty.astype(bool), empty, None, reason)


def _usual(
    signals: Signals, shape: FloatArray, floor: float
) -> tuple[Match, IntArray, IntArray] | None:
    """The template's match, the candidates that are like it, and all peaks."""
    every = peaks_of(signals, floor)
    candidates = without_t_waves(every, signals.energy, signals.sharp, signals.rate_hz)
    if not len(candidates):
        return None
    match = match_usual_beat(shape, candidates, signals.sharp[candidates], signals.rate_hz)
    if match is None:
        return None
    search = round(SEARCH_S * signals.rate_hz)
    places = np.array([top(match.correlation, int(c), search) for c in candidates])
    alike = match.correlation[places] >= _RESEMBLES
    if not alike.any():
        return None
    return match, np.unique(places[alike]), every


def _peaks(
    signals: Signals, match: Match, places: IntArray, candidates: IntArray
) -> tuple[IntArray, BoolArray]:
    """Beats like the template and candidates away from them; True for the first."""
    refractory = round(REFRACTORY_S * signals.rate_hz)
    # The heart's field changes with breathing and posture: judged by the neighbours.
    usual = ndimage.median_filter(match.gain[places], min(_NEIGHBOURS, len(places)), mode="nearest")
    local = np.interp(np.arange(len(match.gain)), places, usual)
    score = match.correlation * np.clip(
        match.gain / (_FULL_GAIN * np.maximum(local, 0.1)), 0.0, 1.0
    )
    padded = np.concatenate([[0.0], score, [0.0]])
    like = signal.find_peaks(padded, height=_LEAST_SCORE, distance=refractory)[0] - 1
    search = round(SEARCH_S * signals.rate_hz)
    power = (signals.shape**2).sum(axis=0)
    away = _away(candidates, like, refractory)
    # What has another shape is placed by its own energy: the template would pull it away.
    other = np.array([top(power, int(c), search) for c in candidates[away]], dtype=np.int64)
    other = np.unique(other[_away(other, like, refractory)])
    other = other[np.diff(other, prepend=-refractory) >= refractory]
    peaks = np.concatenate([like, other])
    is_like = np.arange(len(peaks)) < len(like)
    order = np.argsort(peaks)
    peaks, is_like = peaks[order], is_like[order]
    score = np.where(is_like, match.correlation[peaks], 0.0)
    keep = ~find_t_waves(peaks, score, signals.energy, signals.sharp, signals.rate_hz)
    return peaks[keep], is_like[keep]


def _away(peaks: IntArray, others: IntArray, least: int) -> BoolArray:
    if not len(others):
        return np.ones(len(peaks), dtype=bool)
    return np.asarray(np.abs(peaks[:, None] - others[None, :]).min(axis=1) >= least)


def _between(values: FloatArray, peaks: IntArray, is_like: BoolArray) -> FloatArray:
    """Places of peaks to parts of a sample, by the parabola through three of them."""
    inner = np.clip(peaks, 1, len(values) - 2)
    left, middle, right = values[inner - 1], values[inner], values[inner + 1]
    bend = left - 2.0 * middle + right
    shift = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0.0)
    good = is_like & (inner == peaks) & (np.abs(shift) <= 1.0)
    return np.asarray(peaks + np.where(good, shift, 0.0))


def _same_shape(correlation: FloatArray, gain: FloatArray, is_like: BoolArray) -> BoolArray:
    if not is_like.any():
        return is_like
    middle = float(np.median(correlation[is_like]))
    spread = 1.4826 * float(np.median(np.abs(correlation[is_like] - middle)))
    # Never stricter than the natural change from beat to beat, never so lax as to let noise in.
    limit = float(
        np.clip(middle - max(5.0 * spread, 0.05), _CORRELATION_FLOOR, _CORRELATION_CEILING)
    )
    usual = float(np.median(gain[is_like]))
    return np.asarray((correlation >= limit) & (gain > 0.5 * usual) & (gain < 2.0 * usual))
