"""What the routes of the console share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.requests import HTTPConnection

from nullfield.console.access.access import Access
from nullfield.console.control import Control
from nullfield.console.engine import Engine
from nullfield.console.event_log import EventLog
from nullfield.console.state import StateView
from nullfield.console.store.database import Database
from nullfield.console.store.studies import Studies


@dataclass(frozen=True)
class ConsoleContext:
    """Everything behind the routes.

    Attributes
    ----------
    engine, control, events, state
        The instrument, who commands it, what happened, what is shown.
    database, studies, access
        What is kept.
    folder : Path
        Data folder: database, examinations.
    clock : callable
        Gives the time, UTC.
    now_s : callable
        Monotonic seconds.
    """

    engine: Engine
    control: Control
    events: EventLog
    state: StateView
    database: Database
    studies: Studies
    access: Access
    folder: Path
    clock: Callable[[], datetime]
    now_s: Callable[[], float]


def context_of(connection: HTTPConnection) -> ConsoleContext:
    """The context of a request or a WebSocket."""
    context = connection.app.state.console
    assert isinstance(context, ConsoleContext)
    return context
