"""The port of one board, opened in turn for frames and for the prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from nullfield.deploy.prompt import Prompt, SerialLike
from nullfield.transport.base import Transport
from nullfield.transport.serial_port import SerialTransport, open_serial
from nullfield.transport.timing import Clock


@dataclass(frozen=True)
class BoardPort:
    """How to reach a board; only one of both ways is open at a time.

    Attributes
    ----------
    name : str
        Device path or URL.
    clock : Clock
    make_transport : callable
        A new `Transport`, not open.
    open_serial : callable
        The port, opened in the way of pyserial.
    """

    name: str
    clock: Clock
    make_transport: Callable[[], Transport]
    open_serial: Callable[[], SerialLike]

    def open_prompt(self) -> Prompt:
        """Open the port for the prompt, which is not entered yet."""
        return Prompt(self.open_serial(), self.clock, self.name)


def serial_board_port(url: str, clock: Clock) -> BoardPort:
    """Port of a real board, or of any server that stands for one."""
    return BoardPort(
        url,
        clock,
        lambda: SerialTransport(url),
        lambda: cast(SerialLike, open_serial(url, timeout_s=1.0)),
    )
