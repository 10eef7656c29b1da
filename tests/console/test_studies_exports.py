"""Maps, exports and comparisons of a stored exam, made from its real recording."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from stored_exam import FORM, NAME, SetClock, copy_of_analysed, open_studies

from nullfield.console.access.user import Role, User
from nullfield.console.api import studies as routes
from nullfield.console.api.problem import register_problems
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.studies import Studies
from nullfield.errors import AnalysisError, InputError, StoreError
from nullfield.files.results_hdf5 import read_results
from nullfield.recording.load import load_field_recording


class OpenDoor:
    def __init__(self) -> None:
        self.trail: list[tuple[str, str, dict[str, Any]]] = []
        self.is_broken = False

    def user_of(self, request: object, least: Role) -> User:
        return User(1, "eva", "engineer")

    def audit(
        self,
        user: User,
        action: str,
        subject: str,
        detail: dict[str, Any],
        *,
        is_required: bool = False,
    ) -> None:
        if self.is_broken and is_required:
            raise StoreError("no trail")
        self.trail.append((action, subject, detail))


@pytest.fixture
def exam_id(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return copy_of_analysed(tmp_path_factory, tmp_path)


@pytest.fixture
def studies(tmp_path: Path, exam_id: str) -> Studies:
    return open_studies(tmp_path, SetClock())


@pytest.fixture
def door() -> OpenDoor:
    return OpenDoor()


@pytest.fixture
def client(studies: Studies, door: OpenDoor) -> TestClient:
    app = FastAPI()
    app.state.console = SimpleNamespace(studies=studies, access=door)
    register_problems(app)
    app.include_router(routes.router)
    return TestClient(app)


def scratch_of(folder: Path) -> list[Path]:
    return list((folder / "scratch").iterdir())


def saved(folder: Path, content: bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def unpacked(folder: Path, content: bytes) -> list[Path]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        file.extractall(folder)
    return sorted(one for one in folder.rglob("*") if one.is_file())


def test_the_map_of_the_r_peak_is_that_of_the_analysis(
    client: TestClient, studies: Studies, exam_id: str, tmp_path: Path
) -> None:
    answer = client.get(f"/api/v1/exams/{exam_id}/map")
    assert answer.status_code == 200
    picture = answer.json()
    analysis = read_results(tmp_path / "cache" / f"{exam_id}.h5")
    r = analysis.landmarks["R"]
    assert r is not None
    assert r.field_map is not None
    assert picture["time_ms"] == pytest.approx(1e3 * r.time_s, abs=0.51)
    ours, theirs = np.array(picture["bz_pt"]), r.field_map.bz_pt
    assert ours.shape == theirs.shape
    # The operator is that of the whole beat, the report's that of the moment.
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1.0) < 0.1
    assert picture["x_mm"] == pytest.approx((1e3 * r.field_map.x_m).tolist())
    assert len(picture["sensors"]) == 16
    assert len(picture["arrows"]["u"]) == len(picture["arrows"]["x_mm"]) > 4
    assert picture["beats"] >= 9
    assert picture["landmarks_ms"]["R"] == pytest.approx(1e3 * r.time_s)


def test_maps_of_other_moments(client: TestClient, exam_id: str) -> None:
    whole = client.get(f"/api/v1/exams/{exam_id}/map").json()
    first, last = whole["times_ms"]
    for wanted in (first, last, 250.0):
        picture = client.get(f"/api/v1/exams/{exam_id}/map", params={"time_ms": wanted}).json()
        assert picture["time_ms"] == pytest.approx(wanted, abs=0.51)
    t_wave = np.abs(picture["bz_pt"]).max()
    assert 0.02 < t_wave / np.abs(whole["bz_pt"]).max() < 0.8
    for outside in (first - 10.0, last + 10.0):
        answer = client.get(f"/api/v1/exams/{exam_id}/map", params={"time_ms": outside})
        assert answer.status_code == 422
        assert "outside the averaged beat" in answer.json()["error"]
    for odd in ("nan", "inf", "soon"):
        answer = client.get(f"/api/v1/exams/{exam_id}/map", params={"time_ms": odd})
        assert answer.status_code == 422


def test_the_averaged_beat_of_a_stored_exam(
    client: TestClient, studies: Studies, exam_id: str
) -> None:
    beat = client.get(f"/api/v1/exams/{exam_id}/beat").json()
    analysis = studies.analyses.of(studies.get(exam_id))
    assert analysis.average is not None
    shown = [
        n for n, has in zip(analysis.array.names, analysis.average.has_beats, strict=True) if has
    ]
    assert list(beat["traces_pt"]) == shown
    first_ms, last_ms = client.get(f"/api/v1/exams/{exam_id}/map").json()["times_ms"]
    assert beat["time_ms"][0] == pytest.approx(first_ms, abs=0.1)
    assert beat["time_ms"][-1] == pytest.approx(last_ms, abs=5.0)
    # The largest field of each channel stands where the analysis has it.
    name = shown[0]
    row = analysis.average.field_pt[analysis.array.names.index(name)]
    step_s = 1e-3 * (beat["time_ms"][1] - beat["time_ms"][0])
    assert 0.002 <= step_s <= 0.0041
    peak = max(beat["traces_pt"][name], key=abs)
    assert abs(peak) == pytest.approx(np.abs(row).max(), rel=0.1)
    assert beat["landmarks_ms"]["R"] == pytest.approx(1e3 * analysis.marks.times_s["R"], abs=0.06)
    assert set(beat["quality"]["lights"]) == {"signal", "beats", "heads", "movement"}
    assert beat["count"] >= 9


def test_without_a_beat_there_is_no_map(
    client: TestClient, studies: Studies, exam_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    analysis = studies.analyses.of(studies.get(exam_id))
    without = dataclasses.replace(analysis, average=None, reasons={"average": "no beats"})
    monkeypatch.setitem(studies.analyses._held, exam_id, without)
    assert client.get(f"/api/v1/exams/{exam_id}/map").status_code == 204
    assert client.get(f"/api/v1/exams/{exam_id}/beat").status_code == 204
    with pytest.raises(AnalysisError, match="no averaged beat") as caught:
        studies.map_at(exam_id)
    assert caught.value.hint == "no beats"


def test_the_kept_analysis_is_used_and_a_damaged_one_made_again(
    studies: Studies, exam_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def not_again(*_: object, **__: object) -> None:
        calls.append("analysed")
        raise AnalysisError("analysed again")

    monkeypatch.setattr("nullfield.analysis.chain.analyze_source", not_again)
    assert studies.map_at(exam_id)["beats"] >= 9
    assert calls == []
    kept = tmp_path / "cache" / f"{exam_id}.h5"
    kept.write_bytes(kept.read_bytes()[:2000])
    with pytest.raises(AnalysisError, match="analysed again"):
        open_studies(tmp_path).map_at(exam_id)


def test_fif(client: TestClient, studies: Studies, exam_id: str, tmp_path: Path) -> None:
    import mne

    answer = client.get(f"/api/v1/exams/{exam_id}/export/fif")
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="S-01_{exam_id}_raw.fif"'
    )
    raw = mne.io.read_raw_fif(saved(tmp_path, answer.content, "sent_raw.fif"), verbose="error")
    own = load_field_recording(studies.folder_of(exam_id) / "recording")
    assert raw.ch_names == list(own.array.names)
    good = own.usable
    np.testing.assert_allclose(raw.get_data()[good] * 1e12, own.field_pt[good], atol=1e-6)
    assert scratch_of(tmp_path) == []


def test_bids(client: TestClient, exam_id: str, tmp_path: Path) -> None:
    answer = client.get(f"/api/v1/exams/{exam_id}/export/bids")
    assert answer.headers["content-type"] == "application/zip"
    assert f"S-01_{exam_id}_bids.zip" in answer.headers["content-disposition"]
    files = unpacked(tmp_path / "out", answer.content)
    session = exam_id.replace("-", "")
    (fif,) = [one for one in files if one.suffix == ".fif"]
    assert fif.name == f"sub-S01_ses-{session}_task-rest_meg.fif"
    assert "dataset_description.json" in {one.name for one in files}
    assert scratch_of(tmp_path) == []


def test_dicom_without_and_with_the_name(
    client: TestClient, door: OpenDoor, studies: Studies, exam_id: str, tmp_path: Path
) -> None:
    import pydicom

    for with_name, patient in ((False, "S-01"), (True, NAME)):
        answer = client.get(
            f"/api/v1/exams/{exam_id}/export/dicom", params={"with_name": with_name}
        )
        assert answer.status_code == 200, answer.text
        files = unpacked(tmp_path / f"out{with_name}", answer.content)
        assert "report.dcm" in {one.name for one in files}
        assert "average.dcm" in {one.name for one in files}
        for one in files:
            dataset = pydicom.dcmread(one)
            assert dataset.PatientName == patient
            assert dataset.PatientID == "S-01"
            assert dataset.PatientSex == "F"
            assert dataset.StudyID == exam_id
            local = studies.get(exam_id).begun_at.astimezone()
            assert dataset.StudyDate == local.strftime("%Y%m%d")
        whole = b"".join(one.read_bytes() for one in files)
        assert (NAME.encode() in whole) is with_name
    assert [detail["with_name"] for _, _, detail in door.trail] == [False, True]


def no_plots(*_: object) -> dict[str, Path]:
    """In place of drawing, which takes most of a report's time: reports do without plots."""
    return {}


def test_a_name_is_not_given_out_without_the_audit_trail(
    client: TestClient, door: OpenDoor, exam_id: str, tmp_path: Path
) -> None:
    door.is_broken = True
    path = f"/api/v1/exams/{exam_id}/export/dicom"
    assert client.get(path, params={"with_name": True}).status_code == 503
    assert scratch_of(tmp_path) == []
    assert client.get(path).status_code == 200


def test_pdf_is_the_report_that_is_there_or_one_made_now(
    client: TestClient,
    studies: Studies,
    exam_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nullfield.analysis.plots.write_plots", no_plots)
    stored = studies.folder_of(exam_id) / "report.pdf"
    content = stored.read_bytes()
    answer = client.get(f"/api/v1/exams/{exam_id}/export/pdf")
    assert answer.content == content
    assert f"S-01_{exam_id}_report.pdf" in answer.headers["content-disposition"]
    stored.unlink()
    answer = client.get(f"/api/v1/exams/{exam_id}/export/pdf")
    assert answer.content.startswith(b"%PDF")
    assert len(answer.content) > 5_000
    # The exam's folder holds what the examination wrote, and nothing else.
    assert not stored.exists()
    assert scratch_of(tmp_path) == []


def test_no_export_holds_the_name_unless_asked(
    client: TestClient, exam_id: str, tmp_path: Path
) -> None:
    for kind in ("fif", "bids", "dicom", "pdf"):
        content = client.get(f"/api/v1/exams/{exam_id}/export/{kind}").content
        parts = [content]
        if content[:2] == b"PK":
            parts = [one.read_bytes() for one in unpacked(tmp_path / kind, content)]
        for part in NAME.split():
            assert not any(part.encode() in one for one in parts), kind
        assert not any(str(tmp_path).encode() in one for one in parts), kind


def test_exports_that_are_refused(
    client: TestClient, studies: Studies, exam_id: str, tmp_path: Path
) -> None:
    assert client.get(f"/api/v1/exams/{exam_id}/export/docx").status_code == 422
    answer = client.get(f"/api/v1/exams/{exam_id}/export/fif", params={"with_name": True})
    assert answer.status_code == 422
    assert "no place for the name" in answer.json()["error"]
    with pytest.raises(InputError, match="no such format"):
        studies.export(exam_id, "docx")
    assert not (tmp_path / "scratch").exists()


def test_a_full_disk_leaves_no_half_export(
    studies: Studies, exam_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nullfield.files.write_fif", full)
    with pytest.raises(StoreError, match="disk is full"):
        studies.export(exam_id, "fif")
    assert scratch_of(tmp_path) == []


def second_exam(studies: Studies, exam_id: str, form: SubjectForm = FORM) -> str:
    """The same recording once more, as another exam: differences are known to be none."""
    import shutil

    other = studies.begin(form, "made-up", "olga").id
    shutil.copytree(
        studies.folder_of(exam_id) / "recording", studies.folder_of(other) / "recording"
    )
    cache = studies.folder_of(exam_id).parents[1] / "cache"
    shutil.copy(cache / f"{exam_id}.h5", cache / f"{other}.h5")
    studies.finish(other, {})
    return other


def test_comparing(client: TestClient, studies: Studies, exam_id: str) -> None:
    other = second_exam(studies, exam_id)
    query = {"first": exam_id, "second": other}
    answer = client.get("/api/v1/exams/compare", params=query).json()
    assert answer["labels"] == [exam_id, other]
    assert answer["maps"]["R"]["correlation"] == pytest.approx(1.0)
    assert answer["sizes"][0]["difference"] == pytest.approx(0.0, abs=1e-9)
    assert not any("two subjects" in one for one in answer["warnings"])
    page = client.get("/api/v1/exams/compare", params={**query, "form": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox allow-scripts" in page.headers["content-security-policy"]
    assert exam_id in page.text
    assert other in page.text
    assert NAME not in page.text
    paper = client.get("/api/v1/exams/compare", params={**query, "form": "pdf"})
    assert paper.content.startswith(b"%PDF")
    assert f"comparison_{exam_id}_{other}.pdf" in paper.headers["content-disposition"]


def test_comparing_two_subjects_is_told(client: TestClient, studies: Studies, exam_id: str) -> None:
    other = second_exam(studies, exam_id, SubjectForm(subject_id="S-77"))
    query = {"first": exam_id, "second": other}
    answer = client.get("/api/v1/exams/compare", params=query).json()
    assert answer["warnings"][0] == "two subjects: S-01 and S-77"
    missing = client.get(
        "/api/v1/exams/compare", params={"first": exam_id, "second": "20200101-001"}
    )
    assert missing.status_code == 404


def test_analysing_again_by_the_route(
    client: TestClient,
    door: OpenDoor,
    studies: Studies,
    exam_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = studies.folder_of(exam_id)
    analysis = studies.analyses.of(studies.get(exam_id))
    monkeypatch.setattr("nullfield.analysis.chain.analyze_source", lambda source: analysis)
    monkeypatch.setattr("nullfield.analysis.plots.write_plots", no_plots)
    for name in ("report.html", "report.pdf"):
        (folder / name).unlink()
    answer = client.post(f"/api/v1/exams/{exam_id}/reanalyse")
    assert answer.status_code == 200
    assert answer.json()["state"] == "interrupted"
    assert answer.json()["summary"]["beats_accepted"] >= 9
    assert {"report.html", "report.pdf"} <= set(studies.folders.file_names(exam_id))
    assert door.trail == [("exam.reanalyse", exam_id, {})]
    detail = client.get(f"/api/v1/exams/{exam_id}").json()
    assert detail["analysis"]["beats"]["accepted"] == answer.json()["summary"]["beats_accepted"]
    assert json.dumps(detail["analysis"]["input"]["source"]) == '"recording"'
