"""The report: one HTML file with everything in it, to read, print and keep."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from nullfield.analysis.result import Analysis, Landmark

DISCLAIMER = "Research use only: not a diagnosis."

_CAPTIONS = {
    "butterfly": "Averaged beat of all channels in use, over one another.",
    "map_R": "Field normal to the chest at the R peak, seen from in front of the patient.",
    "map_T": "Field normal to the chest at the T peak, seen from in front of the patient.",
    "noise": "Noise spectra of the pauses between beats.",
    "residual": "Residual field of the room at the sensors.",
}
_HALF_WIDTH = ("map_R", "map_T", "residual")


@dataclass(frozen=True)
class _Row:
    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class _Picture:
    name: str
    data: str
    caption: str
    half: bool


def write_report(
    path: Path,
    analysis: Analysis,
    plots: Mapping[str, Path],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of an examination.

    Parameters
    ----------
    path : Path
        HTML file to write.
    analysis : Analysis
    plots : mapping of str to Path
        PNG files from `plots.write_plots`; they are copied into the file.
    facts : mapping, optional
        What else is known of the examination; each key may be absent: ``title``, ``subject``,
        ``date``, ``residual_pt`` (mapping of state to pT), ``losses`` (mapping of cause to
        samples), ``dead_heads`` (sequence), ``timings_s`` (mapping), ``settings`` (mapping, may be
        nested), ``notes`` (sequence of str).
    """
    path.write_text(render_report(analysis, plots, facts), encoding="utf-8")


def render_report(
    analysis: Analysis, plots: Mapping[str, Path], facts: Mapping[str, Any] | None = None
) -> str:
    """The report as HTML text; parameters as for `write_report`."""
    known = facts or {}
    environment = Environment(
        loader=PackageLoader("nullfield.analysis", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    settings = {"analysis": analysis.settings, **dict(known.get("settings") or {})}
    return environment.get_template("report.html").render(
        title=str(known.get("title") or "Magnetocardiogram"),
        subject=str(known.get("subject") or ""),
        date=str(known.get("date") or ""),
        disclaimer=DISCLAIMER,
        quality=_quality_rows(analysis, known),
        sources=[
            _source_row(name, landmark, analysis.reasons)
            for name, landmark in analysis.landmarks.items()
        ],
        pictures=[
            _Picture(
                name,
                base64.b64encode(plots[name].read_bytes()).decode("ascii"),
                _CAPTIONS[name],
                name in _HALF_WIDTH,
            )
            for name in _CAPTIONS
            if name in plots
        ],
        reasons=sorted(analysis.reasons.items()),
        notes=[str(note) for note in known.get("notes") or ()],
        timings=[
            _Row(str(k), f"{float(v):.1f} s") for k, v in (known.get("timings_s") or {}).items()
        ],
        settings=_flat(settings),
    )


def _quality_rows(analysis: Analysis, facts: Mapping[str, Any]) -> list[_Row]:
    rows = []
    noise = analysis.noise_summary_ft_rthz()
    low, high = analysis.settings["noise_band_hz"]
    rows.append(
        _Row(
            f"Noise, {low:g}-{high:g} Hz",
            "unknown" if noise is None else f"{noise[0]:.1f} fT/√Hz",
            analysis.quality.reason
            if noise is None
            else f"median of the Bz channels; worst {noise[1]:.1f} fT/√Hz",
        )
    )
    for state, value in (facts.get("residual_pt") or {}).items():
        size = float(value)
        text = f"{size / 1e3:.2f} nT" if size >= 1e3 else f"{size:.0f} pT"
        rows.append(_Row(f"Residual field, {state}", f"{text} rms"))
    beats = analysis.beats
    rate = "" if beats.rate_bpm is None else f"{beats.rate_bpm:.0f} per minute"
    if analysis.average is not None:
        counts = analysis.average.beats_used[analysis.used & analysis.average.has_beats]
        if len(counts) and int(counts.min()) < beats.n_accepted:
            rate += f"; {int(counts.min())} at least in each channel, the others fall into gaps"
    rows.append(_Row("Beats used", f"{beats.n_accepted} of {len(beats.samples)}", rate))
    snr = None if analysis.average is None else analysis.average.snr_db
    rows.append(
        _Row(
            "Signal to noise of the averaged beat",
            "unknown" if snr is None else f"{snr:.0f} dB",
            "at the R peak, RMS over the chest channels",
        )
    )
    losses = facts.get("losses")
    if losses is not None:
        by_cause = ", ".join(f"{cause} {count}" for cause, count in losses.items() if count)
        rows.append(_Row("Samples lost", str(sum(int(n) for n in losses.values())), by_cause))
    chest = analysis.array.is_chest
    missing = analysis.quality.missing_share[chest]
    if len(missing):
        rows.append(_Row("Samples missing or unusable", f"{100 * float(missing.mean()):.2f} %"))
    dead = sorted({*analysis.quality.dead_heads, *map(str, facts.get("dead_heads") or ())})
    rows.append(_Row("Dead heads", str(len(dead)), ", ".join(dead)))
    reduction = analysis.reference_reduction_db
    rows.append(
        _Row(
            "Reference heads",
            "not used" if reduction is None else f"{reduction:.1f} dB less noise",
            analysis.reasons.get("reference", ""),
        )
    )
    if analysis.mains_hz is not None:
        rows.append(_Row("Mains found and notched", f"{analysis.mains_hz:g} Hz"))
    return rows


def _source_row(name: str, landmark: Landmark | None, reasons: Mapping[str, str]) -> dict[str, str]:
    blank = "–"
    row = dict.fromkeys(
        ("time", "angle", "distance", "ratio", "place", "moment", "gof", "confidence", "note"),
        blank,
    )
    row["name"], row["note"] = name, reasons.get(name, "")
    if landmark is None:
        return row
    notes = []
    row["time"] = f"{landmark.time_s * 1e3:.0f}"
    features, dipole = landmark.features, landmark.dipole
    if features is not None:
        row["angle"] = f"{features.angle_deg:.1f}"
        row["distance"] = f"{features.pole_distance_mm:.0f}"
        row["ratio"] = f"{features.pole_ratio:.2f}"
        if not features.poles_inside:
            notes.append("a pole lies on the map's edge")
    if dipole is not None:
        row["place"] = ", ".join(f"{value:.0f}" for value in dipole.position_m * 1e3)
        # A current dipole of the whole heart is some microampere metres at its R peak.
        row["moment"] = f"{float(np.linalg.norm(dipole.moment_nam)) / 1e3:.2f}"
        row["gof"] = f"{100.0 * dipole.gof:.2f}"
        if dipole.confidence_mm is not None:
            row["confidence"] = f"{dipole.confidence_mm:.1f}"
        if dipole.at_bound:
            notes.append("the fit ran into the edge of its volume")
    notes += [reasons[key] for key in (f"{name}.map", f"{name}.dipole") if key in reasons]
    row["note"] = "; ".join(notes)
    return row


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[_Row]:
    rows: list[_Row] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            rows.append(_Row(name, ", ".join(str(one) for one in value)))
        else:
            rows.append(_Row(name, "found from the data" if value is None else str(value)))
    return rows
