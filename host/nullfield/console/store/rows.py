"""Finding, making and changing the rows of subjects and exams."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from nullfield.console.store.exam_id import order_of
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.tables import ExamEventRow, ExamRow, SubjectRow
from nullfield.errors import UnknownExamError


def last_exam_id(session: Session) -> str | None:
    """The greatest id, deleted exams included."""
    day = session.scalar(select(func.max(func.substr(ExamRow.exam_id, 1, 8))))
    if day is None:
        return None
    ids = session.scalars(select(ExamRow.exam_id).where(ExamRow.exam_id.startswith(day)))
    return max(ids, key=lambda one: order_of(one) or (0, 0))


def row_of(session: Session, exam_id: str) -> ExamRow:
    """Row of an exam.

    Raises
    ------
    UnknownExamError
        If there is none.
    """
    row = session.get(ExamRow, exam_id)
    if row is None:
        raise UnknownExamError(f"exam '{exam_id}': there is no such exam")
    return row


def add_exam(
    session: Session,
    exam_id: str,
    form: SubjectForm,
    *,
    rig: str,
    user: str,
    begun_at: datetime,
) -> ExamRow:
    """Row of a new exam, and of its subject if that is new."""
    row = ExamRow(
        exam_id=exam_id,
        subject=_subject(session, form),
        rig=rig,
        begun_by=user,
        begun_at=begun_at,
        ended_at=None,
        state="running",
        reason="",
        notes=form.notes,
        summary=None,
    )
    session.add(row)
    return row


def add_event(row: ExamRow, at: datetime, what: str, by: str = "", detail: str = "") -> None:
    """Note what happened to an exam."""
    row.events.append(ExamEventRow(at=at, what=what, by=by, detail=detail))


def end_exam(
    row: ExamRow, at: datetime, state: str, reason: str, summary: dict[str, Any] | None
) -> None:
    """Put an exam into its last state."""
    row.state, row.reason, row.summary = state, reason, summary
    # A clock that was set back meanwhile: no exam ends before it begins, in no other system either.
    row.ended_at = max(at, row.begun_at)
    add_event(row, at, state, detail=reason)


def to_tombstone(session: Session, row: ExamRow, at: datetime, user: str) -> None:
    """Take the content out of an exam's row; of its subject too, if that has no other exam."""
    row.state, row.reason, row.notes, row.summary = "deleted", "", "", None
    add_event(row, at, "deleted", user)
    others = session.scalar(
        select(func.count())
        .select_from(ExamRow)
        .where(ExamRow.subject_key == row.subject_key)
        .where(ExamRow.exam_id != row.exam_id)
        .where(ExamRow.state != "deleted")
    )
    if not others:
        row.subject.name, row.subject.year_of_birth, row.subject.sex = None, None, "unknown"


def chosen_by(
    text: str, first_day: date | None, last_day: date | None, state: str | None
) -> list[ColumnElement[bool]]:
    """Conditions of a search; deleted exams are found only when they are asked for."""
    chosen: list[ColumnElement[bool]] = [
        ExamRow.state == state if state else ExamRow.state != "deleted"
    ]
    for word in text.split():
        chosen.append(
            or_(
                *(
                    column.icontains(word, autoescape=True)
                    for column in (
                        ExamRow.exam_id, ExamRow.notes, SubjectRow.subject_id, SubjectRow.name,
                    )
                )
            )
        )  # fmt: skip
    if first_day is not None:
        chosen.append(ExamRow.begun_at >= datetime.combine(first_day, time(), UTC))
    if last_day is not None and last_day < date.max:
        end = datetime.combine(last_day + timedelta(days=1), time(), UTC)
        chosen.append(ExamRow.begun_at < end)
    return chosen


def _subject(session: Session, form: SubjectForm) -> SubjectRow:
    """The subject's row; what the form tells is newer, what it leaves out stays."""
    row = session.scalar(select(SubjectRow).where(SubjectRow.subject_id == form.subject_id))
    if row is None:
        row = SubjectRow(subject_id=form.subject_id, name=None, sex="unknown", year_of_birth=None)
        session.add(row)
    row.name = form.name or row.name
    row.sex = form.sex if form.sex != "unknown" else row.sex
    row.year_of_birth = form.year_of_birth or row.year_of_birth
    return row
