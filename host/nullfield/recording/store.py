"""How frames, events and the header lie in a recording's MCAP files.

A recording is a directory of ``recording-0000.mcap``, ``recording-0001.mcap``, ... Each file is
complete by itself: it begins with the header (JSON) as MCAP metadata and all channels. One channel
a board, ``wire/<uid>``, holds the received frames as ``message u8 | flags u8 | length u16 |
sequence u32 | payload``, little-endian: the frame of the wire without stuffing and checksum.
The channel ``events`` holds JSON. Log times are host clock nanoseconds. Nothing is chunked, so a
kill costs at most the record that was being written.
"""

from __future__ import annotations

import struct
from pathlib import Path

from nullfield_protocol.frame import Frame

FORMAT_VERSION = 1
PROFILE = "nullfield"
HEADER_METADATA = "nullfield.header"
EVENTS_TOPIC = "events"
WIRE_TOPIC = "wire/"
WIRE_ENCODING = "nullfield-wire"
FILE_PATTERN = "recording-*.mcap"

_FRAME_HEADER = struct.Struct("<BBHI")


def file_name(number: int) -> str:
    """Name of a recording's file by its place."""
    return f"recording-{number:04d}.mcap"


def recording_files(path: Path) -> list[Path]:
    """Files of a recording, in order; a single file stands for itself."""
    return sorted(path.glob(FILE_PATTERN)) if path.is_dir() else [path]


def pack_frame(frame: Frame) -> bytes:
    """Bytes that are stored of a frame."""
    header = _FRAME_HEADER.pack(frame.message, frame.flags, len(frame.payload), frame.sequence)
    return header + frame.payload


def unpack_frame(data: bytes) -> Frame:
    """Undo `pack_frame`.

    Raises
    ------
    ValueError
        If the length does not fit.
    """
    if len(data) < _FRAME_HEADER.size:
        raise ValueError(f"stored frame of {len(data)} bytes is shorter than its header")
    message, flags, length, sequence = _FRAME_HEADER.unpack_from(data)
    payload = data[_FRAME_HEADER.size :]
    if length != len(payload):
        raise ValueError(f"stored frame holds {len(payload)} bytes, its header says {length}")
    return Frame(message, flags, sequence, payload)
