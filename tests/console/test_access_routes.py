"""Every route of the console's own API: which role it needs, and which commands need the control."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from fuzz_console import ORIGIN, FuzzConsole, fuzz_console

from nullfield.console.api.document import openapi_json
from nullfield.errors import TransportError

PASSWORD = "amber-tractor-88-window"
ROUTES = [
    (method.upper(), path)
    for path, operations in sorted(json.loads(openapi_json())["paths"].items())
    for method in sorted(operations)
]
OPEN = {("POST", "/api/v1/login")}
OWN = {("GET", "/api/v1/me"), ("POST", "/api/v1/logout"), ("POST", "/api/v1/me/password")}
"""For everybody who is logged in, even before the first own password."""
ENGINEER = {
    ("POST", "/api/v1/boards/{uid}/clear-faults"),
    ("GET", "/api/v1/boards/{uid}/recorder"),
    ("GET", "/api/v1/calibration"),
    ("GET", "/api/v1/calibration/pictures/{name}"),
    ("GET", "/api/v1/boards/{uid}/settings"),
    ("POST", "/api/v1/boards/{uid}/settings/save"),
    ("PUT", "/api/v1/boards/{uid}/settings/{name}"),
    ("POST", "/api/v1/exams/recover"),
    ("DELETE", "/api/v1/exams/{exam_id}"),
}
ADMIN = {
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/audit/verify"),
    ("GET", "/api/v1/users"),
    ("POST", "/api/v1/users"),
    ("PATCH", "/api/v1/users/{user_id}"),
    ("DELETE", "/api/v1/users/{user_id}"),
    ("POST", "/api/v1/users/{user_id}/reset"),
}
COMMANDS = {
    ("POST", "/api/v1/boards/{uid}/clear-faults"),
    ("POST", "/api/v1/boards/{uid}/settings/save"),
    ("PUT", "/api/v1/boards/{uid}/settings/{name}"),
    ("POST", "/api/v1/exams"),
    ("POST", "/api/v1/exams/current/abort"),
    ("POST", "/api/v1/exams/current/answer"),
    ("POST", "/api/v1/instrument/off"),
    ("POST", "/api/v1/instrument/start"),
    ("POST", "/api/v1/table/hold"),
    ("POST", "/api/v1/table/home"),
    ("POST", "/api/v1/table/jog"),
    ("POST", "/api/v1/table/move"),
    ("POST", "/api/v1/table/release"),
}
"""What needs the control; a stop never does."""
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/boards/{uid}/settings/{name}": {"value": 1.0},
    "/api/v1/exams": {"subject_id": "S-1", "beats": 10},
    "/api/v1/exams/current/answer": {"id": "q", "accept": True},
    "/api/v1/table/hold": {"direction": 1},
    "/api/v1/table/jog": {"distance_mm": 1.0},
    "/api/v1/table/move": {"position_mm": 1.0},
    "/api/v1/tokens": {"label": "a"},
    "/api/v1/users": {"name": "new-one", "role": "operator"},
    "/api/v1/users/{user_id}": {"is_enabled": True},
    "/api/v1/me/password": {"old": PASSWORD, "new": PASSWORD},
    "/api/v1/login": {"name": "nobody", "password": "not a password"},
}


@contextmanager
def _nothing(wrap: Any) -> Iterator[Any]:
    raise TransportError("there is no instrument")
    yield


def nothing(wrap: Any) -> AbstractContextManager[Any]:
    return _nothing(wrap)


class People:
    """A browser of each role, of a stranger, and of one whose password was handed out."""

    def __init__(self, console: FuzzConsole) -> None:
        self.console = console
        self.first = self._logged_in("first-time", "admin", is_first=True)
        self.operator = self._logged_in("olga", "operator")
        self.engineer = self._logged_in("egon", "engineer")
        self.admin = self._logged_in("ada", "admin")
        self.stranger = TestClient(console.app, base_url=ORIGIN, headers={"Origin": ORIGIN})

    def _logged_in(self, name: str, role: Any, *, is_first: bool = False) -> TestClient:
        _, once = self.console.context.access.accounts.add(None, name, role)
        browser = TestClient(
            self.console.app, base_url=ORIGIN, headers={"Origin": ORIGIN},
            raise_server_exceptions=False,
        )  # fmt: skip
        browser.post("/api/v1/login", json={"name": name, "password": once})
        if not is_first:
            answer = send(browser, "POST", "/api/v1/me/password", {"old": once, "new": PASSWORD})
            assert answer.status_code == 200
        return browser


def send(
    browser: TestClient, method: str, path: str, body: Any = None, *, with_csrf: bool = True
) -> Any:
    filled = path
    for name, value in (
        ("{uid}", "e66138528352b001"), ("{name}", "host_timeout"), ("{kind}", "fif"),
        ("{exam_id}", "20200101-001"), ("{user_id}", "999999"), ("{token_id}", "999999"),
    ):  # fmt: skip
        filled = filled.replace(name, value)
    if path == "/api/v1/exams/compare":
        filled += "?first=20200101-001&second=20200101-002"
    if path == "/api/v1/calibration/pictures/{name}":
        filled = "/api/v1/calibration/pictures/array"
    if path == "/api/v1/live/spectrum":
        filled += "?channels=a"
    headers = {"X-CSRF-Token": browser.cookies.get("nullfield_csrf", "")} if with_csrf else {}
    if method == "GET":
        return browser.get(filled, headers=headers)
    content = body if body is not None else BODIES.get(path, {})
    return browser.request(method, filled, json=content, headers=headers)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with fuzz_console(tmp_path_factory.mktemp("routes"), nothing) as console:
        yield People(console)


def code_of(answer: Any) -> str:
    """Code of a refusal; empty for an answer."""
    if answer.status_code < 400:
        return ""
    return str(answer.json()["code"])


def is_refused(answer: Any) -> bool:
    return code_of(answer) in {"LoginRequiredError", "RoleTooLowError", "PasswordChangeRequired"}


def test_what_is_listed_here_is_there() -> None:
    for named in (OPEN, OWN, ENGINEER, ADMIN, COMMANDS):
        assert named <= set(ROUTES)
    assert {path for _, path in ROUTES} >= set(BODIES)


@pytest.mark.parametrize(("method", "path"), sorted(set(ROUTES) - OPEN))
def test_a_stranger_gets_nothing(people: People, method: str, path: str) -> None:
    answer = send(people.stranger, method, path)
    assert (answer.status_code, code_of(answer)) == (401, "LoginRequiredError")


@pytest.mark.parametrize(("method", "path"), sorted(set(ROUTES) - OPEN - OWN))
def test_a_password_that_was_handed_out_opens_nothing(
    people: People, method: str, path: str
) -> None:
    answer = send(people.first, method, path)
    assert (answer.status_code, code_of(answer)) == (403, "PasswordChangeRequired")


@pytest.mark.parametrize(("method", "path"), sorted(ENGINEER | ADMIN))
def test_an_operator_may_not(people: People, method: str, path: str) -> None:
    answer = send(people.operator, method, path)
    assert (answer.status_code, code_of(answer)) == (403, "RoleTooLowError")


@pytest.mark.parametrize(("method", "path"), sorted(ADMIN))
def test_an_engineer_may_not(people: People, method: str, path: str) -> None:
    answer = send(people.engineer, method, path)
    assert (answer.status_code, code_of(answer)) == (403, "RoleTooLowError")


@pytest.mark.parametrize(("method", "path"), sorted(set(ROUTES) - OPEN - OWN - ENGINEER - ADMIN))
def test_an_operator_may(people: People, method: str, path: str) -> None:
    assert not is_refused(send(people.operator, method, path))


@pytest.mark.parametrize(("method", "path"), sorted(ENGINEER))
def test_an_engineer_may(people: People, method: str, path: str) -> None:
    assert not is_refused(send(people.engineer, method, path))


@pytest.mark.parametrize(
    ("method", "path"), sorted(one for one in set(ROUTES) - OPEN if one[0] != "GET")
)
def test_without_the_session_s_own_token_nothing_is_changed(
    people: People, method: str, path: str
) -> None:
    answer = send(people.admin, method, path, with_csrf=False)
    assert (answer.status_code, code_of(answer)) == (403, "CsrfError")


@pytest.mark.parametrize(("method", "path"), sorted(COMMANDS))
def test_a_command_needs_the_control(people: People, method: str, path: str) -> None:
    control = people.console.context.control
    control.take("ada", force=True)
    answer = send(people.engineer, method, path)
    assert answer.status_code == 409
    assert "ada has the control" in answer.json()["error"]
    assert control.holder is not None
    assert control.holder.name == "ada"


@pytest.mark.parametrize("path", ["/api/v1/table/stop", "/api/v1/emergency-stop"])
def test_a_stop_needs_no_control(people: People, path: str) -> None:
    people.console.context.control.take("ada", force=True)
    answer = send(people.operator, "POST", path)
    assert "has the control" not in answer.text
    if path.endswith("emergency-stop"):
        assert answer.status_code == 200


def test_an_operator_does_not_take_the_control_by_force_an_engineer_does(people: People) -> None:
    control = people.console.context.control
    control.take("ada", force=True)
    refused = send(people.operator, "POST", "/api/v1/control/take", {"force": True})
    assert refused.status_code == 409
    assert control.holder is not None
    assert control.holder.name == "ada"
    assert (
        send(people.engineer, "POST", "/api/v1/control/take", {"force": False}).status_code == 409
    )
    assert send(people.engineer, "POST", "/api/v1/control/take", {"force": True}).status_code == 200
    assert control.holder.name == "egon"


def test_tokens_are_counted(people: People) -> None:
    for number in range(60):
        answer = send(people.engineer, "POST", "/api/v1/tokens", {"label": f"program {number}"})
        if answer.status_code != 201:
            break
    assert number == 50
    assert "has 50 tokens" in answer.json()["error"]
