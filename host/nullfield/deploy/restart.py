"""A board that was told to restart, until it answers again."""

from __future__ import annotations

from nullfield.deploy.board_port import BoardPort
from nullfield.errors import (
    BoardLostError,
    FlashError,
    RequestTimeoutError,
    TransportError,
)
from nullfield.link import Link

RESTART_S = 60.0
"""Three starts of a trial that crashes, with the boot window and the watchdog's eight seconds each."""

_AWAY_S = 0.25


def reconnect(port: BoardPort, uid: str) -> Link:
    """Open a link to a board that restarts; its port may vanish for a while.

    Raises
    ------
    FlashError
        If it does not answer in `RESTART_S`, or another board does.
    ProtocolMismatchError
        If what answers is firmware of another protocol version.
    """
    end_s = port.clock.now_s() + RESTART_S
    while True:
        link = Link(port.make_transport(), port.clock)
        try:
            link.open()
        except (TransportError, RequestTimeoutError, BoardLostError) as error:
            if port.clock.now_s() >= end_s:
                raise FlashError(
                    f"board {uid} at {port.name} does not answer after its restart",
                    "wait a minute: firmware that is not confirmed is given up after three starts; "
                    "then run it again",
                ) from error
            port.clock.wait(lambda: False, _AWAY_S)
            continue
        if link.identity.uid != uid:
            link.close()
            raise FlashError(
                f"board {uid} was at {port.name}, now {link.identity.uid} answers there",
                "leave the boards plugged in, and run it again",
            )
        return link
