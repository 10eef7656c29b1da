"""Bytes of TCP connections in captured packets: emulated boards, taps and serial servers.

Segments are taken in order of their sequence numbers as they come: repeats are passed over, and
after a hole the stream goes on behind it, where the frames' own delimiters put things right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nullfield.sniff.packets import Packet
from nullfield.sniff.wire import Direction

LINK_NULL, LINK_ETHERNET, LINK_RAW, LINK_LINUX_SLL, LINK_LINUX_SLL2 = 0, 1, 101, 113, 276
_HEADERS = {LINK_NULL: 4, LINK_ETHERNET: 14, LINK_RAW: 0, LINK_LINUX_SLL: 16, LINK_LINUX_SLL2: 20}
"""Bytes before the IP header by link type (tcpdump.org, "Link-layer header types")."""

LINK_TYPES = frozenset(_HEADERS)
_TCP = 6
_HALF = 1 << 31


@dataclass(frozen=True)
class Segment:
    """New bytes of one direction of a connection."""

    connection: str
    direction: Direction
    time_s: float | None
    data: bytes


class TcpStreams:
    """Take packets and give their new bytes."""

    def __init__(self) -> None:
        self._expected: dict[tuple[bytes, bytes, int, int], int] = {}

    def take(self, packet: Packet) -> Segment | None:
        """Bytes that this packet adds to its connection, or None."""
        taken = _transport(packet.data[_HEADERS[packet.link_type] :])
        if taken is None:
            return None
        source, target, tcp = taken
        if len(tcp) < 20:
            return None
        source_port, target_port, sequence = struct.unpack_from(">HHI", tcp)
        payload = tcp[(tcp[12] >> 4) * 4 :]
        key = (source, target, source_port, target_port)
        if tcp[13] & 0x02:
            self._expected[key] = (sequence + 1) % (1 << 32)
            return None
        repeated = (self._expected.get(key, sequence) - sequence) % (1 << 32)
        if repeated >= _HALF:
            repeated = 0
        if repeated >= len(payload):
            return None
        self._expected[key] = (sequence + len(payload)) % (1 << 32)
        # A server listens on a lower port than its clients are given.
        is_from_board = source_port < target_port
        board_port, client_port = sorted((source_port, target_port))
        return Segment(
            f"tcp:{board_port}:{client_port}",
            Direction.TO_HOST if is_from_board else Direction.TO_BOARD,
            packet.time_s,
            payload[repeated:],
        )


def _transport(ip: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Addresses and TCP segment of an IP packet, without the link's padding."""
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        header, total = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
        # Offloaded packets are captured with a length of zero.
        segment = ip[header:total] if total else ip[header:]
        return (ip[12:16], ip[16:20], segment) if ip[9] == _TCP else None
    if len(ip) >= 40 and ip[0] >> 4 == 6:
        size = struct.unpack_from(">H", ip, 4)[0]
        segment = ip[40 : 40 + size] if size else ip[40:]
        return (ip[8:24], ip[24:40], segment) if ip[6] == _TCP else None
    return None
