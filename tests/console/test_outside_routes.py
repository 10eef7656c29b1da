"""Metrics and FHIR over HTTP: who may ask, and what the answers are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from analysis_document import document
from fastapi.testclient import TestClient
from fhir_rules import check_bundle
from fuzz_console import ORIGIN, FuzzConsole, fuzz_console
from prometheus_client.parser import text_string_to_metric_families

from nullfield.console.store.form import SubjectForm
from nullfield.errors import TransportError

NAME = "Doe^Jane"


@contextmanager
def _nothing(wrap: Any) -> Iterator[Any]:
    raise TransportError("there is no instrument")
    yield


def nothing(wrap: Any) -> AbstractContextManager[Any]:
    return _nothing(wrap)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzConsole]:
    with fuzz_console(tmp_path_factory.mktemp("console"), nothing) as one:
        one.log_in()
        yield one


def begun(console: FuzzConsole) -> str:
    form = SubjectForm(subject_id="S-9", name=NAME)
    return console.context.studies.begin(form, "small", "ann").id


def done(console: FuzzConsole) -> str:
    exam_id = begun(console)
    studies = console.context.studies
    record = studies.folders.record(exam_id) or {}
    studies.folders.write_record(exam_id, {**record, "analysis": document()})
    studies.finish(exam_id, document())
    return exam_id


def fhir(console: FuzzConsole, exam_id: str) -> dict[str, Any]:
    answer = console.request("GET", f"/api/v1/exams/{exam_id}/fhir")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    content: dict[str, Any] = answer.json()
    return content


def test_an_examination_that_is_done(console: FuzzConsole) -> None:
    found = check_bundle(fhir(console, done(console)))
    (report,) = found["DiagnosticReport"]
    assert report["status"] == "partial"
    assert report["subject"]["identifier"]["value"] == "S-9"
    assert len(report["result"]) == len(found["Observation"]) == 13
    assert found["Device"][0]["version"][0]["value"] == "9.8.7"


def test_an_examination_that_runs(console: FuzzConsole) -> None:
    (report,) = check_bundle(fhir(console, begun(console)))["DiagnosticReport"]
    assert report["status"] == "registered"
    assert "result" not in report


def test_the_name_does_not_go_out(console: FuzzConsole) -> None:
    exam_id = done(console)
    assert console.context.studies.get(exam_id).name == NAME
    assert NAME not in console.request("GET", f"/api/v1/exams/{exam_id}/fhir").text


def test_the_report_is_linked_if_it_is_there(console: FuzzConsole) -> None:
    exam_id = done(console)
    (report,) = check_bundle(fhir(console, exam_id))["DiagnosticReport"]
    assert "presentedForm" not in report
    (console.context.studies.folder_of(exam_id) / "report.pdf").write_bytes(b"%PDF-1.4\n")
    (report,) = check_bundle(fhir(console, exam_id))["DiagnosticReport"]
    (form,) = report["presentedForm"]
    path = form["url"].removeprefix(ORIGIN)
    assert console.request("GET", path).content == b"%PDF-1.4\n"


def test_a_deleted_examination_is_refused(console: FuzzConsole) -> None:
    exam_id = done(console)
    console.context.studies.delete(exam_id, "ann")
    answer = console.request("GET", f"/api/v1/exams/{exam_id}/fhir")
    assert (answer.status_code, answer.json()["code"]) == (409, "ExamStateError")


def test_an_unknown_examination_is_refused(console: FuzzConsole) -> None:
    answer = console.request("GET", "/api/v1/exams/20200101-001/fhir")
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/exams/20200101-001/fhir"])
def test_strangers_get_nothing(console: FuzzConsole, path: str) -> None:
    answer = TestClient(console.app, base_url=ORIGIN).get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "LoginRequiredError")


def test_a_scraper_with_a_token_reads_the_metrics(console: FuzzConsole) -> None:
    done(console)
    made = console.request("POST", "/api/v1/tokens", json={"label": "scraper"})
    scraper = TestClient(console.app, base_url=ORIGIN)
    answer = scraper.get("/metrics", headers={"Authorization": f"Bearer {made.json()['text']}"})
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    counts = {s.labels["state"]: s.value for s in families["nullfield_exams"].samples}
    assert counts["done"] >= 1
    assert families["nullfield_database_up"].samples[0].value == 1
    assert not [name for name in families if not name.startswith("nullfield_")]


def test_what_was_simulated_is_marked_by_the_examination_itself(console: FuzzConsole) -> None:
    """The instrument that is connected now may be another one, or none."""
    studies = console.context.studies
    for is_virtual, tagged in ((True, True), (False, False), (None, False)):
        form = SubjectForm(subject_id="S-9")
        exam_id = studies.begin(form, "small", "ann", is_virtual=is_virtual).id
        record = studies.folders.record(exam_id) or {}
        assert record.get("is_virtual") is is_virtual
        told = fhir(console, exam_id)
        codes = [tag["code"] for tag in told.get("meta", {}).get("tag", [])]
        assert ("HTEST" in codes) is tagged


def test_control_falls_to_others_when_its_holder_logs_out(console: FuzzConsole) -> None:
    accounts, control = console.context.access.accounts, console.context.control
    people = {}
    for name in ("olga", "omar"):
        _, once = accounts.add(None, name, "operator")
        browser = TestClient(console.app, base_url=ORIGIN, headers={"Origin": ORIGIN})
        browser.post("/api/v1/login", json={"name": name, "password": once})
        change(browser, "/api/v1/me/password", {"old": once, "new": "amber-tractor-88-window"})
        people[name] = browser
    control.take("admin", force=True)
    control.release("admin")
    assert change(people["olga"], "/api/v1/control/take", {}).status_code == 200
    refused = change(people["omar"], "/api/v1/control/take", {})
    assert refused.status_code == 409
    assert "olga has the control" in refused.json()["error"]
    asked = change(people["omar"], "/api/v1/control/ask", {}).json()
    assert asked["holder"] == "olga"
    # The status itself is kept for a fifth of a second.
    assert console.context.state._build()["control"]["asking"] == "omar"
    change(people["olga"], "/api/v1/logout", {})
    assert change(people["omar"], "/api/v1/control/take", {}).status_code == 200
    assert control.holder is not None
    assert control.holder.name == "omar"
    texts = [event["text"] for event in console.context.events.newest()]
    assert any("olga is not logged in any more" in text for text in texts)
    assert "control.left" in [entry.action for entry in console.context.access.trail.read(20)]


def change(browser: TestClient, path: str, body: dict[str, Any]) -> Any:
    """A request that changes something, as the page sends it."""
    headers = {"X-CSRF-Token": browser.cookies.get("nullfield_csrf", "")}
    return browser.post(path, json=body, headers=headers)
