"""Report and averaged beat of an examination as DICOM objects of one study."""

from __future__ import annotations

from pathlib import Path

from nullfield.analysis.result import Analysis
from nullfield.files.dicom_fields import ExamFields, checked
from nullfield.files.dicom_report import write_report_dicom
from nullfield.files.dicom_waveform import write_average_dicom

__all__ = ["ExamFields", "write_dicom"]


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
