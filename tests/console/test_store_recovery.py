"""After a loss of power, a kill or a lost database: what is there is found and put right."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from stored_exam import FORM, NAME, SetClock, copy_of_analysed, copy_of_recorded, open_studies

from nullfield.console.store.studies import Studies
from nullfield.errors import ExamStateError, RecordingError, StoreError
from nullfield.recording.writer import RecordingWriter


def test_an_exam_cut_by_a_loss_of_power(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exam_id = copy_of_recorded(tmp_path_factory, tmp_path)
    studies = open_studies(tmp_path)
    assert studies.get(exam_id).state == "running"
    (exam,) = studies.recover()
    assert (exam.id, exam.state) == (exam_id, "interrupted")
    seconds = float(exam.reason.split("; ")[1].split()[0])
    assert 9.0 < seconds < 10.0
    assert "its end is missing" in exam.reason
    assert exam.name == NAME
    # The next start finds nothing more to do.
    assert open_studies(tmp_path).recover() == []
    assert studies.get(exam_id).state == "interrupted"


def test_what_was_recorded_is_analysed_on_request(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exam_id = copy_of_analysed(tmp_path_factory, tmp_path)
    studies = open_studies(tmp_path)
    exam = studies.get(exam_id)
    assert exam.state == "interrupted"
    assert exam.summary is not None
    assert exam.summary["beats_accepted"] >= 9
    assert 9.0 < exam.summary["duration_s"] < 10.0
    folder = studies.folder_of(exam_id)
    names = {one.name for one in folder.iterdir()}
    assert {"report.html", "report.pdf", "butterfly.png", "map_R.png", "recording"} <= names
    content = json.loads((folder / "exam.json").read_text())
    assert content["analysis"]["beats"]["accepted"] == exam.summary["beats_accepted"]
    assert content["notes"]["subject"] == "S-01"
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "S-01" in report
    assert "its end is missing" in report
    assert NAME not in report
    assert str(tmp_path_factory.getbasetemp()) not in json.dumps(content)
    assert [one.what for one in studies.events(exam_id)] == ["begun", "interrupted", "reanalysed"]


def test_an_exam_that_runs_is_left_alone(tmp_path: Path) -> None:
    studies = open_studies(tmp_path)
    exam_id = studies.begin(FORM, "rig", "olga").id
    assert studies.recover() == []
    assert studies.get(exam_id).state == "running"
    (exam,) = open_studies(tmp_path).recover()
    assert exam.reason == "interrupted; nothing was recorded"


def test_a_lost_database_is_made_again_from_the_folders(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recorded = copy_of_analysed(tmp_path_factory, tmp_path)
    studies = open_studies(tmp_path, SetClock())
    done = studies.begin(FORM, "rig", "olga").id
    studies.folders.write_record(
        done, {"state": "done", "rig": "demo", "notes": {"subject": "S-09", "sex": "M"}}
    )
    foreign = studies.begin(FORM, "rig", "olga").id
    (studies.folder_of(foreign) / "exam.json").write_text("{ cut")
    strange = studies.begin(FORM, "rig", "olga").id
    odd = {"state": 7, "notes": {"subject": "../../etc", "begun_at": "never", "sex": []}}
    (studies.folder_of(strange) / "exam.json").write_text(json.dumps(odd))
    for one in tmp_path.glob("studies.sqlite3*"):
        one.unlink()
    again = open_studies(tmp_path)
    interrupted = again.recover()
    assert {exam.id for exam in interrupted} == {recorded, foreign, strange}
    found = {exam.id: exam for exam in again.search().exams}
    assert set(found) == {recorded, done, foreign, strange}
    assert (found[done].state, found[done].subject_id, found[done].sex) == ("done", "S-09", "M")
    assert found[recorded].subject_id == "S-01"
    assert found[recorded].summary is not None
    for one in (foreign, strange):
        assert found[one].subject_id == "unknown"
        assert found[one].begun_at.isoformat() == "2026-03-04T00:00:00+00:00"


def test_a_deletion_cut_by_a_loss_of_power_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = open_studies(tmp_path)
    ids = []
    for _ in range(2):
        ids.append(studies.begin(FORM, "rig", "olga").id)
        studies.finish(ids[-1], {})

    def power_goes(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # Before the folder is moved.
    monkeypatch.setattr(studies.folders, "remove", power_goes)
    with pytest.raises(KeyboardInterrupt):
        studies.delete(ids[0], "eva")
    monkeypatch.undo()
    # In the middle of emptying the trash.
    monkeypatch.setattr(shutil, "rmtree", power_goes)
    with pytest.raises(KeyboardInterrupt):
        studies.delete(ids[1], "eva")
    monkeypatch.undo()
    assert studies.folder_of(ids[0]).is_dir()
    assert len(list((tmp_path / "trash").iterdir())) == 1
    again = open_studies(tmp_path)
    assert again.recover() == []
    assert again.folders.ids() == []
    assert list((tmp_path / "trash").iterdir()) == []
    assert [exam.state for exam in again.search(state="deleted").exams] == ["deleted"] * 2


def test_a_deletion_cut_before_the_database_knew_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = open_studies(tmp_path)
    exam_id = studies.begin(FORM, "rig", "olga").id
    studies.finish(exam_id, {})
    studies.folders.mark_deleting(exam_id)
    again = open_studies(tmp_path)
    again.recover()
    assert again.get(exam_id).state == "done"
    assert again.folder_of(exam_id).is_dir()
    assert not again.folders.is_deleting(exam_id)


def test_files_that_cannot_be_removed_are_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = open_studies(tmp_path)
    exam_id = studies.begin(FORM, "rig", "olga").id
    studies.finish(exam_id, {})

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refused)
    with pytest.raises(StoreError, match="Permission denied"):
        studies.delete(exam_id, "eva")
    monkeypatch.undo()
    assert studies.get(exam_id).state == "deleted"
    open_studies(tmp_path).recover()
    assert list((tmp_path / "trash").iterdir()) == []


def test_nothing_recorded_and_a_recording_that_cannot_be_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exam_id = copy_of_recorded(tmp_path_factory, tmp_path)
    recording = Studies.folder_of(open_studies(tmp_path), exam_id) / "recording"
    for file in recording.iterdir():
        file.write_bytes(file.read_bytes()[:20])
    studies = open_studies(tmp_path)
    (exam,) = studies.recover()
    assert "its recording cannot be read" in exam.reason
    with pytest.raises(RecordingError):
        studies.reanalyse(exam_id, "olga")
    shutil.rmtree(recording)
    with pytest.raises(ExamStateError, match="no recording"):
        studies.reanalyse(exam_id, "olga")


def test_recovering_while_exams_begin_and_end_disturbs_none(tmp_path: Path) -> None:
    studies = open_studies(tmp_path)
    errors: list[BaseException] = []
    is_over = threading.Event()

    def recover() -> None:
        try:
            while not is_over.is_set():
                assert studies.recover() == []
        except BaseException as error:
            errors.append(error)

    looking = threading.Thread(target=recover, daemon=True)
    looking.start()
    ids = []
    try:
        for _ in range(30):
            ids.append(studies.begin(FORM, "rig", "olga").id)
            studies.finish(ids[-1], {})
    finally:
        is_over.set()
        looking.join(120)
    assert not looking.is_alive(), "recovering hangs"
    assert errors == []
    assert {studies.get(one).state for one in ids} == {"done"}
    assert all(len(studies.events(one)) == 2 for one in ids)


def test_only_the_first_look_clears_what_was_half_exported(tmp_path: Path) -> None:
    studies = open_studies(tmp_path)
    (studies.folders.scratch() / "left").mkdir()
    studies.recover()
    assert not (tmp_path / "scratch").exists()
    # Somebody downloads this now.
    (studies.folders.scratch() / "made").mkdir()
    studies.recover()
    assert (tmp_path / "scratch" / "made").is_dir()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "null",
        "[" * 100_000,
        '{"state": "failed", "error": ["a list"], "rig": {"a": 1}}',
        '{"state": "failed", "error": "lone \\ud800 and \\u0000", "rig": "\\udfff"}',
        '{"state": "done", "analysis": {"quality": {"bad_channels": 7}, "beats": []}}',
        '{"state": "done", "analysis": {"beats": {"rate_bpm": NaN}}}',
        '{"notes": {"subject": 7, "begun_at": "9999-12-31T23:59:59-23:00", "notes": {}}}',
        '{"notes": {"subject": "ok", "year_of_birth": "x", "notes": "\\ud800"}, "step": {}}',
        '{"notes": []}',
    ],
)
def test_no_record_stops_the_start(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "exams" / "20260304-001"
    folder.mkdir(parents=True)
    (folder / "exam.json").write_text(content)
    studies = open_studies(tmp_path)
    studies.recover()
    (exam,) = studies.search().exams
    assert exam.state in ("done", "failed", "interrupted")
    # What no database of another kind would take either.
    assert "NaN" not in json.dumps(exam.summary)
    assert "\x00" not in exam.reason


def test_a_recording_with_an_odd_header_does_not_stop_the_start(tmp_path: Path) -> None:
    recording = tmp_path / "exams" / "20260304-001" / "recording"
    recording.mkdir(parents=True)
    with RecordingWriter(recording, {"boards": [{"uid": "00"}], "rig": 7}):
        pass
    (exam,) = open_studies(tmp_path).recover()
    assert "its recording cannot be read" in exam.reason
