"""The series of beats, its variability, and the times of the averaged beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nullfield.analysis.report.charts import beat_series_png
from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Picture,
    Section,
    decimal,
    significant,
    table,
)
from nullfield.analysis.report.pictures import signed_ms
from nullfield.analysis.result import Analysis

_UNITS = {"_ms2": "ms²", "_ms": "ms", "_s": "s", "_hz": "Hz", "_bpm": "/min", "_percent": "%"}


def beat_section(analysis: Analysis) -> Section:
    """Intervals from beat to beat, heart-rate variability and landmark times."""
    blocks: list[Block] = []
    beats = analysis.beats
    if len(beats.samples) >= 3:
        intervals_s = np.diff(beats.times_s)
        low, middle, high = (float(one) for one in np.quantile(intervals_s, (0.05, 0.5, 0.95)))
        told = (
            f"{len(beats.samples)} beats, median interval {decimal(1e3 * middle, 0)} ms, 90 % "
            f"between {decimal(1e3 * low, 0)} and {decimal(1e3 * high, 0)} ms"
        )
        caption = "Interval to the beat before, over time; beats that were left out are marked."
        blocks.append(Picture("beats", beat_series_png(beats), caption, f"{caption} {told}."))
    else:
        reason = beats.reason or f"{len(beats.samples)} beats are too few for a series"
        blocks.append(Missing("Beat series", reason))
    blocks += _variability(analysis)
    blocks += _times(analysis)
    return Section("beats", "Beats and their rhythm", tuple(blocks))


def _variability(analysis: Analysis) -> list[Block]:
    variability = getattr(analysis, "variability", None)
    if variability is None:
        reason = analysis.reasons.get("variability", "it was not computed")
        return [Missing("Heart-rate variability", reason)]
    reasons: Mapping[str, str] = getattr(variability, "reasons", {})
    rows = []
    for name in variability.__dataclass_fields__:
        value: Any = getattr(variability, name)
        if name in ("reasons", "reason") or isinstance(value, np.ndarray | tuple | list):
            continue
        title, unit = _named(name)
        if isinstance(value, Mapping):
            rows += [
                (_named(str(key))[0], _number(one), _named(str(key))[1], reasons.get(str(key), ""))
                for key, one in value.items()
            ]
        else:
            why = reasons.get(name, reasons.get(title, ""))
            rows.append((title, _number(value), unit, why))
    told = {str(row[0]) for row in rows}
    rows += [
        (_named(key)[0], "", "", text)
        for key, text in reasons.items()
        if _named(key)[0] not in told and not any(row[3] == text for row in rows)
    ]
    columns = (
        Column("Measure"),
        Column("Value", True),
        Column("Unit", weight=0.6),
        Column("Remark", weight=2.2),
    )
    return [table("Heart-rate variability of the accepted beats", columns, rows)]


def _number(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    if value is None:
        return ""
    return str(value) if isinstance(value, int | np.integer) else significant(float(value), 4)


def _named(name: str) -> tuple[str, str]:
    """A field's name as words, and the unit that its end tells."""
    ending = next((one for one in _UNITS if name.endswith(one)), "")
    name, unit = name.removesuffix(ending), _UNITS.get(ending, "")
    short = {"sdnn", "rmssd", "pnn50", "lf", "hf", "sdsd", "nn"}
    words = [word.upper() if word.lower() in short else word for word in name.split("_")]
    words = ["pNN50" if word == "PNN50" else word for word in words]
    text = " ".join(words)
    return text.replace("LF HF", "LF/HF"), unit


def _times(analysis: Analysis) -> list[Block]:
    named = getattr(analysis, "landmark_times", None)
    times: dict[str, float] = dict(getattr(named, "times_s", {}) or {})
    why: dict[str, str] = dict(getattr(named, "reasons", {}) or {})
    for name, landmark in analysis.landmarks.items():
        if landmark is not None:
            times.setdefault(name, landmark.time_s)
        else:
            why.setdefault(name, analysis.reasons.get(name, "not found"))
    if not times:
        return []
    rows = [
        (name.replace("_", " "), signed_ms(at), "")
        for name, at in sorted(times.items(), key=lambda one: one[1])
    ]
    rows += [(name.replace("_", " "), "", text) for name, text in why.items() if name not in times]
    columns = (Column("Landmark"), Column("Time from R mark", True), Column("Remark", weight=2.0))
    return [table("Landmarks of the averaged beat", columns, rows)]
