"""Text files of any encoding, in pieces of whole lines, with what is needed to find a piece again."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from nullfield.errors import InputError

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What a file that is gone, cut or damaged raises, packed ones included."""
PIECE_BYTES = 4 << 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file.

    Attributes
    ----------
    offset, size : int
        Bytes, in the file before its decoding.
    line : int
        Number of the first line, from 1.
    """

    offset: int
    size: int
    line: int


class TextFile:
    """A text file: UTF-8, UTF-16 with a mark, else Latin-1 (Windows); gzip too.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    InputError
        If it cannot be read, is empty, or is binary.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with self._open() as stream:
                start = stream.read(1 << 16)
        except READ_ERRORS as error:
            raise InputError(f"{path}: cannot be read ({error})", "check the path") from error
        if not start.strip():
            raise InputError(f"{path}: is empty", "give a file with samples in it")
        self.encoding = _encoding(start)
        if self.encoding.startswith("utf-16"):
            # Line ends take two bytes there; such files come out of spreadsheets and are small.
            return
        if b"\0" in start or _share_of_controls(start) > 0.01:
            raise InputError(
                f"{path}: is no text",
                "Nullfield reads own recordings, FIF, EDF/BDF, LabVIEW .lvm, CSV/TSV and BIDS",
            )

    def pieces(self, size: int = PIECE_BYTES) -> Iterator[tuple[Piece, list[str]]]:
        """The file from its beginning, cut at line ends."""
        if self.encoding.startswith("utf-16"):
            with self._open() as stream:
                data = stream.read()
            yield Piece(0, len(data), 1), self._lines(data)
            return
        offset, line, held, rest = 0, 1, b"", b""
        try:
            with self._open() as stream:
                while data := stream.read(size):
                    data = rest + data
                    cut = data.rfind(b"\n") + 1
                    rest = data[cut:]
                    if not cut:
                        continue
                    if held:
                        yield Piece(offset, len(held), line), self._lines(held)
                    offset += len(held)
                    line += held.count(b"\n")
                    held = data[:cut]
        except READ_ERRORS as error:
            raise InputError(
                f"{self.path}: cannot be read beyond line {line} ({error})", "the file is cut"
            ) from error
        # A line without an end goes with those before it: they tell whether it is whole.
        if held or rest:
            yield Piece(offset, len(held) + len(rest), line), self._lines(held + rest)

    def lines_of(self, piece: Piece) -> list[str]:
        """The lines of a piece that `pieces` gave."""
        with self._open() as stream:
            stream.seek(piece.offset)
            return self._lines(stream.read(piece.size))

    @property
    def ends_with_newline(self) -> bool:
        """False if the last line may be cut."""
        last = b""
        with self._open() as stream:
            if not self.is_gzip:
                stream.seek(max(0, self.path.stat().st_size - 4))
            while data := stream.read(PIECE_BYTES):
                last = data[-4:]
        return b"\n" in last[-2:]

    @property
    def is_gzip(self) -> bool:
        """Whether the file is compressed."""
        with self.path.open("rb") as stream:
            return stream.read(2) == _GZIP

    def _open(self) -> IO[bytes]:
        if self.is_gzip:
            return cast(IO[bytes], gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def _lines(self, data: bytes) -> list[str]:
        # By line feeds only: str.splitlines cuts at other characters too.
        text = data.decode(self.encoding, errors="replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return lines[:-1] if lines and not lines[-1] else lines


def _encoding(start: bytes) -> str:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    try:
        # Not final: a character may be cut at the end of what was read.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _share_of_controls(start: bytes) -> float:
    return sum(byte < 32 and byte not in (9, 10, 13) for byte in start) / len(start)
