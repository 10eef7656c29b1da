"""An abort reaches whoever waits on the instrument's clock, once, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from nullfield.console.watched_clock import WatchedClock
from nullfield.errors import AbortedError, EmergencyStopError


class SteppedClock:
    """One second passes with each look at the predicate."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.wakes = 0

    def now_s(self) -> float:
        return self.time_s

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        end_s = self.time_s + timeout_s
        while not predicate():
            if self.time_s >= end_s:
                return False
            self.time_s += 1.0
        return True

    def wake(self) -> None:
        self.wakes += 1

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        raise NotImplementedError


@pytest.fixture
def clock() -> WatchedClock:
    watched = WatchedClock(SteppedClock())
    watched.watch_this_thread()
    return watched


def test_a_wait_goes_on_as_the_inner_clock_lets_it(clock: WatchedClock) -> None:
    assert not clock.wait(lambda: False, 3.0)
    assert clock.now_s() == 3.0
    assert clock.wait(lambda: clock.now_s() >= 5.0, 10.0)
    assert clock.now_s() == 5.0


def test_an_interrupt_in_a_wait_ends_it_once(clock: WatchedClock) -> None:
    def interrupt_at_two() -> bool:
        if clock.now_s() == 2.0:
            clock.interrupt(AbortedError("enough"))
        return False

    with pytest.raises(AbortedError, match="enough"):
        clock.wait(interrupt_at_two, 10.0)
    assert clock.now_s() == 3.0
    assert not clock.wait(lambda: False, 1.0)


def test_an_interrupt_wakes_those_who_wait() -> None:
    inner = SteppedClock()
    WatchedClock(inner).interrupt(AbortedError("enough"))
    assert inner.wakes == 1


def test_an_emergency_stop_is_not_taken_back(clock: WatchedClock) -> None:
    clock.interrupt(EmergencyStopError("stop"))
    clock.interrupt(AbortedError("enough"))
    clock.forget()
    with pytest.raises(EmergencyStopError):
        clock.check()


def test_an_abort_can_be_forgotten(clock: WatchedClock) -> None:
    clock.interrupt(AbortedError("enough"))
    clock.forget()
    clock.check()


def test_an_abort_waits_until_the_clock_is_armed(clock: WatchedClock) -> None:
    clock.armed = False
    clock.interrupt(AbortedError("enough"))
    assert not clock.wait(lambda: False, 1.0)
    assert clock.take_emergency() is None
    clock.armed = True
    with pytest.raises(AbortedError):
        clock.wait(lambda: False, 1.0)


def test_an_emergency_stop_can_be_taken_while_nothing_runs(clock: WatchedClock) -> None:
    clock.armed = False
    assert not clock.has_emergency
    clock.interrupt(EmergencyStopError("stop"))
    assert clock.has_emergency
    assert clock.take_emergency() is not None
    assert not clock.has_emergency
    assert clock.take_emergency() is None


def test_other_threads_are_left_alone(clock: WatchedClock) -> None:
    clock.interrupt(AbortedError("enough"))
    results: list[object] = []

    def other() -> None:
        try:
            results.append(clock.wait(lambda: True, 1.0))
        except AbortedError as error:
            results.append(error)

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    thread.join(60)
    assert results == [True]
    with pytest.raises(AbortedError):
        clock.check()
