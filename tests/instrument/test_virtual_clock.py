"""Virtual time: passes only in waits, timers are exact, and the same calls give the same order."""

import pytest

from nullfield.virtual.clock import VirtualClock


class World:
    """Something with blocks of 1 ms."""

    def __init__(self):
        self.block = 0

    def now_s(self):
        return self.block * 1e-3

    def step(self):
        self.block += 1


@pytest.fixture
def world():
    return World()


def never():
    return False


def test_time_stands_still_outside_of_waits(world):
    clock = VirtualClock(world)
    assert clock.now_s() == 0.0
    clock.wake()
    clock.call_every(1e-3, lambda: None)
    assert world.block == 0


def test_wait_ends_with_the_predicate_or_the_time(world):
    clock = VirtualClock(world)
    assert clock.wait(lambda: world.block == 7, 1.0) is True
    assert world.block == 7
    assert clock.wait(never, 0.020) is False
    assert world.block in (27, 28)
    at = world.block
    assert clock.wait(lambda: True, 0.0) is True
    assert clock.wait(never, 0.0) is False
    assert world.block == at


def test_timers_keep_their_period_whatever_the_waits(world):
    clock = VirtualClock(world)
    calls = []
    clock.call_every(0.010, lambda: calls.append(world.block))
    for _ in range(20):
        clock.wait(never, 0.007)
    assert calls == list(range(10, calls[-1] + 1, 10))
    assert len(calls) >= 13


def test_timers_are_called_in_the_order_of_their_times_then_of_their_making(world):
    clock = VirtualClock(world)
    calls = []
    clock.call_every(0.006, lambda: calls.append("slow"))
    clock.call_every(0.002, lambda: calls.append("first"))
    clock.call_every(0.002, lambda: calls.append("second"))
    clock.wait(never, 0.0065)
    assert calls == ["first", "second"] * 2 + ["slow", "first", "second"]


def test_cancelled_timer_is_not_called_again(world):
    clock = VirtualClock(world)
    calls = []
    cancel = clock.call_every(0.003, lambda: calls.append(world.block))
    clock.wait(never, 0.010)
    cancel()
    cancel()
    clock.wait(never, 0.010)
    assert calls == [3, 6, 9]


def test_timer_cancels_itself(world):
    clock = VirtualClock(world)
    calls = []

    def once():
        calls.append(world.block)
        cancel()

    cancel = clock.call_every(0.002, once)
    clock.wait(never, 0.020)
    assert calls == [2]


def test_timer_may_end_the_wait(world):
    clock = VirtualClock(world)
    calls = []
    clock.call_every(0.005, lambda: calls.append(1))
    assert clock.wait(lambda: len(calls) == 2, 1.0)
    assert world.block == 10


def test_two_runs_are_the_same():
    def run():
        world = World()
        clock = VirtualClock(world)
        calls = []
        for number, period_s in enumerate((0.25, 0.1, 0.033, 0.1)):
            clock.call_every(period_s, lambda n=number: calls.append((world.block, n)))
        for step in range(1, 40):
            clock.wait(lambda: world.block % 13 == 0, step * 1e-3)
            clock.wait(never, 1e-3)
        return calls

    assert run() == run()


def test_realtime_changes_nothing_but_the_wall_clock(world, monkeypatch):
    wall = {"s": 100.0, "slept": 0.0}

    def sleep(duration_s):
        wall["s"] += duration_s
        wall["slept"] += duration_s

    monkeypatch.setattr("nullfield.virtual.clock.time.monotonic", lambda: wall["s"])
    monkeypatch.setattr("nullfield.virtual.clock.time.sleep", sleep)
    clock = VirtualClock(world, realtime=True)
    calls = []
    clock.call_every(0.010, lambda: calls.append(world.block))
    clock.wait(never, 0.100)
    assert calls == list(range(10, 101, 10))
    assert wall["slept"] == pytest.approx(0.1, abs=6e-3)
    # A stall of the machine is not raced after.
    wall["s"] += 60.0
    clock.wait(never, 0.100)
    assert wall["slept"] == pytest.approx(0.2, abs=12e-3)
