"""Frames on the board: COBS and CRC-32 in viper, nothing allocated.

The receiver works byte by byte on a small state array, so a frame may come in any pieces. The
sender stuffs straight into the transmit ring.
"""

from array import array

import micropython

from . import wire

RING_SIZE = 8192  # a power of two: indices wrap by masking with the literal in `stuff`

# Places in the receiver's state array.
RX_POSITION = 0
RX_REMAINING = 1
RX_CODE = 2
RX_ERROR = 3
RX_DONE = 4
RX_LIMIT = 5

ERROR_NONE = 0
ERROR_SHORT = 1
ERROR_COBS = 2
ERROR_OVERSIZED = 3
ERROR_CRC = 4
ERROR_LENGTH = 5
ERROR_NAMES = ("", "short", "cobs", "oversized", "crc", "length")

MAX_FRAME = wire.HEADER_SIZE + wire.MAX_PAYLOAD + wire.CRC_SIZE


def _crc_table():
    # Reflected polynomial of IEEE 802.3, as zlib uses it.
    table = array("I", bytearray(1024))
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table[index] = value
    return table


CRC_TABLE = _crc_table()


@micropython.viper
def append_crc(raw: ptr8, size: int, table: ptr32):
    """Put the CRC-32 of raw[:size] behind it."""
    # Unsigned, so that the shift brings zeros in; the pointer moves, so that the index is constant.
    crc = uint(-1)
    at = ptr8(raw)
    for _ in range(size):
        crc = (crc >> 8) ^ uint(table[(crc ^ uint(at[0])) & 255])
        at = ptr8(uint(at) + 1)
    crc = crc ^ uint(-1)
    at[0] = crc
    at[1] = crc >> 8
    at[2] = crc >> 16
    at[3] = crc >> 24


@micropython.viper
def crc_is_good(raw: ptr8, size: int, table: ptr32) -> int:
    """1 if raw[size:size + 4] is the CRC-32 of raw[:size]."""
    crc = -1
    for i in range(size):
        crc = ((crc >> 8) & 0x00FFFFFF) ^ table[(crc ^ raw[i]) & 0xFF]
    crc = crc ^ (-1)
    if raw[size] != (crc & 0xFF) or raw[size + 1] != ((crc >> 8) & 0xFF):
        return 0
    if raw[size + 2] != ((crc >> 16) & 0xFF) or raw[size + 3] != ((crc >> 24) & 0xFF):
        return 0
    return 1


@micropython.viper
def stuff(raw: ptr8, size: int, ring: ptr8, head: int) -> int:
    """COBS raw[:size] into the ring from head on, with delimiter; return the new head."""
    code_at = head
    head = (head + 1) & 8191
    code = 1
    for i in range(size):
        byte = raw[i]
        if byte:
            ring[head] = byte
            head = (head + 1) & 8191
            code += 1
            if code == 255:
                ring[code_at] = 255
                code_at = head
                head = (head + 1) & 8191
                code = 1
        else:
            ring[code_at] = code
            code_at = head
            head = (head + 1) & 8191
            code = 1
    ring[code_at] = code
    ring[head] = 0
    return (head + 1) & 8191


@micropython.viper
def unstuff(data: ptr8, span: int, raw: ptr8, state: ptr32) -> int:
    """Take bytes until a frame ends; `span` is start << 16 | end. Return the next start.

    state[RX_DONE] is 1 when a frame (good or not) ended at the returned place; its length is then
    in state[RX_POSITION] and its trouble, if any, in state[RX_ERROR].
    """
    i = span >> 16
    end = span & 0xFFFF
    position = state[0]
    remaining = state[1]
    code = state[2]
    error = state[3]
    limit = state[5]
    done = 0
    while i < end:
        byte = data[i]
        i += 1
        if byte == 0:
            if remaining and not error:
                error = 2
            done = 1
            break
        if remaining == 0:
            if code != 255:
                if position < limit:
                    raw[position] = 0
                    position += 1
                elif not error:
                    error = 3
            code = byte
            remaining = byte - 1
        else:
            remaining -= 1
            if position < limit:
                raw[position] = byte
                position += 1
            elif not error:
                error = 3
    state[0] = position
    state[1] = remaining
    state[2] = code
    state[3] = error
    state[4] = done
    return i


class Receiver:
    """Cuts the incoming bytes into frames and checks them."""

    def __init__(self):
        self.raw = bytearray(MAX_FRAME)
        self.state = array("i", (0, 0, 255, 0, 0, MAX_FRAME))
        self.size = 0
        self.errors = 0
        self.last_error = ERROR_NONE

    def feed(self, data, start, end):
        """Take data[start:end] up to the end of the next frame; return where to go on.

        `self.size` is then the payload's length if a good frame is in `self.raw`, else -1.
        """
        state = self.state
        self.size = -1
        at = unstuff(data, start << 16 | end, self.raw, state)
        if state[RX_DONE]:
            error = state[RX_ERROR]
            got = state[RX_POSITION]
            # A lone delimiter is how a sender gets into step: not an error.
            empty = got == 0 and state[RX_CODE] == 255 and not error
            state[RX_POSITION] = 0
            state[RX_REMAINING] = 0
            state[RX_CODE] = 255
            state[RX_ERROR] = 0
            if empty:
                return at
            if not error:
                error = self._check(got)
            self.last_error = error
            if error:
                self.errors += 1
        return at

    def _check(self, got):
        body = got - wire.CRC_SIZE
        if body < wire.HEADER_SIZE:
            return ERROR_SHORT
        raw = self.raw
        if not crc_is_good(raw, body, CRC_TABLE):
            return ERROR_CRC
        length = raw[2] | raw[3] << 8
        if length != body - wire.HEADER_SIZE:
            return ERROR_LENGTH
        self.size = length
        return ERROR_NONE
