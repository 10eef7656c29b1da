"""Features as text."""

from __future__ import annotations

from collections.abc import Iterable

from nullfield.analysis import RESEARCH_USE
from nullfield.analysis.features.feature import Feature

_HEAD = ("feature", "value", "95 % interval", "unit", "reference", "note")


def feature_table(features: Iterable[Feature]) -> str:
    """All features as aligned lines of text; the last line says what they are not for."""
    rows = [_HEAD]
    for one in features:
        rows.append(
            (
                one.name,
                _number(one.value),
                _range(one.low, one.high),
                one.unit,
                "" if one.reference is None else _range(*one.reference),
                one.reason,
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", RESEARCH_USE]) + "\n"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) >= 10.0 else f"{value:.3g}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_number(low)} to {_number(high)}"
