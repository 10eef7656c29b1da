"""A clock whose waits can be ended from outside, so that every procedure can be aborted.

Procedures do nothing between their waits that lasts: whoever waits on the instrument's clock is the
one place where an abort reaches them all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from nullfield.errors import AbortedError, EmergencyStopError
from nullfield.transport.timing import Clock


class WatchedClock:
    """`nullfield.transport.timing.Clock` around another one.

    Only waits of the thread that called `watch_this_thread` are ended, and only while it is
    `armed`: reader and timer threads of a real instrument have nothing to abort, and an abort that
    comes before its job has begun waits for it.

    Parameters
    ----------
    inner : Clock
    """

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._interrupt: AbortedError | None = None
        self._thread: int | None = None
        self.armed = True

    def watch_this_thread(self) -> None:
        """Waits of the calling thread are those that `interrupt` ends."""
        self._thread = threading.get_ident()

    def interrupt(self, error: AbortedError) -> None:
        """Have the procedure that runs now, or next, end with this error.

        An emergency stop is not taken back by a mere abort that comes after it.
        """
        with self._lock:
            if not isinstance(self._interrupt, EmergencyStopError):
                self._interrupt = error
        self._inner.wake()

    def check(self) -> None:
        """Raise what `interrupt` was given, once.

        Raises
        ------
        AbortedError
        """
        if not self.armed or self._interrupt is None or threading.get_ident() != self._thread:
            return
        with self._lock:
            error, self._interrupt = self._interrupt, None
        if error is not None:
            raise error

    @property
    def has_emergency(self) -> bool:
        """Whether an emergency stop waits to be taken."""
        return isinstance(self._interrupt, EmergencyStopError)

    def take_emergency(self) -> EmergencyStopError | None:
        """The emergency stop that nothing was there for, once."""
        with self._lock:
            error = self._interrupt
            if not isinstance(error, EmergencyStopError):
                return None
            self._interrupt = None
            return error

    def forget(self) -> None:
        """Drop an abort that came when nothing ran any more; an emergency stop stays."""
        with self._lock:
            if not isinstance(self._interrupt, EmergencyStopError):
                self._interrupt = None

    def now_s(self) -> float:
        """Seconds of the inner clock."""
        return self._inner.now_s()

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Wait as the inner clock does, or raise what `interrupt` was given."""

        def watched() -> bool:
            self.check()
            return predicate()

        return self._inner.wait(watched, timeout_s)

    def wake(self) -> None:
        """Have waiting predicates looked at again."""
        self._inner.wake()

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back each period; the result cancels it."""
        return self._inner.call_every(period_s, callback)
