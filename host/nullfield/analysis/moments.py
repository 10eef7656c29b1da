"""Maps and sources at the moments that matter: the last stage of the analysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import SensorArray
from nullfield.analysis.features.equivalent import EquivalentDipoles, fit_equivalent_dipoles
from nullfield.analysis.features.poles import MapFeatures, map_features, pole_features
from nullfield.analysis.field_map import FieldMap, map_field, model_error_share
from nullfield.analysis.landmarks import PEAKS, BeatLandmarks
from nullfield.analysis.result import Landmark
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.distributed import image_minimum_norm
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.moving_dipole import MovingDipole, fit_moving_dipole
from nullfield.analysis.sources.source_space import SourceImage
from nullfield.analysis.sources.sparse import image_sparse
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError, NullfieldError

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class AveragedHeart:
    """What maps and sources are made of.

    Attributes
    ----------
    array : SensorArray
        In the working frame.
    average : AveragedBeat
    marks : BeatLandmarks
    good : numpy.ndarray of bool, shape ``(n_channels,)``
        Channels to use.
    model : ForwardModel
    settings : AnalysisSettings
    reasons : dict of str to str
        Why parts are missing is added.
    alternatives : tuple of ForwardModel
        What the conductor might be as well.
    equivalents : dict of str to EquivalentDipoles
        By peak; added as they are fitted, for the features.
    """

    array: SensorArray
    average: AveragedBeat
    marks: BeatLandmarks
    good: BoolArray
    model: ForwardModel
    settings: AnalysisSettings
    reasons: dict[str, str]
    alternatives: tuple[ForwardModel, ...] = ()
    equivalents: dict[str, EquivalentDipoles] = field(default_factory=dict)


def landmark_results(heart: AveragedHeart, tell: Tell) -> dict[str, Landmark]:
    """Map and dipole at each peak; beginnings and ends have their time alone.

    Parameters
    ----------
    heart : AveragedHeart
    tell : callable
        Progress, 0 to 1.
    """
    found: dict[str, Landmark] = {}
    for count, (name, time_s) in enumerate(heart.marks.times_s.items()):
        tell(f"landmark {name}", count / len(heart.marks.times_s))
        field_pt, noise_pt = heart.average.field_at(time_s, heart.good)
        field_map = features = dipole = None
        if name in PEAKS and heart.array.has_place.any():
            placed_pt = np.where(heart.array.has_place, field_pt, np.nan)
            try:
                field_map = map_field(
                    placed_pt,
                    heart.array,
                    noise_pt,
                    model_error=model_error_share(heart.settings.uncertainty),
                )
                features = _pole_features(heart, name, placed_pt, noise_pt, field_map)
            except NullfieldError as error:
                heart.reasons[f"{name}.map"] = error.message
            try:
                dipole = fit_dipole(
                    placed_pt,
                    heart.array,
                    noise_pt,
                    model=heart.model,
                    uncertainty=heart.settings.uncertainty,
                    alternatives=heart.alternatives,
                )
            except NullfieldError as error:
                heart.reasons[f"{name}.dipole"] = error.message
        found[name] = Landmark(name, time_s, field_pt, field_map, features, dipole)
    return found


def _pole_features(
    heart: AveragedHeart,
    name: str,
    field_pt: FloatArray,
    noise_pt: FloatArray | None,
    field_map: FieldMap,
) -> MapFeatures:
    """Poles on the continuous field of equivalent dipoles; on the grid where these do not fit."""
    try:
        equivalent = fit_equivalent_dipoles(
            field_pt, heart.array, noise_pt, uncertainty=heart.settings.uncertainty
        )
        heart.equivalents[name] = equivalent
        return pole_features(equivalent, heart.array, field_pt)
    except AnalysisError:
        return map_features(field_map)


def moving_dipole(heart: AveragedHeart) -> MovingDipole | None:
    """The dipole's path through the QRS complex."""
    onset, offset = heart.marks.get("QRS_onset"), heart.marks.get("QRS_offset")
    if onset is None or offset is None:
        heart.reasons["moving_dipole"] = "the bounds of the QRS complex are not known"
        return None
    try:
        return fit_moving_dipole(
            heart.average,
            heart.array,
            (onset, offset),
            model=heart.model,
            uncertainty=heart.settings.uncertainty,
            channels=heart.good & heart.array.has_place,
            alternatives=heart.alternatives,
        )
    except NullfieldError as error:
        heart.reasons["moving_dipole"] = error.message
        return None


def source_image(heart: AveragedHeart) -> SourceImage | None:
    """The current on the heart's surface at R."""
    r_s = heart.marks.get("R")
    if heart.settings.image == "none" or r_s is None:
        return None
    field_pt, noise_pt = heart.average.field_at(r_s, heart.good & heart.array.has_place)
    try:
        if heart.settings.image == "sparse":
            return image_sparse(
                field_pt,
                heart.array,
                noise_pt,
                model=heart.model,
                uncertainty=heart.settings.uncertainty,
            )
        return image_minimum_norm(
            field_pt,
            heart.array,
            noise_pt,
            model=heart.model,
            uncertainty=heart.settings.uncertainty,
            standardised=heart.settings.image == "sloreta",
        )
    except NullfieldError as error:
        heart.reasons["image"] = error.message
        return None
