"""uvicorn in a thread of the tests' process; starting and ending it are bounded, and say why not."""

from __future__ import annotations

import faulthandler
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

_START_S = 120.0
_END_S = 90.0
_GRACE_S = 1
"""A browser that does not read must not hold the server up."""


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve an application; the URL is given, and leaving the context ends the server.

    Raises
    ------
    AssertionError
        If it does not listen, or does not end, within its time; all threads' stacks are printed.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_level="error",
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    listener = config.bind_socket()
    # A daemon: a server that hangs must not keep the process from ending after its test has failed.
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True
    )
    thread.start()
    try:
        if not server.listens.wait(_START_S):
            faulthandler.dump_traceback(sys.stderr)
            raise AssertionError(f"the server does not listen after {_START_S:g} s")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_END_S)
        listener.close()
        if thread.is_alive():
            faulthandler.dump_traceback(sys.stderr)
            raise AssertionError(f"the server did not end within {_END_S:g} s")
