"""State of boards at one instant, from what they last told; asks nothing and waits for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield.devices.board import SILENCE_LIMIT_S, Board
from nullfield.devices.coil import CoilBoard
from nullfield.devices.samples import UNUSABLE
from nullfield.devices.sensor import SensorBoard
from nullfield.instrument.measure_noise import window_noise
from nullfield.rig import Rig
from nullfield_protocol.catalogue import BoardState, FaultCode, HeadState, SampleFlag
from nullfield_protocol.messages import HEADS_PER_BOARD

NOISE_S = 3.0
_FIELD_S = 0.25
_SHOWN_DIGITS = 8
"""Of a uid whose board has no unit name; commands take the end of a uid for the whole."""


@dataclass(frozen=True)
class HeadRow:
    """One head; axes are two transverse ones and the beam.

    Attributes
    ----------
    field_nt : tuple of float or None
        Mean over the last quarter second; None while its rows are not valid.
    noise_ft_rthz : tuple of float or None
        Transverse, 10-100 Hz, of the last seconds; None where they do not suffice. A heart counts.
    coil_offset_nt : tuple of float
        What the on-head coils make.
    flags : str
        What is not valid about its newest row.
    """

    name: str
    board: str
    state: str
    fault: str
    cell_c: float
    laser_c: float
    is_locked: bool
    is_loop_closed: bool
    light_ua: float
    heater_mw: float
    field_nt: tuple[float, float, float] | None
    noise_ft_rthz: tuple[float, float] | None
    coil_offset_nt: tuple[float, float, float]
    flags: str


@dataclass(frozen=True)
class BoardRow:
    """One board.

    Attributes
    ----------
    load : float or None
        Share of the block time in use; None before the first telemetry.
    lost : dict of str to int
        Sample rows missing since the watch began, by cause.
    trouble : str
        Fault, silence or loss of the port, in words.
    """

    name: str
    uid: str
    role: str
    state: str
    load: float | None
    heap_free_bytes: int | None
    rows: int
    lost: dict[str, int]
    trouble: str


@dataclass(frozen=True)
class CoilRow:
    """One channel of a coil board, mA."""

    name: str
    board: str
    setpoint_ma: float
    current_ma: float


@dataclass(frozen=True)
class Snapshot:
    """Everything at one instant of the host's clock."""

    time_s: float
    boards: tuple[BoardRow, ...]
    heads: tuple[HeadRow, ...]
    coils: tuple[CoilRow, ...]


def take_snapshot(
    boards: Mapping[str, Board[Any]], now_s: float, rig: Rig | None = None
) -> Snapshot:
    """Look at boards as they stand.

    Parameters
    ----------
    boards : mapping of str to Board
        By uid.
    now_s : float
    rig : Rig, optional
        Gives names to heads and coils; only those that it names are shown.
    """
    heads: list[HeadRow] = []
    coils: list[CoilRow] = []
    for board in boards.values():
        if isinstance(board, SensorBoard):
            heads += _heads(board, rig)
        elif isinstance(board, CoilBoard):
            coils += _coils(board, rig)
    return Snapshot(
        now_s, tuple(_board(one) for one in boards.values()), tuple(heads), tuple(coils)
    )


def _short(board: Board[Any]) -> str:
    return board.identity.unit_name or board.uid[-_SHOWN_DIGITS:]


def _board(board: Board[Any]) -> BoardRow:
    telemetry = board.telemetry
    code = 0 if telemetry is None else int(telemetry.fault_code)
    trouble = ""
    if board.link.lost_reason is not None:
        trouble = f"gone: {board.link.lost_reason}"
    elif board.link.silent_for_s > SILENCE_LIMIT_S:
        trouble = f"silent for {board.link.silent_for_s:.1f} s"
    elif board.link.fault is not None:
        trouble = str(board.link.fault)
    elif code:
        trouble = FaultCode(code).name.lower().replace("_", " ")
    state = board.identity.state if telemetry is None else BoardState(telemetry.board_state)
    return BoardRow(
        name=_short(board),
        uid=board.uid,
        role=board.identity.role.name.lower(),
        state=state.name.lower(),
        load=None if telemetry is None else float(telemetry.load),
        heap_free_bytes=None if telemetry is None else int(telemetry.heap_free_bytes),
        rows=board.samples.received_rows,
        lost={cause: rows for cause, rows in board.samples.lost_rows().items() if rows},
        trouble=trouble,
    )


def _heads(board: SensorBoard, rig: Rig | None) -> list[HeadRow]:
    telemetry = board.telemetry
    if telemetry is None:
        return []
    if rig is None:
        names = {slot: f"{_short(board)}.{slot}" for slot in range(HEADS_PER_BOARD)}
    else:
        names = {head.slot: head.name for head in rig.heads_of(board.uid)}
    rate_hz = board.sampling_rate_hz
    window = board.samples.window(round(NOISE_S * rate_hz))
    noise = window_noise(board, window)[2]
    newest = board.samples.window(round(_FIELD_S * rate_hz))
    field_nt = board.field_t(newest) * 1e9
    flags = board.flags(newest)
    rows = []
    for slot, name in names.items():
        mean = None
        # A board that was never started flags nothing, so the lock is asked, too.
        is_at_work = telemetry.is_laser_locked[slot]
        if is_at_work and len(newest) and not bool((flags[slot] & UNUSABLE).any()):
            x, y, b = field_nt[3 * slot : 3 * slot + 3].mean(axis=1)
            mean = (float(x), float(y), float(b))
        pair = noise[slot, :2]
        x, y, b = telemetry.coil_offset_t[slot] * 1e9
        state = telemetry.head_state[slot]
        rows.append(
            HeadRow(
                name=name,
                board=board.uid,
                state=state.name.lower(),
                fault=(
                    FaultCode(telemetry.head_fault[slot]).name.lower()
                    if state is HeadState.FAULT
                    else ""
                ),
                cell_c=float(telemetry.cell_temperature_c[slot]),
                laser_c=float(telemetry.laser_temperature_c[slot]),
                is_locked=telemetry.is_laser_locked[slot],
                is_loop_closed=telemetry.is_loop_closed[slot],
                light_ua=float(telemetry.photocurrent_a[slot] * 1e6),
                heater_mw=float(telemetry.heater_power_w[slot] * 1e3),
                field_nt=mean,
                noise_ft_rthz=(
                    (float(pair[0]), float(pair[1]))
                    if is_at_work and bool(np.isfinite(pair).all())
                    else None
                ),
                coil_offset_nt=(float(x), float(y), float(b)),
                flags=_words(int(flags[slot][-1])) if len(newest) else "",
            )
        )
    return rows


def _words(bits: int) -> str:
    return " ".join(flag.name.lower() for flag in SampleFlag if bits & flag and flag.name)


def _coils(board: CoilBoard, rig: Rig | None) -> list[CoilRow]:
    telemetry = board.telemetry
    if telemetry is None:
        return []
    if rig is None:
        names = {n: f"{_short(board)}.{n}" for n in range(len(telemetry.current_a))}
    else:
        names = {coil.channel: coil.name for coil in rig.coils if coil.board == board.uid}
    return [
        CoilRow(
            name,
            board.uid,
            float(telemetry.setpoint_a[channel] * 1e3),
            float(telemetry.current_a[channel] * 1e3),
        )
        for channel, name in names.items()
    ]
