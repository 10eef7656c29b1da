"""One section of a recording: cleaned, its beats found and averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nullfield.analysis.average import AveragedBeat, average_beats, beat_window, remove_baseline
from nullfield.analysis.beats import Beats, find_beats
from nullfield.analysis.cleaning.pipeline import clean
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.groups import BeatGroups, beats_in_group, group_beats
from nullfield.analysis.quality import Quality, assess, quiet_samples
from nullfield.analysis.sections import InMemory, Section
from nullfield.analysis.settings import AnalysisSettings
from nullfield.dsp.filters import low_pass
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.errors import AnalysisError

Tell = Callable[[str, float], None]
_LARGEST_LAG_S = 0.02
"""Two sections of one heart mark the same moment of a beat to within that."""


@dataclass(frozen=True)
class SectionResult:
    """What one section gave; beats outside its core are dropped.

    Attributes
    ----------
    beats : Beats
        Samples counted from the start of the source.
    average : AveragedBeat or None
    groups : BeatGroups or None
        Of the beats in the average.
    quality : Quality
        Of the core.
    cleaning : tuple of CleaningStep
    mains_hz : float or None
    reasons : dict of str to str
    """

    beats: Beats
    average: AveragedBeat | None
    groups: BeatGroups | None
    quality: Quality
    cleaning: tuple[CleaningStep, ...]
    mains_hz: float | None
    reasons: dict[str, str]


@dataclass(frozen=True)
class Agreed:
    """What the first section with beats settles for those that follow.

    Attributes
    ----------
    before, after : int
        Samples of the averaging window to either side of the mark.
    average : AveragedBeat
        The marks of later sections are moved onto its.
    group_size : int
    """

    before: int
    after: int
    average: AveragedBeat
    group_size: int


def analyze_section(
    recording: FieldRecording,
    section: Section,
    settings: AnalysisSettings,
    agreed: Agreed | None,
    n_samples: int,
    tell: Tell,
) -> tuple[SectionResult, Agreed | None]:
    """Clean a section, find its beats and average them.

    Parameters
    ----------
    recording : FieldRecording
        The section with its margin, in the working frame.
    section : Section
    settings : AnalysisSettings
    agreed : Agreed or None
        None for the first section, and until one has beats.
    n_samples : int
        Of the whole source.
    tell : callable
        Progress within the section, 0 to 1.
    """
    rate_hz = recording.sampling_rate_hz
    reasons: dict[str, str] = {}
    cleaned = clean(
        recording, settings.cleaning, progress=lambda what, share: tell(what, 0.45 * share)
    )
    tell("beats", 0.45)
    beats = find_beats(_without(cleaned.recording, cleaned.bad_channels))
    if beats.reason:
        reasons["beats"] = beats.reason
    tell("noise", 0.6)
    core = section.core
    quiet = quiet_samples(recording, beats)
    quality = assess(
        InMemory(recording).read(core.start, core.stop),
        InMemory(cleaned.recording).read(core.start, core.stop),
        cleaned.bad_channels,
        quiet[core],
        settings.noise_band_hz,
    )
    tell("average", 0.8)
    own = _in_core(beats, core)
    average, groups, own, agreed = _average(
        cleaned.recording,
        own,
        min(settings.low_pass_hz, 0.45 * rate_hz),
        agreed,
        n_samples,
        reasons,
    )
    own = replace(own, samples=own.samples + section.first, artefacts=own.artefacts + section.first)
    result = SectionResult(own, average, groups, quality, cleaned.steps, cleaned.mains_hz, reasons)
    return result, agreed


def _without(recording: FieldRecording, bad: BoolArray) -> FieldRecording:
    """Bad channels have no say in what is a beat, unless there are no others."""
    return recording if bad[recording.array.is_chest].all() else recording.subset(~bad)


def _in_core(beats: Beats, core: slice) -> Beats:
    def within(samples: IntArray) -> BoolArray:
        return np.asarray((samples >= core.start) & (samples < core.stop))

    artefacts = beats.artefacts[within(beats.artefacts)]
    return replace(beats.subset(within(beats.samples)), artefacts=artefacts)


def _average(
    recording: FieldRecording,
    beats: Beats,
    low_pass_hz: float,
    agreed: Agreed | None,
    n_samples: int,
    reasons: dict[str, str],
) -> tuple[AveragedBeat | None, BeatGroups | None, Beats, Agreed | None]:
    if beats.n_accepted == 0:
        reasons["average"] = beats.reason or "no beat was accepted"
        return None, None, beats, agreed
    smooth = recording.with_field(
        low_pass(
            recording.field_pt, recording.sampling_rate_hz, low_pass_hz, valid=recording.usable
        )
    )
    level, segment_s = remove_baseline(smooth, beats)
    before, after = (
        beat_window(beats, recording.sampling_rate_hz)
        if agreed is None
        else (agreed.before, agreed.after)
    )
    try:
        average = average_beats(level, beats, segment_s, before=before, after=after)
        if agreed is not None:
            lag = _lag(average.field_pt, agreed.average.field_pt, recording.sampling_rate_hz)
            if lag:
                beats = replace(
                    beats,
                    samples=beats.samples + lag,
                    times_s=beats.times_s + lag / recording.sampling_rate_hz,
                )
                average = average_beats(level, beats, segment_s, before=before, after=after)
    except AnalysisError as error:
        reasons["average"] = error.message
        return None, None, beats, agreed
    if agreed is None:
        expected = beats.n_accepted * n_samples / max(1, recording.n_samples)
        size = beats_in_group(round(expected), recording.array.n_channels, before + after + 1)
        agreed = Agreed(before, after, average, size)
    samples = beats.samples[beats.accepted]
    whole = (samples >= before) & (samples + after < recording.n_samples)
    groups = group_beats(level, samples[whole], before, after, agreed.group_size)
    return average, groups, beats, agreed


def _lag(field_pt: FloatArray, reference_pt: FloatArray, rate_hz: float) -> int:
    """Samples by which the marks have to move so that two averages lie over one another."""
    both = np.isfinite(field_pt).all(axis=1) & np.isfinite(reference_pt).all(axis=1)
    if not both.any():
        return 0
    most = round(_LARGEST_LAG_S * rate_hz)
    inner = slice(most, field_pt.shape[1] - most)
    scores = [
        float((np.roll(field_pt[both], -lag, axis=1) * reference_pt[both])[:, inner].sum())
        for lag in range(-most, most + 1)
    ]
    return int(np.argmax(scores)) - most
