"""Flash of a virtual board: erase to ones, program to zeros, cut at any operation."""

from __future__ import annotations

from pathlib import Path

BLOCK_BYTES = 4096
PAGE_BYTES = 256


class PowerCutError(Exception):
    """The power went while flash was written."""


class Flash:
    """NOR flash behind a board's file system.

    Parameters
    ----------
    blocks : int
        Size in blocks of 4096 bytes; by default what MicroPython leaves on a Pico for its file
        system (1408 kB).
    path : path, optional
        File that keeps the content across runs.

    Attributes
    ----------
    operations_until_cut : int or None
        Program and erase operations left before the power goes; the last one is done by half.
    """

    def __init__(self, blocks: int = 352, path: Path | None = None) -> None:
        self.blocks = blocks
        self.path = path
        self.operations_until_cut: int | None = None
        size = blocks * BLOCK_BYTES
        if path is not None and path.exists() and path.stat().st_size == size:
            self.content = bytearray(path.read_bytes())
        else:
            self.content = bytearray(b"\xff" * size)

    def read(self, block: int, offset: int, length: int) -> bytes:
        """Bytes from a place."""
        start = block * BLOCK_BYTES + offset
        return bytes(self.content[start : start + length])

    def program(self, block: int, offset: int, data: bytes) -> None:
        """Program bytes: bits go from 1 to 0 only."""
        start = block * BLOCK_BYTES + offset
        for page in range(0, len(data), PAGE_BYTES):
            part = data[page : page + PAGE_BYTES]
            cut = self._count()
            if cut:
                part = part[: len(part) // 2]
            for index, byte in enumerate(part):
                self.content[start + page + index] &= byte
            if cut:
                self._keep(start, len(data))
                raise PowerCutError
        self._keep(start, len(data))

    def erase(self, block: int) -> None:
        """Erase one block."""
        cut = self._count()
        length = BLOCK_BYTES // 2 if cut else BLOCK_BYTES
        start = block * BLOCK_BYTES
        self.content[start : start + length] = b"\xff" * length
        self._keep(start, length)
        if cut:
            raise PowerCutError

    def _count(self) -> bool:
        if self.operations_until_cut is None:
            return False
        self.operations_until_cut -= 1
        return self.operations_until_cut <= 0

    def _keep(self, start: int, length: int) -> None:
        """Bring a changed range to the file, if there is one."""
        if self.path is None:
            return
        if not self.path.exists():
            self.path.write_bytes(self.content)
            return
        with self.path.open("r+b") as stream:
            stream.seek(start)
            stream.write(self.content[start : start + length])
