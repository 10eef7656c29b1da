"""A small analysis in the form of `analysis.json`, checked against that form."""

from __future__ import annotations

from typing import Any

from nullfield.analysis import RESEARCH_USE
from nullfield.analysis.document import SCHEMA, AnalysisDocument


def feature(name: str, value: float | None, unit: str, **more: Any) -> dict[str, Any]:
    """A feature as the document holds it."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "low": None,
        "high": None,
        "definition": f"Definition of {name}.",
        "source": "a publication",
        "reference": None,
        "reference_source": None,
        "reason": "",
        **more,
    }


def document(**changes: Any) -> dict[str, Any]:
    """An analysis of a recording without beats that could be mapped, or as changed."""
    made = {
        "schema": SCHEMA,
        "software": "9.8.7",
        "input": {
            "source": "recording", "format": "nullfield", "sampling_rate_hz": 1000.0,
            "duration_s": 60.0, "n_channels": 72, "unit": "pT", "notes": [],
        },
        "frame": {"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "origin_m": [0, 0, 0], "how": "x"},
        "beats": {
            "times_s": [0.5], "kinds": ["normal"], "is_averaged": [True], "rate_bpm": 61.5,
            "found": 1, "accepted": 1, "rejected": {},
        },
        "variability": {
            "values": {"sdnn_ms": 31.0, "hf_ms2": 210.0, "pnn50_percent": 4.0, "lf_hf": 1.5},
            "n_intervals": 50,
            "reasons": {"lf_ms2": "the recording is too short"},
        },
        "average": {
            "snr_db": 40.0, "snr_db_by_channel": {"A1.x": 40.0}, "beats_used": 55,
            "baseline_s": [-0.1, -0.08],
        },
        "landmarks": {},
        "noise": {
            "density_ft_rthz": {"A1.x": 15.0}, "raw_density_ft_rthz": {}, "median": 15.0,
            "worst": 20.0, "reason": None,
        },
        "quality": {
            "missing_share": {}, "bad_channels": [], "dead_heads": [], "mains_hz": None,
            "reference_reduction_db": None,
        },
        "cleaning": [],
        "features": [
            feature("QRS", 91.0, "ms", low=90.0, high=92.0, reference=[70.0, 104.0],
                    reference_source="a study"),
            feature("QT", None, "ms", reason="the T wave is lost in the noise"),
            feature("T_ratio_change", 0.01, ""),
            feature("R_arrow_maximum", 1749.7, "pT/m", reason="extrapolated"),
        ],
        "moving_dipole": None,
        "image": None,
        "settings": {},
        "reasons": {},
        "research_use": RESEARCH_USE,
        **changes,
    }  # fmt: skip
    AnalysisDocument.model_validate(made)
    return made
