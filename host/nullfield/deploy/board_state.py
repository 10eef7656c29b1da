"""What the text files on a board say: which slot boots, what the board is, what a slot holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nullfield.deploy.text_file import format_lines, format_values, parse_lines, parse_values
from nullfield.errors import InputError

BOOT_FILE = "boot.txt"
PROVISION_FILE = "provision.txt"
SETTINGS_FILE = "settings.txt"
MANIFEST_FILE = "manifest.txt"
SLOTS = ("a", "b")
UNIT_LENGTH = 16
"""Longest name of a unit in bytes: the handshake's field."""

_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,15}")
_BOARD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FACTS = ("board", "role", "mcu", "version", "revision", "fingerprint", "protocol")


@dataclass(frozen=True)
class BootState:
    """Content of ``boot.txt``.

    Attributes
    ----------
    active : str
        Slot that boots, ``a`` or ``b``; empty for the firmware built into the image.
    trial : str
        Slot that is tried first; empty for none.
    attempts : int
        Starts of the trial so far.
    note : str
        Why the last trial was given up.
    """

    active: str = ""
    trial: str = ""
    attempts: int = 0
    note: str = ""

    @classmethod
    def parse(cls, content: bytes) -> BootState:
        """Read the file's content; raises `InputError` if it is damaged or says nonsense."""
        values = parse_values(content, BOOT_FILE)
        attempts = values.get("attempts", "0")
        state = cls(
            values.get("active", ""),
            values.get("trial", ""),
            int(attempts) if attempts.isascii() and attempts.isdecimal() else -1,
            values.get("note", ""),
        )
        if state.attempts < 0 or not {state.active, state.trial} <= {"", *SLOTS}:
            raise InputError(f"{BOOT_FILE} makes no sense: {values}", "flash the board again")
        return state

    def format(self) -> bytes:
        """File content."""
        return format_values(
            {
                "active": self.active,
                "trial": self.trial,
                "attempts": str(self.attempts),
                "note": self.note,
            }
        )

    @property
    def free_slot(self) -> str:
        """The slot that may be written: never the one that boots when the trial is given up."""
        return "b" if self.active == "a" else "a"


@dataclass(frozen=True)
class Provision:
    """Content of ``provision.txt``: what the board is.

    Attributes
    ----------
    board : str
        Name of the board definition.
    unit : str
        Name of this unit, for instance ``S01``.
    """

    board: str
    unit: str = ""

    @classmethod
    def parse(cls, content: bytes) -> Provision:
        """Read the file's content; raises `InputError` if it is damaged."""
        values = parse_values(content, PROVISION_FILE)
        return cls(values.get("board", ""), values.get("unit", ""))

    def format(self) -> bytes:
        """File content.

        Raises
        ------
        InputError
            If a name could not be kept by the file or the handshake.
        """
        if not _BOARD.fullmatch(self.board):
            raise InputError(
                f"{self.board!r} is no name of a board definition", "take one of the folder boards"
            )
        if self.unit and not _UNIT.fullmatch(self.unit):
            raise InputError(
                f"{self.unit!r} cannot be the name of a unit",
                f"give 1 to {UNIT_LENGTH} letters, digits, '_', '.' or '-', for instance S01",
            )
        return format_values({"board": self.board, "unit": self.unit})


@dataclass(frozen=True)
class ManifestEntry:
    """One file of a slot."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class SlotManifest:
    """Content of a slot's ``manifest.txt``.

    Attributes
    ----------
    facts : dict of str to str
        ``board``, ``role``, ``mcu``, ``version``, ``revision``, ``fingerprint``, ``protocol``.
    files : tuple of ManifestEntry
        All files of the slot but the manifest.
    """

    facts: dict[str, str]
    files: tuple[ManifestEntry, ...]

    @classmethod
    def parse(cls, content: bytes) -> SlotManifest:
        """Read the file's content; raises `InputError` if it is damaged or says nonsense."""
        facts: dict[str, str] = {}
        files = []
        for line in parse_lines(content, MANIFEST_FILE):
            key, _, value = line.partition("=")
            if key != "file":
                facts[key] = value
                continue
            match = re.fullmatch(r"(\d+) ([0-9a-f]{64}) (\S+)", value)
            if match is None:
                raise InputError(f"{MANIFEST_FILE} makes no sense: {line}", "flash the board again")
            files.append(ManifestEntry(match[3], int(match[1]), match[2]))
        return cls(facts, tuple(files))

    def format(self) -> bytes:
        """File content."""
        return format_lines(
            [
                *(f"{key}={self.facts[key]}" for key in _FACTS),
                *(f"file={one.size} {one.sha256} {one.path}" for one in self.files),
            ]
        )
