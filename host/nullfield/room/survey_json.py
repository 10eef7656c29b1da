"""A survey as plain values for `json.dump`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.room.survey import Survey

SCHEMA = "nullfield-survey/1"


def survey_json(survey: Survey) -> dict[str, Any]:
    """Everything but the rows; what is not known is None."""
    data = survey.data
    return {
        "schema": SCHEMA,
        "rig": data.rig,
        "ended_early": data.ended_early,
        "heads": [h.name for h in data.heads],
        "dead": data.dead,
        "conditions": data.conditions,
        "reasons": survey.reasons,
        "residual": _residual(survey),
        "stability": _stability(survey),
        "spectra": _spectra(survey),
        "excitation": None if data.excitation is None else asdict(data.excitation),
        "shielding": [asdict(point) for point in survey.shielding],
        "shield_models": {
            axis: {"static_factor": factor, "corner_hz": corner}
            for axis, (factor, corner) in survey.shield_models.items()
        },
    }


def plain(values: npt.ArrayLike, digits: int = 4) -> Any:
    """Nested lists with None for what is not finite, rounded to a count of digits."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(v) for v in value]
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None

    return one(np.asarray(values, dtype=np.float64).tolist())


def _residual(survey: Survey) -> dict[str, Any] | None:
    residual = survey.residual
    if residual is None:
        return None
    size = np.linalg.norm(residual.measured_pt, axis=1)
    return {
        "centre_m": plain(residual.centre_m),
        "centre_pt": plain(residual.centre_pt, 6),
        "centre_uncertainty_pt": plain(residual.centre_uncertainty_pt),
        "field_at_heads_pt": plain(residual.measured_pt, 6),
        "largest_pt": plain(np.nanmax(size), 6),
        "repeatability_pt": plain(residual.repeatability_pt),
        "model_degree": residual.model.degree,
        "scatter_beyond_pt": plain(residual.model.extra_noise_pt),
        "contradicted": [survey.data.heads[k].name for k in residual.model.outliers],
        "gradient_pt_per_m": (
            None if residual.gradient is None else plain(residual.gradient.tensor_pt_per_m, 6)
        ),
        "gradient_uncertainty_pt_per_m": (
            None if residual.gradient is None else plain(residual.gradient.uncertainty_pt_per_m)
        ),
        "moved_pt": None if residual.moved_pt is None else plain(residual.moved_pt, 5),
        "moved_s": residual.moved_s,
        "points": [
            {
                "position_m": list(point.position_m),
                "field_pt": plain(point.field_pt, 6),
                "uncertainty_pt": plain(point.uncertainty_pt),
            }
            for point in residual.points
        ],
    }


def _stability(survey: Survey) -> dict[str, Any] | None:
    still = survey.stability
    if still is None or survey.data.quiet is None:
        return None
    return {
        "channels": list(survey.data.channel_names()),
        "duration_s": survey.data.quiet.duration_s,
        "peak_to_peak_pt": {f"{w:g}": plain(v) for w, v in still.peak_to_peak_pt.items()},
        "slope_pt_per_min": plain(still.slope_pt_per_min),
        "tau_s": plain(still.tau_s),
        "allan_pt": plain(still.allan_pt),
    }


def _spectra(survey: Survey) -> dict[str, Any] | None:
    spectra = survey.spectra
    if spectra is None:
        return None
    return {
        "channels": list(survey.data.channel_names()),
        "level_ft_rthz": plain(spectra.level_ft_rthz),
        "corner_hz": plain(spectra.corner_hz),
        "exponent": plain(spectra.exponent),
        "lines": [
            {
                "frequency_hz": round(line.frequency_hz, 2),
                "kind": line.kind,
                "rms_pt": plain(line.amplitude_pt),
            }
            for line in spectra.lines
        ],
    }
