"""Where the results come from: file, array, software, settings, and what could not be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nullfield import __version__
from nullfield.analysis.document import SCHEMA
from nullfield.analysis.report.document import (
    Block,
    Column,
    Items,
    Section,
    printable,
    table,
)
from nullfield.analysis.report.quality_page import NOTES_SHOWN, notes_of
from nullfield.analysis.result import Analysis

_LONGEST_CELL = 400
_SETTING = (Column("What", weight=2.4), Column("Value", weight=2.6))
_PAIR = (Column("What", weight=1.6), Column("Value", weight=3.4))


def settings_section(analysis: Analysis, facts: Mapping[str, Any]) -> Section:
    """Provenance first, then what is missing, times and every setting."""
    blocks: list[Block] = [table("Where this comes from", _PAIR, _provenance(analysis, facts))]
    if analysis.reasons:
        blocks.append(table("What could not be had", _PAIR, sorted(analysis.reasons.items())))
    timings = facts.get("timings_s") or {}
    if timings:
        rows = [(name, f"{float(value):.1f} s") for name, value in timings.items()]
        blocks.append(table("Times", _PAIR, rows))
    settings = {"analysis": analysis.settings, **dict(facts.get("settings") or {})}
    blocks.append(table("Settings", _SETTING, flat(settings)))
    further = notes_of(facts)[NOTES_SHOWN:]
    if further:
        blocks.append(Items(tuple(further), "Further notes on reading the file"))
    return Section("settings", "Settings and provenance", tuple(blocks))


def _provenance(analysis: Analysis, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    array = analysis.array
    chest, normal = int(array.is_chest.sum()), int(array.is_normal.sum())
    rows = [
        ("File", str(facts.get("file") or facts.get("subject") or "")),
        ("Subject", str(facts.get("subject") or "")),
        ("Date", str(facts.get("date") or "")),
        ("Software", f"nullfield {facts.get('software') or __version__}"),
        ("Schema of the results", SCHEMA),
        (
            "Array",
            f"{array.n_channels} channels of {len(set(array.head_names))} heads: {chest} over the "
            f"chest ({normal} along its normal), {array.n_channels - chest} references",
        ),
    ]
    rows.append(("Frame of maps and sources", analysis.frame.how))
    duration_s = analysis.n_samples / analysis.sampling_rate_hz
    rows.append(("Length", f"{duration_s:.1f} s at {analysis.sampling_rate_hz:g} Hz"))
    for name in ("format", "coordinates"):
        if analysis.metadata.get(name):
            rows.append((name.capitalize(), str(analysis.metadata[name])))
    return rows


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as rows, names joined by dots."""
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
            continue
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, Sequence) and not isinstance(value, str):
            text = ", ".join(_short(one) for one in value)
        else:
            text = "found from the data" if value is None else _short(value)
        yield name, text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]} …"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else printable(value)
