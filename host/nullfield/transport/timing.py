"""The clock that host code waits on.

Nothing on the host sleeps or reads the time but through a `Clock`. With `WallClock` time passes by
itself and data come from reader threads. The virtual instrument and the replay bring clocks of
their own, with one thread, whose `wait` advances time and delivers data synchronously.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time, waiting and periodic work."""

    def now_s(self) -> float:
        """Seconds since an arbitrary origin; never goes back."""
        ...

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Block until the predicate is true or the time is over; return the predicate's truth."""
        ...

    def wake(self) -> None:
        """Have waiting predicates looked at again, because data arrived.

        A caller holds no lock that a predicate may take.
        """
        ...

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back each period, first after one period; the result cancels it.

        The callback is quick and does not raise.
        """
        ...


class WallClock:
    """Clock of the real world: a condition to wait on and one timer thread for periodic work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._timers_changed = threading.Condition()
        self._timers: list[tuple[float, int, float, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()
        self._thread: threading.Thread | None = None

    def now_s(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Block until the predicate is true or the time is over; return the predicate's truth."""
        with self._changed:
            return bool(self._changed.wait_for(predicate, max(0.0, timeout_s)))

    def wake(self) -> None:
        """Have waiting predicates looked at again."""
        with self._changed:
            self._changed.notify_all()

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back each period in the timer thread; the result cancels it."""
        number = next(self._numbers)
        with self._timers_changed:
            heapq.heappush(self._timers, (self.now_s() + period_s, number, period_s, callback))
            if self._thread is None:
                # A daemon, so that a forgotten timer cannot keep a finished program alive.
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            self._timers_changed.notify()

        def cancel() -> None:
            with self._timers_changed:
                if any(timer[1] == number for timer in self._timers):
                    self._timers = [timer for timer in self._timers if timer[1] != number]
                    heapq.heapify(self._timers)
                else:
                    # Its callback runs at this moment; it is not put back afterwards.
                    self._cancelled.add(number)
                self._timers_changed.notify()

        return cancel

    def _run(self) -> None:
        while True:
            with self._timers_changed:
                while True:
                    if not self._timers:
                        # Without work the thread ends, and the next timer starts a new one.
                        self._thread = None
                        return
                    remaining = self._timers[0][0] - self.now_s()
                    if remaining <= 0:
                        break
                    self._timers_changed.wait(remaining)
                due, number, period_s, callback = heapq.heappop(self._timers)
            callback()
            with self._timers_changed:
                if number in self._cancelled:
                    self._cancelled.discard(number)
                else:
                    # After a stall the missed calls are left out rather than made up in a burst.
                    following = max(due + period_s, self.now_s())
                    heapq.heappush(self._timers, (following, number, period_s, callback))
