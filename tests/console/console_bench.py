"""Instruments of virtual boards for the console's tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nullfield.cli.session import Session, open_session
from nullfield.console.event_log import EventLog, Level
from nullfield.console.watched_clock import WatchedClock
from nullfield.transport.timing import Clock
from nullfield.virtual.clock import VirtualClock

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PATIENCE_S = 300.0
"""For what a loaded machine takes; nothing is measured by it."""


class IdleClock(VirtualClock):
    """Virtual time as fast as it goes while something runs, and near real time while nothing does.

    An idle instrument at full speed would take the processor from the server that is tested.
    """

    watched: WatchedClock

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        self._realtime = not self.watched.armed
        return super().wait(predicate, timeout_s)

    def _hold(self) -> None:
        time.sleep(1e-3)


class Opened:
    """Opens a rig for an engine and keeps the session, so that a test can harm it."""

    def __init__(self, rig: str | Path) -> None:
        self.rig = rig
        self.sessions: list[Session] = []

    def __call__(self, wrap: Callable[[Clock], Clock]) -> AbstractContextManager[Session]:
        return self._open(wrap)

    @contextmanager
    def _open(self, wrap: Callable[[Clock], Clock]) -> Iterator[Session]:
        def wrap_idle(clock: Clock) -> Clock:
            watched = wrap(clock)
            assert isinstance(clock, VirtualClock)
            assert isinstance(watched, WatchedClock)
            clock.__class__ = IdleClock
            clock.watched = watched  # type: ignore[attr-defined]
            return watched

        with open_session(self.rig, seed=1, pace="max", wrap_clock=wrap_idle) as session:
            self.sessions.append(session)
            yield session


class HeardEvents(EventLog):
    """An event log that a test can wait on."""

    def __init__(self) -> None:
        super().__init__(lambda: NOON)
        self._heard = threading.Condition()
        self._texts: list[str] = []

    def add(self, text: str, level: Level = "info") -> None:
        super().add(text, level)
        with self._heard:
            self._texts.append(text)
            self._heard.notify_all()

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until this was heard so many times."""
        with self._heard:
            heard = self._heard.wait_for(
                lambda: sum(text in one for one in self._texts) >= count, PATIENCE_S
            )
            assert heard, self._texts
