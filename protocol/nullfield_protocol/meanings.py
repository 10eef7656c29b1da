"""What the numbers in a message's fields mean: their enumeration, or their unit.

The layouts say how fields lie in the bytes; people who read traffic want names and units. The
sniffer, the dissector for Wireshark and the board console show fields by this page.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from .catalogue import (
    BoardState,
    BringupFlag,
    CoilFlag,
    Command,
    ErrorCode,
    FaultCode,
    HeadState,
    LogLevel,
    Mcu,
    ResetCause,
    Role,
    SampleFlag,
    SettingFlag,
    SettingKind,
    Slot,
    TableFlag,
    TableState,
    TraceKind,
    TraceState,
    TraceTrigger,
)

Enumeration = type[IntEnum] | type[IntFlag]

_BY_FIELD: dict[str, Enumeration] = {
    "role": Role,
    "reset_cause": ResetCause,
    "error": ErrorCode,
    "command": Command,
    "state": BoardState,
    "board_state": BoardState,
    "head_state": HeadState,
    "table_state": TableState,
    "fault_code": FaultCode,
    "head_fault": FaultCode,
    "mcu": Mcu,
    "slot": Slot,
    "trigger": TraceTrigger,
}
_BY_MESSAGE_AND_FIELD: dict[tuple[str, str], Enumeration] = {
    ("fault", "code"): FaultCode,
    ("log", "level"): LogLevel,
    ("trace_description", "kind"): TraceKind,
    ("trace_data", "state"): TraceState,
    ("setting_description", "kind"): SettingKind,
    ("setting_description", "flags"): SettingFlag,
    ("sensor_samples.rows", "flags"): SampleFlag,
    ("coil_samples.rows", "flags"): CoilFlag,
    ("table_samples.rows", "flags"): TableFlag,
    ("bringup_samples.rows", "flags"): BringupFlag,
    ("table_telemetry", "switches"): TableFlag,
}

TEXT_FIELDS = frozenset(
    {"firmware_version", "firmware_revision", "board_name", "unit_name", "name", "unit", "text"}
)
"""Bytes that are UTF-8, filled up with zeros."""


class Unit(NamedTuple):
    """Unit of a field, and how many of its counts make one."""

    symbol: str
    counts: int


# Longest ending first: `_um_s` is not `_s`.
_UNITS: tuple[tuple[str, Unit], ...] = (
    ("_um_s", Unit("mm/s", 1000)),
    ("_permille", Unit("%", 10)),
    ("_us", Unit("s", 1_000_000)),
    ("_ns", Unit("ms", 1_000_000)),
    ("_mc", Unit("°C", 1000)),
    ("_mv", Unit("V", 1000)),
    ("_na", Unit("µA", 1000)),
    ("_pa", Unit("nA", 1000)),
    ("_ua", Unit("mA", 1000)),
    ("_uw", Unit("mW", 1000)),
    ("_um", Unit("mm", 1000)),
)


def enumeration_of(layout: str, field: str) -> Enumeration | None:
    """Enumeration of a field's numbers, None if they are just numbers.

    Parameters
    ----------
    layout : str
        Name of the message, with ``.rows`` for a field of its sample rows.
    field : str
    """
    return _BY_MESSAGE_AND_FIELD.get((layout, field), _BY_FIELD.get(field))


def unit_of(field: str) -> Unit | None:
    """Unit that a field's name ends in, None if it has none."""
    return next((unit for ending, unit in _UNITS if field.endswith(ending)), None)


def label_of(field: str) -> str:
    """A field's name without its unit."""
    return next((field[: -len(e)] for e, _ in _UNITS if field.endswith(e)), field)


def number_text(enumeration: Enumeration, value: int) -> str:
    """A number by its name: ``cell_sensor``, ``homed|at_home``; unknown parts stay numbers."""
    if issubclass(enumeration, IntFlag):
        names = [m.name.lower() for m in enumeration if m.name and value & m]
        rest = value & ~sum(int(m) for m in enumeration)
        return "|".join([*names, *([f"0x{rest:x}"] if rest else [])]) or "0"
    try:
        return enumeration(value).name.lower()
    except ValueError:
        return str(value)
