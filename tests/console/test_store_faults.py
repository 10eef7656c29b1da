"""A database that is locked, gone, full or not writable: said plainly, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, select
from stored_exam import FORM, NAME, SetClock, open_studies, write_lock

from nullfield.console.store.database import Database, default_url
from nullfield.console.store.studies import Studies
from nullfield.console.store.tables import SubjectRow
from nullfield.errors import StoreError


def add_subject(database: Database, name: str, size: int = 1) -> None:
    with database.session() as session:
        session.add(SubjectRow(subject_id=name, name="x" * size, sex="F", year_of_birth=None))


def subjects(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(SubjectRow.subject_id).order_by(SubjectRow.id)))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(default_url(tmp_path), busy_timeout_s=0.05)
    database.migrate()
    add_subject(database, "first")
    return database


def test_an_error_in_a_session_rolls_back_all_of_it(database: Database) -> None:
    def write_and_break() -> None:
        with database.session() as session:
            session.add(SubjectRow(subject_id="s", name=None, sex="F", year_of_birth=None))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_break()
    assert subjects(database) == ["first"]


def test_locked_by_another_program(database: Database, tmp_path: Path) -> None:
    with write_lock(tmp_path):
        with pytest.raises(StoreError, match="locked by another program") as caught:
            add_subject(database, "second")
        with pytest.raises(StoreError, match="locked"):
            database.check()
        # Those who only look are not held up.
        assert subjects(database) == ["first"]
    assert "try again" in caught.value.hint
    add_subject(database, "second")
    assert subjects(database) == ["first", "second"]


def test_file_removed_while_in_use(database: Database, tmp_path: Path) -> None:
    (tmp_path / "studies.sqlite3").rename(tmp_path / "away")
    for use in (lambda: add_subject(database, "lost"), lambda: subjects(database), database.check):
        with pytest.raises(StoreError, match="is gone"):
            use()
    # Put back, it goes on; what would have been written into a file without a name was refused.
    (tmp_path / "away").rename(tmp_path / "studies.sqlite3")
    assert subjects(database) == ["first"]


def test_file_removed_in_the_middle_of_a_session(database: Database, tmp_path: Path) -> None:
    def write() -> None:
        with database.session() as session:
            session.add(SubjectRow(subject_id="lost", name=None, sex="F", year_of_birth=None))
            (tmp_path / "studies.sqlite3").unlink()

    with pytest.raises(StoreError, match="is gone"):
        write()


def test_file_replaced_while_in_use(database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    other.migrate()
    other.close()
    (tmp_path / "other.sqlite3").replace(tmp_path / "studies.sqlite3")
    with pytest.raises(StoreError, match="replaced by another file") as caught:
        add_subject(database, "lost")
    assert "start the console again" in caught.value.hint


def test_disk_full(database: Database) -> None:
    # SQLite's own limit of pages answers just as a full disk does.
    limits = {"pages": 1}
    event.listen(
        database.engine,
        "begin",
        lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {limits['pages']}"),
    )
    with pytest.raises(StoreError, match="disk is full") as caught:
        add_subject(database, "large", 100_000)
    assert "free room" in caught.value.hint
    limits["pages"] = 1_000_000
    assert subjects(database) == ["first"]
    add_subject(database, "large", 100_000)
    assert subjects(database) == ["first", "large"]


def test_not_writable(database: Database, tmp_path: Path) -> None:
    database.close()
    path = tmp_path / "studies.sqlite3"
    readonly = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        add_subject(readonly, "second")
    assert "rights" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database at all, but long enough " * 40, "is no database"), (None, "cannot be opened")],
)
def test_a_file_that_cannot_be_a_database(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "studies.sqlite3"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=words) as caught:
        Database(default_url(tmp_path)).migrate()
    assert caught.value.hint
    assert caught.value.exit_code == 16


def test_a_damaged_database_is_told(database: Database, tmp_path: Path) -> None:
    add_subject(database, "large", 200_000)
    database.close()
    path = tmp_path / "studies.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    damaged = Database(default_url(tmp_path))
    with pytest.raises(StoreError, match="is damaged"):
        subjects(damaged)


def test_urls_that_cannot_be_used() -> None:
    for url, words in (
        ("no url", "is no database URL"),
        ("strange://host/x", "strange"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            Database(url)
        assert caught.value.hint


def test_a_missing_driver_is_named_without_the_password() -> None:
    pytest.importorskip("sqlalchemy")
    url = "postgresql+pg8000://olga:geheim@host/studies"
    try:
        import pg8000  # noqa: F401
    except ImportError:
        with pytest.raises(StoreError, match="'pg8000' is not installed") as caught:
            Database(url)
        assert "pip install pg8000" in caught.value.hint
        assert "geheim" not in caught.value.message + caught.value.hint
    else:
        assert "geheim" not in Database(url).shown


def test_an_exam_begins_although_the_database_is_locked(tmp_path: Path) -> None:
    clock = SetClock()
    studies = open_studies(tmp_path, clock, busy_timeout_s=0.05)
    with write_lock(tmp_path):
        exam = studies.begin(FORM, "rig", "olga")
        assert exam.problem is not None
        assert "locked" in exam.problem
        assert "name is not kept" in exam.problem
        assert (studies.folder_of(exam.id) / "exam.json").is_file()
        with pytest.raises(StoreError, match="locked"):
            studies.finish(exam.id, {})
    assert studies.search().total == 0
    # The next start finds the folder.
    again = open_studies(tmp_path, clock)
    (found,) = again.recover()
    assert (found.id, found.state, found.subject_id) == (exam.id, "interrupted", "S-01")
    assert (found.sex, found.year_of_birth, found.notes) == ("F", 1960, "at rest")
    assert found.begun_at == exam.begun_at
    assert found.name is None


def test_an_exam_that_the_database_missed_is_added_at_its_end(tmp_path: Path) -> None:
    studies = open_studies(tmp_path, busy_timeout_s=0.05)
    with write_lock(tmp_path):
        exam_id = studies.begin(FORM, "rig", "olga").id
    exam = studies.finish(exam_id, {"beats": {"accepted": 61}})
    assert (exam.state, exam.subject_id, exam.rig) == ("done", "S-01", "rig")
    assert exam.summary is not None
    assert exam.summary["beats_accepted"] == 61
    assert studies.search().total == 1


def test_an_end_that_the_database_missed_is_taken_from_the_folder(tmp_path: Path) -> None:
    studies = open_studies(tmp_path, busy_timeout_s=0.05)
    ids = [studies.begin(FORM, "rig", "olga").id for _ in range(2)]
    content = {"state": "done", "analysis": {"beats": {"accepted": 59}}}
    studies.folders.write_record(ids[0], content)
    studies.folders.write_record(ids[1], {"state": "failed", "error": "no head locked"})
    with write_lock(tmp_path):
        with pytest.raises(StoreError):
            studies.finish(ids[0], content["analysis"])
        with pytest.raises(StoreError):
            studies.fail(ids[1], "no head locked")
    assert open_studies(tmp_path).recover() == []
    done, failed = (studies.get(one) for one in ids)
    assert (done.state, done.reason) == ("done", "")
    assert done.summary is not None
    assert done.summary["beats_accepted"] == 59
    assert (failed.state, failed.reason) == ("failed", "no head locked")
    assert done.name == NAME


def test_a_folder_that_cannot_be_made_begins_nothing(tmp_path: Path) -> None:
    database = Database(default_url(tmp_path))
    database.migrate()
    # Nobody, not even root, may make folders here.
    studies = Studies(database, Path("/proc/nullfield"), SetClock())
    with pytest.raises(StoreError, match="cannot be used") as caught:
        studies.begin(FORM, "rig", "olga")
    assert "data folder" in caught.value.hint
    assert studies.search().total == 0


@pytest.mark.parametrize("file", [1, 2])
def test_a_full_disk_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: int
) -> None:
    studies = open_studies(tmp_path)
    first = studies.begin(FORM, "rig", "olga").id
    written: list[int] = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) >= file:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full"):
        studies.begin(FORM, "rig", "olga")
    monkeypatch.undo()
    assert studies.folders.ids() == [first]
    assert studies.search().total == 1
    assert studies.begin(FORM, "rig", "olga").id > first
