"""``GET /api/v1/exams/{exam_id}/fhir``: an examination as FHIR R4."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from nullfield import __version__
from nullfield.console.access.depends import Operator
from nullfield.console.api.commands import Context
from nullfield.console.api.studies import ExamId
from nullfield.console.fhir.bundle import bundle
from nullfield.console.fhir.facts import ExamFacts, State
from nullfield.console.store.exam import Exam
from nullfield.errors import ExamStateError

router = APIRouter(prefix="/api/v1", tags=["studies"])

MEDIA_TYPE = "application/fhir+json"
REPORT = "report.pdf"


class FhirResponse(JSONResponse):
    """JSON with FHIR's own media type."""

    media_type = MEDIA_TYPE


@router.get(
    "/exams/{exam_id}/fhir",
    response_class=FhirResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
def exam_as_fhir(
    exam_id: ExamId, request: Request, context: Context, user: Operator
) -> FhirResponse:
    """Bundle of a DiagnosticReport, its Observations and the Device; the name is left out."""
    exam = context.studies.get(exam_id)
    if exam.state == "deleted":
        raise ExamStateError(f"exam {exam_id} was deleted")
    folders = context.studies.folders
    record = folders.record(exam_id) or {}
    document = record.get("analysis")
    if not isinstance(document, dict):
        document = None
    url = None
    if REPORT in folders.file_names(exam_id):
        url = f"{str(request.base_url).rstrip('/')}/api/v1/exams/{exam_id}/files/{REPORT}"
    # As it was then: another instrument may be connected by now.
    is_simulated = record.get("is_virtual") is True
    return FhirResponse(bundle(facts_of(exam, document, url, is_simulated), document))


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
