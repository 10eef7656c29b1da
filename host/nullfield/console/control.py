"""Who has the control of the instrument: one person at a time, visibly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nullfield.errors import ControlError

_LOOK_EVERY = timedelta(seconds=2)


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
    is_present : callable, optional
        Whether somebody of a name is still logged in; who is not, has not the control.
    on_left : callable, optional
        Told the name of one who lost it that way.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        is_present: Callable[[str], bool] = lambda name: True,
        on_left: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._clock = clock
        self._is_present = is_present
        self._on_left = on_left
        self._lock = threading.Lock()
        self._holder: Holder | None = None
        self._asking: str | None = None
        self._looked_at: datetime | None = None

    @property
    def holder(self) -> Holder | None:
        """Who has it."""
        return self._holder

    @property
    def asking(self) -> str | None:
        """Who asked for it last, and has not got it."""
        return self._asking

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
        self._free_of_absent(name)
        with self._lock:
            if self._holder is not None and self._holder.name == name:
                return
            if self._holder is not None and not force:
                raise _held_by(self._holder)
            self._give_to(name)

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
        self._free_of_absent(name)
        with self._lock:
            if self._holder is None:
                self._give_to(name)
            elif self._holder.name != name:
                raise _held_by(self._holder)

    def ask(self, name: str) -> Holder | None:
        """Ask the one who has it; the screens show who asks. Gives the holder, None if it is free."""
        self._free_of_absent(name)
        with self._lock:
            if self._holder is not None and self._holder.name != name:
                self._asking = name
            return self._holder

    def look(self) -> None:
        """See now and then whether the holder is still logged in."""
        now = self._clock()
        with self._lock:
            is_early = self._looked_at is not None and abs(now - self._looked_at) < _LOOK_EVERY
            if is_early:
                return
            self._looked_at = now
        self._free_of_absent("")

    def _give_to(self, name: str) -> None:
        self._holder = Holder(name, self._clock())
        self._asking = None

    def _free_of_absent(self, name: str) -> None:
        """Take it from one who is gone, for the sake of another."""
        holder = self._holder
        if holder is None or holder.name == name or self._is_present(holder.name):
            return
        with self._lock:
            if self._holder is not holder:
                return
            self._holder = None
        self._on_left(holder.name)


def _held_by(holder: Holder) -> ControlError:
    return ControlError(
        f"{holder.name} has the control of the instrument",
        "ask for its release, or have an engineer take it",
    )
