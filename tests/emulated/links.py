"""From an emulated board to our own link."""

from __future__ import annotations

from typing import Any

from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.emulated import EmulatedBoard, PatientClock
from nullfield.errors import NullfieldError
from nullfield.transport.serial_port import SerialTransport

CONNECT_ATTEMPTS = 20
"""Each takes seconds without an answer; a boot takes three on an idle machine."""


def connect_to(board: EmulatedBoard) -> Board[Any]:
    """Return the board behind our own link, as soon as its firmware answers."""
    for attempt in range(CONNECT_ATTEMPTS):
        try:
            return connect(SerialTransport(board.port), PatientClock())
        except NullfieldError:
            if attempt == CONNECT_ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")
