"""Puts the console together from a data folder and a way to open the rig."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from nullfield.console.access.access import Access
from nullfield.console.access.policy import Policy
from nullfield.console.context import ConsoleContext
from nullfield.console.control import Control
from nullfield.console.engine import Engine
from nullfield.console.event_log import EventLog
from nullfield.console.state import StateView
from nullfield.console.store.database import Database
from nullfield.console.store.studies import Studies
from nullfield.console.task import Opener
from nullfield.errors import StoreError


def utc_now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Built:
    """A console that can be served.

    Attributes
    ----------
    context : ConsoleContext
    password : str or None
        One-time password of the first administrator, at the very first start.
    recovered : tuple of str
        Examinations that were interrupted.
    lock : file
        Holds the data folder while it is open.
    """

    context: ConsoleContext
    password: str | None
    recovered: tuple[str, ...]
    lock: IO[bytes]


def lock_folder(folder: Path) -> IO[bytes]:
    """Claim a data folder, making it if it is missing.

    Two consoles on one folder would each take the other's examination for an interrupted one. The
    claim ends with the process, however it ends.

    Returns
    -------
    file
        Closing it gives the folder back.

    Raises
    ------
    StoreError
        If another console has it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "console.lock").open("wb")
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be used ({error.strerror})", "give another folder with --data"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreError(
            f"{folder}: another console works with this folder",
            "end it, or give another folder with --data",
        ) from error
    return lock


def build_console(
    folder: Path,
    rig: str,
    opener: Opener,
    database_url: str | None = None,
    clock: Callable[[], datetime] = utc_now,
    now_s: Callable[[], float] = time.monotonic,
    policy: Policy | None = None,
) -> Built:
    """Open or make the data folder and put the console together.

    Parameters
    ----------
    folder : Path
        Database and examinations.
    rig : str
        Name of the rig, for the screen.
    opener : callable
    database_url : str, optional
        Of SQLAlchemy; a SQLite file in the folder by default.
    clock, now_s : callable
        The time, UTC, and monotonic seconds.
    policy : Policy, optional
        Of access: lives of sessions, cost of a password's hash.

    Raises
    ------
    StoreError
        If folder or database cannot be used.
    """
    lock = lock_folder(folder)
    database = Database(database_url or f"sqlite:///{folder / 'studies.sqlite3'}")
    database.migrate()
    access = Access(database, clock, policy)
    studies = Studies(database, folder, clock)
    events = EventLog(clock)

    def left(name: str) -> None:
        events.add(f"{name} is not logged in any more: the control is free", "warning")
        access.audit(None, "control.left", name, {})

    control = Control(clock, access.is_present, left)
    engine = Engine(opener, control, events)
    recovered = tuple(exam.id for exam in studies.recover())
    for exam_id in recovered:
        events.add(
            f"examination {exam_id} was interrupted; open it to see what is there", "warning"
        )
    context = ConsoleContext(
        engine=engine,
        control=control,
        events=events,
        state=StateView(engine, rig, clock, now_s),
        database=database,
        studies=studies,
        access=access,
        folder=folder,
        clock=clock,
        now_s=now_s,
    )
    return Built(context, access.ensure_admin(), recovered, lock)
