"""A console that is served to the bench by the command of the user, and what it costs."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

PASSWORD = "violet-harbour-27-lantern"
_START_S = 120.0
_PERIOD_S = 0.5


@dataclass
class Console:
    """A served console with an administrator logged in.

    Attributes
    ----------
    url : str
    http : httpx.Client
        Carries an API token.
    token : str
    process : psutil.Process
        The server; its children are the virtual boards.
    """

    url: str
    http: httpx.Client
    token: str
    process: psutil.Process
    waits_s: list[float] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """Content of an answer; how long it took is kept."""
        begin_s = time.perf_counter()
        answer = self.http.get(path)
        self.waits_s.append(time.perf_counter() - begin_s)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Give a command."""
        answer = self.http.post(path, json=body)
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer.json()

    def wait_for(self, is_met: Callable[[dict[str, Any]], bool], timeout_s: float) -> None:
        """Look at the state until something is so."""
        end_s = time.monotonic() + timeout_s
        while True:
            state = self.get("/api/v1/status")
            job = state["job"]
            if is_met(state):
                return
            if job is not None and job["state"] in ("failed", "aborted"):
                raise RuntimeError(f"{job['name']}: {job['error']}")
            if time.monotonic() > end_s:
                raise TimeoutError(f"after {timeout_s:g} s the state is {state['phase']}, {job}")
            time.sleep(_PERIOD_S)

    def cpu_s(self) -> tuple[float, float]:
        """Processor time of the server so far, and that of the virtual boards."""
        boards = sum(_spent_s(child) for child in self.process.children(recursive=True))
        return _spent_s(self.process), boards


@contextmanager
def served(rig: str, folder: Path) -> Iterator[Console]:
    """Run `nullfield serve` on a free port, log in, and take the control."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    program = "from nullfield.cli.app import main; main()"
    command = [sys.executable, "-c", program, "serve", "--rig", rig]
    command += ["--port", str(port), "--data", str(folder / "data")]
    log = folder / "serve.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            password = _password(process, log, url)
            token = _token(url, password)
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=url, headers=headers, timeout=60.0) as http:
                console = Console(url, http, token, psutil.Process(process.pid))
                console.post("/api/v1/control/take", {"force": True})
                yield console
        finally:
            process.terminate()
            process.wait(timeout=60.0)


def _password(process: subprocess.Popen[bytes], log: Path, url: str) -> str:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s and process.poll() is None:
        found = re.search(r"one-time password:\s+(\S+)", log.read_text())
        if found is not None:
            try:
                httpx.get(f"{url}/login")
            except httpx.TransportError:
                time.sleep(_PERIOD_S)
                continue
            return found[1]
        time.sleep(_PERIOD_S)
    raise RuntimeError(f"the console did not start: {log.read_text()}")


def _token(url: str, password: str) -> str:
    """Log in as a browser does, choose a password, and make a token."""
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=30.0) as http:

        def post(path: str, body: dict[str, Any]) -> Any:
            headers = {"X-CSRF-Token": http.cookies.get("nullfield_csrf", "")}
            answer = http.post(f"/api/v1{path}", json=body, headers=headers)
            answer.raise_for_status()
            return answer.json()

        post("/login", {"name": "admin", "password": password})
        post("/me/password", {"old": password, "new": PASSWORD})
        return str(post("/tokens", {"label": "bench", "role": "admin"})["text"])


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
