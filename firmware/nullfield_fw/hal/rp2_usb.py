"""The link over MicroPython's USB serial port.

``stdin.buffer.readinto`` waits until the whole buffer is full, so bytes are taken one at a time and
only when the port says that there is one.

A write waits up to 500 ms for room, and polling tells only that there is room for one byte. So
everything is sent in pieces of exactly one USB packet: the port's queue, a multiple of that, then
has room for a whole piece or for nothing. A last short piece is filled up with zeros, which on this
link are empty frames; that is done only behind the end of a frame. The bytes of a block are
bounded, and the count that a write returns is believed rather than assumed.
"""

import select
import sys

from micropython import const

from ..bits import copy

_RECEIVE_MAX = const(512)
_RING = const(4096)
_PACKET = const(64)
_BLOCK_BUDGET = const(512)
_RECEIVE_PIECE = const(4)
_ZEROS = bytes(64)


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
        self._piece = bytearray(_PACKET)
        self._piece_at = _PACKET
        self._budget = 0

    def start_block(self):
        """Forget the bytes of the block before; a new budget for sending."""
        self.count = 0
        self._budget = _BLOCK_BUDGET

    def service(self):
        """Move a little without waiting: the caller looks at the block's clock in between.

        A byte costs some 80 us on an RP2040, a packet 200.
        """
        count = self.count
        end = min(count + _RECEIVE_PIECE, _RECEIVE_MAX)
        while count < end and self._ready(self._in_poll):
            if self._in.readinto(self._one) != 1:
                break
            self.received[count] = self._one[0]
            count += 1
        self.count = count
        self._send_piece()

    def _send_piece(self):
        """Send one packet at most."""
        if self._piece_at == _PACKET:
            if self._budget <= 0:
                return
            tail = self._tail
            count = (self._head - tail) & (_RING - 1)
            if count >= _PACKET and _RING - tail >= _PACKET:
                # The usual case, straight from the ring.
                if not self._ready(self._out_poll):
                    return
                written = self._out.write(self._ring, tail, _PACKET)
                if written:
                    self._tail = (tail + written) & (_RING - 1)
                    self._budget -= written
                    if written < _PACKET:
                        self._keep_packet(_PACKET - written)
                return
            if not self._fill_piece(count):
                return
        if not self._ready(self._out_poll):
            return
        at = self._piece_at
        # write(buffer, offset, length) sends from the middle of a buffer without a slice.
        written = self._out.write(self._piece, at, _PACKET - at)
        if written:
            self._piece_at = at + written
            self._budget -= written

    def _keep_packet(self, rest):
        """After a short write the rest of the packet goes first, so that packets stay whole."""
        self._take(rest)
        for i in range(rest):
            self._piece[_PACKET - 1 - i] = self._piece[rest - 1 - i]
        self._piece_at = _PACKET - rest

    def _fill_piece(self, count):
        """Fill a packet from the ring's end; False if there is nothing to send now."""
        piece = self._piece
        if count < _PACKET:
            if count == 0 or self._ring[(self._head - 1) & (_RING - 1)]:
                return False
            copy(piece, count << 16, _ZEROS, _PACKET - count)
        else:
            count = _PACKET
        self._take(count)
        self._piece_at = 0
        return True

    def _take(self, count):
        """Move bytes from the ring into the beginning of the packet."""
        tail = self._tail
        first = _RING - tail
        if first > count:
            first = count
        copy(self._piece, tail, self._ring, first)
        if count > first:
            copy(self._piece, first << 16, self._ring, count - first)
        self._tail = (tail + count) & (_RING - 1)

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
