"""An analysis as plain values, in the form of `document.AnalysisDocument`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nullfield import __version__
from nullfield.analysis import RESEARCH_USE
from nullfield.analysis.document import SCHEMA, AnalysisDocument

if TYPE_CHECKING:
    from nullfield.analysis.average import AveragedBeat
    from nullfield.analysis.frame import WorkingFrame
    from nullfield.analysis.result import Analysis, Landmark


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """Plain values of an analysis, checked against the form; what is not finite becomes None."""
    names = analysis.array.names
    summary = analysis.noise_summary_ft_rthz()
    quality = analysis.quality
    frame = analysis.frame
    content = {
        "schema": SCHEMA,
        "software": __version__,
        "input": {
            "source": analysis.metadata.get("source"),
            "format": analysis.metadata.get("format"),
            "sampling_rate_hz": analysis.sampling_rate_hz,
            "duration_s": analysis.n_samples / analysis.sampling_rate_hz,
            "n_channels": analysis.array.n_channels,
            "unit": analysis.unit,
            "notes": analysis.metadata.get("notes", []),
        },
        "frame": {"rotation": frame.rotation, "origin_m": frame.origin_m, "how": frame.how},
        "beats": _beats(analysis),
        "variability": None
        if analysis.variability is None
        else {
            "values": analysis.variability.values,
            "n_intervals": analysis.variability.n_intervals,
            "reasons": analysis.variability.reasons,
        },
        "average": None if analysis.average is None else _average(analysis, analysis.average),
        "landmarks": {
            name: None if one is None else _landmark(one, frame)
            for name, one in analysis.landmarks.items()
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
            "mains_hz": analysis.mains_hz,
            "reference_reduction_db": analysis.reference_reduction_db,
        },
        "cleaning": [
            {
                "name": step.name,
                "is_applied": step.is_applied,
                "reason": step.reason,
                "removed_db": step.removed_db,
                "heart_kept_share": step.heart_kept_share,
                "parameters": step.parameters,
            }
            for step in analysis.cleaning
        ],
        "features": [
            {
                "name": one.name,
                "value": one.value,
                "unit": one.unit,
                "low": one.low,
                "high": one.high,
                "definition": one.definition,
                "source": one.source,
                "reference": one.reference,
                "reference_source": one.reference_source,
                "reason": one.reason,
            }
            for one in analysis.features
        ],
        "moving_dipole": _moving(analysis),
        "image": _image(analysis),
        "settings": analysis.settings,
        "reasons": analysis.reasons,
        "research_use": RESEARCH_USE,
    }
    document = plain(content)
    # A form that is not kept would be found by the reader of the file otherwise.
    AnalysisDocument.model_validate(document)
    assert isinstance(document, dict)
    return document


def _beats(analysis: Analysis) -> dict[str, Any]:
    beats = analysis.beats
    return {
        "times_s": beats.samples / analysis.sampling_rate_hz,
        "kinds": beats.kinds,
        "is_averaged": beats.accepted,
        "rate_bpm": beats.rate_bpm,
        "found": len(beats.samples) + len(beats.artefacts),
        "accepted": beats.n_accepted,
        "rejected": {
            "ectopic": int((beats.kinds == "ectopic").sum()),
            "disturbed": int((beats.kinds == "disturbed").sum()),
            "artefact": len(beats.artefacts),
        },
    }


def _average(analysis: Analysis, average: AveragedBeat) -> dict[str, Any]:
    used = average.beats_used[analysis.used & (average.beats_used > 0)]
    return {
        "snr_db": average.snr_db,
        "snr_db_by_channel": dict(
            zip(analysis.array.names, average.snr_db_by_channel, strict=True)
        ),
        "beats_used": int(used.min()) if len(used) else 0,
        "baseline_s": average.baseline_s,
    }


def _landmark(landmark: Landmark, frame: WorkingFrame) -> dict[str, Any]:
    field_map, features, dipole = landmark.field_map, landmark.features, landmark.dipole
    map_json = None
    if field_map is not None:
        # A one-pole map has no features; it is a map all the same.
        map_json = {
            "angle_deg": None if features is None else features.angle_deg,
            "pole_distance_mm": None if features is None else features.pole_distance_mm,
            "pole_ratio": None if features is None else features.pole_ratio,
            "poles_inside": None if features is None else features.poles_inside,
            "arrow_angle_deg": None if features is None else features.arrow_angle_deg,
            "positive_pole_m": None if features is None else features.positive_pole_m,
            "negative_pole_m": None if features is None else features.negative_pole_m,
            "gof": field_map.gof,
            "n_channels": field_map.n_channels,
            "x_m": field_map.x_m,
            "y_m": field_map.y_m,
            "z_m": field_map.z_m,
            "bz_pt": field_map.bz_pt,
            "error_pt": field_map.error_pt,
        }
    dipole_json = None
    if dipole is not None:
        dipole_json = {
            "position_m": frame.points_to_device_m(dipole.position_m),
            "moment_nAm": frame.directions_to_device(dipole.moment_nam),
            "gof": dipole.gof,
            "confidence_mm": dipole.confidence_mm,
            "confidence_axes_mm": dipole.confidence_axes_mm,
            "confidence_volume_mm3": dipole.confidence_volume_mm3,
            "reduced_chi2": dipole.reduced_chi2,
            "at_bound": dipole.at_bound,
            "n_channels": dipole.n_channels,
            "is_significant": dipole.is_significant,
            "model": dipole.model,
        }
    return {"time_s": landmark.time_s, "map": map_json, "dipole": dipole_json}


def _moving(analysis: Analysis) -> dict[str, Any] | None:
    moving = analysis.moving_dipole
    if moving is None:
        return None
    return {
        "times_s": moving.time_s,
        "position_m": analysis.frame.points_to_device_m(moving.positions_m),
        "moment_nAm": analysis.frame.directions_to_device(moving.moments_nam),
        "gof": moving.gof,
        "confidence_mm": moving.confidence_mm,
        "is_trusted": moving.is_trusted,
        "path_mm": moving.path_mm,
    }


def _image(analysis: Analysis) -> dict[str, Any] | None:
    image = analysis.image
    if image is None:
        return None
    return {
        "method": image.method,
        "unit": image.unit if image.statistic is None else "",
        "peak_m": analysis.frame.points_to_device_m(image.peak_m),
        "peak": image.magnitude.max(),
        "total_moment_nAm": analysis.frame.directions_to_device(image.total_moment_nam),
        "gof": image.gof,
        "reduced_chi2": image.reduced_chi2,
        "n_vertices": len(image.vertices_m),
        "n_active": len(image.active),
        "model": image.model,
    }


def plain(value: Any) -> Any:
    """Lists, dicts and Python numbers; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
