"""What a stored exam is to those who ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from nullfield.console.store.tables import ExamEventRow, ExamRow

State = Literal["running", "done", "failed", "interrupted", "deleted"]


class Exam(BaseModel):
    """One exam and its subject."""

    exam_id: str
    subject_id: str
    name: str | None
    sex: str
    year_of_birth: int | None
    notes: str
    rig: str
    begun_by: str
    begun_at: datetime
    ended_at: datetime | None
    state: State
    reason: str = Field(description="why it is not done, or what recovery found")
    summary: dict[str, Any] | None = Field(description="main figures of the analysis")
    problem: str | None = Field(
        default=None, description="why the database does not know it yet; its folder holds it"
    )

    @property
    def id(self) -> str:
        """The exam's id."""
        return self.exam_id


class ExamEvent(BaseModel):
    """Something that happened to an exam."""

    at: datetime
    what: str
    by: str
    detail: str


class ExamPage(BaseModel):
    """Some of the exams that were found, the newest first."""

    total: int
    limit: int
    offset: int
    exams: list[Exam]


def exam_of(row: ExamRow) -> Exam:
    """The exam of a row."""
    subject = row.subject
    return Exam.model_validate(
        {
            "subject_id": subject.subject_id,
            "name": subject.name,
            "sex": subject.sex,
            "year_of_birth": subject.year_of_birth,
            **{
                name: getattr(row, name)
                for name in (
                    "exam_id", "notes", "rig", "begun_by", "begun_at", "ended_at", "state",
                    "reason", "summary",
                )
            },
        }
    )  # fmt: skip


def event_of(row: ExamEventRow) -> ExamEvent:
    """The event of a row."""
    return ExamEvent(at=row.at, what=row.what, by=row.by, detail=row.detail)
