"""From an analysis to the document of its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nullfield.analysis.report.beat_page import beat_section
from nullfield.analysis.report.document import Document, printable
from nullfield.analysis.report.feature_page import feature_section
from nullfield.analysis.report.map_pages import arrow_section, butterfly_section, map_section
from nullfield.analysis.report.pictures import load_pictures
from nullfield.analysis.report.quality_page import quality_section
from nullfield.analysis.report.settings_page import settings_section
from nullfield.analysis.report.source_page import source_section
from nullfield.analysis.report.units import units_of
from nullfield.analysis.result import Analysis


def build_document(
    analysis: Analysis, plots: Mapping[str, Path], facts: Mapping[str, Any] | None = None
) -> Document:
    """The report's content; parameters as for `nullfield.analysis.report.write_report`.

    Returns
    -------
    Document
        Sections ``quality``, ``butterfly``, ``maps``, ``arrows``, ``source``, ``features``,
        ``beats``, ``settings``, in this order and always all of them: a part that is not there
        says why.
    """
    known = known_facts(analysis, facts)
    units = units_of(analysis)
    pictures = load_pictures(analysis, plots, known, units)
    subject, date = (printable(known.get(key) or "") for key in ("subject", "date"))
    default = "Magnetocardiogram" if units.is_field else "Electrocardiogram"
    return Document(
        title=printable(known.get("title") or default),
        who=" · ".join(part for part in (subject, date) if part),
        sections=(
            quality_section(analysis, known, pictures),
            butterfly_section(analysis, pictures, units),
            map_section(analysis, pictures, units),
            arrow_section(analysis, pictures, units),
            source_section(analysis, units),
            feature_section(analysis, units),
            beat_section(analysis),
            settings_section(analysis, known),
        ),
        created=str(known.get("date") or ""),
    )


def known_facts(analysis: Analysis, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the caller tells, and where it is silent what the recording itself told."""
    told = {
        key: analysis.metadata[key]
        for key in ("subject", "date", "notes")
        if analysis.metadata.get(key)
    }
    if analysis.metadata.get("source"):
        told["file"] = analysis.metadata["source"]
    return {**told, **{key: value for key, value in (facts or {}).items() if value is not None}}
