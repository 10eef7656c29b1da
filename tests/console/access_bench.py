"""A small app behind the console's guard, with a real database and clocks that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession

from nullfield.console.access.access import Access
from nullfield.console.access.depends import Admin, Engineer, Operator, socket_user
from nullfield.console.access.guard import REPORT_POLICY, Guard
from nullfield.console.access.policy import Policy
from nullfield.console.api import access as routes
from nullfield.console.store.database import FILE_NAME, Database, default_url
from nullfield.errors import NullfieldError

BASE = "http://127.0.0.1:8080"
CHEAP = Policy(hash_passes=1, hash_memory_kib=8, hash_lanes=1)
PASSWORD = "four words of mine"


@dataclass
class Clocks:
    """The computer's clock and a monotonic one, which a test moves."""

    now: datetime = field(default_factory=lambda: datetime(2030, 1, 1, 12, tzinfo=UTC))
    monotonic_s: float = 1000.0

    def pass_s(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def set_by_s(self, seconds: float) -> None:
        """Set the computer's clock; no time goes by."""
        self.now += timedelta(seconds=seconds)


class Bench:
    """The app, its database and its clocks.

    Parameters
    ----------
    folder : Path
        For the database.
    policy : Policy
    clocks : Clocks, optional
    """

    def __init__(self, folder: Path, policy: Policy = CHEAP, clocks: Clocks | None = None) -> None:
        self.folder = folder
        self.clocks = clocks or Clocks()
        if not (folder / FILE_NAME).exists():
            (folder / FILE_NAME).write_bytes(_migrated())
        self.database = Database(default_url(folder), busy_timeout_s=0.05)
        self.access = Access(
            self.database, lambda: self.clocks.now, policy, lambda: self.clocks.monotonic_s
        )
        self.app = make_app(self.access)

    def restarted(self, policy: Policy = CHEAP) -> Bench:
        """The same data folder in a new process; its monotonic clock begins anew."""
        self.database.close()
        return Bench(self.folder, policy, Clocks(self.clocks.now, 5.0))

    def client(self, address: str = "127.0.0.1", base: str = BASE, **more: Any) -> Browser:
        """A browser at an address."""
        return Browser(self.app, address, base, **more)

    def unguarded(self, browser: Browser) -> Browser:
        """The same browser before an app that lacks the guard."""
        app = make_app(self.access, is_guarded=False)
        return Browser(app, "127.0.0.1", BASE, cookies=dict(browser.cookies))

    def add(self, name: str, role: Any = "operator") -> None:
        """An account that has changed its first password already."""
        _, first = self.access.accounts.add(None, name, role)
        login = self.access.logins.login(name, first, "127.0.0.1").login
        self.access.logins.change_password(login, first, PASSWORD, "127.0.0.1")

    def logged_in(self, name: str, role: Any = "operator") -> Browser:
        """A browser of a new account, logged in."""
        self.add(name, role)
        browser = self.client()
        assert browser.login(name).status_code == 200
        return browser

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program that holds the database."""
        with self.database.session() as session:
            # Only a first statement takes the lock.
            session.connection()
            yield

    @contextmanager
    def away(self) -> Iterator[None]:
        """A database that answers nobody, readers neither: its file is elsewhere."""
        file = self.folder / FILE_NAME
        elsewhere = file.rename(self.folder / "elsewhere")
        try:
            yield
        finally:
            elsewhere.rename(file)

    def actions(self) -> list[tuple[str, str]]:
        """Actions and subjects of the audit trail, oldest first."""
        return [(e.action, e.subject) for e in reversed(self.access.trail.read(1000))]


@cache
def _migrated() -> bytes:
    """A database with the tables of this version, and nothing in it: made once, it is quick."""
    with TemporaryDirectory() as folder:
        database = Database(default_url(Path(folder)))
        database.migrate()
        database.close()
        return (Path(folder) / FILE_NAME).read_bytes()


class Browser(TestClient):
    """Does what the console's page does: sends its origin, and repeats the cookie."""

    def __init__(self, app: FastAPI, address: str, base: str, **more: Any) -> None:
        super().__init__(app, base_url=base, client=(address, 50000), **more)
        self.headers["Origin"] = base

    def login(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Log in."""
        return self.post("/api/v1/login", json={"name": name, "password": password})

    def socket(self, origin: str = BASE, **headers: str) -> WebSocketTestSession:
        """A WebSocket; used as a context, it fails if it is refused."""
        url = BASE.replace("http", "ws") + "/ws/look"
        return self.websocket_connect(url, headers={"Origin": origin, **headers})

    def change(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request that changes something, as the page sends it."""
        headers = {"X-CSRF-Token": self.cookies.get("nullfield_csrf", "")}
        return self.request(method, path, json=body, headers=headers)


def make_app(access: Access, *, is_guarded: bool = True) -> FastAPI:
    """Routes of each role, a socket, and those of the console's access."""
    app = FastAPI()
    app.state.console = SimpleNamespace(access=access)
    app.include_router(routes.router)

    @app.get("/api/v1/look")
    def look(user: Operator) -> dict[str, Any]:
        return {"name": user.name, "role": user.role}

    @app.get("/api/v1/live/look")
    def live(user: Operator) -> dict[str, Any]:
        return {"name": user.name}

    @app.post("/api/v1/act")
    def act(user: Operator) -> dict[str, Any]:
        return {"name": user.name}

    @app.post("/api/v1/emergency-stop")
    def emergency_stop(user: Operator) -> dict[str, Any]:
        return {"name": user.name}

    @app.get("/api/v1/tune")
    def tune(user: Engineer) -> dict[str, Any]:
        return {"name": user.name}

    @app.get("/api/v1/manage")
    def manage(user: Admin) -> dict[str, Any]:
        return {"name": user.name}

    @app.get("/report")
    def report(user: Operator) -> Response:
        return Response("<p>", headers={"Content-Security-Policy": REPORT_POLICY})

    @app.get("/static/page.css")
    def style() -> Response:
        return Response("p {}", media_type="text/css")

    @app.websocket("/ws/look")
    async def socket(websocket: WebSocket) -> None:
        user = socket_user(websocket)
        if user is None:
            await websocket.close(4401)
            return
        await websocket.accept()
        async for _ in websocket.iter_text():
            now = socket_user(websocket)
            await websocket.send_text(now.name if now is not None else "")

    @app.exception_handler(NullfieldError)
    async def problem(request: Request, error: NullfieldError) -> JSONResponse:
        return JSONResponse(
            {"error": error.message, "hint": error.hint, "code": type(error).__name__},
            getattr(error, "http_status", 503),
            getattr(error, "headers", {}),
        )

    if is_guarded:
        app.add_middleware(Guard, host_names=["console.example"])
    return app
