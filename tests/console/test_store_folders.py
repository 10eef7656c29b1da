"""Nothing outside an exam's folder can be reached through names."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_exam import FORM, open_studies

from nullfield.console.store.exam_folder import ExamFolders
from nullfield.errors import UnknownExamError


@pytest.fixture
def folders(tmp_path: Path) -> ExamFolders:
    studies = open_studies(tmp_path)
    exam_id = studies.begin(FORM, "rig", "olga").id
    folder = studies.folder_of(exam_id)
    assert exam_id == "20260304-001"
    (folder / "report.html").write_text("report")
    (folder / "map_R.png").write_bytes(b"png")
    (folder / "sub").mkdir()
    (folder / "sub" / "inside.png").write_bytes(b"inside")
    (folder / ".hidden.png").write_bytes(b"hidden")
    (folder / "tool.py").write_text("code")
    (tmp_path / "secret.json").write_text("secret")
    (folder / "linked.json").symlink_to(tmp_path / "secret.json")
    (folder / "folder.png").mkdir()
    return studies.folders


def test_files_of_an_exam(folders: ExamFolders) -> None:
    assert folders.file_names("20260304-001") == ["exam.json", "map_R.png", "report.html"]
    assert folders.file("20260304-001", "report.html").read_text() == "report"


@pytest.mark.parametrize(
    "name",
    [
        "../../secret.json", "..", ".", "", "/etc/passwd", "..\\..\\secret.json", "sub/inside.png",
        "sub", ".hidden.png", "tool.py", "linked.json", "folder.png", "absent.png",
        "../20260304-001/report.html", "report.html\x00.png", "report.html/", "%2e%2e/secret.json",
        "report.html\n", "x" * 300 + ".png",
    ],
)  # fmt: skip
def test_other_names_are_refused(folders: ExamFolders, name: str) -> None:
    with pytest.raises(UnknownExamError, match="has no file"):
        folders.file("20260304-001", name)


@pytest.mark.parametrize(
    "exam_id",
    ["..", "../exams/20260304-001", "20260304-001/..", "", "20260304", "20260304-1", "x" * 12,
     "20260304-001\n", "/etc", "２０２６０３０４-001", "20260304-0010000"],
)  # fmt: skip
def test_other_ids_are_refused(folders: ExamFolders, exam_id: str) -> None:
    for use in (folders.of, folders.record, folders.file_names, folders.remove):
        with pytest.raises(UnknownExamError, match="no such exam"):
            use(exam_id)
