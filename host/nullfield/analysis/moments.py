"""Maps and sources at the moments that matter: the last stage of the analysis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import SensorArray
from nullfield.analysis.features.equivalent import fit_equivalent_dipoles
from nullfield.analysis.features.poles import MapFeatures, map_features, pole_features
from nullfield.analysis.field_map import FieldMap, map_field, model_error_share
from nullfield.analysis.landmarks import PEAKS, BeatLandmarks
from nullfield.analysis.result import Landmark
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.choice import alternative_models
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.distributed import image_minimum_norm
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.moving_dipole import MovingDipole, fit_moving_dipole
from nullfield.analysis.sources.source_space import SourceImage
from nullfield.analysis.sources.sparse import image_sparse
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError, NullfieldError

Tell = Callable[[str, float], None]


def landmark_results(
    array: SensorArray,
    average: AveragedBeat,
    marks: BeatLandmarks,
    good: BoolArray,
    model: ForwardModel,
    settings: AnalysisSettings,
    reasons: dict[str, str],
    tell: Tell,
) -> dict[str, Landmark]:
    """Map and dipole at each peak; beginnings and ends have their time alone.

    Parameters
    ----------
    array : SensorArray
        In the working frame.
    average : AveragedBeat
    marks : BeatLandmarks
    good : numpy.ndarray of bool, shape ``(n_channels,)``
    model : ForwardModel
    settings : AnalysisSettings
    reasons : dict
        Why parts are missing is added.
    tell : callable
        Progress, 0 to 1.
    """
    found: dict[str, Landmark] = {}
    alternatives = alternative_models(settings.model, array)
    for count, (name, time_s) in enumerate(marks.times_s.items()):
        tell(f"landmark {name}", count / len(marks.times_s))
        field_pt, noise_pt = field_at(average, average.index(time_s), good)
        field_map = features = dipole = None
        if name in PEAKS and array.has_place.any():
            placed_pt = np.where(array.has_place, field_pt, np.nan)
            try:
                field_map = map_field(
                    placed_pt,
                    array,
                    noise_pt,
                    model_error=model_error_share(settings.uncertainty),
                )
                features = _pole_features(placed_pt, array, noise_pt, settings, field_map)
            except NullfieldError as error:
                reasons[f"{name}.map"] = error.message
            try:
                dipole = fit_dipole(
                    placed_pt,
                    array,
                    noise_pt,
                    model=model,
                    uncertainty=settings.uncertainty,
                    alternatives=alternatives,
                )
            except NullfieldError as error:
                reasons[f"{name}.dipole"] = error.message
        found[name] = Landmark(name, time_s, field_pt, field_map, features, dipole)
    return found


def _pole_features(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None,
    settings: AnalysisSettings,
    field_map: FieldMap,
) -> MapFeatures:
    """Poles on the continuous field of equivalent dipoles; on the grid where these do not fit."""
    try:
        equivalent = fit_equivalent_dipoles(
            field_pt, array, noise_pt, uncertainty=settings.uncertainty
        )
        return pole_features(equivalent, array, field_pt)
    except AnalysisError:
        return map_features(field_map)


def field_at(
    average: AveragedBeat, index: int, good: BoolArray
) -> tuple[FloatArray, FloatArray | None]:
    """Field of the good channels at one sample, NaN elsewhere, and its standard error.

    One beat has no scatter: then all channels count alike, and there is no error.
    """
    field_pt = np.where(good & average.has_beats, average.field_pt[:, index], np.nan)
    error_pt = average.standard_error_pt[:, index]
    return field_pt, error_pt if np.isfinite(error_pt[np.isfinite(field_pt)]).all() else None


def moving_dipole(
    array: SensorArray,
    average: AveragedBeat,
    marks: BeatLandmarks,
    good: BoolArray,
    model: ForwardModel,
    settings: AnalysisSettings,
    reasons: dict[str, str],
) -> MovingDipole | None:
    """The dipole's path through the QRS complex."""
    onset, offset = marks.get("QRS_onset"), marks.get("QRS_offset")
    if onset is None or offset is None:
        reasons["moving_dipole"] = "the bounds of the QRS complex are not known"
        return None
    try:
        return fit_moving_dipole(
            average,
            array,
            (onset, offset),
            model=model,
            uncertainty=settings.uncertainty,
            channels=good & array.has_place,
            alternatives=alternative_models(settings.model, array),
        )
    except NullfieldError as error:
        reasons["moving_dipole"] = error.message
        return None


def source_image(
    array: SensorArray,
    average: AveragedBeat,
    marks: BeatLandmarks,
    good: BoolArray,
    model: ForwardModel,
    settings: AnalysisSettings,
    reasons: dict[str, str],
) -> SourceImage | None:
    """The current on the heart's surface at R."""
    r_s = marks.get("R")
    if settings.image == "none" or r_s is None:
        return None
    field_pt, noise_pt = field_at(average, average.index(r_s), good & array.has_place)
    try:
        if settings.image == "sparse":
            return image_sparse(
                field_pt, array, noise_pt, model=model, uncertainty=settings.uncertainty
            )
        return image_minimum_norm(
            field_pt,
            array,
            noise_pt,
            model=model,
            uncertainty=settings.uncertainty,
            standardised=settings.image == "sloreta",
        )
    except NullfieldError as error:
        reasons["image"] = error.message
        return None
