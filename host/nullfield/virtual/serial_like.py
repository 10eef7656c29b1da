"""A port of the virtual instrument in the way of pyserial, for tools that wait by themselves."""

from __future__ import annotations

from nullfield.virtual.instrument import BLOCK_S, VirtualInstrument
from nullfield.virtual.transport import VirtualTransport

_ENDLESS_S = 60.0


class VirtualSerial:
    """The part of pyserial's interface that mpremote uses; waiting lets virtual time pass.

    Parameters
    ----------
    instrument : VirtualInstrument
    uid : str

    Attributes
    ----------
    timeout : float or None
        Longest wait of a read, in virtual seconds.
    """

    def __init__(self, instrument: VirtualInstrument, uid: str) -> None:
        self.timeout: float | None = None
        self._instrument = instrument
        self._board = instrument.by_uid[uid]
        self._received = bytearray()
        self._transport = VirtualTransport(instrument, uid)
        self._transport.set_receiver(self._received.extend)
        self._transport.open()

    def read(self, size: int = 1) -> bytes:
        """Bytes, fewer than asked for when the timeout is over; OSError if the board is gone."""
        limit_s = _ENDLESS_S if self.timeout is None else self.timeout
        blocks = round(limit_s / BLOCK_S)
        while len(self._received) < size and blocks > 0:
            self._step()
            blocks -= 1
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def write(self, data: bytes) -> int:
        """Queue bytes for the board."""
        if not self._board.alive:
            raise OSError(self._board.reason)
        self._transport.write(data)
        return len(data)

    def inWaiting(self) -> int:  # noqa: N802 - pyserial's name
        """Bytes that can be read at once; asking takes a block, so that asking again helps."""
        if not self._received:
            self._step()
        return len(self._received)

    def close(self) -> None:
        """Release the port."""
        self._transport.close()

    def _step(self) -> None:
        if not self._board.alive:
            raise OSError(self._board.reason)
        self._instrument.step()
