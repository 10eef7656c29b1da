"""Files on a board at its prompt: read, written in pieces, hashed by the board itself."""

from __future__ import annotations

import binascii
import errno
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nullfield.deploy.prompt import BoardError, Prompt
from nullfield.errors import FlashError

_PIECE_BYTES = 768
"""Bytes of one write: 1024 characters on the line, far below what any board has free, and short enough
that the timer which feeds the watchdog at the prompt gets its turn."""

# What runs on the board. Names begin with _nf_ so that nothing of the user's is hidden.
_FUNCTIONS = """
import binascii as _nf_b, hashlib as _nf_h, os as _nf_o, sys as _nf_s
def _nf_read(path):
    try:
        with open(path, "rb") as stream:
            while True:
                piece = stream.read(384)
                if not piece:
                    return
                print(_nf_b.b2a_base64(piece).decode().strip())
    except OSError as error:
        if error.args[0] != 2:
            raise
        print("-")
def _nf_hash(path):
    try:
        digest = _nf_h.sha256()
        with open(path, "rb") as stream:
            while True:
                piece = stream.read(512)
                if not piece:
                    break
                digest.update(piece)
    except OSError as error:
        if error.args[0] != 2:
            raise
        return ""
    return _nf_b.hexlify(digest.digest()).decode()
def _nf_list(folder, prefix):
    try:
        found = list(_nf_o.ilistdir(folder))
    except OSError as error:
        if error.args[0] != 2:
            raise
        return
    for entry in found:
        name = prefix + entry[0]
        if entry[1] & 0x4000:
            print("d " + name)
            _nf_list(folder + "/" + entry[0], name + "/")
        else:
            print("f " + name)
def _nf_make(folder):
    try:
        _nf_o.mkdir(folder)
    except OSError as error:
        if error.args[0] != 17:
            raise
"""

_FACTS = """
def _nf_facts():
    i = _nf_s.implementation
    facts = {"name": i.name, "version": list(i.version[:2]), "mpy": getattr(i, "_mpy", 0),
             "machine": getattr(i, "_machine", ""), "root": "", "mcu": "", "uid": "",
             "built_in": False}
    try:
        import virtual_port
        facts["root"] = virtual_port.root
        facts["mcu"] = "virtual"
        facts["built_in"] = _nf_o.getenv("NULLFIELD_IMAGE") != "stock"
    except ImportError:
        for mcu in ("RP2040", "RP2350"):
            if mcu in facts["machine"]:
                facts["mcu"] = mcu.lower()
    try:
        import machine
        facts["uid"] = _nf_b.hexlify(machine.unique_id()).decode()
    except (ImportError, AttributeError):
        pass
    try:
        import nullfield_boards
        facts["built_in"] = True
    except ImportError:
        pass
    return facts
"""


@dataclass(frozen=True)
class BoardFacts:
    """What a board at its prompt is.

    Attributes
    ----------
    implementation : str
        ``micropython``.
    version : tuple of int
        Major and minor version of MicroPython.
    mpy_version : str
        Version of ``.mpy`` files that it loads.
    machine : str
        As MicroPython names the board.
    mcu : str
        ``virtual``, ``rp2040``, ``rp2350``; empty if it is none of them.
    uid : str
        16 hex digits.
    root : str
        Where its flash is mounted, without a slash at the end.
    has_built_in : bool
        Nullfield's firmware is frozen into the image.
    """

    implementation: str
    version: tuple[int, int]
    mpy_version: str
    machine: str
    mcu: str
    uid: str
    root: str
    has_built_in: bool


class BoardFiles:
    """The file system of a board at its prompt; paths are relative to the flash's root.

    Parameters
    ----------
    prompt : Prompt
        Entered.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        prompt.run(_FUNCTIONS)
        prompt.run(_FACTS)
        facts = prompt.value("_nf_facts()")
        word = int(facts["mpy"])
        self.facts = BoardFacts(
            implementation=facts["name"],
            version=(facts["version"][0], facts["version"][1]),
            mpy_version=f"{word & 0xFF}.{word >> 8 & 3}",
            machine=facts["machine"],
            mcu=facts["mcu"],
            uid=facts["uid"],
            root=facts["root"],
            has_built_in=facts["built_in"],
        )

    def path(self, name: str) -> str:
        """Absolute path on the board."""
        return f"{self.facts.root}/{name}"

    def read(self, name: str) -> bytes | None:
        """Content of a small file, or None if there is none."""
        lines = self.prompt.run(f"_nf_read({self.path(name)!r})").split()
        if lines == ["-"]:
            return None
        return b"".join(binascii.a2b_base64(line) for line in lines)

    def write(
        self, name: str, content: bytes, progress: Callable[[int], None] = lambda count: None
    ) -> None:
        """Write a file in place, its folders made; for files that do not count until they are whole.

        Parameters
        ----------
        name : str
        content : bytes
        progress : callable
            Takes the bytes of each piece.
        """
        self.make_folders([name])
        with self._room(name):
            self.prompt.run(f"_nf_f = open({self.path(name)!r}, 'wb')\n_nf_w = _nf_f.write")
            for at in range(0, len(content), _PIECE_BYTES):
                piece = content[at : at + _PIECE_BYTES]
                text = binascii.b2a_base64(piece, newline=False).decode()
                self.prompt.run(f"_nf_w(_nf_b.a2b_base64('{text}'))")
                progress(len(piece))
            self.prompt.run("_nf_f.close()")

    def replace(self, name: str, content: bytes) -> None:
        """Replace a file so that a power cut leaves the old or the new one whole."""
        self.write(name + ".new", content)
        if self.sha256([name + ".new"]) != [_sha256(content)]:
            raise FlashError(
                f"board at {self.prompt.port}: {name} did not reach its flash whole",
                "run it again; if it stays, replace the board",
            )
        self.prompt.run(f"_nf_o.rename({self.path(name + '.new')!r}, {self.path(name)!r})")

    def sha256(self, names: Iterable[str]) -> list[str]:
        """SHA-256 of files as the board reads them, in hex digits; empty for what is not there."""
        paths = tuple(self.path(name) for name in names)
        lines = self.prompt.run(f"for _nf_p in {paths!r}:\n print('=' + _nf_hash(_nf_p))")
        return [line.strip()[1:] for line in lines.splitlines()]

    def list(self, folder: str) -> tuple[set[str], list[str]]:
        """Files below a folder, and folders with the outer ones first; both relative to it."""
        files: set[str] = set()
        folders: list[str] = []
        for line in self.prompt.run(f"_nf_list({self.path(folder)!r}, '')").splitlines():
            kind, _, name = line.strip().partition(" ")
            if kind == "f":
                files.add(name)
            elif kind == "d":
                folders.append(name)
        return files, folders

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, or folders that are empty."""
        for name in names:
            self.prompt.run(f"_nf_o.remove({self.path(name)!r})")

    def make_folders(self, names: Iterable[str]) -> None:
        """Make the folders that files need."""
        needed = {
            "/".join(parts[:depth])
            for parts in (name.split("/") for name in names)
            for depth in range(1, len(parts))
        }
        for folder in sorted(needed):
            with self._room(folder):
                self.prompt.run(f"_nf_make({self.path(folder)!r})")

    def free_bytes(self) -> tuple[int, int]:
        """Free bytes of the flash and the size of a block, which a file fills up."""
        numbers = self.prompt.value(f"tuple(_nf_o.statvfs({self.path('')!r}))")
        return int(numbers[0]) * int(numbers[3]), int(numbers[0])

    def _room(self, name: str) -> _Room:
        return _Room(self.prompt.port, name)


class _Room:
    """Turns the board's "no space left" into an error that says so."""

    def __init__(self, port: str, name: str) -> None:
        self._port = port
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BoardError) and error.number == errno.ENOSPC:
            raise full(self._port, self._name) from error


def full(port: str, name: str, needed_bytes: int = 0, free_bytes: int = 0) -> FlashError:
    """Error for a file system without room."""
    room = f" ({needed_bytes} bytes needed, {free_bytes} free)" if needed_bytes else ""
    return FlashError(
        f"board at {port}: its file system is full: no room for {name}{room}",
        f"remove files of your own: mpremote connect {port} resume fs ls, then fs rm; "
        "the firmware that ran is still there",
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
