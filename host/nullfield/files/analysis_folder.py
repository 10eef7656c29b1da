"""What an analysis of one file leaves in its folder: numbers, plots and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nullfield.analysis.chain import AnalysisSettings, Progress, analyze_source
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import write_reports
from nullfield.analysis.result import Analysis
from nullfield.files.read import open_source

DOCUMENT = "analysis.json"
_ANALYSIS_SHARE = 0.8


def write_analysis(
    path: Path,
    directory: Path,
    settings: AnalysisSettings | None = None,
    *,
    positions: Path | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse a file and write ``analysis.json``, the plots, ``report.html`` and ``report.pdf``.

    Parameters
    ----------
    path : Path
        Anything that `nullfield.files.read.open_source` opens.
    directory : Path
        Is made if absent; only once the file could be read and analysed.
    settings : AnalysisSettings, optional
    positions, rate_hz, unit
        As for `nullfield.files.read.read`.
    progress : callable, optional

    Returns
    -------
    Analysis

    Raises
    ------
    InputError, RecordingError, AnalysisError
        If the file cannot be used.
    """
    tell: Progress = progress or (lambda what, share: None)
    source = open_source(path, positions=positions, rate_hz=rate_hz, unit=unit)
    analysis = analyze_source(
        source, settings, lambda what, share: tell(what, _ANALYSIS_SHARE * share)
    )
    tell("plots", _ANALYSIS_SHARE)
    directory.mkdir(parents=True, exist_ok=True)
    analysis.write_json(directory / DOCUMENT)
    plots = write_plots(analysis, directory)
    tell("report", 0.95)
    told: dict[str, Any] = {"subject": path.name, "notes": source.metadata.get("notes", ())}
    if source.metadata.get("date"):
        told["date"] = source.metadata["date"]
    write_reports(directory, analysis, plots, told)
    tell("done", 1.0)
    return analysis
