"""``GET /api/v1/exams/{exam_id}/fhir``: an examination as FHIR R4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from nullfield import __version__
from nullfield.console.access.depends import Operator
from nullfield.console.api.commands import Context
from nullfield.console.context import ConsoleContext
from nullfield.console.fhir.bundle import bundle
from nullfield.console.fhir.facts import ExamFacts, State
from nullfield.console.store.exam import Exam
from nullfield.errors import StoreError, UnknownExamError

router = APIRouter(prefix="/api/v1", tags=["exams"])

MEDIA_TYPE = "application/fhir+json"
REPORT = "report.pdf"
_SOURCES = (("analysis.json", None), ("exam.json", "analysis"))
"""Where an analysis stands: in its own file after an analysis made anew, else with the exam."""


class FhirResponse(JSONResponse):
    """JSON with FHIR's own media type."""

    media_type = MEDIA_TYPE


@router.get("/exams/{exam_id}/fhir", response_class=FhirResponse)
def exam_as_fhir(exam_id: str, request: Request, context: Context, user: Operator) -> FhirResponse:
    """Bundle of a DiagnosticReport, its Observations and the Device; the name is left out."""
    exam = context.studies.get(exam_id)
    if exam.state == "deleted":
        raise UnknownExamError(f"examination {exam_id} was deleted")
    folder = context.studies.folder_of(exam_id)
    document = analysis_in(folder)
    pdf = folder / REPORT
    base = str(request.base_url).rstrip("/")
    url = f"{base}/api/v1/exams/{exam.id}/files/{REPORT}" if pdf.is_file() else None
    return FhirResponse(
        bundle(facts_of(exam, document, url, _is_simulated(context, exam)), document)
    )


def facts_of(
    exam: Exam, document: dict[str, Any] | None, pdf_url: str | None, is_simulated: bool
) -> ExamFacts:
    """What the resources tell of a stored examination."""
    return ExamFacts(
        exam_id=exam.id,
        subject_id=exam.subject_id,
        rig=exam.rig,
        software=__version__ if document is None else str(document["software"]),
        begun=exam.begun_at,
        ended=exam.ended_at,
        state=cast(State, exam.state),
        reason=exam.reason,
        is_simulated=is_simulated,
        pdf_url=pdf_url,
    )


def analysis_in(folder: Path) -> dict[str, Any] | None:
    """The analysis in an examination's folder; None if there is none.

    Raises
    ------
    StoreError
        If a file is there but cannot be read.
    """
    for name, key in _SOURCES:
        path = folder / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path}: cannot be read: {error}", "make the analysis anew from the recording"
            ) from error
        found = content if key is None else content.get(key)
        if isinstance(found, dict):
            return found
    return None


def _is_simulated(context: ConsoleContext, exam: Exam) -> bool:
    instrument = context.engine.instrument
    if instrument is None:
        return False
    return context.engine.is_virtual and instrument.rig.name == exam.rig
