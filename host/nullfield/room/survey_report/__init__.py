"""The report of a survey: one HTML file with everything in it, and the same as PDF."""

from __future__ import annotations

from pathlib import Path

from nullfield.analysis.report.html import html_text
from nullfield.analysis.report.pdf import pdf_bytes
from nullfield.room.survey import Survey
from nullfield.room.survey_report.pages import survey_document

REPORT, REPORT_PDF = "survey.html", "survey.pdf"

__all__ = ["REPORT", "REPORT_PDF", "survey_document", "write_survey_report"]


def write_survey_report(directory: Path, survey: Survey, date: str = "", who: str = "") -> None:
    """Write ``survey.html`` and ``survey.pdf``.

    Parameters
    ----------
    directory : Path
    survey : Survey
    date : str
        ISO date and time of the survey; empty for none.
    who : str
        What stands below the title beside the date: room, place, operator.
    """
    document = survey_document(survey, date, who)
    (directory / REPORT).write_text(html_text(document), encoding="utf-8")
    (directory / REPORT_PDF).write_bytes(pdf_bytes(document))
