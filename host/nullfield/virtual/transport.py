"""A port of the virtual instrument, inside this process."""

from __future__ import annotations

from collections.abc import Callable

from nullfield.errors import PortBusyError, TransportError
from nullfield.virtual.instrument import VirtualInstrument


class VirtualTransport:
    """`nullfield.transport.base.Transport` to one virtual board.

    Bytes come in while the shared clock waits, in the same thread.
    """

    def __init__(self, instrument: VirtualInstrument, uid: str) -> None:
        if uid not in instrument.by_uid:
            raise TransportError(f"no virtual board has the uid {uid}")
        self._board = instrument.by_uid[uid]
        self._receiver: Callable[[bytes], None] = lambda data: None
        self._on_lost: Callable[[str], None] = lambda reason: None
        self._is_open = False

    @property
    def port(self) -> str:
        """Name of the port for messages."""
        return f"virtual:{self._board.uid}"

    def open(self) -> None:
        """Take the port.

        Raises
        ------
        PortBusyError
            If it is taken already.
        """
        if self._board.receiver is not None:
            raise PortBusyError(f"{self.port} is open already")
        self._board.receiver = self._receiver
        self._board.on_lost = self._on_lost
        self._is_open = True
        if not self._board.alive:
            self._on_lost(self._board.reason or "the board is not running")

    def close(self) -> None:
        """Let the port go."""
        if self._is_open:
            self._board.receiver = None
            self._board.on_lost = None
            self._is_open = False

    def write(self, data: bytes) -> None:
        """Queue bytes; they reach the board with its next blocks."""
        if not self._is_open:
            raise TransportError(f"{self.port} is not open")
        self._board.to_board += data

    def set_receiver(self, callback: Callable[[bytes], None]) -> None:
        """Who takes incoming bytes."""
        self._receiver = callback
        if self._is_open:
            self._board.receiver = callback

    def set_lost(self, callback: Callable[[str], None]) -> None:
        """Who is told when the board is gone."""
        self._on_lost = callback
        if self._is_open:
            self._board.on_lost = callback
