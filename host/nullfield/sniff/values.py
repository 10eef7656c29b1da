"""Fields of a message as JSON and as text with units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nullfield_protocol.codec import text
from nullfield_protocol.layout import Layout
from nullfield_protocol.meanings import (
    TEXT_FIELDS,
    enumeration_of,
    label_of,
    number_text,
    unit_of,
)

Rows = npt.NDArray[Any] | None
_REST = "text"


class SettingNote(NamedTuple):
    """What is known of a setting, to read its values by."""

    name: str
    unit: str
    exponent: int

    def value_text(self, raw: int) -> str:
        """A value of it with its unit."""
        value = raw / 10.0**-self.exponent if self.exponent < 0 else raw * 10.0**self.exponent
        return f"{value:.10g} {self.unit}".rstrip()


def plain_values(layout: Layout, raw: Mapping[str, Any], rows: Rows) -> dict[str, Any]:
    """Fields as JSON: numbers of the wire, enumerations by name, bytes in hex or as text."""
    values = {
        name: _plain(layout.name, name, value)
        for name, value in raw.items()
        if not name.startswith("reserved")
    }
    if rows is not None and layout.row is not None:
        names = rows.dtype.names or ()
        values["rows"] = [
            {name: _plain(layout.row.name, name, row[name].tolist()) for name in names}
            for row in rows
        ]
    return values


def field_texts(
    layout: Layout, raw: Mapping[str, Any], rows: Rows, settings: Mapping[int, SettingNote]
) -> dict[str, str]:
    """Fields for people: scaled to their units, settings by their names.

    Of sample rows the first one stands for all.
    """
    shown: dict[str, str] = {}
    note = settings.get(raw["index"]) if layout.name.startswith("setting_") else None
    for name, value in raw.items():
        if name.startswith("reserved"):
            continue
        if note is not None and name == "index":
            shown["setting"] = note.name
        elif note is not None and name in ("value", "minimum", "maximum", "default"):
            shown[name] = note.value_text(value)
        elif layout.name == "command_request" and name == "argument":
            shown[name] = _list(_without_zeros(value), str)
        else:
            shown[label_of(name)] = _text(layout.name, name, value)
    if rows is not None and layout.row is not None and len(rows):
        for name in rows.dtype.names or ():
            key = f"first_{label_of(name)}"
            shown[key] = _text(layout.row.name, name, rows[0][name].tolist())
    return shown


def _plain(layout: str, name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return text(value) if name in TEXT_FIELDS else value.hex()
    if isinstance(value, list | tuple):
        return [_plain(layout, name, one) for one in value]
    enumeration = enumeration_of(layout, name)
    return int(value) if enumeration is None else number_text(enumeration, int(value))


def _text(layout: str, name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return f'"{_printable(text(value))}"' if name in TEXT_FIELDS else value.hex()
    enumeration = enumeration_of(layout, name)
    unit = unit_of(name)

    def one(number: int) -> str:
        if enumeration is not None:
            return number_text(enumeration, number)
        return str(number) if unit is None else _scaled(number, unit.counts)

    shown = _list(value, one) if isinstance(value, list | tuple) else one(int(value))
    return shown if unit is None else f"{shown} {unit.symbol}"


def _scaled(number: int, counts: int) -> str:
    digits = round(float(np.log10(counts)))
    return f"{number / counts:.{digits}f}".rstrip("0").rstrip(".")


def _list(values: Iterable[Any], one: Any) -> str:
    parts = [_list(v, one) if isinstance(v, list | tuple) else one(int(v)) for v in values]
    return "[" + " ".join(parts) + "]"


def _without_zeros(values: Iterable[int]) -> list[int]:
    kept = list(values)
    while kept and kept[-1] == 0:
        kept.pop()
    return kept


def _printable(words: str) -> str:
    return "".join(letter if letter.isprintable() else "·" for letter in words)
