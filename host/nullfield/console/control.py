"""Who has the control of the instrument: one person at a time, visibly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nullfield.errors import ControlError


@dataclass(frozen=True)
class Holder:
    """Who has the control, and since when (UTC)."""

    name: str
    since: datetime


class Control:
    """The one who may give commands. All may look, and all may press the emergency stop.

    Parameters
    ----------
    clock : callable
        Gives the time, UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._holder: Holder | None = None

    @property
    def holder(self) -> Holder | None:
        """Who has it."""
        return self._holder

    def take(self, name: str, *, force: bool = False) -> None:
        """Take the control.

        Parameters
        ----------
        name : str
        force : bool
            Take it from another.

        Raises
        ------
        ControlError
            If another has it.
        """
        with self._lock:
            if self._holder is not None and self._holder.name == name:
                return
            if self._holder is not None and not force:
                raise _held_by(self._holder)
            self._holder = Holder(name, self._clock())

    def release(self, name: str) -> None:
        """Give it back; one who has it not changes nothing."""
        with self._lock:
            if self._holder is not None and self._holder.name == name:
                self._holder = None

    def require(self, name: str) -> None:
        """Refuse a command of one who has not the control; if nobody has, it is taken.

        Raises
        ------
        ControlError
        """
        with self._lock:
            if self._holder is None:
                self._holder = Holder(name, self._clock())
            elif self._holder.name != name:
                raise _held_by(self._holder)


def _held_by(holder: Holder) -> ControlError:
    return ControlError(
        f"{holder.name} has the control of the instrument",
        "ask for its release, or have an engineer take it",
    )
