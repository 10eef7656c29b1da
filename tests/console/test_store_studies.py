"""Exams are begun, ended, found and deleted."""

from __future__ import annotations

import json
import threading
from datetime import date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from stored_exam import FORM, NAME, NOON, SetClock, open_studies, write_lock

from nullfield.console.store.exam_id import next_exam_id
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.studies import Studies
from nullfield.errors import ExamStateError, InputError, StoreError, UnknownExamError


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def studies(tmp_path: Path, clock: SetClock) -> Studies:
    return open_studies(tmp_path, clock)


def done(studies: Studies, form: SubjectForm = FORM) -> str:
    exam_id = studies.begin(form, "rig", "olga").id
    studies.finish(exam_id, {})
    return exam_id


def everything_below(folder: Path) -> bytes:
    """Bytes of all files but the database's."""
    return b"".join(
        str(one).encode() + one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and "sqlite3" not in one.name
    )


def test_an_exam_from_begin_to_end(studies: Studies, clock: SetClock) -> None:
    begun = studies.begin(FORM, "demo", "olga")
    assert (begun.id, begun.state, begun.problem) == ("20260304-001", "running", None)
    assert studies.folder_of(begun.id).is_dir()
    clock.step(minutes=4)
    analysis = {
        "input": {"duration_s": 61.5}, "beats": {"found": 64, "accepted": 60, "rate_bpm": 62.0},
        "quality": {"bad_channels": ["H1-x"], "dead_heads": ["H2"]}, "noise": {"median": 15.2},
    }  # fmt: skip
    studies.finish(begun.id, analysis)
    exam = studies.get(begun.id)
    assert (exam.state, exam.begun_by, exam.rig) == ("done", "olga", "demo")
    assert (exam.begun_at, exam.ended_at) == (NOON, clock())
    assert (exam.subject_id, exam.name, exam.sex) == ("S-01", NAME, "F")
    assert exam.summary is not None
    assert exam.summary["beats_accepted"] == 60
    assert exam.summary["bad_channels"] == 1
    assert exam.summary["dead_heads"] == ["H2"]
    assert exam.summary["snr_db"] is None
    assert [one.what for one in studies.events(begun.id)] == ["begun", "done"]


def test_a_failure_keeps_its_reason(studies: Studies) -> None:
    exam_id = studies.begin(FORM, "demo", "olga").id
    studies.fail(exam_id, "aborted: by olga")
    exam = studies.get(exam_id)
    assert (exam.state, exam.reason) == ("failed", "aborted: by olga")


def test_the_name_is_in_the_database_only(studies: Studies, tmp_path: Path) -> None:
    exam_id = done(studies)
    content = everything_below(tmp_path)
    assert b"S-01" in content
    for part in NAME.split():
        assert part.encode() not in content
    assert studies.get(exam_id).name == NAME


def test_no_exam_ends_before_it_begins_whatever_the_clock_does(
    studies: Studies, clock: SetClock
) -> None:
    exam_id = studies.begin(FORM, "rig", "olga").id
    clock.step(hours=-18)
    studies.finish(exam_id, {})
    exam = studies.get(exam_id)
    assert (exam.begun_at, exam.ended_at) == (NOON, NOON)
    # What happened keeps the time that the clock told.
    assert studies.events(exam_id)[-1].at == clock()


def test_ids_grow_when_the_clock_goes_back(studies: Studies, clock: SetClock) -> None:
    ids = [done(studies)]
    for step in ({"days": 1}, {"hours": -30}, {"days": -300}, {"days": 305}):
        clock.step(**step)
        ids.append(done(studies))
    assert ids == sorted(ids)
    assert ids == [
        "20260304-001", "20260305-001", "20260305-002", "20260305-003", "20260309-001",
    ]  # fmt: skip


def test_ids_after_the_thousandth_of_a_day_stay_in_order() -> None:
    now = datetime(2026, 3, 4, tzinfo=NOON.tzinfo)
    assert next_exam_id(now, "20260304-999") == "20260304-1000"
    assert next_exam_id(now, "20260304-1000") == "20260304-1001"
    assert next_exam_id(now, "not an id") == "20260304-001"


def test_the_id_of_a_deleted_exam_does_not_come_back(tmp_path: Path, clock: SetClock) -> None:
    studies = open_studies(tmp_path, clock, busy_timeout_s=0.05)
    first, second = done(studies), done(studies)
    studies.delete(second, "eva")
    third = done(studies)
    assert third not in (first, second)
    studies.delete(third, "eva")
    # Neither when only the disk can be asked.
    (tmp_path / "studies.sqlite3").rename(tmp_path / "away")
    fourth = studies.begin(FORM, "rig", "olga")
    assert fourth.problem is not None
    assert fourth.id not in (first, second, third)


def test_two_begin_at_the_same_time(tmp_path: Path, clock: SetClock) -> None:
    studies = [open_studies(tmp_path, clock) for _ in range(2)]
    gate = threading.Barrier(8)
    ids: list[str] = []
    errors: list[BaseException] = []

    def begin(number: int) -> None:
        try:
            gate.wait(60)
            for _ in range(3):
                exam = studies[number % 2].begin(FORM, "rig", f"user{number}")
                assert exam.problem is None, exam.problem
                ids.append(exam.id)
                studies[number % 2].finish(exam.id, {})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert errors == []
    assert len(set(ids)) == 24
    page = studies[0].search(limit=100)
    assert page.total == 24
    assert {exam.state for exam in page.exams} == {"done"}
    assert len({exam.subject_id for exam in page.exams}) == 1


def test_a_subject_is_one_and_its_newest_form_counts(studies: Studies) -> None:
    first = done(studies)
    later = SubjectForm(subject_id="S-01", name="Zebedee Featherquill", notes="after stress")
    second = done(studies, later)
    for one in (first, second):
        exam = studies.get(one)
        assert (exam.name, exam.sex, exam.year_of_birth) == ("Zebedee Featherquill", "F", 1960)
    assert [studies.get(one).notes for one in (first, second)] == ["at rest", "after stress"]


def test_search(studies: Studies, clock: SetClock) -> None:
    other = SubjectForm(subject_id="S_02", name="Özlem 100% Ärmel", notes="Kontrolle")
    ids = [done(studies), done(studies, other)]
    clock.step(days=2)
    ids.append(studies.begin(FORM, "rig", "olga").id)

    def found(**by: object) -> list[str]:
        page = studies.search(**by)  # type: ignore[arg-type]
        assert page.total == len(page.exams)
        return [exam.id for exam in page.exams]

    assert found() == ids[::-1]
    assert found(text="zebedee") == [ids[2], ids[0]]
    assert found(text="ÖZLEM ärm") == [ids[1]]
    assert found(text="kontrolle") == [ids[1]]
    assert found(text="s_02") == [ids[1]]
    assert found(text="20260306") == [ids[2]]
    # Wild cards of SQL are letters here.
    assert found(text="%") == [ids[1]]
    assert found(text="S_0") == [ids[1]]
    assert found(text="zebedee özlem") == []
    assert found(first_day=date(2026, 3, 5)) == [ids[2]]
    assert found(last_day=date(2026, 3, 4)) == [ids[1], ids[0]]
    assert found(first_day=date(2026, 3, 6), last_day=date(2026, 3, 6)) == [ids[2]]
    assert found(last_day=date.max) == ids[::-1]
    assert found(state="running") == [ids[2]]
    page = studies.search(limit=1, offset=1)
    assert (page.total, [exam.id for exam in page.exams]) == (3, [ids[1]])


def test_deleting_removes_every_file_and_leaves_a_tombstone(
    studies: Studies, tmp_path: Path
) -> None:
    kept, gone = done(studies, SubjectForm(subject_id="kept")), done(studies)
    (studies.folder_of(gone) / "recording").mkdir()
    (studies.folder_of(gone) / "recording" / "recording-0000.mcap").write_bytes(b"SECRET-FIELD")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{gone}.h5").write_bytes(b"SECRET-FIELD")
    studies.delete(gone, "eva")
    assert not studies.folder_of(gone).exists()
    assert b"SECRET-FIELD" not in everything_below(tmp_path)
    assert list((tmp_path / "trash").iterdir()) == []
    exam = studies.get(gone)
    assert (exam.state, exam.notes, exam.name, exam.year_of_birth) == ("deleted", "", None, None)
    assert studies.events(gone)[-1].by == "eva"
    assert [one.id for one in studies.search().exams] == [kept]
    assert [one.id for one in studies.search(state="deleted").exams] == [gone]
    studies.delete(gone, "eva")
    assert [one.what for one in studies.events(gone)].count("deleted") == 1


def test_a_name_stays_while_another_exam_of_the_subject_does(studies: Studies) -> None:
    first, second = done(studies), done(studies)
    studies.delete(first, "eva")
    assert studies.get(second).name == NAME
    studies.delete(second, "eva")
    assert studies.get(second).name is None


def test_a_running_exam_is_not_deleted(studies: Studies) -> None:
    exam_id = studies.begin(FORM, "rig", "olga").id
    with pytest.raises(ExamStateError, match="is running"):
        studies.delete(exam_id, "eva")
    assert studies.folder_of(exam_id).is_dir()
    with pytest.raises(UnknownExamError):
        studies.delete("20260304-077", "eva")


def test_a_deletion_that_the_database_refuses_deletes_nothing(tmp_path: Path) -> None:
    studies = open_studies(tmp_path, busy_timeout_s=0.05)
    exam_id = done(studies)
    with write_lock(tmp_path), pytest.raises(StoreError, match="locked"):
        studies.delete(exam_id, "eva")
    content = json.loads((studies.folder_of(exam_id) / "exam.json").read_text())
    assert content["notes"]["subject"] == "S-01"
    assert studies.get(exam_id).state == "done"
    assert not studies.folders.is_deleting(exam_id)
    open_studies(tmp_path).recover()
    assert studies.folder_of(exam_id).is_dir()


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject_id": ""},
        {"subject_id": "a" * 33},
        {"subject_id": "A Name"},
        {"subject_id": "../x"},
        {"subject_id": "S1\nS2"},
        {"subject_id": "Müller"},
        {"sex": "x"},
        {"year_of_birth": 1899},
        {"notes": "x" * 2001},
        {"name": "x" * 201},
        {"name": "a\x00b"},
    ],
)
def test_forms_that_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SubjectForm.model_validate({"subject_id": "S1", **wrong})


def test_a_year_of_birth_that_lies_ahead_is_refused(studies: Studies, clock: SetClock) -> None:
    form = SubjectForm(subject_id="S1", year_of_birth=2027)
    with pytest.raises(InputError, match="2027"):
        studies.begin(form, "rig", "olga")
    assert studies.folders.ids() == []
    clock.step(days=366)
    assert studies.begin(form, "rig", "olga").year_of_birth == 2027
