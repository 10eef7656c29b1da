"""Golden frames, run by the host, by MicroPython and by hardware in the loop.

The valid frames are built field by field with the standard library here, not with `frame` or
`codec`, so that an error there cannot hide in the vectors.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from .catalogue import MAX_PAYLOAD
from .messages import MessageId


def _stuff(data: bytes) -> bytes:
    """COBS, byte by byte as the paper describes it; the fast version is `frame.cobs_encode`."""
    out = bytearray([0])
    code_at, code = 0, 1
    for byte in data:
        if byte == 0:
            out[code_at] = code
            code_at, code = len(out), 1
            out.append(0)
            continue
        out.append(byte)
        code += 1
        if code == 255:
            out[code_at] = code
            code_at, code = len(out), 1
            out.append(0)
    out[code_at] = code
    return bytes(out)


def _raw(message: int, sequence: int, payload: bytes, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    body = struct.pack("<BBHI", message, 0, size, sequence) + payload
    return body + struct.pack("<I", zlib.crc32(body))


def _valid() -> list[tuple[str, int, int, bytes]]:
    sensor_rows = b"".join(
        struct.pack("<12i4B", *[(-1) ** a * (1000 * r + a) for a in range(12)], r, 0, 255, 4)
        for r in range(3)
    )
    return [
        (
            "identify request",
            MessageId.IDENTIFY_REQUEST,
            0,
            struct.pack("<IHH", 0xDEADBEEF, 1, 0),
        ),
        ("heartbeat of zeros", MessageId.HEARTBEAT, 0, bytes(4)),
        (
            "setting write, negative",
            MessageId.SETTING_WRITE_REQUEST,
            7,
            struct.pack("<IHHi", 1, 3, 0, -(2**31)),
        ),
        (
            "command with four arguments",
            MessageId.COMMAND_REQUEST,
            2**32 - 1,
            struct.pack("<IHH4i", 42, 33, 0, 7, -2000000, 2**31 - 1, 0),
        ),
        (
            "coil compensation",
            MessageId.COIL_COMPENSATION,
            2**31,
            struct.pack("<IHH8i", 2**32 - 2, 500, 0, 0, 1, -1, 10**6, -(10**6), 256, -(2**31), 7),
        ),
        ("time reply", MessageId.TIME_REPLY, 9, struct.pack("<IIQ", 5, 1000, 2**40 + 1)),
        (
            "acknowledge",
            MessageId.ACKNOWLEDGE,
            1,
            struct.pack("<IHHi", 42, 33, 5, 10000000),
        ),
        (
            "sensor samples, three rows",
            MessageId.SENSOR_SAMPLES,
            123456789,
            struct.pack("<QIIIHH", 2**33, 77, 2, 1000, 3, 0) + sensor_rows,
        ),
        ("log line", MessageId.LOG, 3, struct.pack("<QB3x", 12, 2) + "héad 3 lost".encode()),
        ("no zero in 254 bytes", MessageId.LOG, 0x01010101, bytes([1] * 8) + b"\x02" + b"x" * 500),
        ("largest payload", MessageId.LOG, 4, bytes(i & 255 for i in range(MAX_PAYLOAD))),
    ]


def vectors() -> list[dict[str, Any]]:
    """All vectors: ``name``, ``kind``, ``wire`` (hex, delimiter included), and what to expect."""
    out: list[dict[str, Any]] = []
    for name, message, sequence, payload in _valid():
        wire = _stuff(_raw(message, sequence, payload))
        out.append(
            {
                "name": name,
                "kind": "valid",
                "wire": wire.hex() + "00",
                "message": int(message),
                "sequence": sequence,
                "payload": payload.hex(),
            }
        )
    good = _raw(MessageId.ACKNOWLEDGE, 1, struct.pack("<IHHi", 42, 33, 5, 10))
    flipped = bytearray(good)
    flipped[9] ^= 0x10
    stuffed = bytearray(_stuff(good))
    overrun = bytearray(stuffed)
    overrun[0] = 200
    bad: list[tuple[str, str, bytes, str]] = [
        ("one bit flipped", "corrupt", _stuff(bytes(flipped)), "crc"),
        ("group past the end", "corrupt", bytes(overrun), "cobs"),
        (
            "length says more",
            "corrupt",
            _stuff(_raw(MessageId.ACKNOWLEDGE, 1, bytes(12), 13)),
            "length",
        ),
        (
            "length says less",
            "corrupt",
            _stuff(_raw(MessageId.ACKNOWLEDGE, 1, bytes(12), 11)),
            "length",
        ),
        ("one byte", "truncated", b"\x01", "short"),
        ("header without checksum", "truncated", _stuff(good[:8]), "short"),
        ("cut in the payload", "truncated", _stuff(good[:15]), "crc"),
        ("cut in the stuffing", "truncated", bytes(stuffed[:-3]), "cobs"),
        (
            "payload one byte too long",
            "oversized",
            _stuff(_raw(MessageId.LOG, 0, b"y" * (MAX_PAYLOAD + 1))),
            "oversized",
        ),
        ("endless", "oversized", b"\x05zzzz" * 600, "oversized"),
    ]
    out += [
        {"name": name, "kind": kind, "wire": wire.hex() + "00", "error": error}
        for name, kind, wire, error in bad
    ]
    return out


def vectors_json() -> str:
    """Text of ``protocol/vectors/frames.json``."""
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"
