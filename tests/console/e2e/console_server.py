"""A console that is served to a browser from inside the tests' process."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from console_bench import PATIENCE_S, Opened
from small_rig import write_small_rig

from nullfield.console.app import create_app
from nullfield.console.build import build_console
from nullfield.console.context import ConsoleContext


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@dataclass(frozen=True)
class Served:
    """A console that answers at ``url``."""

    url: str
    context: ConsoleContext
    opened: Opened
    password: str


@contextmanager
def serve_console(folder: Path) -> Iterator[Served]:
    """Serve a new console, on the small rig; leaving the context closes it."""
    # Pictures for the documentation are nicer of a whole array, which takes some minutes.
    opened = Opened(os.environ.get("NULLFIELD_PICTURES_RIG") or write_small_rig(folder))
    built = build_console(folder / "data", Path(opened.rig).stem, opened)
    assert built.password is not None
    config = uvicorn.Config(create_app(built.context), host="127.0.0.1", port=0, log_level="error")
    server = _Server(config)
    listener = config.bind_socket()
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.listens.wait(PATIENCE_S)
        yield Served(f"http://127.0.0.1:{port}", built.context, opened, built.password)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        built.lock.close()
