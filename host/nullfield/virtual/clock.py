"""The clock that host and plant share: virtual time passes only while the host waits."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

from nullfield.virtual.instrument import VirtualInstrument


class VirtualClock:
    """`nullfield.transport.timing.Clock` over a virtual instrument, in one thread.

    Parameters
    ----------
    instrument : VirtualInstrument
    realtime : bool
        Hold virtual time back to the wall clock. Results do not change by it.
    """

    def __init__(self, instrument: VirtualInstrument, realtime: bool = False) -> None:
        self._instrument = instrument
        self._timers: list[tuple[float, int, float, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()
        self._realtime = realtime
        self._wall_start_s = time.monotonic()

    def now_s(self) -> float:
        """Virtual seconds since power-on."""
        return self._instrument.now_s()

    def wake(self) -> None:
        """Nothing to do: waiting looks after each block."""

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back each period of virtual time."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (self.now_s() + period_s, number, period_s, callback))

        def cancel() -> None:
            self._cancelled.add(number)

        return cancel

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Let virtual time pass until the predicate is true or the time is over."""
        deadline_s = self.now_s() + timeout_s
        while True:
            self._run_timers()
            if predicate():
                return True
            if self.now_s() >= deadline_s:
                return False
            self._instrument.step()
            if self._realtime:
                self._hold()

    def _run_timers(self) -> None:
        now_s = self.now_s() + 1e-9
        while self._timers and self._timers[0][0] <= now_s:
            due_s, number, period_s, callback = heapq.heappop(self._timers)
            if number in self._cancelled:
                self._cancelled.discard(number)
                continue
            callback()
            heapq.heappush(self._timers, (due_s + period_s, number, period_s, callback))

    def _hold(self) -> None:
        # Sleeping a few blocks at a time keeps the cost of it small.
        ahead_s = self.now_s() - (time.monotonic() - self._wall_start_s)
        if ahead_s > 5e-3:
            time.sleep(ahead_s)
        elif ahead_s < -1.0:
            # A machine too slow for real time starts counting anew instead of racing later.
            self._wall_start_s -= ahead_s
