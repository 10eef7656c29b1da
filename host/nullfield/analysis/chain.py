"""From a recording to beats, average, maps and sources, in one call.

What the data do not support is left out with the reason; nothing is made up to fill a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nullfield.analysis.arrows import map_features
from nullfield.analysis.average import (
    AveragedBeat,
    average_beats,
    find_r_s,
    find_t_s,
    remove_baseline,
)
from nullfield.analysis.beats import Beats, find_beats
from nullfield.analysis.cleaning.reference import regress_references
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.field_map import map_bz
from nullfield.analysis.quality import assess, quiet_samples
from nullfield.analysis.result import Analysis, Landmark
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.dsp.filters import detect_mains_hz, low_pass, notch_mains
from nullfield.dsp.gaps import BoolArray
from nullfield.errors import AnalysisError

Progress = Callable[[str, float], None]
"""Called with what is being done, and the share that is done (0 to 1)."""


@dataclass(frozen=True)
class AnalysisSettings:
    """How a recording is analysed; stored with the result.

    Attributes
    ----------
    low_pass_hz : float
        Of the averaged beat and all that follows from it.
    mains_hz : float or None
        None: found out from the data.
    use_references : bool
        Regress reference heads out of the chest channels where that helps.
    least_reference_gain_db : float
        Least reduction on unseen quiet samples for the regression to be kept.
    noise_band_hz : (float, float)
    """

    low_pass_hz: float = 100.0
    mains_hz: float | None = None
    use_references: bool = True
    least_reference_gain_db: float = 0.5
    noise_band_hz: tuple[float, float] = (10.0, 100.0)


def analyze(
    recording: FieldRecording,
    settings: AnalysisSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse a recording.

    Returns
    -------
    Analysis
        Always; parts that could not be had are None, with the reason in `Analysis.reasons`.
    """
    chosen = settings or AnalysisSettings()
    tell: Progress = progress or (lambda what, share: None)
    reasons: dict[str, str] = {}
    rate_hz = recording.sampling_rate_hz

    tell("mains", 0.0)
    mains_hz = chosen.mains_hz or detect_mains_hz(
        recording.field_pt, rate_hz, valid=recording.usable
    )
    cleaned = recording
    if mains_hz is not None:
        cleaned = recording.with_field(
            notch_mains(recording.field_pt, rate_hz, mains_hz, valid=recording.usable)
        )
    tell("beats", 0.2)
    beats = find_beats(cleaned)
    if beats.reason:
        reasons["beats"] = beats.reason
    quiet = quiet_samples(recording, beats)

    tell("references", 0.35)
    regression = None
    if chosen.use_references:
        try:
            corrected, found = regress_references(cleaned, quiet)
            if found.reduction_db >= chosen.least_reference_gain_db:
                cleaned, regression = corrected, found
            else:
                reasons["reference"] = (
                    f"reference heads take away {found.reduction_db:.1f} dB only: not used"
                )
        except AnalysisError as error:
            reasons["reference"] = error.message

    tell("noise", 0.5)
    quality = assess(recording, cleaned, beats, quiet, chosen.noise_band_hz)

    tell("average", 0.65)
    average = _average(cleaned, beats, min(chosen.low_pass_hz, 0.45 * rate_hz), reasons)
    landmarks: dict[str, Landmark | None] = {"R": None, "T": None}
    if average is not None:
        landmarks = _landmarks(cleaned, beats, average, quality.bad_channels, reasons, tell)
    tell("done", 1.0)
    return Analysis(
        array=recording.array,
        beats=beats,
        average=average,
        landmarks=landmarks,
        quality=quality,
        mains_hz=mains_hz,
        reference_reduction_db=None if regression is None else regression.reduction_db,
        reasons=reasons,
        settings={
            "low_pass_hz": chosen.low_pass_hz,
            "mains_hz": chosen.mains_hz,
            "use_references": chosen.use_references,
            "least_reference_gain_db": chosen.least_reference_gain_db,
            "noise_band_hz": list(chosen.noise_band_hz),
        },
    )


def _average(
    recording: FieldRecording, beats: Beats, low_pass_hz: float, reasons: dict[str, str]
) -> AveragedBeat | None:
    if beats.n_accepted == 0:
        reasons["average"] = beats.reason or "no beat was accepted"
        return None
    smooth = recording.with_field(
        low_pass(
            recording.field_pt, recording.sampling_rate_hz, low_pass_hz, valid=recording.usable
        )
    )
    level, segment_s = remove_baseline(smooth, beats)
    try:
        return average_beats(level, beats, segment_s)
    except AnalysisError as error:
        reasons["average"] = error.message
        return None


def _landmarks(
    recording: FieldRecording,
    beats: Beats,
    average: AveragedBeat,
    bad: BoolArray,
    reasons: dict[str, str],
    tell: Progress,
) -> dict[str, Landmark | None]:
    found: dict[str, Landmark | None] = {"R": None, "T": None}
    good = recording.array.is_chest & ~bad
    r_s: float | None = None
    for share, name in ((0.8, "R"), (0.9, "T")):
        tell(f"{name} peak", share)
        try:
            if name == "R" or r_s is None:
                time_s = r_s = find_r_s(average, good)
            else:
                time_s = find_t_s(average, r_s, beats.interval_s or 1.0, good)
        except AnalysisError as error:
            reasons[name] = error.message
            continue
        found[name] = _landmark(name, time_s, recording, average, good, reasons)
    return found


def _landmark(
    name: str,
    time_s: float,
    recording: FieldRecording,
    average: AveragedBeat,
    good: BoolArray,
    reasons: dict[str, str],
) -> Landmark:
    index = average.index(time_s)
    field_pt = np.where(good & average.has_beats, average.field_pt[:, index], np.nan)
    # One beat has no scatter: then all channels count alike, by the model error alone.
    error = average.standard_error_pt[:, index]
    noise_pt = error if np.isfinite(error[np.isfinite(field_pt)]).all() else None
    field_map = features = dipole = None
    try:
        field_map = map_bz(field_pt, recording.array, noise_pt)
        features = map_features(field_map)
    except AnalysisError as error_:
        reasons[f"{name}.map"] = error_.message
    try:
        dipole = fit_dipole(field_pt, recording.array, noise_pt)
    except AnalysisError as error_:
        reasons[f"{name}.dipole"] = error_.message
    return Landmark(name, time_s, field_pt, field_map, features, dipole)
