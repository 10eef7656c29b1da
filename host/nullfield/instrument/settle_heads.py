"""After a setting changed: bring heads back to ready and wait until their data have settled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import UNUSABLE
from nullfield.devices.sensor import SensorBoard, SensorTelemetry
from nullfield.errors import ProcedureError
from nullfield.instrument.ready_board import make_ready, why_not_ready, zero_again
from nullfield.instrument.sweep_parameter import After
from nullfield_protocol.catalogue import HeadState

FloatArray = npt.NDArray[np.float64]

_CELL_TOLERANCE_C = 0.1
_CELL_HOLD_S = 2.0
_CELL_LIMIT_S = 180.0
_LIGHT_TOLERANCE = 0.005
_LIGHT_LIMIT_S = 30.0
_CHUNK_S = 0.5
_MOST_CHUNKS = 20
_SPREAD_RATIO = 1.5


def settle_heads(
    board: SensorBoard, after: After, slots: tuple[int, ...]
) -> tuple[tuple[int, ...], dict[int, str]]:
    """Do what a changed setting needs, and wait by data, not by time.

    Parameters
    ----------
    board : SensorBoard
        With its stream on.
    after : str
        See `SweepParameter`.
    slots : tuple of int

    Returns
    -------
    ready : tuple of int
        Heads that work.
    failed : dict of int to str
        The others, with the board's reason.

    Raises
    ------
    ProcedureError
        If cell, light or field do not settle.
    BoardFaultError, BoardLostError
    """
    if after == "restart":
        board.safe_off()
    now = board.wait_telemetry(lambda _: True, 2.0)
    if any(now.head_state[slot] is HeadState.FAULT for slot in slots):
        # One that failed at the value before gets another chance at this one.
        board.clear_faults()
        now = board.wait_telemetry(lambda _: True, 2.0)
    was_ready = tuple(slot for slot in slots if now.head_state[slot] is HeadState.READY)
    if after == "heat" and was_ready:
        _wait_cell(board, was_ready)
    ready = was_ready
    if len(was_ready) < len(slots):
        # A start ends with a zero of its own.
        try:
            ready = make_ready(board, slots)
        except ProcedureError:
            board.check()
            ready = ()
    if after in ("zero", "heat") and was_ready:
        zeroed = zero_again(board, tuple(slot for slot in was_ready if slot in ready))
        ready = tuple(slot for slot in ready if slot in zeroed or slot not in was_ready)
    if ready:
        _wait_light(board, ready)
        _wait_field(board, ready)
    now = board.wait_telemetry(lambda _: True, 2.0)
    failed = {slot: why_not_ready(now, slot) for slot in slots if slot not in ready}
    return ready, failed


def _wait_cell(board: SensorBoard, slots: tuple[int, ...]) -> None:
    setpoint_c = board.settings.get("cell_setpoint")
    since_s: float | None = None

    def is_there(telemetry: SensorTelemetry) -> bool:
        nonlocal since_s
        off_c = telemetry.cell_temperature_c[list(slots)] - setpoint_c
        if float(np.abs(off_c).max()) > _CELL_TOLERANCE_C:
            since_s = None
            return False
        if since_s is None:
            since_s = telemetry.board_time_s
        return telemetry.board_time_s - since_s >= _CELL_HOLD_S

    board.wait_telemetry(is_there, _CELL_LIMIT_S, f"bringing the cells to {setpoint_c:g} °C")


def _wait_light(board: SensorBoard, slots: tuple[int, ...]) -> None:
    """Wait until the light stays within half a percent for a second."""
    seen: list[tuple[float, FloatArray]] = []

    def is_steady(telemetry: SensorTelemetry) -> bool:
        seen.append((telemetry.board_time_s, telemetry.photocurrent_a[list(slots)]))
        while seen[-1][0] - seen[0][0] > 1.2:
            seen.pop(0)
        if seen[-1][0] - seen[0][0] < 0.8:
            return False
        light = np.array([one for _, one in seen])
        return bool((np.ptp(light, axis=0) <= _LIGHT_TOLERANCE * light.mean(axis=0)).all())

    board.wait_telemetry(is_steady, _LIGHT_LIMIT_S, "waiting for steady light")


def _wait_field(board: SensorBoard, slots: tuple[int, ...]) -> None:
    """Wait until two stretches in a row are valid and move alike: no transient is left."""
    before: FloatArray | None = None
    channels = [3 * slot + axis for slot in slots for axis in (0, 1)]
    for _ in range(_MOST_CHUNKS):
        window = board.wait_samples(round(_CHUNK_S * board.sampling_rate_hz))
        flags = board.flags(window)[list(slots)]
        if not len(window) or bool((flags & UNUSABLE).any()):
            before = None
            continue
        # Differences from row to row: drift of the room is no transient.
        spread = np.diff(board.field_t(window)[channels], axis=1).std(axis=1)
        if before is not None and bool(
            ((spread < _SPREAD_RATIO * before) & (before < _SPREAD_RATIO * spread)).all()
        ):
            return
        before = spread
    raise ProcedureError(
        f"{board}: the field of its heads does not settle",
        "the loops may be unstable at this value; try a smaller range",
    )
