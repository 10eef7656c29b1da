"""The console's pages before a state that a test writes: what pages do in states that are rare.

Nothing here stands for the instrument in a test of the console as a whole; those are served by
`console_server`. Here the page is what is tested.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from served_thread import serve

from nullfield.console.pages.routes import register_pages

STEPS = ("ready", "table", "adjust", "null", "record", "map")
_LOOK_EVERY_S = 0.05
_HELD_S = 60.0
"""Longest that an answer is held back; a test lets it go long before."""


@dataclass(frozen=True)
class Person:
    """A user."""

    name: str = "ann"
    role: str = "admin"


@dataclass(frozen=True)
class Visitor:
    """A login."""

    user: Person = field(default_factory=Person)
    must_change_password: bool = False


def exam_job(running: str | None, **changes: Any) -> dict[str, Any]:
    """A job of an examination with this step running; None for all done."""
    reached = len(STEPS) if running is None else STEPS.index(running)
    steps = [
        {
            "name": name,
            "state": "done" if i < reached else "running" if i == reached else "waiting",
            "fraction": 1.0 if i < reached else 0.4 if i == reached else 0.0,
            "detail": "",
            "elapsed_s": 8.0 if i <= reached else 0.0,
            "left_s": 12.0 if i == reached else None,
        }
        for i, name in enumerate(STEPS)
    ]
    return {
        "name": "exam", "exam_id": "20260304-001", "steps": steps, "error": None, "question": None,
        "state": "done" if running is None else "running", "beats": 31, "beats_wanted": 60,
        **changes,
    }  # fmt: skip


def map_of_a_plane() -> dict[str, Any]:
    """A field that grows to the patient's left: -60 pT at the right, +60 pT at the left."""
    places = [float(mm) for mm in range(-60, 61, 10)]
    return {
        "time_ms": 0.0, "x_mm": places, "y_mm": places, "bz_pt": [places for _ in places],
        "arrows": {"x_mm": [0.0], "y_mm": [20.0], "u": [0.0], "v": [-1.0]},
        "sensors": [{"name": "A1", "x_mm": -60.0, "y_mm": -60.0}],
        "beats": 31, "times_ms": [-200.0, 400.0],
    }  # fmt: skip


@dataclass
class Script:
    """What the server tells, and what it was told."""

    state: dict[str, Any]
    map: dict[str, Any] | None = None
    beat: dict[str, Any] | None = None
    refusal: tuple[int, dict[str, str]] | None = None
    wait: threading.Event | None = None
    told: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def show(self, **changes: Any) -> None:
        """Change the state; every page hears of it."""
        self.state = {**self.state, "version": self.state["version"] + 1, **changes}

    def count(self, path: str) -> int:
        """How often a command came."""
        return sum(one == path for one, _ in self.told)


def _application(script: Script) -> FastAPI:
    app = FastAPI()

    def visitor(request: Request) -> Visitor:
        return Visitor()

    register_pages(app, visitor)

    @app.get("/api/v1/status")
    def status() -> dict[str, Any]:
        return script.state

    @app.websocket("/ws/state")
    async def states(websocket: WebSocket) -> None:
        await websocket.accept()
        sent: dict[str, Any] | None = None
        try:
            while True:
                if script.state is not sent:
                    sent = script.state
                    await websocket.send_json(copy.copy(sent))
                await asyncio.sleep(_LOOK_EVERY_S)
        except (WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
            return

    @app.get("/api/v1/live/map")
    def live_map() -> Response:
        return JSONResponse(script.map) if script.map else Response(status_code=204)

    @app.get("/api/v1/live/beat")
    def live_beat() -> Response:
        return JSONResponse(script.beat) if script.beat else Response(status_code=204)

    @app.get("/api/v1/exams/{exam_id}/map")
    def stored_map(exam_id: str) -> Response:
        return live_map()

    @app.post("/api/v1/{path:path}")
    async def command(path: str, request: Request) -> Response:
        script.told.append((path, await request.json()))
        if script.wait is not None:
            await asyncio.to_thread(script.wait.wait, _HELD_S)
        if script.refusal is not None:
            return JSONResponse(script.refusal[1], script.refusal[0])
        return JSONResponse({})

    return app


@contextmanager
def serve_script(script: Script) -> Iterator[Script]:
    """Serve the pages; leaving the context stops the server."""
    with serve(_application(script)) as url:
        script.url = url
        try:
            yield script
        finally:
            if script.wait is not None:
                script.wait.set()
