"""The report of an analysis: one HTML file with everything in it, and the same as PDF.

Quality comes first, then the averaged beat, maps, arrows, sources, features, rhythm, settings. Both
files are renderings of one `Document` (`build_document`), so they say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nullfield.analysis.report.build import build_document
from nullfield.analysis.report.document import DISCLAIMER, Document
from nullfield.analysis.report.html import html_text
from nullfield.analysis.report.pdf import pdf_bytes
from nullfield.analysis.result import Analysis

REPORT = "report.html"
REPORT_PDF = "report.pdf"

__all__ = [
    "DISCLAIMER",
    "REPORT",
    "REPORT_PDF",
    "build_document",
    "render_report",
    "write_document",
    "write_report",
    "write_reports",
]


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
        File to write: PDF where it ends in ``.pdf``, else HTML.
    analysis : Analysis
    plots : mapping of str to Path
        PNG and GIF files from `plots.write_plots`; they are copied into the file. Those that are
        not there are left out.
    facts : mapping, optional
        What else is known of the examination; each key may be absent: ``title``, ``subject``,
        ``date`` (ISO; also the PDF's own date), ``file``, ``software``, ``residual_pt`` (mapping of
        state to pT), ``losses`` (mapping of cause to samples), ``dead_heads`` (sequence, a reason
        in brackets after the name), ``timings_s`` (mapping), ``settings`` (mapping, may be nested),
        ``notes`` (sequence of str). Subject, date, file and notes are those of the recording where
        they are not given.
    """
    write_document(path, build_document(analysis, plots, facts))


def write_reports(
    directory: Path,
    analysis: Analysis,
    plots: Mapping[str, Path],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write ``report.html`` and ``report.pdf`` of one document; parameters as for `write_report`."""
    document = build_document(analysis, plots, facts)
    for name in (REPORT, REPORT_PDF):
        write_document(directory / name, document)


def write_document(path: Path, document: Document) -> None:
    """Write a document as PDF where the name ends in ``.pdf``, else as HTML."""
    if path.suffix.lower() == ".pdf":
        path.write_bytes(pdf_bytes(document))
    else:
        path.write_text(html_text(document), encoding="utf-8")


def render_report(
    analysis: Analysis, plots: Mapping[str, Path], facts: Mapping[str, Any] | None = None
) -> str:
    """The report as HTML text; parameters as for `write_report`."""
    return html_text(build_document(analysis, plots, facts))
