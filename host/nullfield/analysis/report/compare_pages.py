"""The document of a comparison; the same two renderings as for one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nullfield import __version__
from nullfield.analysis.report.build import known_facts
from nullfield.analysis.report.compare import Comparison
from nullfield.analysis.report.compare_charts import map_pair_png, power_png
from nullfield.analysis.report.compare_values import Difference
from nullfield.analysis.report.document import (
    Block,
    Column,
    Document,
    Items,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    printable,
    significant,
    table,
)
from nullfield.analysis.report.feature_page import interval_text, unit_text
from nullfield.analysis.report.quality_page import glance
from nullfield.analysis.report.settings_page import flat
from nullfield.analysis.report.units import Units, units_of

_OVERLAP = {True: "overlap", False: "apart", None: ""}


def comparison_document(
    comparison: Comparison,
    facts: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
    title: str = "Comparison of two recordings",
) -> Document:
    """What is to be read: quality first, then power, maps, features, intervals and settings.

    Parameters
    ----------
    comparison : Comparison
    facts : (mapping, mapping), optional
        What else is known of each recording, keys as for `nullfield.analysis.report.write_report`.
    title : str
    """
    facts = (known_facts(comparison.first, facts[0]), known_facts(comparison.second, facts[1]))
    units = units_of(comparison.first)
    a, b = (printable(label) for label in comparison.labels)
    return Document(
        title=printable(title),
        who=f"first: {a} · second: {b}",
        sections=(
            _quality(comparison, facts),
            _power(comparison, units),
            _maps(comparison),
            _differences(comparison, "features", "Features", comparison.features),
            _differences(comparison, "intervals", "Intervals", comparison.intervals),
            _settings(comparison, facts),
        ),
        created=str(facts[1].get("date") or facts[0].get("date") or ""),
    )


def _quality(comparison: Comparison, facts: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Section:
    blocks: list[Block] = []
    if comparison.warnings:
        warnings = tuple(printable(one) for one in comparison.warnings)
        blocks.append(Text("What makes this comparison doubtful", "warning"))
        blocks.append(Items(warnings))
    else:
        blocks.append(Text("Same array, places, grids, rates, cleaning and settings.", "note"))
    sides = []
    for analysis, known in zip((comparison.first, comparison.second), facts, strict=True):
        told = glance(analysis, known)
        sides.append({name: f"{value} ({why})" if why else value for name, value, why in told})
    names = dict.fromkeys([*sides[0], *sides[1]])
    rows = [(name, sides[0].get(name), sides[1].get(name)) for name in names]
    columns = (
        Column("What", weight=1.2),
        *(Column(printable(label), weight=1.9) for label in comparison.labels),
    )
    blocks.append(table("At a glance", columns, rows))
    return Section("quality", "Quality", tuple(blocks))


def _power(comparison: Comparison, units: Units) -> Section:
    power = comparison.power
    if len(power) < 2:
        missing = Missing("Global field power", comparison.reasons.get("power", ""))
        return Section("power", "Averaged beat", (missing,))
    peaks = [
        f"{printable(label)} peaks at {significant(float(rms.max()))} {units.signal} "
        f"({decimal(1e3 * float(time_s[int(np.argmax(rms))]), 0)} ms)"
        for label, (time_s, rms) in power.items()
    ]
    caption = "Global field power of both averaged beats: RMS over the channels."
    alt = f"{caption} {'; '.join(peaks)}."
    picture = Picture("power", power_png(power, units), caption, alt)
    blocks: list[Block] = [picture]
    if comparison.sizes:
        blocks += _difference_blocks("Size", comparison.sizes)
    return Section("power", "Averaged beat", tuple(blocks))


def _maps(comparison: Comparison) -> Section:
    blocks: list[Block] = []
    for name in ("R", "T"):
        pair = comparison.maps.get(name)
        if pair is None:
            blocks.append(Missing(f"Maps at {name}", comparison.reasons.get(f"{name}.map", "")))
            continue
        caption = f"Bz at the {name} peak: first, second and their difference on one colour scale."
        largest = significant(float(np.abs(pair.difference_pt).max()))
        alt = (
            f"{caption} First from {_span(pair.first_pt)} pT, second from {_span(pair.second_pt)} "
            f"pT, largest difference {largest} pT, correlation {decimal(pair.correlation, 3)}."
        )
        data = map_pair_png(pair, name, comparison.labels)
        blocks.append(Picture(f"maps_{name}", data, caption, alt))
    if comparison.maps:
        columns = (
            Column("Peak", weight=0.6),
            Column("Correlation", True),
            Column("Relative difference of shape", True, 1.3),
            Column("Size, second over first", True, 1.2),
            Column("Largest difference (pT)", True, 1.2),
            Column("Clear of its error (% of the map)", True, 1.3),
        )
        rows = [
            (
                name,
                decimal(pair.correlation, 3),
                decimal(pair.relative_difference, 3),
                decimal(pair.magnification, 3),
                significant(float(np.abs(pair.difference_pt).max())),
                None if pair.is_clear is None else decimal(100.0 * float(pair.is_clear.mean()), 0),
            )
            for name, pair in comparison.maps.items()
        ]
        blocks.append(table("How the maps differ", columns, rows))
        blocks.append(
            Text(
                "Correlation and relative difference (0 for the same shape, 2 for the opposite) "
                "are blind to the size of the field; the ratio of sizes stands beside them. Hatched: "
                "the difference is less than 1.96 of its standard errors.",
                "note",
            )
        )
    return Section("maps", "Maps", tuple(blocks))


def _differences(
    comparison: Comparison, ident: str, title: str, differences: Sequence[Difference]
) -> Section:
    if not differences:
        return Section(ident, title, (Missing(title, "neither analysis holds any"),))
    blocks = _difference_blocks(title, differences)
    return Section(ident, title, tuple(blocks))


def _difference_blocks(title: str, differences: Sequence[Difference]) -> list[Block]:
    columns = (
        Column("What", weight=1.8),
        Column("Unit", weight=0.6),
        Column("First", True, 1.0),
        Column("95 %", True, 1.4),
        Column("Second", True, 1.0),
        Column("95 %", True, 1.4),
        Column("Difference", True, 1.0),
        Column("95 % of it", True, 1.4),
        Column("Intervals", weight=0.9),
    )
    rows = [
        (
            one.name,
            unit_text(one.unit),
            significant(one.first, 4),
            _ends(one.first_interval),
            significant(one.second, 4),
            _ends(one.second_interval),
            significant(one.difference),
            _ends(one.interval, 3),
            _OVERLAP[one.is_overlapping],
        )
        for one in differences
    ]
    blocks: list[Block] = [table(f"{title}, second minus first", columns, rows)]
    methods = dict.fromkeys(one.method for one in differences if one.method)
    if methods:
        blocks.append(Text(f"95 % of the difference: {'; '.join(methods)}.", "note"))
    return blocks


def _ends(interval: tuple[float, float] | None, digits: int = 4) -> str:
    low, high = interval or (None, None)
    return interval_text(low, high, digits)


def _settings(
    comparison: Comparison, facts: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Section:
    columns = (
        Column("What", weight=2.0),
        *(Column(printable(label), weight=1.5) for label in comparison.labels),
    )
    both = (comparison.first, comparison.second)
    rows: list[tuple[str, ...]] = [
        ("File", *(str(known.get("file") or known.get("subject") or "") for known in facts)),
        ("Date", *(str(known.get("date") or "") for known in facts)),
        ("Channels", *(str(one.array.n_channels) for one in both)),
    ]
    settings = [dict(flat(one.settings)) for one in both]
    for key in dict.fromkeys([*settings[0], *settings[1]]):
        rows.append((key, *(one.get(key, "") for one in settings)))
    rows.append(
        ("Software", *(f"nullfield {known.get('software') or __version__}" for known in facts))
    )
    return Section(
        "settings", "Settings and provenance", (table("Both recordings", columns, rows),)
    )


def _span(values: Any) -> str:
    return f"{significant(float(np.min(values)))} to {significant(float(np.max(values)))}"
