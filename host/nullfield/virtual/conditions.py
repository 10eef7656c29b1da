"""Conditions that a person at a bench could bring about: supply, switches, power, a hot die.

A standing instrument takes them as JSON lines, one object each: ``{"uid": "...", "supply_mv": 4000}``,
``{"uid": "...", "input": "interlock", "level": 0}``, ``{"uid": "...", "die_temperature_c": 90}``,
``{"uid": "...", "power_cycle": true}``.
"""

from __future__ import annotations

from typing import Any

from nullfield.errors import InputError
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.process import RESET_POWER_ON

_KEYS = "supply_mv, die_temperature_c, input with level, power_cycle"


def apply_condition(instrument: VirtualInstrument, given: dict[str, Any]) -> None:
    """Bring one condition about.

    Parameters
    ----------
    instrument : VirtualInstrument
        Between two blocks.
    given : dict
        See the module.

    Raises
    ------
    InputError
        Naming the board, input or key that does not exist.
    """
    board = instrument.by_uid.get(str(given.get("uid")))
    if board is None:
        raise InputError(
            f"no virtual board {given.get('uid')!r}", f"boards: {', '.join(instrument.by_uid)}"
        )
    if "supply_mv" in given:
        board.supply_mv = _within(given["supply_mv"], 0, 65535, "supply_mv")
    elif "die_temperature_c" in given:
        # One byte of the tick, 100 above.
        board.die_temperature_c = _within(
            given["die_temperature_c"], -100, 155, "die_temperature_c"
        )
    elif "input" in given:
        if given["input"] not in board.inputs:
            raise InputError(
                f"board {board.uid} has no input {given['input']!r}",
                f"inputs: {', '.join(board.inputs) or 'none'}",
            )
        board.inputs[given["input"]] = _within(given.get("level"), 0, 1, "level")
    elif given.get("power_cycle"):
        instrument.reset(board, RESET_POWER_ON)
    else:
        raise InputError(f"unknown condition {sorted(set(given) - {'uid'})}", f"known: {_KEYS}")


def _within(value: Any, lowest: int, highest: int, name: str) -> int:
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise InputError(f"{name}: {value!r} is no whole number from {lowest} to {highest}")
    return value
