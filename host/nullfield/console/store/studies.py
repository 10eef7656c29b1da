"""Exams and their subjects: a folder each, and the database that finds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from nullfield import __version__
from nullfield.console.store.comparison import compare_exams
from nullfield.console.store.database import Database
from nullfield.console.store.exam import Exam, ExamEvent, ExamPage, event_of, exam_of
from nullfield.console.store.exam_folder import ExamFolders
from nullfield.console.store.export import Export, export_exam
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.recovery import (
    end_left_exam,
    ensure_stored,
    known_exams,
    store_exam,
)
from nullfield.console.store.rows import (
    add_event,
    chosen_by,
    end_exam,
    last_exam_id,
    row_of,
    to_tombstone,
)
from nullfield.console.store.stored_analysis import StoredAnalyses
from nullfield.console.store.stored_beat import stored_beat
from nullfield.console.store.stored_map import StoredMaps
from nullfield.console.store.summary import summary_of
from nullfield.console.store.tables import ExamRow, SubjectRow
from nullfield.errors import ExamStateError, InputError, StoreError

if TYPE_CHECKING:
    from nullfield.analysis.report.compare import Comparison


class Studies:
    """All exams. Any thread may use it.

    Parameters
    ----------
    database : Database
        Migrated.
    folder : Path
        The data folder.
    clock : callable
        Gives the time, UTC.
    """

    def __init__(self, database: Database, folder: Path, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._beginning = threading.Lock()
        self._running: set[str] = set()
        self._is_recovered = False
        self.folders = ExamFolders(folder)
        self.analyses = StoredAnalyses(self.folders, folder / "cache")
        self._maps = StoredMaps()

    def begin(
        self, form: SubjectForm, rig: str, user: str, *, is_virtual: bool | None = None
    ) -> Exam:
        """Begin an exam: make its folder, then tell the database.

        Its ``exam.json`` says from the start whether the rig was virtual, if that is known.

        A database that cannot be reached does not stop it: `Exam.problem` says so, and `finish` or
        `recover` brings the exam into the database later. Only the subject's name is lost then.

        Raises
        ------
        InputError
            If the year of birth lies ahead.
        StoreError
            If the folder cannot be made.
        """
        now = self._clock()
        if form.year_of_birth is not None and form.year_of_birth > now.year:
            raise InputError(
                f"year_of_birth {form.year_of_birth}: lies ahead", "correct the year of birth"
            )
        problem: StoreError | None = None
        last: str | None = None
        with self._beginning:
            try:
                with self._database.reading() as session:
                    last = last_exam_id(session)
            except StoreError as error:
                problem = error
            exam_id = self.folders.begin(now, last)
            self._running.add(exam_id)
        try:
            content = {"schema": 1, "software": __version__, "rig": rig, "state": "begun"}
            if is_virtual is not None:
                content["is_virtual"] = is_virtual
            content["notes"] = file_notes(exam_id, form, now)
            self.folders.write_record(exam_id, content)
        except StoreError:
            self._running.discard(exam_id)
            self.folders.give_up(exam_id)
            raise
        if problem is None:
            try:
                return store_exam(self._database, exam_id, form, rig=rig, user=user, begun_at=now)
            except StoreError as error:
                problem = error
        lost = "; the subject's name is not kept" if form.name else ""
        return Exam(
            exam_id=exam_id, rig=rig, begun_by=user, begun_at=now, ended_at=None, state="running",
            reason="", summary=None, **form.model_dump(include=set(SubjectForm.model_fields)),
            problem=f"{problem.message}; the exam is kept in its folder only{lost}",
        )  # fmt: skip

    def finish(self, exam_id: str, analysis: Mapping[str, Any]) -> Exam:
        """End an exam that is done.

        Parameters
        ----------
        exam_id : str
        analysis : mapping
            Of `Analysis.to_json`; its main figures are kept.

        Raises
        ------
        StoreError
            If the database does not take it; the folder holds all, for `recover`.
        """
        return self._end(exam_id, "done", "", summary_of(analysis))

    def fail(self, exam_id: str, reason: str) -> Exam:
        """End an exam that failed or was aborted; errors as of `finish`."""
        return self._end(exam_id, "failed", reason, None)

    def get(self, exam_id: str) -> Exam:
        """One exam, deleted ones included.

        Raises
        ------
        UnknownExamError
            If there is none.
        """
        with self._database.reading() as session:
            return exam_of(row_of(session, exam_id))

    def events(self, exam_id: str) -> list[ExamEvent]:
        """What happened to an exam, in order; errors as of `get`."""
        with self._database.reading() as session:
            return [event_of(one) for one in row_of(session, exam_id).events]

    def search(
        self,
        text: str = "",
        first_day: date | None = None,
        last_day: date | None = None,
        state: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExamPage:
        """Exams, the newest first.

        Parameters
        ----------
        text : str
            Words that all have to be in pseudonym, name, id or notes.
        first_day, last_day : date, optional
            Days of the begin, UTC, both inclusive.
        state : str, optional
            Without it all but the deleted ones.
        limit, offset : int
        """
        chosen = chosen_by(text, first_day, last_day, state)
        query = select(ExamRow).join(ExamRow.subject).where(*chosen)
        order = (ExamRow.begun_at.desc(), ExamRow.exam_id.desc())
        with self._database.reading() as session:
            total = session.scalar(
                select(func.count()).select_from(ExamRow).join(SubjectRow).where(*chosen)
            )
            rows = session.scalars(query.order_by(*order).limit(limit).offset(offset))
            exams = [exam_of(row) for row in rows]
        return ExamPage(total=total or 0, limit=limit, offset=offset, exams=exams)

    def folder_of(self, exam_id: str) -> Path:
        """Folder of an exam, whether it is there or not."""
        return self.folders.of(exam_id)

    def delete(self, exam_id: str, user: str) -> Exam:
        """Remove all files of an exam; its row stays, without content.

        Raises
        ------
        UnknownExamError
            If there is none.
        ExamStateError
            If it is running.
        StoreError
            If the database refuses, then nothing is deleted; or if some file cannot be removed, then
            the next start tries again.
        """
        self._not_running(self.get(exam_id))
        self.folders.mark_deleting(exam_id)
        try:
            with self._database.session() as session:
                row = row_of(session, exam_id)
                if row.state != "deleted":
                    to_tombstone(session, row, self._clock(), user)
                exam = exam_of(row)
        except StoreError:
            self.folders.unmark_deleting(exam_id)
            raise
        self.analyses.forget(exam_id)
        self.folders.remove(exam_id)
        return exam

    def recover(self) -> list[Exam]:
        """Put right what an earlier run left: call it at the start, and after a lost database.

        Interrupted deletions are finished, exams that the database does not know are added from
        their folders, and exams left running are ended: as their folder says, or as interrupted.

        Returns
        -------
        list of Exam
            Those that were interrupted.
        """
        if not self._is_recovered:
            # Later another thread may be using it.
            self.folders.clear_scratch()
            self._is_recovered = True
        self.folders.empty_trash()
        known = known_exams(self._database)
        there = self.folders.ids()
        for exam_id in filter(self.folders.is_deleting, there):
            if known.get(exam_id) == "deleted":
                self.analyses.forget(exam_id)
                self.folders.remove(exam_id)
            else:
                self.folders.unmark_deleting(exam_id)
        left = {one for one in there if one not in known}
        left |= {one for one, state in known.items() if state == "running"}
        with self._beginning:
            # Asked last: what began while we looked is among them.
            left -= self._running
        ended = [
            end_left_exam(self._database, self.folders, one, self._clock) for one in sorted(left)
        ]
        return [exam for exam in ended if exam.state == "interrupted"]

    def reanalyse(self, exam_id: str, user: str) -> Exam:
        """Analyse an exam's recording again: ``exam.json``, plots and reports anew.

        Raises
        ------
        ExamStateError
            If it is running, or there is no recording.
        RecordingError, AnalysisError, StoreError
        """
        exam = self.with_recording(exam_id)
        document = self.analyses.again(exam)
        with self._database.session() as session:
            row = row_of(session, exam_id)
            row.summary = summary_of(document)
            add_event(row, self._clock(), "reanalysed", user)
            return exam_of(row)

    def map_at(self, exam_id: str, time_ms: float | None = None) -> dict[str, Any]:
        """Map of one moment of an exam's averaged beat; see `StoredMaps.picture`."""
        exam = self.with_recording(exam_id)
        return self._maps.picture(exam_id, self.analyses.of(exam), time_ms)

    def beat_of(self, exam_id: str) -> dict[str, Any] | None:
        """Averaged beat of an exam; see `stored_beat`."""
        return stored_beat(self.analyses.of(self.with_recording(exam_id)))

    def compare(self, first_id: str, second_id: str) -> Comparison:
        """Two exams side by side; see `compare_exams`."""
        first, second = self.with_recording(first_id), self.with_recording(second_id)
        return compare_exams(first, second, self.analyses)

    def export(self, exam_id: str, kind: str, *, with_name: bool = False) -> Export:
        """An exam in another format; see `export_exam`."""
        exam = self.with_recording(exam_id)
        return export_exam(exam, kind, self.folders, self.analyses, with_name=with_name)

    def with_recording(self, exam_id: str) -> Exam:
        """An exam whose recording can be used: not running, not deleted, and there.

        Raises
        ------
        UnknownExamError, ExamStateError
        """
        exam = self.get(exam_id)
        self._not_running(exam)
        if exam.state == "deleted":
            raise ExamStateError(f"exam {exam_id} was deleted")
        if not self.folders.has_recording(exam_id):
            raise ExamStateError(
                f"exam {exam_id} has no recording", "it ended before anything was recorded"
            )
        return exam

    def _end(self, exam_id: str, state: str, reason: str, summary: dict[str, Any] | None) -> Exam:
        try:
            ensure_stored(self._database, self.folders, exam_id)
            with self._database.session() as session:
                row = row_of(session, exam_id)
                end_exam(row, self._clock(), state, reason, summary)
                return exam_of(row)
        finally:
            self._running.discard(exam_id)

    def _not_running(self, exam: Exam) -> None:
        if exam.state == "running":
            raise ExamStateError(f"exam {exam.exam_id} is running", "wait for its end, or abort it")


def file_notes(exam_id: str, form: SubjectForm, begun_at: datetime) -> dict[str, Any]:
    """What files may tell of a subject: never the name."""
    return {
        "subject": form.subject_id,
        "exam": exam_id,
        "begun_at": begun_at.isoformat(timespec="seconds"),
        "sex": form.sex,
        "year_of_birth": form.year_of_birth,
        "notes": form.notes,
    }
