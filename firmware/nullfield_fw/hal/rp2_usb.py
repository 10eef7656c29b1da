"""The link over MicroPython's USB serial port.

``stdin.buffer.readinto`` waits until the whole buffer is full, so bytes are taken one at a time and
only when the port says that there is one. A write waits up to 500 ms for a host that does not read,
so it is made only when the port has room, in pieces of one USB packet, bounded for each block, and
its count is believed rather than assumed.
"""

import select
import sys

from micropython import const

from ..bits import copy

_RECEIVE_MAX = const(512)
_RING = const(4096)
_PACKET = const(64)
_BLOCK_BUDGET = const(512)


class UsbLink:
    """Receive buffer of one block, transmit ring.

    Attributes
    ----------
    received : bytearray
        Bytes of the block that just ended; `count` of them.
    """

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._in_poll = select.poll()
        self._in_poll.register(sys.stdin, select.POLLIN)
        self._out_poll = select.poll()
        self._out_poll.register(sys.stdout, select.POLLOUT)
        self._one = bytearray(1)
        self.received = bytearray(_RECEIVE_MAX)
        self.count = 0
        self._ring = bytearray(_RING)
        self._head = 0
        self._tail = 0
        self._budget = 0

    def start_block(self):
        """Forget the bytes of the block before; a new budget for sending."""
        self.count = 0
        self._budget = _BLOCK_BUDGET

    def service(self):
        """Move what can be moved without waiting."""
        while self.count < _RECEIVE_MAX and self._ready(self._in_poll):
            if self._in.readinto(self._one) != 1:
                break
            self.received[self.count] = self._one[0]
            self.count += 1
        if self._head != self._tail and self._budget > 0 and self._ready(self._out_poll):
            tail = self._tail
            count = (self._head if self._head > tail else _RING) - tail
            if count > _PACKET:
                count = _PACKET
            # write(buffer, offset, length) sends from the middle of a buffer without a slice.
            written = self._out.write(self._ring, tail, count)
            if written:
                self._tail = (tail + written) & (_RING - 1)
                self._budget -= written

    def _ready(self, poll):
        # ipoll reuses its tuple; poll() would make a list each time.
        for _ in poll.ipoll(0):
            return True
        return False

    def write(self, buffer, start, count):
        """Queue bytes; returns how many found room."""
        head = self._head
        room = (self._tail - head - 1) & (_RING - 1)
        if count > room:
            count = room
        first = _RING - head
        if first > count:
            first = count
        copy(self._ring, head << 16 | start, buffer, first)
        if count > first:
            copy(self._ring, start + first, buffer, count - first)
        self._head = (head + count) & (_RING - 1)
        return count
