"""A console that is served to a browser from inside the tests' process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from access_bench import CHEAP
from console_bench import Opened
from served_thread import serve
from small_rig import write_small_rig

from nullfield.console.app import create_app
from nullfield.console.build import build_console
from nullfield.console.context import ConsoleContext


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
    built = build_console(folder / "data", Path(opened.rig).stem, opened, policy=CHEAP)
    assert built.password is not None
    try:
        with serve(create_app(built.context)) as url:
            yield Served(url, built.context, opened, built.password)
    finally:
        built.lock.close()
    assert not built.context.engine.is_running, "the engine's thread did not end with its server"
