"""A folder with everything of one analysis: numbers, pictures, reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nullfield.analysis.chain import analyze_source
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import write_report
from nullfield.analysis.result import Analysis
from nullfield.analysis.sections import Source
from nullfield.analysis.settings import AnalysisSettings

ANALYSIS_FILE = "analysis.json"
REPORT_FILE = "report.html"
PDF_FILE = "report.pdf"

Progress = Callable[[str, float], None]
_ANALYSIS_SHARE = 0.8


@dataclass(frozen=True)
class AnalysisFolder:
    """An analysis and where it was written.

    Attributes
    ----------
    analysis : Analysis
    directory : Path
    plots : mapping of str to Path
    """

    analysis: Analysis
    directory: Path
    plots: Mapping[str, Path]


def write_analysis(
    source: Source,
    directory: Path,
    settings: AnalysisSettings | None = None,
    *,
    facts: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> AnalysisFolder:
    """Analyse a recording and write ``analysis.json``, plots and report.

    Parameters
    ----------
    source : Source
        From `nullfield.files.open_source`.
    directory : Path
        Is made if absent; what is in it under the same names is replaced.
    settings : AnalysisSettings, optional
    facts : mapping, optional
        What else is known, for the report; see `nullfield.analysis.report.write_report`.
    progress : callable, optional
        Called with what is being done, and the share that is done.
    """
    tell: Progress = progress or (lambda what, share: None)
    analysis = analyze_source(
        source, settings, lambda what, share: tell(what, _ANALYSIS_SHARE * share)
    )
    directory.mkdir(parents=True, exist_ok=True)
    analysis.write_json(directory / ANALYSIS_FILE)
    tell("plots", _ANALYSIS_SHARE)
    plots = write_plots(analysis, None, directory)
    tell("report", 0.95)
    known = {"subject": Path(str(source.metadata.get("source", ""))).name, **dict(facts or {})}
    write_report(directory / REPORT_FILE, analysis, plots, known)
    tell("done", 1.0)
    return AnalysisFolder(analysis, directory, plots)
