"""What happened, newest last, for the screen; the audit trail is another thing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Literal

Level = Literal["info", "warning", "error"]

_KEPT = 500
SHOWN = 100


class EventLog:
    """A ring of events.

    Parameters
    ----------
    clock : callable
        Gives the time, UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._events: deque[dict[str, str]] = deque(maxlen=_KEPT)

    def add(self, text: str, level: Level = "info") -> None:
        """Add an event."""
        time = self._clock().isoformat(timespec="milliseconds")
        with self._lock:
            self._events.append({"time": time, "level": level, "text": text})

    def newest(self, count: int = SHOWN) -> list[dict[str, str]]:
        """The newest events, oldest of them first."""
        with self._lock:
            return list(self._events)[-count:]
