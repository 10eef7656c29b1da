"""What an earlier run, a loss of power or a lost database left is put right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from nullfield.console.store.database import Database
from nullfield.console.store.exam import Exam, exam_of
from nullfield.console.store.exam_folder import ExamFolders
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.found_exam import read_folder
from nullfield.console.store.rows import add_event, add_exam, end_exam, row_of
from nullfield.console.store.tables import ExamRow
from nullfield.errors import StoreError


def store_exam(
    database: Database,
    exam_id: str,
    form: SubjectForm,
    *,
    rig: str,
    user: str,
    begun_at: datetime,
) -> Exam:
    """Tell the database of an exam that has begun.

    Raises
    ------
    StoreError
        If it does not take it.
    """
    for is_last in (False, True):
        try:
            with database.session() as session:
                row = add_exam(session, exam_id, form, rig=rig, user=user, begun_at=begun_at)
                add_event(row, begun_at, "begun", user)
                session.flush()
                return exam_of(row)
        except IntegrityError as error:
            # Another process added the same subject between look and write: now it is there.
            if is_last:
                raise StoreError(f"exam {exam_id} cannot be stored: {error.orig}") from error
    raise AssertionError


def ensure_stored(database: Database, folders: ExamFolders, exam_id: str) -> None:
    """Tell the database of an exam that it missed, from its folder."""
    with database.reading() as session:
        if session.get(ExamRow, exam_id) is not None or not folders.of(exam_id).is_dir():
            return
    found = read_folder(folders, exam_id)
    store_exam(database, exam_id, found.form, rig=found.rig, user="", begun_at=found.begun_at)


def known_exams(database: Database) -> dict[str, str]:
    """States of all exams that the database knows, by id."""
    with database.reading() as session:
        rows = session.execute(select(ExamRow.exam_id, ExamRow.state))
        return {row[0]: row[1] for row in rows}


def end_left_exam(
    database: Database, folders: ExamFolders, exam_id: str, clock: Callable[[], datetime]
) -> Exam:
    """End an exam that nobody ended: as its folder says, or as interrupted."""
    found = read_folder(folders, exam_id)
    ensure_stored(database, folders, exam_id)
    with database.session() as session:
        row = row_of(session, exam_id)
        # It may have ended since it was found.
        if row.state == "running":
            end_exam(row, clock(), found.state, found.reason, found.summary)
        return exam_of(row)
