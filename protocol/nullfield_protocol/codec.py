"""Control messages by construct, sample blocks by numpy."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .layout import Layout, layout_of
from .messages import MESSAGES, MessageId

SAMPLE_MESSAGES = frozenset(
    {
        MessageId.SENSOR_SAMPLES,
        MessageId.COIL_SAMPLES,
        MessageId.TABLE_SAMPLES,
        MessageId.BRINGUP_SAMPLES,
    }
)


@cache
def message_layout(message: int) -> Layout:
    """Layout of a message, from its construct."""
    definition = MESSAGES[MessageId(message)]
    return layout_of(definition.name, definition.layout)


@cache
def _dtypes(message: int) -> tuple[np.dtype[Any], np.dtype[Any]]:
    layout = message_layout(message)
    assert layout.row is not None
    return layout.dtype(), layout.row.dtype()


def row_dtype(message: int) -> np.dtype[Any]:
    """Numpy dtype of one sample row of a sample message."""
    return _dtypes(message)[1]


def build(message: int, **values: Any) -> bytes:
    """Build a payload; reserved fields are zero, missing ones are an error of construct's."""
    layout = message_layout(message)
    for field in layout.fields:
        if field.name == "reserved":
            values.setdefault("reserved", [0] * field.count if field.count > 1 else 0)
        elif field.code == "s" and len(values[field.name]) < field.count:
            values[field.name] = values[field.name].ljust(field.count, b"\0")
    return bytes(MESSAGES[MessageId(message)].layout.build(values))


def parse(message: int, payload: bytes) -> Any:
    """Parse a control message with construct.

    Raises
    ------
    ValueError
        If the payload's length is not the message's.
    KeyError
        If no such message is in the catalogue.
    """
    layout = message_layout(message)
    variable = layout.row is not None or layout.trailing_bytes
    if len(payload) < layout.size or (not variable and len(payload) != layout.size):
        raise ValueError(f"{layout.name}: {len(payload)} bytes, expected {layout.size}")
    return MESSAGES[MessageId(message)].layout.parse(payload)


def parse_samples(message: int, payload: bytes) -> tuple[Any, npt.NDArray[Any]]:
    """Decode a sample block without touching single samples.

    Parameters
    ----------
    message : int
        One of `SAMPLE_MESSAGES`.
    payload : bytes

    Returns
    -------
    header : numpy.void
        ``board_time_us``, ``sample_index``, ``dropped_rows``, ``row_period_us``, ``row_count``.
    rows : numpy.ndarray
        Structured, shape ``(row_count,)``, a view on the payload.

    Raises
    ------
    ValueError
        If the length does not match the row count.
    """
    header_dtype, rows_dtype = _dtypes(message)
    size = header_dtype.itemsize
    if len(payload) < size:
        raise ValueError(f"sample block of {len(payload)} bytes is shorter than its header")
    header = np.frombuffer(payload, header_dtype, 1)[0]
    count = int(header["row_count"])
    if len(payload) != size + count * rows_dtype.itemsize:
        raise ValueError(f"sample block of {len(payload)} bytes does not hold {count} rows")
    return header, np.frombuffer(payload, rows_dtype, count, size)


def text(value: bytes) -> str:
    """Text of a fixed bytes field, without its zero fill."""
    return value.rstrip(b"\0").decode("utf-8", "replace")
