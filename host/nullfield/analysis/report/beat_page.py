"""The series of beats, its variability, and the times of the averaged beat."""

from __future__ import annotations

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

_UNITS = {"_ms2": "ms²", "_ms": "ms", "_percent": "%"}
_WRITTEN = {
    "mean_nn": "Mean interval",
    "sdnn": "SDNN",
    "rmssd": "RMSSD",
    "pnn50": "pNN50",
    "lf": "LF power",
    "hf": "HF power",
    "lf_hf": "LF/HF",
}


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
        blocks.append(
            Picture(
                "beats",
                beat_series_png(beats, analysis.sampling_rate_hz),
                caption,
                f"{caption} {told}.",
            )
        )
    else:
        reason = beats.reason or f"{len(beats.samples)} beats are too few for a series"
        blocks.append(Missing("Beat series", reason))
    blocks += _variability(analysis)
    blocks += _times(analysis)
    return Section("beats", "Beats and their rhythm", tuple(blocks))


def _variability(analysis: Analysis) -> list[Block]:
    variability = analysis.variability
    if variability is None:
        reason = analysis.reasons.get("variability", "it was not computed")
        return [Missing("Heart-rate variability", reason)]
    rows = [
        (*_named(name)[:1], significant(value, 4), _named(name)[1], "")
        for name, value in variability.values.items()
    ]
    rows += [
        (_named(name)[0], "", _named(name)[1], text)
        for name, text in variability.reasons.items()
        if name not in variability.values
    ]
    columns = (
        Column("Measure"),
        Column("Value", True),
        Column("Unit", weight=0.6),
        Column("Remark", weight=2.2),
    )
    caption = f"Heart-rate variability: {variability.n_intervals} intervals between normal beats"
    return [table(caption, columns, rows)]


def _named(name: str) -> tuple[str, str]:
    """A measure as it is written, and the unit that its name ends with."""
    ending = next((one for one in _UNITS if name.endswith(one)), "")
    short = name.removesuffix(ending)
    return _WRITTEN.get(short, short.replace("_", " ")), _UNITS.get(ending, "")


def _times(analysis: Analysis) -> list[Block]:
    times = dict(analysis.marks.times_s)
    why = dict(analysis.marks.reasons)
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
