"""The one button: an examination of a subject."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from nullfield.console.access.depends import Operator
from nullfield.console.api.commands import Context
from nullfield.console.exam_job import begin_exam
from nullfield.console.store.form import SubjectForm

router = APIRouter(prefix="/api/v1", tags=["exams"])


class ExamBody(SubjectForm):
    """Subject and length of an examination."""

    beats: Annotated[int, Field(ge=10, le=2000)] = 60
    adjust: bool = True


class Begun(BaseModel):
    """An examination that has begun."""

    exam_id: str


@router.post("/exams", status_code=201)
def begin(body: ExamBody, context: Context, user: Operator) -> Begun:
    """Begin an examination; the state shows how it goes on."""
    context.control.require(user.name)
    return Begun(exam_id=begin_exam(context, user, body, body.beats, adjust=body.adjust))
