"""Packets of pcapng and pcap files, of either byte order, cut files included."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from nullfield.sniff.wire import Direction

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
"""Start of a pcap file, with its byte order and unit of time in seconds."""

_LARGEST = 1 << 24
_DIRECTIONS = {1: Direction.TO_HOST, 2: Direction.TO_BOARD}


@dataclass(frozen=True)
class Packet:
    """One captured packet."""

    link_type: int
    interface: str
    direction: Direction
    time_s: float | None
    data: bytes


@dataclass
class _Interface:
    link_type: int
    name: str
    tick_s: float = 1e-6


@dataclass
class _Section:
    order: str = "<"
    interfaces: list[_Interface] = field(default_factory=list)


def pcap_packets(file: IO[bytes]) -> Iterator[Packet]:
    """Packets of a pcap file; they carry no direction."""
    head = file.read(24)
    if len(head) < 24:
        return
    order, tick_s = PCAP_MAGICS[head[:4]]
    # The upper bits hold lengths of check sequences.
    link_type = struct.unpack_from(order + "I", head, 20)[0] & 0xFFFF
    while len(record := file.read(16)) == 16:
        seconds, fraction, size, _ = struct.unpack(order + "IIII", record)
        data = file.read(size) if size <= _LARGEST else b""
        if len(data) < size or size > _LARGEST:
            return
        yield Packet(link_type, "0", Direction.UNKNOWN, seconds + fraction * tick_s, data)


def pcapng_packets(file: IO[bytes]) -> Iterator[Packet]:
    """Packets of a pcapng file, with direction where it is noted."""
    section = _Section()
    while len(head := file.read(8)) == 8:
        if head[:4] == PCAPNG_MAGIC:
            mark = file.read(4)
            section = _Section("<" if mark == b"\x4d\x3c\x2b\x1a" else ">")
            head += mark
        kind, size = struct.unpack_from(section.order + "II", head)
        if size < len(head) + 4 or size < 12 or size % 4 or size > _LARGEST:
            return
        body = file.read(size - len(head) - 4)
        if len(body) < size - len(head) - 4 or len(file.read(4)) < 4:
            return
        if kind == 1 and len(body) >= 8:
            section.interfaces.append(_interface(section, body))
        elif kind in (2, 3, 6):
            packet = _packet(section, kind, body)
            if packet is not None:
                yield packet


def _options(order: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def _interface(section: _Section, body: bytes) -> _Interface:
    (link_type,) = struct.unpack_from(section.order + "H", body)
    result = _Interface(link_type, str(len(section.interfaces)))
    for code, value in _options(section.order, body[8:]):
        if code == 2:
            result.name = value.decode("utf-8", "replace")
        elif code == 9 and value:
            # The highest bit says whether the rest is a power of two or of ten.
            result.tick_s = 2.0 ** -(value[0] & 0x7F) if value[0] & 0x80 else 10.0 ** -value[0]
    return result


def _packet(section: _Section, kind: int, body: bytes) -> Packet | None:
    order = section.order
    if kind == 3 and len(body) >= 4:
        (size,) = struct.unpack_from(order + "I", body)
        if not section.interfaces:
            return None
        one = section.interfaces[0]
        return Packet(one.link_type, one.name, Direction.UNKNOWN, None, body[4 : 4 + size])
    if len(body) < 20:
        return None
    if kind == 6:
        number, high, low, size, _ = struct.unpack_from(order + "IIIII", body)
    else:
        number, _, high, low, size, _ = struct.unpack_from(order + "HHIIII", body)
    if number >= len(section.interfaces) or size > len(body) - 20:
        return None
    one = section.interfaces[number]
    direction = Direction.UNKNOWN
    for code, value in _options(order, body[20 + size + -size % 4 :]):
        if code == 2 and len(value) == 4:
            flags = struct.unpack(order + "I", value)[0]
            direction = _DIRECTIONS.get(flags & 3, Direction.UNKNOWN)
    time_s = (high << 32 | low) * one.tick_s
    return Packet(one.link_type, one.name, direction, time_s, body[20 : 20 + size])
