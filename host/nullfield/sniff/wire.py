"""What is sniffed: single frames as they stood on the wire, with where and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from nullfield_protocol.frame import MAX_WIRE


class Direction(Enum):
    """Which way a frame went."""

    TO_BOARD = "to_board"
    TO_HOST = "to_host"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class WireFrame:
    """One frame, good or bad.

    Attributes
    ----------
    wire : bytes
        Stuffed, without the delimiter.
    source : str
        Port, interface or uid that it was seen at.
    direction : Direction
        As the source tells it; the message id tells it, too.
    time_s : float or None
        Clock of the source; None where there is none.
    """

    wire: bytes
    source: str
    direction: Direction
    time_s: float | None


class WireSplitter:
    """Cut a byte stream at its zeros, whatever the pieces it comes in.

    What is longer than any frame comes out as one piece, cut, so that it cannot fill the memory.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._is_too_long = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield what they complete, without delimiters."""
        *wires, rest = (self._pending + data).split(b"\0")
        self._pending = b""
        for wire in wires:
            if self._is_too_long:
                # The tail of what was given out already.
                self._is_too_long = False
            elif wire:
                yield wire
        if self._is_too_long:
            return
        if len(rest) > MAX_WIRE:
            self._is_too_long = True
            yield rest
        else:
            self._pending = rest

    def end(self) -> Iterator[bytes]:
        """Give out what no delimiter ended."""
        rest, self._pending = self._pending, b""
        if rest and not self._is_too_long:
            yield rest
