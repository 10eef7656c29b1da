"""A MicroPython service for pytest-embedded: from a port to a board behind the project's own link.

pytest-embedded finds and occupies the port and reads text from it. Our boards talk frames, so its
redirect thread is stopped and the port closed before our link takes it over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_embedded_serial import Serial, SerialDut

from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.errors import BoardNotFoundError, TransportError
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock

READY_ATTEMPTS = 10
"""Each takes a second without an answer: a board may just have been reset."""

RESET_WAIT_S = 20.0
"""USB goes away and comes back; the stock boot window and imports take some seconds."""


class MicroPythonSerial(Serial):
    """Port of a board that runs the application.

    The base class opens the port and books it; nothing is read from it as text.
    """

    def start_redirect_thread(self) -> None:
        """Not for framed traffic: the thread would eat the frames."""

    def hand_over(self) -> str:
        """Close the port and give its name to our link; it stays booked until `close`."""
        self.stop_redirect_thread()
        self.proc.close()
        return str(self.port)


class MicroPythonDut(SerialDut):
    """Device under test: reset, wait until it is ready, hand over to our link.

    Attributes
    ----------
    make_clock : callable
        Clock of a new link, the target's.
    """

    make_clock: Callable[[], WallClock] = WallClock

    def connect(self, clock: WallClock | None = None) -> Board[Any]:
        """Board behind our own link.

        Raises
        ------
        BoardNotFoundError
            If it does not become ready.
        """
        port = self.serial.hand_over()
        clock = clock or self.make_clock()
        attempt = 1
        while True:
            try:
                return connect(SerialTransport(port), clock)
            except (BoardNotFoundError, TransportError):
                if attempt == READY_ATTEMPTS:
                    raise
                attempt += 1
                # A port that is gone for a moment, as in a reset, fails at once.
                clock.wait(lambda: False, 0.5)

    def reset(self, board: Board[Any]) -> Board[Any]:
        """Hard reset by command; returns the board after its restart."""
        board.reset()
        return self.after_reset(board)

    def after_reset(self, board: Board[Any]) -> Board[Any]:
        """Let go of a board that restarts, and connect again when it is ready."""
        clock = board.clock
        # Wait for the restart itself, or the connection would be to the board that is leaving.
        clock.wait(
            lambda: (
                board.link.lost_reason is not None
                or board.link.statistics.sequence_restarts > 0
                or board.link.silent_for_s > 1.0
            ),
            RESET_WAIT_S,
        )
        board.close()
        if board.link.lost_reason is None:
            board.link.lost_reason = "restarted"
        return self.connect()
