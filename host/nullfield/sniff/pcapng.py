"""Captures that Wireshark reads: pcapng with one packet a wire frame.

Layout after draft-ietf-opsawg-pcapng: section header, one interface description a board with
link type 147 (LINKTYPE_USER0, for private use), enhanced packets with direction flags. A packet
holds the stuffed frame and its delimiter.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from nullfield.errors import InputError
from nullfield.sniff.wire import Direction, WireFrame

LINKTYPE_USER0 = 147
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_END, _IF_NAME, _IF_TSRESOL, _SHB_USERAPPL, _EPB_FLAGS = 0, 2, 9, 4, 2
_NANOSECONDS = 9
# epb_flags, bits 0-1, seen from the host: inbound and outbound.
_FLAGS = {Direction.TO_HOST: 1, Direction.TO_BOARD: 2, Direction.UNKNOWN: 0}


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


class CaptureWriter:
    """Write a capture while it is made; what was written is readable after a kill.

    Parameters
    ----------
    path : pathlib.Path
        Replaced if it is there.
    epoch_s : float
        Unix time at zero of the frames' clock.
    """

    def __init__(self, path: Path, epoch_s: float = 0.0) -> None:
        self.frames_written = 0
        self._epoch_s = epoch_s
        self._interfaces: dict[str, int] = {}
        try:
            self._file: IO[bytes] = path.open("wb", buffering=0)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror})", "give another file with --write"
            ) from error
        options = _option(_SHB_USERAPPL, b"nullfield sniff") + _option(_END, b"")
        self._file.write(_block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, frame: WireFrame) -> None:
        """Append one frame."""
        data = frame.wire + b"\0"
        time_ns = max(0, round((self._epoch_s + (frame.time_s or 0.0)) * 1e9))
        body = struct.pack(
            "<IIIII",
            self._interface(frame.source),
            time_ns >> 32,
            time_ns & 0xFFFFFFFF,
            len(data),
            len(data),
        )
        flags = _option(_EPB_FLAGS, struct.pack("<I", _FLAGS[frame.direction]))
        self._file.write(_block(_PACKET, body + _padded(data) + flags + _option(_END, b"")))
        self.frames_written += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _interface(self, source: str) -> int:
        if source not in self._interfaces:
            options = (
                _option(_IF_NAME, source.encode())
                + _option(_IF_TSRESOL, bytes([_NANOSECONDS]))
                + _option(_END, b"")
            )
            self._file.write(
                _block(_INTERFACE, struct.pack("<HHI", LINKTYPE_USER0, 0, 0) + options)
            )
            self._interfaces[source] = len(self._interfaces)
        return self._interfaces[source]
