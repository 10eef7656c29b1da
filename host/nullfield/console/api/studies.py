"""Stored exams: search, open, compare, map, export, analyse again, delete, recover."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from nullfield.console.access.depends import Engineer, Operator, access_of
from nullfield.console.access.user import User
from nullfield.console.store.comparison import comparison_report
from nullfield.console.store.exam import Exam, ExamEvent, ExamPage, State
from nullfield.console.store.exam_folder import SHOWN
from nullfield.console.store.exam_id import EXAM_ID_PATTERN
from nullfield.console.store.export import Kind
from nullfield.console.store.studies import Studies
from nullfield.errors import InputError

router = APIRouter(prefix="/api/v1", tags=["studies"])

REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
"""Reports carry their style and script in themselves: they run, but as nobody, without the login."""
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
_REPORT_HEADERS = {**_HEADERS, "Content-Security-Policy": REPORT_POLICY}


def _studies(request: Request) -> Studies:
    return cast(Studies, request.app.state.console.studies)


StoredStudies = Annotated[Studies, Depends(_studies)]
ExamId = Annotated[str, Path(pattern=EXAM_ID_PATTERN, description="as 20260131-001")]
OtherExamId = Annotated[str, Query(pattern=EXAM_ID_PATTERN)]


class Recovered(BaseModel):
    """Exams that an earlier run left unfinished."""

    exams: list[Exam]


class ExamDetail(BaseModel):
    """An exam with all that is known of it."""

    exam: Exam
    events: list[ExamEvent]
    files: list[str] = Field(description="names below `files/`")
    has_recording: bool
    record: dict[str, Any] = Field(description="of exam.json, without the analysis")
    analysis: dict[str, Any] | None = Field(description="in the form of analysis.json")


@router.get("/exams")
def search(
    user: Operator,
    studies: StoredStudies,
    text: Annotated[str, Query(max_length=200, description="words in id, name, notes")] = "",
    first_day: Annotated[date | None, Query(alias="from", description="day, UTC")] = None,
    last_day: Annotated[date | None, Query(alias="to", description="day, UTC, inclusive")] = None,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ExamPage:
    """Exams that fit, the newest first."""
    return studies.search(text, first_day, last_day, state, limit, offset)


@router.get("/exams/recover")
def interrupted(user: Operator, studies: StoredStudies) -> Recovered:
    """Exams that a loss of power or a kill interrupted; they can be analysed again."""
    return Recovered(exams=studies.search(state="interrupted", limit=200).exams)


@router.post("/exams/recover")
def recover(user: Engineer, studies: StoredStudies, request: Request) -> Recovered:
    """Look for exams that the database does not know, as after a lost or restored database."""
    found = studies.recover()
    _audit(request, user, "exam.recover", "", {"found": [exam.exam_id for exam in found]})
    return Recovered(exams=found)


@router.get(
    "/exams/compare",
    response_model=None,
    responses={200: {"content": {"application/json": {}, "text/html": {}, "application/pdf": {}}}},
)
def compare(
    user: Operator,
    studies: StoredStudies,
    first: OtherExamId,
    second: OtherExamId,
    form: Literal["json", "html", "pdf"] = "json",
) -> Response | dict[str, Any]:
    """Two exams side by side; differences are second minus first."""
    comparison = studies.compare(first, second)
    if form == "json":
        return comparison.to_json()
    exams = studies.get(first), studies.get(second)
    document = comparison_report(comparison, exams, studies.folders)
    if form == "html":
        from nullfield.analysis.report.html import html_text

        return HTMLResponse(html_text(document), headers=_REPORT_HEADERS)
    from nullfield.analysis.report.pdf import pdf_bytes

    name = f"comparison_{first}_{second}.pdf"
    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pdf_bytes(document), media_type="application/pdf", headers=headers)


@router.get("/exams/{exam_id}")
def get(exam_id: ExamId, user: Operator, studies: StoredStudies) -> ExamDetail:
    """One exam: subject, state, what happened, files, record and analysis."""
    exam = studies.get(exam_id)
    record = dict(studies.folders.record(exam_id) or {})
    analysis = record.pop("analysis", None)
    return ExamDetail(
        exam=exam,
        events=studies.events(exam_id),
        files=studies.folders.file_names(exam_id),
        has_recording=studies.folders.has_recording(exam_id),
        record=record,
        analysis=analysis if isinstance(analysis, dict) else None,
    )


@router.get("/exams/{exam_id}/files/{name}", response_class=FileResponse)
def file(exam_id: ExamId, name: str, user: Operator, studies: StoredStudies) -> FileResponse:
    """A report, a plot or the record of an exam."""
    studies.get(exam_id)
    path = studies.folders.file(exam_id, name)
    suffix = path.suffix.lower()
    headers = _REPORT_HEADERS if suffix == ".html" else _HEADERS
    return FileResponse(path, media_type=SHOWN[suffix], headers=headers)


@router.get("/exams/{exam_id}/export/{kind}", response_class=FileResponse)
def export(
    exam_id: ExamId,
    kind: Kind,
    user: Operator,
    studies: StoredStudies,
    request: Request,
    with_name: Annotated[bool, Query(description="DICOM: with the subject's name")] = False,
) -> FileResponse:
    """An exam as FIF, BIDS, DICOM (both zipped) or PDF; without the name unless asked for."""
    made = studies.export(exam_id, kind, with_name=with_name)
    try:
        detail = {"kind": kind, "with_name": with_name}
        # A name leaves the database only if it is known who took it.
        _audit(request, user, "exam.export", exam_id, detail, is_required=with_name)
        return FileResponse(
            made.path,
            media_type=made.media_type,
            filename=made.file_name,
            headers=_HEADERS,
            background=BackgroundTask(made.close),
        )
    except BaseException:
        made.close()
        raise


@router.get(
    "/exams/{exam_id}/map",
    response_model=None,
    responses={204: {"description": "no averaged beat"}},
)
def map_of(
    exam_id: ExamId,
    user: Operator,
    studies: StoredStudies,
    time_ms: Annotated[float | None, Query(description="relative to the R mark")] = None,
) -> Response | dict[str, Any]:
    """Magnetic map of one moment of the averaged beat; by default of the R peak."""
    if time_ms is not None and not math.isfinite(time_ms):
        raise InputError(f"time_ms {time_ms}: is no time", "give a number of milliseconds")
    exam = studies.with_recording(exam_id)
    if studies.analyses.of(exam).average is None:
        return Response(status_code=204)
    return studies.map_at(exam_id, time_ms)


@router.get(
    "/exams/{exam_id}/beat",
    response_model=None,
    responses={204: {"description": "no averaged beat"}},
)
def beat_of(exam_id: ExamId, user: Operator, studies: StoredStudies) -> Response | dict[str, Any]:
    """Averaged beat of all channels with its landmarks, in the form of ``/api/v1/live/beat``."""
    beat = studies.beat_of(exam_id)
    return Response(status_code=204) if beat is None else beat


@router.post("/exams/{exam_id}/reanalyse")
def reanalyse(exam_id: ExamId, user: Operator, studies: StoredStudies, request: Request) -> Exam:
    """Analyse the recording again: after an interruption, or with a newer version."""
    exam = studies.reanalyse(exam_id, user.name)
    _audit(request, user, "exam.reanalyse", exam_id, {})
    return exam


@router.delete("/exams/{exam_id}")
def delete(exam_id: ExamId, user: Engineer, studies: StoredStudies, request: Request) -> Exam:
    """Remove all files of an exam for good; that it was there stays known."""
    subject = studies.get(exam_id).subject_id
    # Before it is done: a deletion that nobody answers for must not happen.
    _audit(request, user, "exam.delete", exam_id, {"subject": subject}, is_required=True)
    return studies.delete(exam_id, user.name)


def _audit(
    request: Request,
    user: User,
    action: str,
    exam_id: str,
    detail: dict[str, Any],
    *,
    is_required: bool = False,
) -> None:
    access_of(request).audit(user, action, exam_id, detail, is_required=is_required)
