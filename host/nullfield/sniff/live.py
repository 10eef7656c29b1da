"""Live traffic: pieces of bytes from reader threads become frames in the caller's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from nullfield.sniff.wire import Direction, WireFrame, WireSplitter
from nullfield.transport.base import Transport
from nullfield.transport.timing import Clock

_WAIT_S = 0.5


class LiveFrames:
    """Frames of one port as they come.

    Parameters
    ----------
    clock : Clock
        Stamps each piece when it is handed over.
    source : str
        Name of the port.
    """

    def __init__(self, clock: Clock, source: str) -> None:
        self.lost_reason: str | None = None
        self._clock = clock
        self._source = source
        self._pieces: deque[tuple[Direction, float, bytes]] = deque()
        self._splitters = {one: WireSplitter() for one in Direction}

    def add(self, direction: Direction, data: bytes) -> None:
        """Take bytes, from any thread."""
        self._pieces.append((direction, self._clock.now_s(), data))
        self._clock.wake()

    def end(self, reason: str) -> None:
        """The port went away: nothing more will come."""
        self.lost_reason = self.lost_reason or reason
        self._clock.wake()

    def frames(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[WireFrame]:
        """Frames until the port goes away or the caller has enough."""
        while not is_over():
            if self._pieces:
                direction, time_s, data = self._pieces.popleft()
                for wire in self._splitters[direction].feed(data):
                    yield WireFrame(wire, self._source, direction, time_s)
            elif self.lost_reason is not None:
                return
            else:
                self._clock.wait(
                    lambda: bool(self._pieces) or self.lost_reason is not None, _WAIT_S
                )


def listen(transport: Transport, clock: Clock) -> LiveFrames:
    """Open a port and take what its board sends; nothing is sent to it.

    Raises
    ------
    TransportError
        If the port cannot be opened.
    """
    live = LiveFrames(clock, transport.port)
    transport.set_receiver(lambda data: live.add(Direction.TO_HOST, data))
    transport.set_lost(live.end)
    transport.open()
    return live
