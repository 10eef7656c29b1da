"""Time that cannot be turned back while the console runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SteadyTime:
    """Seconds since 1970 that never run slower than a monotonic clock.

    Somebody who sets the computer's clock back must not prolong a session: time goes on from where
    it was. A clock that is set forward is followed; set back again, sessions seen "in the future"
    are ended by `Sessions`.

    Parameters
    ----------
    clock : callable
        Gives the time, UTC.
    monotonic_s : callable
        Seconds that never go back.
    """

    def __init__(
        self, clock: Callable[[], datetime], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._start_unix_s = clock().timestamp()
        self._start_monotonic_s = monotonic_s()

    def now_unix_s(self) -> float:
        """Seconds since 1970, by the computer's clock or by the time passed since the start."""
        passed_s = self._monotonic_s() - self._start_monotonic_s
        return max(self._clock().timestamp(), self._start_unix_s + passed_s)

    def shown(self) -> str:
        """The computer's time as it is, for the audit trail: ISO 8601, UTC, microseconds."""
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
