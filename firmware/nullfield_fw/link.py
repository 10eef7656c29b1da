"""The board's end of the wire: transmit ring, sequence numbers, requests answered once."""

from array import array

import micropython

from . import frame, wire
from .bits import copy, equal, put_u16

_PAYLOAD = wire.HEADER_SIZE


@micropython.viper
def number_frame(raw: ptr8, sequences: ptr32):
    """Write the next sequence number of the message into its header."""
    slot = raw[0] & 31
    words = ptr32(raw)
    words[1] = sequences[slot]
    sequences[slot] = sequences[slot] + 1


def new_message(message, payload_size):
    """Make a buffer for a message that is sent many times: header, payload, room for the CRC."""
    raw = bytearray(_PAYLOAD + payload_size + wire.CRC_SIZE)
    raw[0] = message
    put_u16(raw, 2, payload_size)
    return raw


class Link:
    """Frames in both directions over a hal.

    Parameters
    ----------
    hal : Hal
        Brings ``link_in``, ``link_in_count`` and ``link_write``.
    handler : object
        ``handler.request(message, payload_raw, size)`` answers through `Link.send`.
    """

    def __init__(self, hal, handler):
        self._hal = hal
        self._handler = handler
        self._receiver = frame.Receiver()
        self._ring = bytearray(frame.RING_SIZE)
        self._head = 0
        self._tail = 0
        # One sequence counter a message; board messages are 0x80..0x9F.
        self._sequence = array("i", bytearray(4 * 32))
        self._last_request = bytearray(8)
        self._reply = None
        self._reply_size = 0
        self.dropped_frames = 0

    @property
    def receive_errors(self):
        """Frames refused since the start."""
        return self._receiver.errors

    def send(self, raw, payload_size):
        """Queue one message; False if the ring had no room and it was dropped whole."""
        size = _PAYLOAD + payload_size
        room = (self._tail - self._head - 1) & (frame.RING_SIZE - 1)
        # COBS adds at most one byte in 254, and the delimiter.
        if size + 4 + (size + 4) // 254 + 3 > room:
            self.dropped_frames += 1
            return False
        put_u16(raw, 2, payload_size)
        number_frame(raw, self._sequence)
        frame.append_crc(raw, size, frame.CRC_TABLE)
        self._head = frame.stuff(raw, size + 4, self._ring, self._head)
        return True

    def reply(self, raw, payload_size):
        """Answer the request in hand and keep the answer for a retry."""
        self._reply = raw
        self._reply_size = payload_size
        self.send(raw, payload_size)

    def poll(self):
        """Take what came in during the block and push out what the port accepts."""
        hal = self._hal
        count = hal.link_in_count
        if count:
            data = hal.link_in
            receiver = self._receiver
            at = 0
            while at < count:
                at = receiver.feed(data, at, count)
                if receiver.size >= 0:
                    self._dispatch(receiver.raw, receiver.size)
        self.pump()

    def pump(self):
        """Move bytes from the ring to the port, as many as it takes."""
        head = self._head
        tail = self._tail
        if tail == head:
            return
        if tail > head:
            accepted = self._hal.link_write(self._ring, tail, frame.RING_SIZE - tail)
            tail += accepted
            if tail < frame.RING_SIZE:
                self._tail = tail
                return
            tail = 0
        if tail < head:
            tail += self._hal.link_write(self._ring, tail, head - tail)
        self._tail = tail

    def _dispatch(self, raw, size):
        message = raw[0]
        if message == wire.HEARTBEAT:
            if size == wire.HEARTBEAT_SIZE:
                self._handler.heartbeat(raw)
            return
        if message == wire.COIL_COMPENSATION:
            if size == wire.COIL_COMPENSATION_SIZE:
                self._handler.compensation(raw)
            return
        if size < 4:
            return
        # A retry (same message, same request id) gets the former answer, nothing is done twice.
        last = self._last_request
        if (
            self._reply is not None
            and message != wire.TIME_REQUEST
            and last[0] == message
            and equal(last, 4 << 16 | _PAYLOAD, raw, 4)
        ):
            self.send(self._reply, self._reply_size)
            return
        if message != wire.TIME_REQUEST:
            last[0] = message
            copy(last, 4 << 16 | _PAYLOAD, raw, 4)
            self._reply = None
        self._handler.request(message, raw, size)
