"""One row of the table of results: plain values of one recording, by column."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield import __version__
from nullfield.analysis.result import Analysis, Landmark
from nullfield.analysis.result_json import plain

SCHEMA = "nullfield-batch/1"
DONE, FAILED = "done", "failed"
LANDMARKS = ("R", "T")


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
    kind : str
        ``"text"``, ``"number"`` or ``"count"``.
    unit : str
        Empty for texts and plain numbers.
    text : str
        What it says.
    """

    name: str
    kind: str
    unit: str
    text: str


_GENERAL = (
    Column("recording", "text", "", "path from the folder that was analysed"),
    Column("status", "text", "", "done or failed"),
    Column("error", "text", "", "why it failed, in one line"),
    Column("hint", "text", "", "how to mend that"),
    Column("key", "text", "", "SHA-256 of content, settings and software"),
    Column("software", "text", "", "version that analysed it"),
    Column("format", "text", "", "as the reader told it"),
    Column("signal_unit", "text", "", "pT, or uV for electric leads"),
    Column("duration_s", "number", "s", "length of the recording, gaps counted"),
    Column("sampling_rate_hz", "number", "Hz", "samples a second"),
    Column("n_channels", "count", "1", "channels of the recording"),
    Column("n_bad_channels", "count", "1", "channels that were left out"),
    Column("missing_share", "number", "1", "samples missing or unusable, mean over the channels"),
    Column("noise_median_ft_rthz", "number", "fT/sqrt(Hz)", "noise of the channels in use, median"),
    Column("noise_worst_ft_rthz", "number", "fT/sqrt(Hz)", "noise of the worst channel in use"),
    Column("mains_hz", "number", "Hz", "line that was notched"),
    Column("beats_found", "count", "1", "beats found, others than normal ones counted"),
    Column("beats_accepted", "count", "1", "beats that may go into the average"),
    Column("rate_bpm", "number", "1/min", "heart rate, from the median interval"),
    Column("snr_db", "number", "dB", "signal to noise of the averaged beat at the R peak"),
    Column("reasons", "text", "", "why parts are missing: JSON, by part"),
)
_OF_LANDMARK = (
    ("time_s", "s", "after the R mark of the beats"),
    ("angle_deg", "deg", "negative to positive pole of the map"),
    ("pole_distance_mm", "mm", "between the poles of the map"),
    ("pole_ratio", "1", "largest Bz over the size of the least"),
    ("dipole_x_m", "m", "place of the dipole, device coordinates"),
    ("dipole_y_m", "m", "place of the dipole, device coordinates"),
    ("dipole_z_m", "m", "place of the dipole, device coordinates"),
    ("dipole_moment_nam", "nA m", "size of the dipole's moment"),
    ("dipole_gof", "1", "share of the power that the dipole explains"),
    ("dipole_confidence_mm", "mm", "radius of the sphere as large as the 95 % region"),
)
COLUMNS = _GENERAL + tuple(
    Column(f"{landmark}_{name}", "number", unit, f"{landmark} peak: {text}")
    for landmark in LANDMARKS
    for name, unit, text in _OF_LANDMARK
)
"""Columns that every table has; those of features follow, by name."""


def failed_row(recording: str, key: str, error: str, hint: str) -> dict[str, Any]:
    """Row of a recording that could not be analysed."""
    return {
        "recording": recording,
        "status": FAILED,
        "error": " ".join(error.split()),
        "hint": " ".join(hint.split()),
        "key": key,
        "software": __version__,
        "features": [],
    }


def result_row(recording: str, key: str, analysis: Analysis) -> dict[str, Any]:
    """Row of a recording: values by column name, None where there is none.

    ``features`` is a list of mappings with ``name, unit, value, low, high``.
    """
    noise = analysis.noise_summary_ft_rthz()
    missing = analysis.quality.missing_share[analysis.array.is_chest]
    row: dict[str, Any] = {
        "recording": recording,
        "status": DONE,
        "key": key,
        "software": __version__,
        "format": analysis.metadata.get("format"),
        "signal_unit": analysis.unit,
        "duration_s": analysis.n_samples / analysis.sampling_rate_hz,
        "sampling_rate_hz": analysis.sampling_rate_hz,
        "n_channels": analysis.array.n_channels,
        "n_bad_channels": int(analysis.quality.bad_channels.sum()),
        "missing_share": float(missing.mean()) if len(missing) else None,
        "noise_median_ft_rthz": None if noise is None else noise[0],
        "noise_worst_ft_rthz": None if noise is None else noise[1],
        "mains_hz": analysis.mains_hz,
        "beats_found": len(analysis.beats.samples),
        "beats_accepted": analysis.beats.n_accepted,
        "rate_bpm": analysis.beats.rate_bpm,
        "snr_db": None if analysis.average is None else analysis.average.snr_db,
        "reasons": json.dumps(dict(analysis.reasons), sort_keys=True, ensure_ascii=False),
    }
    for name in LANDMARKS:
        landmark = analysis.landmarks.get(name)
        if landmark is not None:
            row.update(_landmark(name, landmark, analysis))
    row = {name: plain(value) for name, value in row.items()}
    row["features"] = [
        {
            "name": one.name,
            "unit": one.unit,
            **{part: plain(getattr(one, part)) for part in ("value", "low", "high")},
        }
        for one in analysis.features
    ]
    return row


def _landmark(name: str, landmark: Landmark, analysis: Analysis) -> dict[str, Any]:
    values: dict[str, Any] = {"time_s": landmark.time_s}
    features, dipole = landmark.features, landmark.dipole
    if features is not None:
        values["angle_deg"] = features.angle_deg
        values["pole_distance_mm"] = features.pole_distance_mm
        values["pole_ratio"] = features.pole_ratio
    if dipole is not None:
        place_m = np.ravel(analysis.frame.points_to_device_m(dipole.position_m))
        values.update(zip(("dipole_x_m", "dipole_y_m", "dipole_z_m"), place_m, strict=True))
        values["dipole_moment_nam"] = float(np.linalg.norm(dipole.moment_nam))
        values["dipole_gof"] = dipole.gof
        values["dipole_confidence_mm"] = dipole.confidence_mm
    return {f"{name}_{key}": value for key, value in values.items()}
