"""One sensor board's heads from whatever state they are in to ready."""

from __future__ import annotations

from collections.abc import Iterable

from nullfield.devices.sensor import SensorBoard, SensorTelemetry
from nullfield.errors import ProcedureError
from nullfield.instrument.progress import Progress, silent
from nullfield_protocol.catalogue import FaultCode, HeadState

START_LIMIT_S = 240.0
_ZERO_LIMIT_S = 60.0
_OVER = (HeadState.READY, HeadState.FAULT)


def head_label(board: SensorBoard, slot: int) -> str:
    """How a head of a board is called where no rig gives it a name."""
    return f"head {slot} of {board}"


def why_not_ready(telemetry: SensorTelemetry, slot: int) -> str:
    """The board's reason in words."""
    state = telemetry.head_state[slot]
    if state is HeadState.FAULT:
        return FaultCode(telemetry.head_fault[slot]).name.lower().replace("_", " ")
    return f"still in state {state.name.lower().replace('_', ' ')}"


def make_ready(
    board: SensorBoard,
    slots: Iterable[int],
    progress: Progress = silent,
    timeout_s: float = START_LIMIT_S,
) -> tuple[int, ...]:
    """Start heads that are off and wait until each is ready or has failed.

    Parameters
    ----------
    board : SensorBoard
    slots : iterable of int
        Heads wanted, 0 to 3.
    progress : Progress
    timeout_s : float
        Heads on their way after that count as failed.

    Returns
    -------
    tuple of int
        Heads that are ready.

    Raises
    ------
    ProcedureError
        If none is: naming the first and why.
    BoardFaultError, BoardLostError
        If the board as a whole fails.
    """
    wanted = tuple(slots)
    now = board.wait_telemetry(lambda _: True, 2.0)
    off = [slot for slot in wanted if now.head_state[slot] is HeadState.OFF]
    if off:
        board.start(off)
    began_s = board.clock.now_s()

    def is_over(telemetry: SensorTelemetry) -> bool:
        return all(telemetry.head_state[slot] in _OVER for slot in wanted)

    while not is_over(now):
        passed_s = board.clock.now_s() - began_s
        if passed_s > timeout_s:
            break
        done = sum(now.head_state[slot] is HeadState.READY for slot in wanted)
        hottest_c = max(float(now.cell_temperature_c[slot]) for slot in wanted)
        progress(
            "start",
            min(passed_s / 75.0, 0.95),
            f"{done}/{len(wanted)} heads ready, {hottest_c:.0f} °C",
        )
        end_s = board.clock.now_s() + 1.0
        now = board.wait_telemetry(
            lambda t, end_s=end_s: is_over(t) or board.clock.now_s() >= end_s,  # type: ignore[misc]
            5.0,
        )
    ready = tuple(slot for slot in wanted if now.head_state[slot] is HeadState.READY)
    if not ready:
        first = wanted[0]
        raise ProcedureError(
            f"{head_label(board, first)} is not ready: {why_not_ready(now, first)}",
            "look at it with 'nullfield monitor BOARD --start'; check interlock, heater and laser",
        )
    if off:
        progress("start", 1.0, f"{len(ready)}/{len(wanted)} heads ready")
    return ready


def zero_again(board: SensorBoard, slots: Iterable[int]) -> tuple[int, ...]:
    """Zero the field at ready heads, which finds their weights anew; the heads that came back.

    Raises
    ------
    ProcedureError
        If it takes too long.
    """
    wanted = tuple(slots)
    before = board.wait_telemetry(lambda _: True, 2.0)
    board.zero(wanted)

    def is_over(telemetry: SensorTelemetry) -> bool:
        return all(
            telemetry.head_state[slot] is HeadState.FAULT
            or (
                telemetry.head_state[slot] is HeadState.READY
                and telemetry.zero_count[slot] != before.zero_count[slot]
            )
            for slot in wanted
        )

    after = board.wait_telemetry(is_over, _ZERO_LIMIT_S, "zeroing the field")
    return tuple(slot for slot in wanted if after.head_state[slot] is HeadState.READY)
