"""Frames of files: recordings, pcapng and pcap captures, plain bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nullfield.errors import InputError
from nullfield.recording.reader import Recording
from nullfield.sniff.packets import PCAP_MAGICS, PCAPNG_MAGIC, Packet, pcap_packets, pcapng_packets
from nullfield.sniff.pcapng import LINKTYPE_USER0
from nullfield.sniff.tcp import LINK_TYPES, TcpStreams
from nullfield.sniff.wire import Direction, WireFrame, WireSplitter
from nullfield_protocol.frame import encode_frame

_MCAP_MAGIC = b"\x89MCAP"
_CHUNK = 65536


def frames_of_file(path: Path) -> Iterator[WireFrame]:
    """Frames of a recording (a file or its folder), a capture, or raw bytes of a port.

    Raises
    ------
    InputError
        If the file cannot be read, or is a capture of something else.
    RecordingError
        If it is a recording that this version cannot read.
    """
    if path.is_dir():
        return _recorded(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(_MCAP_MAGIC))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror})",
            "give a recording, a pcapng or pcap file, or raw bytes of a port",
        ) from error
    if start == _MCAP_MAGIC:
        return _recorded(path)
    if start[:4] == PCAPNG_MAGIC or start[:4] in PCAP_MAGICS:
        return _captured(path, is_pcapng=start[:4] == PCAPNG_MAGIC)
    return _raw(path)


def _recorded(path: Path) -> Iterator[WireFrame]:
    """A recording holds what came from the boards, without stuffing and checksum."""
    for one in Recording(path).frames():
        frame = one.frame
        wire = encode_frame(frame.message, frame.sequence, frame.payload, frame.flags)
        yield WireFrame(wire[:-1], one.uid, Direction.TO_HOST, one.host_time_s)


def _raw(path: Path) -> Iterator[WireFrame]:
    splitter = WireSplitter()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            for wire in splitter.feed(data):
                yield WireFrame(wire, path.name, Direction.UNKNOWN, None)
    for wire in splitter.end():
        yield WireFrame(wire, path.name, Direction.UNKNOWN, None)


def _captured(path: Path, *, is_pcapng: bool) -> Iterator[WireFrame]:
    tcp = TcpStreams()
    splitters: dict[tuple[str, Direction], WireSplitter] = {}
    others: set[int] = set()
    given = 0
    with path.open("rb") as file:
        for packet in pcapng_packets(file) if is_pcapng else pcap_packets(file):
            if packet.link_type == LINKTYPE_USER0:
                frames = _of_packet(packet)
            elif packet.link_type in LINK_TYPES:
                segment = tcp.take(packet)
                if segment is None:
                    continue
                key = (segment.connection, segment.direction)
                frames = [
                    WireFrame(wire, segment.connection, segment.direction, segment.time_s)
                    for wire in splitters.setdefault(key, WireSplitter()).feed(segment.data)
                ]
            else:
                others.add(packet.link_type)
                continue
            given += len(frames)
            yield from frames
    for (connection, direction), splitter in splitters.items():
        for wire in splitter.end():
            yield WireFrame(wire, connection, direction, None)
    if others and not given:
        raise InputError(
            f"{path}: a capture of link type {', '.join(map(str, sorted(others)))}, which holds no "
            "frames of boards",
            "captures of 'nullfield sniff --write' and of TCP ports can be read",
        )


def _of_packet(packet: Packet) -> list[WireFrame]:
    """Frames of a packet of ours: one, but other programs may write several."""
    return [
        WireFrame(wire, packet.interface, packet.direction, packet.time_s)
        for wire in packet.data.split(b"\0")
        if wire
    ]
