"""From a recording to beats, average, maps and sources, in one call.

What the data do not support is left out with the reason; nothing is made up to fill a field. Long
recordings are worked through in sections, so that memory does not grow with their length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nullfield.analysis.beats import Beats
from nullfield.analysis.data import UNCALIBRATED, FieldRecording, SensorUncertainty
from nullfield.analysis.features.compute import compute_features
from nullfield.analysis.features.feature import Feature
from nullfield.analysis.frame import WorkingFrame, find_frame
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.landmarks import BeatLandmarks, find_landmarks
from nullfield.analysis.merge import (
    merge_averages,
    merge_beats,
    merge_cleaning,
    merge_groups,
    merge_quality,
)
from nullfield.analysis.moments import AveragedHeart, landmark_results, moving_dipole, source_image
from nullfield.analysis.result import Analysis, Landmark
from nullfield.analysis.section_chain import Agreed, SectionResult, analyze_section
from nullfield.analysis.sections import InMemory, Source, sections_of
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.choice import alternative_models, forward_model
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.moving_dipole import MovingDipole
from nullfield.analysis.sources.source_space import SourceImage
from nullfield.analysis.variability import Variability, heart_rate_variability
from nullfield.errors import AnalysisError

Progress = Callable[[str, float], None]
"""Called with what is being done, and the share that is done (0 to 1)."""
HEAD_FRAME = "head frame"
"""How ``metadata["coordinates"]`` begins for recordings that are in the working frame already."""
_SECTIONS_SHARE = 0.8
_FAITHFUL_SHARE = 0.9
"""Maps and fits take topographies as they are after cleaning."""

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
    chosen = _with_what_is_known(settings or AnalysisSettings(), source)
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
    if beats.warning:
        reasons["rhythm"] = beats.warning
    if average is not None:
        reasons.pop("average", None)
    quality = merge_quality([part.quality for part in parts], lengths)
    landmarks: dict[str, Landmark | None] = {"R": None, "T": None}
    marks = BeatLandmarks()
    moving: MovingDipole | None = None
    image: SourceImage | None = None
    features: tuple[Feature, ...] = ()
    groups = merge_groups([part.groups for part in parts if part.groups is not None])
    if average is not None:
        good = array.is_chest & ~quality.bad_channels
        marks = find_landmarks(average, beats.interval_s or 1.0, good)
        reasons.update(marks.reasons)
        model = forward_model(chosen.model, array, frame) if array.has_place.any() else HalfSpace()
        others = alternative_models(chosen.model, array)
        heart = AveragedHeart(array, average, marks, good, model, chosen, reasons, others)
        landmarks |= landmark_results(
            heart, lambda what, share: tell(what, _SECTIONS_SHARE + 0.1 * share)
        )
        if array.has_place.any():
            tell("moving dipole", 0.92)
            moving = moving_dipole(heart)
            tell("source image", 0.94)
            image = source_image(heart)
        else:
            reasons["maps and sources"] = "no channel has a place: give positions"
        tell("features", 0.96)
        features = _features(heart, groups, beats.interval_s)
    cleaning = merge_cleaning(parts, lengths)
    for step in cleaning:
        kept = step.heart_kept_share
        if step.is_applied and kept is not None and kept < _FAITHFUL_SHARE:
            reasons[f"cleaning.{step.name}"] = (
                f"leaves {100.0 * kept:.0f} % of the worst heart: maps and dipoles are off by as much"
            )
    references = next((s for s in cleaning if s.name == "references" and s.is_applied), None)
    tell("done", 1.0)
    return Analysis(
        array=array,
        beats=beats,
        average=average,
        variability=_variability(beats, reasons),
        marks=marks,
        groups=groups,
        landmarks=landmarks,
        quality=quality,
        cleaning=cleaning,
        features=features,
        moving_dipole=moving,
        image=image,
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


def _with_what_is_known(settings: AnalysisSettings, source: Source) -> AnalysisSettings:
    """Settings with the array's uncertainty as its calibration says, unless another was chosen."""
    known = source.metadata.get("sensor_uncertainty")
    if known is None or settings.uncertainty != UNCALIBRATED:
        return settings
    return replace(settings, uncertainty=SensorUncertainty(**known))


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


def _features(
    heart: AveragedHeart, groups: BeatGroups | None, interval_s: float | None
) -> tuple[Feature, ...]:
    settings = heart.settings
    try:
        return compute_features(
            heart.average,
            groups if settings.resamples else None,
            heart.array,
            heart.marks,
            interval_s=interval_s,
            channels=heart.good,
            uncertainty=settings.uncertainty,
            n_resamples=settings.resamples,
            seed=settings.seed,
            equivalents=heart.equivalents,
        )
    except AnalysisError as error:
        heart.reasons["features"] = error.message
        return ()
