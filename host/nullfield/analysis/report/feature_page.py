"""Features with their intervals, published ranges and definitions."""

from __future__ import annotations

from typing import Any

from nullfield.analysis.report.document import (
    ABSENT,
    Block,
    Column,
    Missing,
    Section,
    Text,
    significant,
    table,
)
from nullfield.analysis.report.units import Units
from nullfield.analysis.result import Analysis

_UNITS = {"deg": "°", "nAm": "nA·m", "uV": "µV", "pT/m": "pT/m", "1": ""}


def feature_section(analysis: Analysis, units: Units) -> Section:
    """Table of values, and one of definitions and sources."""
    features = analysis.features
    if not features:
        reason = analysis.reasons.get("features") or analysis.reasons.get("average", "")
        if not units.is_field:
            reason = reason or "electric leads have no features of a field"
        return Section("features", "Features", (Missing("Features", reason),))
    # What has no value has a reason; the column is left away where nothing is missing.
    has_remarks = any(feature.reason for feature in features)
    remark = (Column("Remark", weight=1.6),) if has_remarks else ()
    blocks: list[Block] = [
        Text(
            "Features of research. A published range is that of the group named beside it, measured "
            "with another instrument; a value inside or outside of it says nothing about a person.",
            "note",
        ),
        table(
            "Values, with bootstrap intervals over the beats",
            (
                Column("Feature", weight=1.7),
                Column("Value", True, 0.9),
                Column("95 % interval", True, 1.6),
                Column("Unit", weight=0.8),
                Column("Reference range", True, 1.3),
                Column("Reference from", weight=2.5),
                *remark,
            ),
            [
                (
                    readable(feature.name),
                    significant(feature.value, 4),
                    interval_text(feature.low, feature.high),
                    unit_text(feature.unit),
                    _range_text(feature.reference),
                    feature.reference_source if feature.reference else "",
                    *((feature.reason,) if has_remarks else ()),
                )
                for feature in features
            ],
        ),
        table(
            "How each is defined",
            (
                Column("Feature", weight=1.2),
                Column("Definition", weight=2.6),
                Column("Source", weight=1.4),
            ),
            [(readable(feature.name), feature.definition, feature.source) for feature in features],
        ),
    ]
    why = {key: text for key, text in analysis.reasons.items() if key.startswith("features.")}
    for key, text in sorted(why.items()):
        blocks.append(Missing(readable(key.removeprefix("features.")), text))
    return Section("features", "Features", tuple(blocks))


def readable(name: Any) -> str:
    """A feature's name as words."""
    return str(name).replace("_", " ")


def _range_text(reference: tuple[float, float] | None) -> str:
    """A published range with the digits that it was published with."""
    if reference is None:
        return ABSENT
    return " … ".join(f"{end:g}".replace("-", "−") for end in reference)


def unit_text(unit: Any) -> str:
    """A unit as it is written on paper."""
    return _UNITS.get(str(unit), str(unit))


def interval_text(low: float | None, high: float | None, digits: int = 4) -> str:
    """Two ends of an interval; a dash where either is not known."""
    ends = (significant(low, digits), significant(high, digits))
    return ABSENT if ABSENT in ends else f"{ends[0]} … {ends[1]}"
