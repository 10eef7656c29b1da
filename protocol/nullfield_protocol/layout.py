"""The wire subset: what a message may be made of, and what follows from it.

Accepted: little-endian integers of 8, 16, 32 and 64 bits, ``Float32l``, fixed arrays of these,
``Bytes(n)``, and one trailing array of rows (a fixed ``Struct``) or of ``Int8ul``. Anything else is
refused, because it could mean one thing to construct, another to numpy or to the board: ``Flag``
takes 0x02 for true, ``Int24ul`` has no numpy type, padding hides bytes, big-endian fields and
conditional ones have no fixed place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from construct import Array, Bytes, Construct, FormatField, GreedyRange, Renamed, Struct

_NUMPY_TYPES = {
    "b": "<i1", "B": "<u1", "h": "<i2", "H": "<u2", "i": "<i4", "I": "<u4", "l": "<i4", "L": "<u4",
    "q": "<i8", "Q": "<u8", "f": "<f4",
}  # fmt: skip
_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "l": 4, "L": 4, "q": 8, "Q": 8, "f": 4}


class WireSubsetError(ValueError):
    """A message uses something outside the wire subset."""


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Attributes
    ----------
    name : str
    offset : int
        Bytes from the payload's start (or the row's).
    code : str
        `struct` type letter, or ``s`` for bytes.
    count : int
        Elements of an array, length of bytes, 1 for a single number.
    size : int
        Bytes in all.
    """

    name: str
    offset: int
    code: str
    count: int
    size: int

    @property
    def numpy_type(self) -> Any:
        """Type for one element of a structured numpy dtype."""
        if self.code == "s":
            return f"S{self.count}"
        return _NUMPY_TYPES[self.code]


@dataclass(frozen=True)
class Layout:
    """A message taken apart: its fixed fields and, maybe, the rows behind them."""

    name: str
    fields: tuple[Field, ...]
    size: int
    row: Layout | None = None
    trailing_bytes: bool = False

    def dtype(self) -> np.dtype[Any]:
        """Structured numpy dtype of the fixed part."""
        entries: list[Any] = []
        for field in self.fields:
            if field.count > 1 and field.code != "s":
                entries.append((field.name, field.numpy_type, (field.count,)))
            else:
                entries.append((field.name, field.numpy_type))
        result = np.dtype(entries)
        if result.itemsize != self.size:
            raise WireSubsetError(
                f"{self.name}: numpy makes {result.itemsize} bytes of {self.size}"
            )
        return result


def _number(where: str, item: Construct[Any, Any]) -> str:
    if type(item) is not FormatField:
        raise WireSubsetError(f"{where}: {type(item).__name__} is outside the wire subset")
    fmt = str(item.fmtstr)
    if len(fmt) != 2 or fmt[0] not in "<=" or fmt[1] not in _SIZES:
        raise WireSubsetError(f"{where}: format {fmt!r} is outside the wire subset")
    if fmt[0] == "=" and _SIZES[fmt[1]] > 1:
        raise WireSubsetError(f"{where}: native byte order; use the little-endian field")
    return fmt[1]


def layout_of(name: str, struct: Construct[Any, Any], *, is_row: bool = False) -> Layout:
    """Take a message's construct apart and check it against the wire subset.

    Parameters
    ----------
    name : str
        Name for error messages.
    struct : construct.Struct
        The definition.
    is_row : bool
        A row may not end in an array of rows itself.

    Raises
    ------
    WireSubsetError
        Names message and field.
    """
    if type(struct) is not Struct:
        raise WireSubsetError(f"{name}: a message is a Struct, not {type(struct).__name__}")
    fields: list[Field] = []
    seen: set[str] = set()
    offset = 0
    row: Layout | None = None
    trailing_bytes = False
    for position, member in enumerate(struct.subcons):
        if type(member) is not Renamed or not member.name:
            raise WireSubsetError(f"{name}: field {position} has no name")
        field_name, item = str(member.name), member.subcon
        where = f"{name}.{field_name}"
        if field_name in seen:
            raise WireSubsetError(f"{where}: the name stands twice")
        seen.add(field_name)
        if row is not None or trailing_bytes:
            raise WireSubsetError(f"{where}: nothing may follow the trailing array")
        if type(item) is GreedyRange:
            if is_row:
                raise WireSubsetError(f"{where}: rows have a fixed size")
            if type(item.subcon) is Struct:
                row = layout_of(where, item.subcon, is_row=True)
                if offset % 4 or row.size % 4:
                    raise WireSubsetError(f"{where}: rows must be aligned to 4 bytes")
            elif _number(where, item.subcon) == "B":
                trailing_bytes = True
            else:
                raise WireSubsetError(f"{where}: a trailing array holds rows or Int8ul")
            continue
        if type(item) is type(Bytes(1)):
            if not isinstance(item.length, int):
                raise WireSubsetError(f"{where}: Bytes needs a fixed length")
            code, count, unit = "s", item.length, 1
        elif type(item) is Array:
            if not isinstance(item.count, int):
                raise WireSubsetError(f"{where}: Array needs a fixed count")
            code, count = _number(where, item.subcon), item.count
            unit = _SIZES[code]
        else:
            code, count = _number(where, item), 1
            unit = _SIZES[code]
        if offset % min(unit, 4):
            raise WireSubsetError(f"{where}: offset {offset} is not aligned to {min(unit, 4)}")
        fields.append(Field(field_name, offset, code, count, unit * count))
        offset += unit * count
    result = Layout(name, tuple(fields), offset, row, trailing_bytes)
    if row is None and not trailing_bytes and struct.sizeof() != offset:
        raise WireSubsetError(f"{name}: construct makes {struct.sizeof()} bytes of {offset}")
    result.dtype()
    return result
