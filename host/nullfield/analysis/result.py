"""The result of an analysis, and its form as JSON (`analysis.json`).

Fields of the JSON, units in the names; null where the data did not support a part, with the reason
under `reasons`:

- `schema`: `SCHEMA`
- `beats`: `times_s` (R peaks of the accepted beats, recording's clock), `rate_bpm`, `found`,
  `accepted`
- `average`: `snr_db`, `beats_used` (least over the chest channels in use), `baseline_s`
- `landmarks.R`, `landmarks.T`: `time_s` (relative to the R mark of each beat), `map`, `dipole`
- `landmarks.*.map`: `angle_deg`, `pole_distance_mm`, `pole_ratio`, `poles_inside`,
  `arrow_angle_deg`, `positive_pole_m`, `negative_pole_m`, `gof`, `x_m`, `y_m`, `z_m`, `bz_pt`
- `landmarks.*.dipole`: `position_m`, `moment_nAm` (z is silent and given as 0), `gof`,
  `confidence_mm`, `confidence_axes_mm`, `reduced_chi2`, `at_bound`
- `noise`: `density_ft_rthz` by channel, `raw_density_ft_rthz` before notches and regression,
  `median` and `worst` over the Bz channels in use
- `quality`: `missing_share` by channel, `bad_channels`, `dead_heads`, `mains_hz`,
  `reference_reduction_db`
- `settings`, `reasons`
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.arrows import MapFeatures
from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.beats import Beats
from nullfield.analysis.data import BoolArray, FloatArray, SensorArray
from nullfield.analysis.field_map import FieldMap
from nullfield.analysis.quality import Quality
from nullfield.analysis.sources.dipole_fit import DipoleFit

SCHEMA = "nullfield-analysis/1"


@dataclass(frozen=True)
class Landmark:
    """One moment of the averaged beat.

    Attributes
    ----------
    name : str
        ``"R"`` or ``"T"``.
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
    beats : Beats
    average : AveragedBeat or None
    landmarks : mapping of ``"R"`` and ``"T"`` to Landmark or None
    quality : Quality
    mains_hz : float or None
        The line that was notched.
    reference_reduction_db : float or None
        None where reference heads were not used.
    reasons : mapping of str to str
        Why a part is missing, by part: ``"beats"``, ``"average"``, ``"T"``, ``"R.dipole"`` ...
    settings : mapping
    """

    array: SensorArray
    beats: Beats
    average: AveragedBeat | None
    landmarks: Mapping[str, Landmark | None]
    quality: Quality
    mains_hz: float | None
    reference_reduction_db: float | None
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
        """Plain values for `json.dump`; fields as in the module's text."""
        names = self.array.names
        summary = self.noise_summary_ft_rthz()
        quality = self.quality
        document = {
            "schema": SCHEMA,
            "beats": {
                "times_s": self.beats.times_s[self.beats.accepted],
                "rate_bpm": self.beats.rate_bpm,
                "found": len(self.beats.samples),
                "accepted": self.beats.n_accepted,
            },
            "average": None if self.average is None else self._average_json(self.average),
            "landmarks": {
                name: None if one is None else _landmark_json(one)
                for name, one in self.landmarks.items()
            },
            "noise": {
                "density_ft_rthz": dict(zip(names, quality.noise_ft_rthz, strict=True)),
                "raw_density_ft_rthz": dict(zip(names, quality.noise_raw_ft_rthz, strict=True)),
                "median": None if summary is None else summary[0],
                "worst": None if summary is None else summary[1],
                "reason": quality.reason or None,
            },
            "quality": {
                "missing_share": dict(zip(names, quality.missing_share, strict=True)),
                "bad_channels": [names[i] for i in np.flatnonzero(quality.bad_channels)],
                "dead_heads": quality.dead_heads,
                "mains_hz": self.mains_hz,
                "reference_reduction_db": self.reference_reduction_db,
            },
            "settings": self.settings,
            "reasons": self.reasons,
        }
        plain = _plain(document)
        assert isinstance(plain, dict)
        return plain

    def write_json(self, path: Path) -> None:
        """Write `to_json` to a file."""
        text = json.dumps(self.to_json(), indent=1, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    def _average_json(self, average: AveragedBeat) -> dict[str, Any]:
        used = average.beats_used[self.used & (average.beats_used > 0)]
        return {
            "snr_db": average.snr_db,
            "beats_used": int(used.min()) if len(used) else 0,
            "baseline_s": average.baseline_s,
        }


def _landmark_json(landmark: Landmark) -> dict[str, Any]:
    field_map, features, dipole = landmark.field_map, landmark.features, landmark.dipole
    map_json = None
    # A one-pole map has no features; it is still drawn, but there is nothing to tell of it here.
    if field_map is not None and features is not None:
        map_json = {
            "angle_deg": features.angle_deg,
            "pole_distance_mm": features.pole_distance_mm,
            "pole_ratio": features.pole_ratio,
            "poles_inside": features.poles_inside,
            "arrow_angle_deg": features.arrow_angle_deg,
            "positive_pole_m": features.positive_pole_m,
            "negative_pole_m": features.negative_pole_m,
            "gof": field_map.gof,
            "n_channels": field_map.n_channels,
            "x_m": field_map.x_m,
            "y_m": field_map.y_m,
            "z_m": field_map.z_m,
            "bz_pt": field_map.bz_pt,
        }
    dipole_json = None
    if dipole is not None:
        dipole_json = {
            "position_m": dipole.position_m,
            "moment_nAm": dipole.moment_nam,
            "gof": dipole.gof,
            "confidence_mm": dipole.confidence_mm,
            "confidence_axes_mm": dipole.confidence_axes_mm,
            "confidence_volume_mm3": dipole.confidence_volume_mm3,
            "reduced_chi2": dipole.reduced_chi2,
            "at_bound": dipole.at_bound,
            "n_channels": dipole.n_channels,
        }
    return {"time_s": landmark.time_s, "map": map_json, "dipole": dipole_json}


def _plain(value: Any) -> Any:
    """Lists, dicts and Python numbers; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
