"""A console in this process, with an administrator logged in, for requests made up at random."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from access_bench import CHEAP
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from nullfield.console.access.cookies import CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE
from nullfield.console.access.secret import new_csrf_token
from nullfield.console.app import create_app
from nullfield.console.build import build_console
from nullfield.console.context import ConsoleContext
from nullfield.console.store.form import SubjectForm
from nullfield.console.task import Opener

ORIGIN = "http://localhost"
PASSWORD = "violet-harbour-27-lantern"


class FuzzConsole:
    """Sends requests as the administrator, whatever earlier ones did to the account."""

    def __init__(self, app: FastAPI, context: ConsoleContext, client: TestClient) -> None:
        self.app = app
        self.context = context
        self._client = client
        self._token = ""
        self.known: dict[str, str] = {}
        """Path parameters that name something which is there."""

    def request(self, method: str, url: str, **how: Any) -> Response:
        """Send a request that carries the session and comes from the console's own page."""
        own = {"Origin": ORIGIN, CSRF_HEADER: new_csrf_token(self._token)}
        # What was made up must not take the place of the login: that is tested elsewhere.
        given = {
            name: value
            for name, value in (how.pop("headers", None) or {}).items()
            if name.lower()
            not in {"authorization", "cookie", "host", "origin", CSRF_HEADER.lower()}
        }
        own["Cookie"] = f"{SESSION_COOKIE}={self._token}; {CSRF_COOKIE}={own[CSRF_HEADER]}"
        how.pop("cookies", None)
        self._client.cookies.clear()
        return self._client.request(method, url, headers={**given, **own}, **how)

    def keep_exam(self, analysis: dict[str, Any]) -> None:
        """Store an examination, so that requests can name one."""
        studies = self.context.studies
        exam_id = studies.begin(SubjectForm(subject_id="S-1"), "small", "admin").id
        record = studies.folders.record(exam_id) or {}
        studies.folders.write_record(exam_id, {**record, "analysis": analysis})
        studies.finish(exam_id, analysis)
        self.known.update(exam_id=exam_id, name="exam.json")

    def wait_connected(self, patience_s: float) -> None:
        """Wait until the boards answer."""
        heard = threading.Event()
        add = self.context.events.add

        def listening(text: str, *more: Any) -> None:
            add(text, *more)
            if text == "connected":
                heard.set()

        self.context.events.add = listening  # type: ignore[method-assign]
        assert self.context.engine.instrument is not None or heard.wait(patience_s)

    def log_in(self) -> None:
        """Log in again if an earlier request has ended the login."""
        if self._token and self.request("GET", "/api/v1/me").status_code == 200:
            return
        logins = self.context.access.logins
        once = self.context.access.reset_admin()
        first = logins.login("admin", once, "here")
        self._token = logins.change_password(first.login, once, PASSWORD, "here").token


@contextmanager
def fuzz_console(folder: Path, opener: Opener) -> Iterator[FuzzConsole]:
    """Build a console on some instrument and start it."""
    built = build_console(folder / "data", "small", opener, policy=CHEAP)
    app = create_app(built.context)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield FuzzConsole(app, built.context, client)
