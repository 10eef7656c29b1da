"""The result of an analysis, and its form as JSON (`analysis.json`, see `document`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.beats import Beats
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.data import BoolArray, FloatArray, SensorArray
from nullfield.analysis.features.feature import Feature
from nullfield.analysis.features.poles import MapFeatures
from nullfield.analysis.field_map import FieldMap
from nullfield.analysis.frame import WorkingFrame
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.landmarks import BeatLandmarks
from nullfield.analysis.quality import Quality
from nullfield.analysis.result_json import analysis_json
from nullfield.analysis.sources.dipole_fit import DipoleFit
from nullfield.analysis.sources.moving_dipole import MovingDipole
from nullfield.analysis.sources.source_space import SourceImage
from nullfield.analysis.variability import Variability


@dataclass(frozen=True)
class Landmark:
    """One moment of the averaged beat.

    Attributes
    ----------
    name : str
        ``"R"``, ``"T"`` ...
    time_s : float
        Relative to the R mark of the beats.
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN for channels that are not used.
    field_map, features, dipole
        None where the data did not support them.
    """

    name: str
    time_s: float
    field_pt: FloatArray
    field_map: FieldMap | None
    features: MapFeatures | None
    dipole: DipoleFit | None


@dataclass(frozen=True)
class Analysis:
    """Everything that was found in a recording.

    Attributes
    ----------
    array : SensorArray
        In the working frame.
    beats : Beats
    average : AveragedBeat or None
    variability : Variability or None
    groups : BeatGroups or None
        Means over groups of beats, for bootstraps.
    marks : BeatLandmarks
        Times of all landmarks of the averaged beat.
    landmarks : mapping of str to Landmark or None
        By name, with map and dipole at the peaks; R and T stand there even when they were not
        found.
    quality : Quality
    cleaning : tuple of CleaningStep
    features : tuple of Feature
    moving_dipole : MovingDipole or None
        Through the QRS complex.
    image : SourceImage or None
        Current on the heart's surface at R, if it was asked for.
    mains_hz : float or None
        The line that was notched.
    reference_reduction_db : float or None
        None where reference heads were not used.
    frame : WorkingFrame
        Between the file's device coordinates and the working frame.
    sampling_rate_hz : float
    n_samples : int
    unit : str
        As of `FieldRecording`.
    metadata : mapping
        Of the recording.
    reasons : mapping of str to str
        Why a part is missing, by part: ``"beats"``, ``"average"``, ``"T"``, ``"R.dipole"`` ...
    settings : mapping
    """

    array: SensorArray
    beats: Beats
    average: AveragedBeat | None
    variability: Variability | None
    marks: BeatLandmarks
    groups: BeatGroups | None
    landmarks: Mapping[str, Landmark | None]
    quality: Quality
    cleaning: tuple[CleaningStep, ...]
    features: tuple[Feature, ...]
    moving_dipole: MovingDipole | None
    image: SourceImage | None
    mains_hz: float | None
    reference_reduction_db: float | None
    frame: WorkingFrame
    sampling_rate_hz: float
    n_samples: int
    unit: str
    metadata: Mapping[str, Any]
    reasons: Mapping[str, str]
    settings: Mapping[str, Any]

    @property
    def used(self) -> BoolArray:
        """Chest channels that are good, shape ``(n_channels,)``."""
        return np.asarray(self.array.is_chest & ~self.quality.bad_channels)

    def noise_summary_ft_rthz(self) -> tuple[float, float] | None:
        """Median and worst noise density of the good Bz channels, else of the good chest ones."""
        known = np.isfinite(self.quality.noise_ft_rthz) & self.used
        chosen = known & self.array.is_normal
        values = self.quality.noise_ft_rthz[chosen if chosen.any() else known]
        return (float(np.median(values)), float(values.max())) if len(values) else None

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dump`, in the form of `document.AnalysisDocument`."""
        return analysis_json(self)

    def write_json(self, path: Path) -> None:
        """Write `to_json` to a file."""
        text = json.dumps(self.to_json(), indent=1, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")
