"""Frames on the wire: COBS, zero-delimited, with header, payload and CRC-32.

A frame before stuffing is ``header (8) | payload (length) | CRC-32 of both (4)``, little-endian. COBS
(Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999) removes the zeros, and a zero
byte ends the frame, so a receiver that starts in the middle is in step at the next zero.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from .catalogue import MAX_PAYLOAD

HEADER_SIZE = 8
CRC_SIZE = 4
MAX_FRAME = HEADER_SIZE + MAX_PAYLOAD + CRC_SIZE
MAX_WIRE = MAX_FRAME + MAX_FRAME // 254 + 2
"""Longest frame on the wire, stuffing and delimiter included."""

_INTERRUPTS = frozenset(b"\x03\x04")
"""Ctrl-C and Ctrl-D: they interrupt a board that is starting, and restart one at its prompt."""

_HEADER = struct.Struct("<BBHI")
_CRC = struct.Struct("<I")


class Frame(NamedTuple):
    """One frame that arrived whole."""

    message: int
    flags: int
    sequence: int
    payload: bytes


class FrameError(Exception):
    """A frame that cannot be taken; ``cause`` is one of the keys that `FrameDecoder` counts."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def cobs_encode(data: bytes) -> bytes:
    """Stuff bytes so that none is zero; the delimiter is not added."""
    out = bytearray()
    for group in data.split(b"\0"):
        start = 0
        while len(group) - start >= 254:
            out.append(255)
            out += group[start : start + 254]
            start += 254
        out.append(len(group) - start + 1)
        out += group[start:]
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Undo `cobs_encode`.

    Raises
    ------
    FrameError
        With cause ``cobs`` where a group runs past the end or a zero is met.
    """
    # Each code byte stands where the zero before its group was: put the zeros back in place and
    # drop the first byte. Only a full group of 254 bytes, which has no zero behind it, is different.
    raw = bytearray(data)
    position = 0
    end = len(raw)
    while position < end:
        code = raw[position]
        if code == 255:
            return _cobs_decode_long(data)
        if code == 0:
            raise FrameError("cobs")
        raw[position] = 0
        position += code
    if position != end:
        raise FrameError("cobs")
    return bytes(raw[1:])


def _cobs_decode_long(data: bytes) -> bytes:
    """Decode with groups of any length."""
    groups: list[bytes] = []
    carry = b""
    position = 0
    end = len(data)
    while position < end:
        code = data[position]
        following = position + code
        if code == 0 or following > end:
            raise FrameError("cobs")
        carry += data[position + 1 : following]
        position = following
        # A full group stands for 254 bytes without a zero behind them.
        if code < 255 or position == end:
            groups.append(carry)
            carry = b""
    return b"\0".join(groups)


def encode_frame(message: int, sequence: int, payload: bytes, flags: int = 0) -> bytes:
    """Build one frame, delimiter included.

    Raises
    ------
    ValueError
        If the payload is longer than `MAX_PAYLOAD`.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes exceeds {MAX_PAYLOAD}")
    raw = _HEADER.pack(message, flags, len(payload), sequence & 0xFFFFFFFF) + payload
    return cobs_encode(raw + _CRC.pack(crc32(raw))) + b"\0"


_QUIET_ATTEMPTS = 1024
"""Past a run of 512 numbers whose second byte is one of the two; the CRC changes with each."""


def encode_quiet(message: int, start_sequence: int, payload: bytes) -> tuple[bytes, int]:
    """Build a frame that disturbs no board which is still starting, or at its prompt.

    Parameters
    ----------
    message : int
    start_sequence : int
        Sequence number to begin the search with.
    payload : bytes

    Returns
    -------
    wire : bytes
        The frame, delimiter included, without a byte that MicroPython takes for an interrupt.
    sequence : int
        Its sequence number: the first from ``start_sequence`` on that gives such a frame.

    Raises
    ------
    ValueError
        If no sequence number nearby helps: the payload itself has such a byte, zeros of the payload
        lie so that COBS makes one, or one stands in the higher bytes of the sequence number.
    """
    if not _INTERRUPTS.isdisjoint(payload):
        raise ValueError("the payload has a byte that interrupts a starting board")
    for sequence in range(start_sequence, start_sequence + _QUIET_ATTEMPTS):
        wire = encode_frame(message, sequence, payload)
        if _INTERRUPTS.isdisjoint(wire):
            return wire, sequence
    raise ValueError(f"no sequence number from {start_sequence} on gives a quiet frame")


def decode_frame(wire: bytes) -> Frame:
    """Take one frame apart, given without its delimiter.

    Raises
    ------
    FrameError
        With cause ``oversized``, ``cobs``, ``short``, ``length`` or ``crc``.
    """
    if len(wire) > MAX_WIRE - 1:
        raise FrameError("oversized")
    raw = cobs_decode(wire)
    if len(raw) > MAX_FRAME:
        raise FrameError("oversized")
    if len(raw) < HEADER_SIZE + CRC_SIZE:
        raise FrameError("short")
    body_size = len(raw) - CRC_SIZE
    if crc32(raw[:body_size]) != _CRC.unpack_from(raw, body_size)[0]:
        raise FrameError("crc")
    message, flags, length, sequence = _HEADER.unpack_from(raw)
    if length != body_size - HEADER_SIZE:
        raise FrameError("length")
    return Frame(message, flags, sequence, raw[HEADER_SIZE:body_size])


class FrameDecoder:
    """Cut a byte stream into frames, whatever the pieces it comes in.

    Attributes
    ----------
    errors : collections.Counter of str
        Frames refused, by cause: ``oversized``, ``cobs``, ``short``, ``length``, ``crc``.
    bytes_received : int
        All bytes that were fed.
    """

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.bytes_received = 0
        self._pending = b""
        self._overflowed = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes and yield the frames that they complete."""
        self.bytes_received += len(data)
        *wires, rest = (self._pending + data).split(b"\0")
        self._pending = b""
        for wire in wires:
            if self._overflowed:
                # The tail of a frame whose head was thrown away already.
                self._overflowed = False
                continue
            if not wire:
                continue
            try:
                yield decode_frame(wire)
            except FrameError as error:
                self.errors[error.cause] += 1
        if len(rest) > MAX_WIRE and not self._overflowed:
            self.errors["oversized"] += 1
            self._overflowed = True
        self._pending = b"" if self._overflowed else rest
