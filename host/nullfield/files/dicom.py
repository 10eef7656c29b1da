"""Report and averaged beat of an examination as DICOM objects of one study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nullfield.analysis.result import Analysis
from nullfield.errors import InputError
from nullfield.files.dicom_fields import ExamFields, checked
from nullfield.files.dicom_report import write_report_dicom
from nullfield.files.dicom_waveform import write_average_dicom

__all__ = ["ExamFields", "exam_of", "write_dicom"]


def exam_of(metadata: Mapping[str, Any], **given: str) -> ExamFields:
    """Fields of an examination from what a recording tells and what the user gives.

    Parameters
    ----------
    metadata : mapping
        Of a recording: ``subject`` becomes patient name and id, ``date`` (ISO 8601) date and time
        of the study.
    **given : str
        Fields of `ExamFields`; they count more.

    Raises
    ------
    InputError
        If neither tells the patient, or the date and time of the study.
    """
    told: dict[str, str] = {}
    subject = str(metadata.get("subject") or "").strip()
    if subject:
        told |= {"patient_name": subject, "patient_id": subject}
    day, _, clock = str(metadata.get("date") or "").strip().replace(" ", "T").partition("T")
    # Without the offset from UTC: DICOM's study time is that of the place.
    clock = re.split(r"[Z+-]", clock)[0]
    told |= {name: text for name, text in (("study_date", day), ("study_time", clock)) if text}
    told |= {name: text for name, text in given.items() if text}
    for name, what, option in (
        ("patient_id", "patient's id", "--patient-id P001"),
        ("patient_name", "patient's name", "--patient Family^Given"),
        ("study_date", "date of the study", "--study-time 2026-01-31T14:30"),
        ("study_time", "time of the study", "--study-time 2026-01-31T14:30"),
    ):
        if name not in told:
            raise InputError(
                f"DICOM needs the {what}, and the recording does not tell it",
                f"give {option}",
            )
    return ExamFields(**told)


def write_dicom(
    analysis: Analysis, directory: Path, exam: ExamFields, report: Path | bytes | None = None
) -> list[Path]:
    """Write ``report.dcm`` and ``average.dcm``.

    Parameters
    ----------
    analysis : Analysis
        Without an averaged beat only the report is written.
    directory : Path
        Is made if absent.
    exam : ExamFields
    report : Path or bytes, optional
        The report as PDF.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If a field or the report cannot be used.
    AnalysisError
        If there is nothing to write, or pydicom is missing.
    """
    checked(exam)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    if report is not None:
        write_report_dicom(report, directory / "report.dcm", exam)
        paths.append(directory / "report.dcm")
    if analysis.average is not None or not paths:
        paths += write_average_dicom(analysis, directory, exam)
    return paths
