"""From a recording to beats, average, maps and sources, in one call.

What the data do not support is left out with the reason; nothing is made up to fill a field. Long
recordings are worked through in sections, so that memory does not grow with their length.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nullfield.analysis.arrows import map_features
from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.field_map import map_bz
from nullfield.analysis.frame import WorkingFrame, find_frame
from nullfield.analysis.landmarks import PEAKS, BeatLandmarks, find_landmarks
from nullfield.analysis.merge import (
    merge_averages,
    merge_beats,
    merge_cleaning,
    merge_groups,
    merge_quality,
)
from nullfield.analysis.result import Analysis, Landmark
from nullfield.analysis.section_chain import Agreed, SectionResult, analyze_section
from nullfield.analysis.sections import InMemory, Source, sections_of
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.variability import Variability, heart_rate_variability
from nullfield.dsp.gaps import BoolArray
from nullfield.errors import AnalysisError

Progress = Callable[[str, float], None]
"""Called with what is being done, and the share that is done (0 to 1)."""
HEAD_FRAME = "head frame"
"""How ``metadata["coordinates"]`` begins for recordings that are in the working frame already."""
_SECTIONS_SHARE = 0.8

__all__ = ["AnalysisSettings", "Progress", "analyze", "analyze_source"]


def analyze(
    recording: FieldRecording,
    settings: AnalysisSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse a recording that is in memory; see `analyze_source`."""
    return analyze_source(InMemory(recording), settings, progress)


def analyze_source(
    source: Source,
    settings: AnalysisSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse a recording section by section.

    Parameters
    ----------
    source : Source
        For instance from `nullfield.files.open_source`.
    settings : AnalysisSettings, optional
    progress : callable, optional

    Returns
    -------
    Analysis
        Always; parts that could not be had are None, with the reason in `Analysis.reasons`.
    """
    chosen = settings or AnalysisSettings()
    tell: Progress = progress or (lambda what, share: None)
    frame = _frame(source, chosen)
    parts, lengths = _sections(source, frame, chosen, tell)
    array = frame.array_to_working(source.array)
    reasons: dict[str, str] = {}
    for part in parts:
        for name, reason in part.reasons.items():
            reasons.setdefault(name, reason)
    beats = merge_beats([part.beats for part in parts], source.sampling_rate_hz)
    averages = [part.average for part in parts if part.average is not None]
    average = merge_averages(averages, array.is_chest)
    if len(beats.samples):
        reasons.pop("beats", None)
    if average is not None:
        reasons.pop("average", None)
    quality = merge_quality([part.quality for part in parts], lengths)
    landmarks: dict[str, Landmark | None] = {"R": None, "T": None}
    marks = BeatLandmarks()
    if average is not None:
        good = array.is_chest & ~quality.bad_channels
        marks = find_landmarks(average, beats.interval_s or 1.0, good)
        landmarks |= _landmarks(array, average, marks, good, chosen, reasons, tell)
    cleaning = merge_cleaning(parts, lengths)
    references = next((s for s in cleaning if s.name == "references" and s.is_applied), None)
    tell("done", 1.0)
    return Analysis(
        array=array,
        beats=beats,
        average=average,
        variability=_variability(beats, reasons),
        marks=marks,
        groups=merge_groups([part.groups for part in parts if part.groups is not None]),
        landmarks=landmarks,
        quality=quality,
        cleaning=cleaning,
        features=(),
        mains_hz=next((part.mains_hz for part in parts if part.mains_hz is not None), None),
        reference_reduction_db=None
        if references is None
        else float(references.parameters["held_out_db"]),
        frame=frame,
        sampling_rate_hz=source.sampling_rate_hz,
        n_samples=source.n_samples,
        unit=source.unit,
        metadata=source.metadata,
        reasons=reasons,
        settings=chosen.to_json(),
    )


def _frame(source: Source, settings: AnalysisSettings) -> WorkingFrame:
    if settings.outward is None and str(source.metadata.get("coordinates", "")).startswith(
        HEAD_FRAME
    ):
        return WorkingFrame(how=HEAD_FRAME)
    return find_frame(source.array, settings.outward)


def _sections(
    source: Source, frame: WorkingFrame, settings: AnalysisSettings, tell: Progress
) -> tuple[list[SectionResult], list[int]]:
    cuts = list(sections_of(source))
    parts: list[SectionResult] = []
    agreed: Agreed | None = None
    for index, cut in enumerate(cuts):

        def tell_part(what: str, share: float, index: int = index) -> None:
            text = what if len(cuts) == 1 else f"{what}, section {index + 1} of {len(cuts)}"
            tell(text, _SECTIONS_SHARE * (index + share) / len(cuts))

        tell_part("reading", 0.0)
        recording = frame.to_working(source.read(cut.first, cut.last))
        part, agreed = analyze_section(
            recording, cut, settings, agreed, source.n_samples, tell_part
        )
        parts.append(part)
    return parts, [max(1, cut.stop - cut.start) for cut in cuts]


def _variability(beats: Beats, reasons: dict[str, str]) -> Variability | None:
    if not len(beats.samples):
        return None
    try:
        return heart_rate_variability(beats)
    except AnalysisError as error:
        reasons["variability"] = error.message
        return None


def _landmarks(
    array: SensorArray,
    average: AveragedBeat,
    marks: BeatLandmarks,
    good: BoolArray,
    settings: AnalysisSettings,
    reasons: dict[str, str],
    tell: Progress,
) -> dict[str, Landmark | None]:
    """Map and dipole at each peak; the beginnings and ends have their time alone."""
    found: dict[str, Landmark | None] = {}
    reasons.update(marks.reasons)
    for count, (name, time_s) in enumerate(marks.times_s.items()):
        tell(f"landmark {name}", _SECTIONS_SHARE + 0.15 * count / len(marks.times_s))
        if name in PEAKS:
            found[name] = _landmark(name, time_s, array, average, good, settings, reasons)
        else:
            field_pt = np.where(
                good & average.has_beats, average.field_pt[:, average.index(time_s)], np.nan
            )
            found[name] = Landmark(name, time_s, field_pt, None, None, None)
    return found


def _landmark(
    name: str,
    time_s: float,
    array: SensorArray,
    average: AveragedBeat,
    good: BoolArray,
    settings: AnalysisSettings,
    reasons: dict[str, str],
) -> Landmark:
    index = average.index(time_s)
    usable = good & average.has_beats & array.has_place
    field_pt = np.where(good & average.has_beats, average.field_pt[:, index], np.nan)
    placed_pt = np.where(usable, field_pt, np.nan)
    # One beat has no scatter: then all channels count alike, by the model error alone.
    error = average.standard_error_pt[:, index]
    noise_pt = error if np.isfinite(error[np.isfinite(field_pt)]).all() else None
    field_map = features = dipole = None
    try:
        field_map = map_bz(placed_pt, array, noise_pt)
        features = map_features(field_map)
    except AnalysisError as error_:
        reasons[f"{name}.map"] = error_.message
    try:
        dipole = fit_dipole(placed_pt, array, noise_pt)
    except AnalysisError as error_:
        reasons[f"{name}.dipole"] = error_.message
    return Landmark(name, time_s, field_pt, field_map, features, dipole)
