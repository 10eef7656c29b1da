"""Acceptance plan of a table board."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import SampleWindow
from nullfield.devices.table import TableBoard
from nullfield.errors import BoardFaultError, ProcedureError
from nullfield.production.bench import Bench
from nullfield.production.common_checks import first_checks, last_checks
from nullfield.production.plan import Check
from nullfield.production.verdict import Limit, Value, around, exactly
from nullfield_protocol.catalogue import FaultCode, TableFlag, TableState

_HOME_TIMEOUT_S = 60.0
_REPEATS_M = (0.02, 0.1, 0.3)
_FAST_M_S = 0.05
_ROW_S = 1e-3


@dataclass(frozen=True)
class Homing:
    """What was seen of homing, once from anywhere and then from known places.

    Attributes
    ----------
    errors_m : tuple of float
        Where the switch closed, by the count of the home before.
    is_released : bool
        Whether the switch opens when the table moves away.
    """

    errors_m: tuple[float, ...]
    is_released: bool


def _board(bench: Bench) -> TableBoard:
    board = bench.board
    assert isinstance(board, TableBoard)
    return board


def _home(board: TableBoard) -> None:
    board.home()
    telemetry = board.wait_telemetry(
        lambda t: t.table_state in (TableState.IDLE, TableState.FAULT), _HOME_TIMEOUT_S, "homing"
    )
    if telemetry.table_state != TableState.IDLE:
        board.check()
        raise ProcedureError(f"homing ended in state {telemetry.table_state.name.lower()}")


def _move(board: TableBoard, position_m: float, speed_m_s: float = _FAST_M_S) -> None:
    board.move_to(position_m, speed_m_s)
    timeout_s = 10.0 + 3.0 * abs(position_m) / speed_m_s
    seen = board.telemetry_count + 1

    def is_there() -> bool:
        telemetry = board.telemetry
        return (
            board.telemetry_count > seen
            and telemetry is not None
            and telemetry.table_state == TableState.IDLE
        )

    board.wait_until(is_there, timeout_s, f"moving to {position_m * 1e3:g} mm")


def _flags(window: SampleWindow, flag: TableFlag) -> npt.NDArray[np.bool_]:
    return np.asarray((window.rows["flags"] & flag) != 0, dtype=np.bool_)


def take_homing(bench: Bench) -> Homing:
    """Home, move away, home again, from several places."""
    board = _board(bench)
    bench.start_stream()
    bench.tell("first home")
    _home(board)
    try:
        _move(board, _REPEATS_M[0])
    except BoardFaultError:
        fault = board.link.fault
        if fault is None or fault.code != FaultCode.TABLE_STALL:
            raise
        # The board itself finds that its switch stays closed, a few millimetres from home.
        board.clear_faults()
        return Homing((), False)
    moved = board.wait_samples(20)
    is_released = not bool(_flags(moved, TableFlag.AT_HOME).any())
    errors = []
    for place_m in _REPEATS_M if is_released else ():
        bench.tell(f"home from {place_m * 1e3:g} mm")
        _move(board, place_m)
        start = board.samples.next_index
        assert start is not None
        _home(board)
        window = board.samples.since(start)
        at_home = np.flatnonzero(_flags(window, TableFlag.AT_HOME))
        if not len(at_home):
            raise ProcedureError("homed, but the home switch was never seen closed")
        # The row in which the switch shows first has the count from before it is set to zero.
        errors.append(float(board.position_m(window)[at_home[0]]))
    return Homing(tuple(errors), is_released)


def home_switch(bench: Bench) -> list[Value]:
    """The home switch closes at home and opens 20 mm away from it."""
    found = bench.once("homing", take_homing)
    return [
        Value(
            "released 20 mm from home", float(found.is_released), "",
            exactly(1, "fixture: home switch"), 20,
        )
    ]  # fmt: skip


def home_repeatability(bench: Bench) -> list[Value]:
    """Where the switch closes after trips of 20, 100 and 300 mm at full speed."""
    found = bench.once("homing", take_homing)
    home_speed_m_s = _board(bench).settings.describe("home_speed").default
    # The switch is looked at once a block; the first row after it is up to one block late.
    error_m = home_speed_m_s * _ROW_S / math.sqrt(12.0)
    limit = Limit(-0.1e-3, 0.1e-3, "design: switch 0.05 mm, block of 1 ms at home speed")
    return [
        Value(f"after {place * 1e3:g} mm", one, "m", limit, 1, error_m)
        for place, one in zip(_REPEATS_M, found.errors_m, strict=False)
    ]


def travel_time(bench: Bench) -> list[Value]:
    """A move of 200 mm against the trapezoid's closed form."""
    board = _board(bench)
    bench.start_stream()
    _home(board)
    start = board.samples.next_index
    assert start is not None
    way_m = 0.2
    _move(board, way_m)
    window = board.samples.since(start)
    moving = np.flatnonzero(_flags(window, TableFlag.MOVING))
    if not len(moving):
        raise ProcedureError("the table did not move")
    measured_s = float(moving[-1] - moving[0] + 1) * _ROW_S
    acceleration = board.settings.get("acceleration")
    speed = _FAST_M_S
    expected_s = way_m / speed + speed / acceleration
    top_m_s = float(np.abs(window.rows["speed_um_s"]).max()) * 1e-6
    position_m = float(board.position_m(window)[-1])
    return [
        Value(
            "time for 200 mm", measured_s, "s",
            around(expected_s, 0.02, "physics: trapezoid of the settings"), len(moving), 6e-4,
        ),
        Value("top speed", top_m_s, "m/s", around(speed, 0.02, "command"), len(moving), 1e-6),
        Value(
            "where it ended", position_m, "m",
            Limit(way_m - 5e-6, way_m + 5e-6, "design: two microsteps"), 1, 0.0,
        ),
    ]  # fmt: skip


def stop_distance(bench: Bench) -> list[Value]:
    """Stopped at full speed: the way that it still goes."""
    board = _board(bench)
    bench.start_stream()
    _home(board)
    start = board.samples.next_index
    assert start is not None
    board.move_to(0.4, _FAST_M_S)
    board.wait_telemetry(lambda t: t.position_m > 0.1, 20.0, "reaching full speed")
    at_m = float(board.position_m(board.wait_samples(1))[-1])
    board.stop()
    board.wait_telemetry(lambda t: t.table_state == TableState.IDLE, 10.0, "stopping")
    end_m = float(board.position_m(board.wait_samples(5))[-1])
    acceleration = board.settings.get("acceleration")
    way_m = _FAST_M_S**2 / (2.0 * acceleration)
    # Between the row seen and the command's arrival the table goes on: round trip and frame.
    slack_m = _FAST_M_S * 0.08
    return [
        Value(
            "way after the stop", end_m - at_m, "m",
            Limit(0.9 * way_m, way_m + slack_m, "physics: v²/2a, and 80 ms until it is heard"),
            1, _FAST_M_S * _ROW_S,
        )
    ]  # fmt: skip


def end_switch(bench: Bench) -> list[Value]:
    """Move in to the end of the travel: the end switch stops the table where the fixture says."""
    board = _board(bench)
    fixture = bench.fixture.table
    assert fixture is not None
    travel_m = bench.definition["limits"]["table_travel_um"] * 1e-6
    _home(board)
    _move(board, travel_m - 0.02)
    board.move_to(travel_m, 0.01)
    seen = board.telemetry_count + 2
    board.clock.wait(
        lambda: (
            board.link.fault is not None
            or board.link.lost_reason is not None
            or (
                board.telemetry_count > seen
                and board.telemetry is not None
                and board.telemetry.table_state == TableState.IDLE
            )
        ),
        30.0,
    )
    fault = board.link.fault
    limit = Limit(
        (fixture.end_switch_mm - fixture.end_switch_tolerance_mm) * 1e-3,
        (fixture.end_switch_mm + fixture.end_switch_tolerance_mm) * 1e-3,
        "fixture: end_switch_mm",
    )
    if fault is None or fault.code != FaultCode.TABLE_LIMIT:
        return [Value("closes at", math.nan, "m", limit)]
    microsteps_per_m = bench.definition["scales"]["microsteps_per_mm"] * 1e3
    return [Value("closes at", fault.value / microsteps_per_m, "m", limit, 1, 1e-5)]


def emergency_stop_idle(bench: Bench) -> list[Value]:
    """The emergency stop reads released: a cut wire would read pressed."""
    board = _board(bench)
    bench.start_stream()
    window = board.wait_samples(100)
    pressed = int(_flags(window, TableFlag.EMERGENCY_STOP).sum())
    return [Value("rows with it pressed", pressed, "", exactly(0, "fixture: released"), 100)]


def emergency_stop_pressed(bench: Bench) -> list[Value]:
    """Pressed by the operator: the board latches its fault."""
    board = _board(bench)
    assert bench.ask is not None
    bench.ask("Press the emergency stop, then confirm.")
    board.clock.wait(lambda: board.link.fault is not None, 5.0)
    fault = board.link.fault
    code = float(fault.code) if fault is not None else 0.0
    bench.ask("Release the emergency stop, then confirm.")
    return [
        Value(
            "fault", code, "code", exactly(FaultCode.TABLE_EMERGENCY_STOP, "safety: emergency stop")
        )
    ]


def table_plan() -> list[Check]:
    """Every test of a table board."""
    motor = ("table.motor", "table.home_switch")
    homed = ("start_state", "home_switch", "home_repeatability")
    return [
        *first_checks(motor),
        Check(
            "emergency_stop_idle", "Emergency stop released", emergency_stop_idle,
            ("table.emergency_stop",), ("identity",),
        ),
        Check("home_switch", "Home switch", home_switch, motor, ("start_state",)),
        Check(
            "home_repeatability", "Repeatability of home", home_repeatability, motor,
            ("start_state", "home_switch"),
        ),
        Check("travel_time", "Travel time by the profile", travel_time, motor, homed),
        Check("stop_distance", "Way of a stop", stop_distance, motor, homed),
        Check(
            "end_switch", "End switch", end_switch, (*motor, "table.end_switch"), homed,
        ),
        Check(
            "emergency_stop_pressed", "Emergency stop pressed", emergency_stop_pressed,
            ("operator", "table.emergency_stop"), ("identity",),
        ),
        *last_checks(),
    ]  # fmt: skip
