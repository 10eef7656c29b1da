"""What the link asks of a port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
    """A bidirectional byte stream to one board.

    Received bytes are handed to the receiver either in the port's own reader thread or, with a
    clock that advances virtual time, inside `Clock.wait`.

    Attributes
    ----------
    port : str
        Name for people: a device path or a URL.
    """

    @property
    def port(self) -> str:
        """Name for people: a device path or a URL."""
        ...

    def open(self) -> None:
        """Claim the port and begin to receive; callbacks are set before."""
        ...

    def close(self) -> None:
        """Give the port back. No callback runs afterwards; closing twice is harmless."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, all of them, or raise `TransportError`."""
        ...

    def set_receiver(self, callback: Callable[[bytes], None]) -> None:
        """Take the function that gets received bytes, in whatever pieces they come."""
        ...

    def set_lost(self, callback: Callable[[str], None]) -> None:
        """Take the function that is told, once, why the port went away."""
        ...
