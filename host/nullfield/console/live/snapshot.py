"""The instrument's state as one dictionary for those who look; numbers not known are None."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nullfield.console.live.noise import NoiseByHead
from nullfield.devices.board import Board
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import table_travel_m
from nullfield.rig import HeadEntry
from nullfield_protocol.catalogue import FaultCode, TableFlag

_FIELD_ROWS = 100


def instrument_state(instrument: Instrument, noise: NoiseByHead) -> dict[str, Any]:
    """Heads, coils, table and boards as they are now.

    Parameters
    ----------
    instrument : Instrument
        Connected; another thread may be driving it.
    noise : NoiseByHead
        What was last measured.
    """
    return {
        "heads": _heads(instrument, noise),
        "coils": _coils(instrument),
        "table": _table(instrument),
        "boards": [_board(board) for board in list(instrument.boards.values())],
    }


def fault_words(code: int) -> str | None:
    """Name of a fault as words, None for no fault."""
    if code == FaultCode.NONE:
        return None
    try:
        return FaultCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"fault {code}"


def _heads(instrument: Instrument, noise: NoiseByHead) -> list[dict[str, Any]]:
    states = instrument.head_states()
    fields = {uid: _mean_pt(instrument, uid) for uid in list(instrument.sensors)}
    return [
        _head(instrument, head, states[head.name].name, fields.get(head.board), noise)
        for head in instrument.rig.heads
        if head.name in states
    ]


def _head(
    instrument: Instrument,
    head: HeadEntry,
    state: str,
    field_pt: np.ndarray[Any, Any] | None,
    noise: NoiseByHead,
) -> dict[str, Any]:
    board = instrument.sensors.get(head.board)
    telemetry = board.telemetry if board is not None else None
    slot = head.slot
    position_m = instrument.rig.positions_m((head,))[0]
    shown: dict[str, Any] = {
        "name": head.name,
        "board": head.board,
        "slot": slot,
        "kind": head.kind,
        "position_m": [round(float(v), 5) for v in position_m],
        "normal": [round(float(v), 5) for v in head.axes[2]],
        "state": state,
        "cell_temperature_c": None,
        "laser_temperature_c": None,
        "field_pt": None,
        "noise_ft_rthz": noise.get(head.name),
        "fault": None,
    }
    if telemetry is not None:
        shown["cell_temperature_c"] = _number(telemetry.cell_temperature_c[slot], 2)
        shown["laser_temperature_c"] = _number(telemetry.laser_temperature_c[slot], 2)
        shown["fault"] = fault_words(telemetry.head_fault[slot])
    if field_pt is not None and state == "READY":
        shown["field_pt"] = [_number(v, 1) for v in field_pt[3 * slot : 3 * slot + 3]]
    return shown


def _mean_pt(instrument: Instrument, uid: str) -> np.ndarray[Any, Any] | None:
    board = instrument.sensors.get(uid)
    if board is None:
        return None
    window = board.samples.window(_FIELD_ROWS)
    if not len(window):
        return None
    return np.asarray(board.field_t(window).mean(axis=1) * 1e12)


def _coils(instrument: Instrument) -> list[dict[str, Any]]:
    shown = []
    for coil in instrument.rig.coils:
        board = instrument.coils.get(coil.board)
        telemetry = board.telemetry if board is not None else None
        current = None if telemetry is None else _number(telemetry.current_a[coil.channel] * 1e3, 5)
        shown.append(
            {
                "name": coil.name,
                "board": coil.board,
                "channel": coil.channel,
                "current_ma": current,
                "limit_ma": coil.current_max_ma,
            }
        )
    return shown


def _table(instrument: Instrument) -> dict[str, Any] | None:
    table, entry = instrument.table, instrument.rig.table
    if table is None or entry is None or table.telemetry is None:
        return None
    telemetry = table.telemetry
    return {
        "state": telemetry.table_state.name,
        "position_mm": _number(telemetry.position_m * 1e3, 2),
        "target_mm": _number(telemetry.target_m * 1e3, 2),
        "speed_mm_s": _number(telemetry.speed_m_s * 1e3, 2),
        "at_home": bool(telemetry.switches & TableFlag.AT_HOME),
        "at_end": bool(telemetry.switches & TableFlag.AT_END),
        "is_energised": bool(telemetry.switches & TableFlag.MOTOR_ENERGISED),
        "in_position_mm": entry.in_position_mm,
        "is_homed": bool(telemetry.switches & TableFlag.HOMED),
        "travel_mm": _number(table_travel_m(instrument)[1] * 1e3, 1),
    }


def _board(board: Board[Any]) -> dict[str, Any]:
    telemetry = board.telemetry
    fault = board.link.fault
    return {
        "uid": board.uid,
        "role": board.identity.role.name.lower(),
        "name": board.identity.unit_name or board.identity.board_name,
        "state": telemetry.board_state.name if telemetry is not None else None,
        "fault": None if fault is None else str(fault),
        "load": None if telemetry is None else _number(telemetry.load, 3),
        "heap_free_bytes": None if telemetry is None else telemetry.heap_free_bytes,
        "lost_rows": {**board.samples.lost_rows(), "host": board.samples.refused_blocks},
        "received_rows": board.samples.received_rows,
    }


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None
