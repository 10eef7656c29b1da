"""A clock for links to an emulated board, which is slower than the real one."""

from __future__ import annotations

from collections.abc import Callable

from nullfield.transport.timing import WallClock

SLOWNESS = 8
"""Busy code runs at a third of real time on an idle machine, and at a tenth beside other work."""


class PatientClock(WallClock):
    """A clock that runs slower than the wall's, so that every timeout of the host is longer."""

    def now_s(self) -> float:
        """Seconds, each of them `SLOWNESS` on the wall."""
        return super().now_s() / SLOWNESS

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Wait so much longer."""
        return super().wait(predicate, timeout_s * SLOWNESS)
