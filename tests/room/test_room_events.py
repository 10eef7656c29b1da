"""Events of the room from made-up fields: the door, vehicles, lifts, and heads that fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from nullfield.room.events import EventKind, RoomEvent, RoomWatch

FloatArray = npt.NDArray[np.float64]
N = 4
OFFSET = np.array([[3000.0, -2000.0], [-500.0, 1500.0], [2500.0, 100.0], [0.0, -900.0]])
DOOR = np.array([[40e3, -30e3], [44e3, -28e3], [38e3, -33e3], [41e3, -30e3]])


def run(
    seconds: float,
    field: Callable[[float], FloatArray],
    saturated: Callable[[float], list[int]] = lambda t: [],
    seed: int = 1,
) -> tuple[RoomWatch, list[RoomEvent]]:
    watch = RoomWatch(N, 2)
    rng = np.random.default_rng(seed)
    events = []
    for look in range(round(seconds * 10)):
        time = (look + 1) * 0.1
        # Drift of a quiet room and what is left of the mains.
        drift = 100.0 * np.sin(2 * np.pi * time / 120.0)
        flags = np.zeros(N, dtype=np.bool_)
        flags[saturated(time)] = True
        noise = rng.normal(0.0, 5.0, (N, 2))
        events += watch.step(time, OFFSET + drift + noise + field(time), flags)
    return watch, events


def _ramp(time: float, begin: float, length: float = 1.5) -> float:
    return float(np.clip((time - begin) / length, 0.0, 1.0))


def nothing(time: float) -> FloatArray:
    return np.zeros((N, 2))


def test_a_quiet_room_has_no_events() -> None:
    for seed in range(5):
        assert run(300.0, nothing, seed=seed)[1] == []


def test_a_door_opens_and_closes() -> None:
    def field(time: float) -> FloatArray:
        after = 6e3 * np.exp(-max(time - 52.0, 0.0) / 30.0) if time > 50.0 else 0.0
        return DOOR * (_ramp(time, 20.0) - _ramp(time, 50.0)) + after

    watch, events = run(120.0, field)
    assert [e.kind for e in events[:2]] == [EventKind.DOOR_OPENED, EventKind.DOOR_CLOSED]
    opened, closed = events[:2]
    assert 20.0 <= opened.begin_s < 20.3
    assert opened.seen_s < 21.5
    assert "Close it" in opened.advice
    assert 50.0 < closed.seen_s < 52.5
    assert closed.size_pt == pytest.approx(50e3, rel=0.15)
    assert "null the room anew" in closed.advice
    assert not watch.is_door_open
    # The creep after it may be told as a change that stays, and as nothing else.
    assert {e.kind for e in events[2:]} <= {EventKind.LIFT, EventKind.VEHICLE}


def test_a_door_that_stays_open_is_told_once() -> None:
    watch, events = run(200.0, lambda t: DOOR * _ramp(t, 20.0))
    assert [e.kind for e in events] == [EventKind.DOOR_OPENED]
    assert watch.is_door_open


def test_a_vehicle_passes() -> None:
    def field(time: float) -> FloatArray:
        return np.full((N, 2), 1500.0) / (1.0 + ((time - 40.0) / 3.0) ** 2) ** 1.5

    _, events = run(100.0, field)
    assert [e.kind for e in events] == [EventKind.VEHICLE]
    assert events[0].size_pt == pytest.approx(1500 * np.sqrt(2), rel=0.15)
    assert events[0].begin_s < 40.0 < events[0].seen_s < 60.0


def test_a_lift_stands_elsewhere() -> None:
    _, events = run(150.0, lambda t: np.full((N, 2), 1800.0) * _ramp(t, 30.0, 8.0))
    assert [e.kind for e in events] == [EventKind.LIFT]
    assert events[0].size_pt == pytest.approx(1800 * np.sqrt(2), rel=0.2)


def test_saturation_of_most_heads_is_the_rooms_and_of_one_is_its_own() -> None:
    _, events = run(60.0, nothing, lambda t: [0, 1, 2] if 20.0 < t < 30.0 else [])
    assert [e.kind for e in events] == [EventKind.SATURATED]
    _, events = run(60.0, nothing, lambda t: [2] if 20.0 < t < 30.0 else [])
    assert [(e.kind, e.head) for e in events] == [(EventKind.HEAD, 2)]
    # Shorter than half a second is a glitch.
    assert run(60.0, nothing, lambda t: [0, 1, 2] if 20.0 < t < 20.3 else [])[1] == []


def test_one_head_that_runs_away_is_named_and_nothing_else() -> None:
    def field(time: float) -> FloatArray:
        out = np.zeros((N, 2))
        out[1, 0] = 20e3 if time > 25.0 else 0.0
        return out

    _, events = run(90.0, field)
    assert [(e.kind, e.head) for e in events] == [(EventKind.HEAD, 1)]


def test_a_head_without_values_does_not_hide_the_door() -> None:
    def field(time: float) -> FloatArray:
        out = DOOR * (_ramp(time, 40.0) - _ramp(time, 70.0))
        if time > 10.0:
            out[3] = np.nan
        return out

    _, events = run(90.0, field)
    assert [e.kind for e in events][:2] == [EventKind.DOOR_OPENED, EventKind.DOOR_CLOSED]


def test_a_failing_head_during_the_door_is_no_second_event() -> None:
    def field(time: float) -> FloatArray:
        out = DOOR * (_ramp(time, 40.0) - _ramp(time, 70.0))
        out[0] = 90e3 if 45.0 < time < 60.0 else out[0]
        return out

    _, events = run(80.0, field)
    assert [e.kind for e in events] == [EventKind.DOOR_OPENED, EventKind.DOOR_CLOSED]


def test_all_heads_gone_is_quiet() -> None:
    def field(time: float) -> FloatArray:
        return np.full((N, 2), np.nan) if time > 10.0 else np.zeros((N, 2))

    assert run(30.0, field)[1] == []


def test_nobody_watches_without_heads() -> None:
    with pytest.raises(ValueError, match="without a head"):
        RoomWatch(0, 2)
