"""Subjects, their exams, and what happened to each exam."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from nullfield.console.store.base import Base
from nullfield.console.store.columns import UtcTime


class SubjectRow(Base):
    """A person, known to all files by the pseudonym only."""

    __tablename__ = "subjects"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    sex: Mapped[str] = mapped_column(String(8))
    year_of_birth: Mapped[int | None]
    exams: Mapped[list[ExamRow]] = relationship(back_populates="subject")


class ExamRow(Base):
    """One exam. A deleted one stays as a row without content: a tombstone."""

    __tablename__ = "exams"
    exam_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject_key: Mapped[int] = mapped_column(ForeignKey("subjects.id"), index=True)
    rig: Mapped[str] = mapped_column(String(120))
    begun_by: Mapped[str] = mapped_column(String(120))
    begun_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(12), index=True)
    reason: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    subject: Mapped[SubjectRow] = relationship(back_populates="exams", lazy="joined")
    events: Mapped[list[ExamEventRow]] = relationship(
        back_populates="exam", order_by="ExamEventRow.id"
    )


class ExamEventRow(Base):
    """Something that happened to an exam: begun, finished, analysed again, deleted ..."""

    __tablename__ = "exam_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    exam_id: Mapped[str] = mapped_column(ForeignKey("exams.exam_id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    what: Mapped[str] = mapped_column(String(40))
    by: Mapped[str] = mapped_column(String(120))
    detail: Mapped[str] = mapped_column(Text)
    exam: Mapped[ExamRow] = relationship(back_populates="events")
