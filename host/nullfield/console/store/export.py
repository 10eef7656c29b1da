"""A stored exam in the formats of others, made into a scratch folder."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nullfield.console.store.exam import Exam
from nullfield.console.store.exam_folder import ExamFolders, plain_errors
from nullfield.console.store.stored_analysis import StoredAnalyses, facts_of
from nullfield.errors import InputError

Kind = Literal["fif", "bids", "dicom", "pdf"]
KINDS: tuple[Kind, ...] = get_args(Kind)
REPORT_PDF = "report.pdf"
_ZIP = "application/zip"


@dataclass(frozen=True)
class Export:
    """A file to send.

    Attributes
    ----------
    path : Path
    file_name : str
        What it is to be called there.
    media_type : str
    scratch : Path
        Folder to remove when it is sent: `close`.
    """

    path: Path
    file_name: str
    media_type: str
    scratch: Path

    def close(self) -> None:
        """Remove what was made for it."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def export_exam(
    exam: Exam,
    kind: str,
    folders: ExamFolders,
    analyses: StoredAnalyses,
    *,
    with_name: bool = False,
) -> Export:
    """Make an export.

    Parameters
    ----------
    exam : Exam
        With a recording.
    kind : str
        One of `KINDS`.
    folders : ExamFolders
    analyses : StoredAnalyses
    with_name : bool
        Put the subject's name in; only DICOM has a place for it.

    Raises
    ------
    InputError
        If the kind is unknown, or cannot hold the name.
    RecordingError, AnalysisError
        If the recording does not give what is exported.
    StoreError
        If the disk is full.
    """
    if kind not in KINDS:
        raise InputError(f"export '{kind}': no such format", f"formats: {', '.join(KINDS)}")
    if with_name and kind != "dicom":
        raise InputError(f"export '{kind}': has no place for the name", "leave the name out")
    if with_name and not exam.name:
        raise InputError(f"exam {exam.exam_id}: no name is known", "leave the name out")
    made = Path(tempfile.mkdtemp(prefix=f"{exam.exam_id}-", dir=folders.scratch()))
    try:
        with plain_errors(made):
            if kind == "fif":
                return _fif(exam, analyses, made)
            if kind == "pdf":
                return _pdf(exam, folders, analyses, made)
            if kind == "bids":
                return _bids(exam, analyses, made)
            return _dicom(exam, folders, analyses, made, with_name)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _fif(exam: Exam, analyses: StoredAnalyses, made: Path) -> Export:
    from nullfield.files import write_fif

    source = analyses.source(exam)
    name = f"{_base(exam)}_raw.fif"
    write_fif(source.read(0, source.n_samples), made / name)
    return Export(made / name, name, "application/octet-stream", made)


def _bids(exam: Exam, analyses: StoredAnalyses, made: Path) -> Export:
    from nullfield.files import write_bids

    source = analyses.source(exam)
    # BIDS labels have letters and digits only.
    label = re.sub("[^A-Za-z0-9]", "", exam.subject_id) or exam.exam_id.replace("-", "")
    session = exam.exam_id.replace("-", "")
    write_bids(source.read(0, source.n_samples), made / "bids", subject=label, session=session)
    return _zipped(made, "bids", f"{_base(exam)}_bids")


def _pdf(exam: Exam, folders: ExamFolders, analyses: StoredAnalyses, made: Path) -> Export:
    report = _report(exam, folders, analyses, made)
    return Export(report, f"{_base(exam)}_report.pdf", "application/pdf", made)


def _dicom(
    exam: Exam, folders: ExamFolders, analyses: StoredAnalyses, made: Path, with_name: bool
) -> Export:
    from nullfield.files.dicom import exam_of, write_dicom

    # DICOM's study time is that of the place.
    local = exam.begun_at.astimezone()
    fields = exam_of(
        {},
        patient_name=(exam.name or "") if with_name else exam.subject_id,
        patient_id=exam.subject_id,
        study_date=local.strftime("%Y-%m-%d"),
        study_time=local.strftime("%H:%M:%S"),
        sex={"F": "F", "M": "M", "other": "O"}.get(exam.sex, ""),
        study_id=exam.exam_id,
    )
    report = _report(exam, folders, analyses, made)
    write_dicom(analyses.of(exam), made / "dicom", fields, report)
    return _zipped(made, "dicom", f"{_base(exam)}_dicom")


def _report(exam: Exam, folders: ExamFolders, analyses: StoredAnalyses, made: Path) -> Path:
    """The report that the exam left, else one made now: an interrupted exam has none."""
    stored = folders.of(exam.exam_id) / REPORT_PDF
    if stored.is_file():
        return stored
    from nullfield.analysis.plots import write_plots
    from nullfield.analysis.report import write_report

    analysis = analyses.of(exam)
    facts = facts_of(exam, folders.record(exam.exam_id) or {})
    plots = write_plots(analysis, made / "plots", facts["residual_pt"])
    write_report(made / REPORT_PDF, analysis, plots, facts)
    return made / REPORT_PDF


def _zipped(made: Path, folder: str, name: str) -> Export:
    path = made / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sorted((made / folder).rglob("*")):
            if one.is_file():
                file.write(one, Path(name) / one.relative_to(made / folder))
    return Export(path, path.name, _ZIP, made)


def _base(exam: Exam) -> str:
    return f"{exam.subject_id}_{exam.exam_id}"
