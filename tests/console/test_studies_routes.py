"""Routes of stored exams: who may, what comes back, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from stored_exam import FORM, NAME, SetClock, open_studies, write_lock

from nullfield.console.access.user import ROLES, Role, User
from nullfield.console.api import studies as routes
from nullfield.console.api.problem import register_problems
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.studies import Studies
from nullfield.errors import AccessError, StoreError


class Door:
    """Stands for the access: who comes is set by the test; roles count as they do there."""

    def __init__(self) -> None:
        self.role: Role | None = "engineer"
        self.trail: list[tuple[str, str, str, dict[str, Any]]] = []
        self.is_broken = False

    def user_of(self, request: object, least: Role) -> User:
        if self.role is None or ROLES.index(self.role) < ROLES.index(least):
            raise AccessError(f"needs {least}")
        return User(1, "eva", self.role)

    def audit(
        self,
        user: User,
        action: str,
        subject: str,
        detail: dict[str, Any],
        *,
        is_required: bool = False,
    ) -> None:
        if self.is_broken:
            # The access keeps what need not be there at once, and writes it later.
            if is_required:
                raise StoreError("no trail")
            return
        self.trail.append((user.name, action, subject, detail))


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    return open_studies(tmp_path, SetClock(), busy_timeout_s=0.05)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def client(studies: Studies, door: Door) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.console = SimpleNamespace(studies=studies, access=door)
    register_problems(app)
    app.include_router(routes.router)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def exam_id(studies: Studies) -> str:
    exam_id = studies.begin(FORM, "rig", "olga").id
    (studies.folder_of(exam_id) / "report.html").write_text("<p>report</p>")
    (studies.folder_of(exam_id) / "map_R.png").write_bytes(b"png")
    studies.finish(exam_id, {"beats": {"accepted": 60}})
    return exam_id


def test_search(client: TestClient, studies: Studies, exam_id: str) -> None:
    other = studies.begin(SubjectForm(subject_id="other"), "rig", "olga").id
    answer = client.get("/api/v1/exams").json()
    assert (answer["total"], answer["limit"], answer["offset"]) == (2, 50, 0)
    assert [one["exam_id"] for one in answer["exams"]] == [other, exam_id]
    assert answer["exams"][1]["name"] == NAME
    assert answer["exams"][1]["begun_at"] == "2026-03-04T12:00:00Z"
    query = {"text": "zebedee", "from": "2026-03-04", "to": "2026-03-04", "state": "done"}
    answer = client.get("/api/v1/exams", params=query).json()
    assert [one["exam_id"] for one in answer["exams"]] == [exam_id]
    assert client.get("/api/v1/exams", params={"from": "2026-03-05"}).json()["total"] == 0
    page = client.get("/api/v1/exams", params={"limit": 1, "offset": 1}).json()
    assert [one["exam_id"] for one in page["exams"]] == [exam_id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "yesterday"},
        {"limit": 0},
        {"limit": 201},
        {"offset": -1},
        {"state": "odd"},
        {"text": "x" * 201},
    ],
)
def test_searches_that_are_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    answer = client.get("/api/v1/exams", params=wrong)
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["error"]


def test_one_exam(client: TestClient, exam_id: str) -> None:
    answer = client.get(f"/api/v1/exams/{exam_id}").json()
    assert answer["exam"]["subject_id"] == "S-01"
    assert answer["exam"]["summary"]["beats_accepted"] == 60
    assert answer["files"] == ["exam.json", "map_R.png", "report.html"]
    assert answer["has_recording"] is False
    assert answer["record"]["notes"]["subject"] == "S-01"
    assert answer["analysis"] is None
    assert [one["what"] for one in answer["events"]] == ["begun", "done"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("report.html", "text/html; charset=utf-8"),
        ("map_R.png", "image/png"),
        ("exam.json", "application/json"),
    ],
)
def test_files(client: TestClient, exam_id: str, name: str, media_type: str) -> None:
    answer = client.get(f"/api/v1/exams/{exam_id}/files/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_report_runs_as_nobody(client: TestClient, exam_id: str) -> None:
    policy = client.get(f"/api/v1/exams/{exam_id}/files/report.html").headers[
        "content-security-policy"
    ]
    rules = [one.strip() for one in policy.split(";")]
    assert "default-src 'none'" in rules
    # Without allow-same-origin its scripts have neither the login nor the interface.
    assert "sandbox allow-scripts" in rules


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fstudies.sqlite3", "%2e%2e%2f%2e%2e%2fstudies.sqlite3", "..%5c..%5cstudies.sqlite3",
     "%2fetc%2fpasswd", "report.html%00.png", ".last-exam", "absent.png"],
)  # fmt: skip
def test_nothing_outside_the_folder_is_given(client: TestClient, exam_id: str, name: str) -> None:
    answer = client.get(f"/api/v1/exams/{exam_id}/files/{name}")
    assert answer.status_code == 404
    assert b"SQLite format" not in answer.content


@pytest.mark.parametrize("exam", ["..", "current", "20260304", "20260304-1", "x", "..%2f.."])
@pytest.mark.parametrize("rest", ["", "/files/report.html", "/map", "/export/fif"])
def test_ids_that_are_none(client: TestClient, exam: str, rest: str) -> None:
    assert client.get(f"/api/v1/exams/{exam}{rest}").status_code in (404, 422)


@pytest.mark.parametrize("rest", ["", "/files/report.html", "/map", "/export/fif"])
def test_an_exam_that_is_not_there(client: TestClient, rest: str) -> None:
    answer = client.get(f"/api/v1/exams/20260304-077{rest}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "UnknownExamError"


READS: list[tuple[str, str]] = [
    ("GET", "/api/v1/exams"),
    ("GET", "/api/v1/exams/recover"),
    ("GET", "/api/v1/exams/compare?first=20260304-001&second=20260304-001"),
    ("GET", "/api/v1/exams/20260304-001"),
    ("GET", "/api/v1/exams/20260304-001/files/report.html"),
    ("GET", "/api/v1/exams/20260304-001/map"),
    ("GET", "/api/v1/exams/20260304-001/beat"),
    ("GET", "/api/v1/exams/20260304-001/export/fif"),
    ("POST", "/api/v1/exams/20260304-001/reanalyse"),
]
ENGINEERS: list[tuple[str, str]] = [
    ("DELETE", "/api/v1/exams/20260304-001"),
    ("POST", "/api/v1/exams/recover"),
]


def test_every_route_is_among_those_tried_here(client: TestClient) -> None:
    def shape(path: str) -> str:
        path = path.partition("?")[0]
        for found, name in (
            ("20260304-001", "{exam_id}"), ("report.html", "{name}"), ("export/fif", "export/{kind}"),
        ):  # fmt: skip
            path = path.replace(found, name)
        return path

    described = client.get("/openapi.json").json()["paths"]
    there = {(verb.upper(), path) for path, verbs in described.items() for verb in verbs}
    assert there == {(verb, shape(path)) for verb, path in READS + ENGINEERS}


@pytest.mark.parametrize(("verb", "path"), READS + ENGINEERS)
def test_strangers_get_nothing(
    client: TestClient, door: Door, exam_id: str, verb: str, path: str
) -> None:
    door.role = None
    answer = client.request(verb, path)
    assert answer.status_code == 403
    assert answer.json()["code"] == "AccessError"


@pytest.mark.parametrize(("verb", "path"), ENGINEERS)
def test_operators_do_not_delete(
    client: TestClient, door: Door, studies: Studies, exam_id: str, verb: str, path: str
) -> None:
    door.role = "operator"
    assert client.request(verb, path).status_code == 403
    assert studies.get(exam_id).state == "done"
    door.role = "engineer"
    assert client.request(verb, path).status_code == 200


def test_deleting_is_in_the_audit_trail(
    client: TestClient, door: Door, studies: Studies, exam_id: str
) -> None:
    answer = client.delete(f"/api/v1/exams/{exam_id}")
    assert answer.json()["state"] == "deleted"
    assert door.trail == [("eva", "exam.delete", exam_id, {"subject": "S-01"})]
    assert studies.events(exam_id)[-1].by == "eva"
    assert client.get("/api/v1/exams").json()["total"] == 0
    assert client.get(f"/api/v1/exams/{exam_id}/files/report.html").status_code == 404


def test_without_the_audit_trail_nothing_is_deleted(
    client: TestClient, door: Door, studies: Studies, exam_id: str
) -> None:
    door.is_broken = True
    assert client.delete(f"/api/v1/exams/{exam_id}").status_code == 503
    assert studies.get(exam_id).state == "done"
    assert studies.folder_of(exam_id).is_dir()


def test_a_running_exam_is_neither_deleted_nor_exported(
    client: TestClient, studies: Studies
) -> None:
    exam_id = studies.begin(FORM, "rig", "olga").id
    for verb, rest in (("DELETE", ""), ("GET", "/export/pdf"), ("GET", "/map")):
        answer = client.request(verb, f"/api/v1/exams/{exam_id}{rest}")
        assert answer.status_code == 409
        assert "is running" in answer.json()["error"]
        assert answer.json()["hint"]


def test_recovering(client: TestClient, tmp_path: Path, door: Door) -> None:
    assert client.get("/api/v1/exams/recover").json() == {"exams": []}
    (tmp_path / "exams" / "20260303-001").mkdir(parents=True)
    answer = client.post("/api/v1/exams/recover").json()
    assert [one["exam_id"] for one in answer["exams"]] == ["20260303-001"]
    again = client.get("/api/v1/exams/recover").json()
    assert [one["exam_id"] for one in again["exams"]] == ["20260303-001"]
    assert door.trail[-1][1] == "exam.recover"


def break_database(tmp_path: Path) -> None:
    (tmp_path / "studies.sqlite3").rename(tmp_path / "away")


@pytest.mark.parametrize(("verb", "path"), READS + ENGINEERS)
def test_a_database_that_is_gone_is_told(
    client: TestClient, tmp_path: Path, exam_id: str, verb: str, path: str
) -> None:
    break_database(tmp_path)
    answer = client.request(verb, path)
    assert answer.status_code == 503
    assert answer.json()["code"] == "StoreError"
    assert "is gone" in answer.json()["error"]


def test_a_locked_database_still_shows_exams(
    client: TestClient, tmp_path: Path, exam_id: str
) -> None:
    with write_lock(tmp_path):
        assert client.get("/api/v1/exams").json()["total"] == 1
        answer = client.delete(f"/api/v1/exams/{exam_id}")
    assert answer.status_code == 503
    assert "locked" in answer.json()["error"]
