"""What is at a port: our firmware, an older one, MicroPython's prompt, or somebody else's program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from nullfield.deploy.board_files import BoardFiles
from nullfield.deploy.board_port import BoardPort
from nullfield.deploy.board_state import (
    MANIFEST_FILE,
    PROVISION_FILE,
    Provision,
    SlotManifest,
)
from nullfield.deploy.write_slot import read_boot_state
from nullfield.errors import (
    BoardNotFoundError,
    InputError,
    ProtocolMismatchError,
    RequestTimeoutError,
)
from nullfield.link import Link
from nullfield.link_answers import Identity
from nullfield_protocol.catalogue import Slot

MAIN_FILE = "main.py"
_BOOTSTRAP = b"chooses the firmware to start. Upgrades never touch it."
"""What the first line of every version of our bootstrap says."""

_BEFORE_SLOTS = b'"""Composition root: board definition, hal and application."""'
"""First line of the only ``main.py`` that came before the bootstrap, that of 0.1.0."""

SLOT_NAMES = {Slot.BUILT_IN: "", Slot.A: "a", Slot.B: "b"}


class Kind(Enum):
    """What answers at a port."""

    RUNNING = "running"
    OTHER_PROTOCOL = "other protocol"
    PROMPT = "prompt"


@dataclass(frozen=True)
class Found:
    """A board, and what runs on it as far as it can be told.

    Attributes
    ----------
    kind : Kind
    port : BoardPort
    uid : str
    board, unit : str
        Board definition and unit; empty if nobody has said so yet.
    mcu : str
        Empty if unknown.
    version, revision, slot : str
        Of the firmware that runs, or would run; the slot is empty for built-in firmware.
    is_trial : bool
    identity : Identity or None
        Of running firmware that speaks our protocol.
    """

    kind: Kind
    port: BoardPort
    uid: str
    board: str = ""
    unit: str = ""
    mcu: str = ""
    version: str = ""
    revision: str = ""
    slot: str = ""
    is_trial: bool = False
    identity: Identity | None = None

    @property
    def label(self) -> str:
        """The board for people."""
        who = " ".join(word for word in (self.unit, self.board) if word) or "board"
        return f"{who} {self.uid} at {self.port.name}"

    @property
    def firmware(self) -> str:
        """What runs, for people."""
        if self.kind is Kind.PROMPT and not self.version:
            return "MicroPython without Nullfield"
        slot = f"slot {self.slot}" if self.slot else "built-in"
        where = f"{slot}, on trial" if self.is_trial else slot
        revision = f" ({self.revision})" if self.revision else ""
        note = {Kind.PROMPT: ", at its prompt", Kind.OTHER_PROTOCOL: ", another protocol"}
        if self.kind is Kind.OTHER_PROTOCOL:
            where = ""
        return f"{self.version}{revision}{' ' if where else ''}{where}{note.get(self.kind, '')}"


def look(port: BoardPort, may_interrupt: bool) -> Found:
    """Find out what is at a port.

    Parameters
    ----------
    port : BoardPort
    may_interrupt : bool
        If nothing answers, Ctrl-C may be sent, which ends somebody else's program.

    Raises
    ------
    BoardNotFoundError
        If nothing answers, not even a prompt.
    TransportError
        If the port cannot be opened.
    """
    link = Link(port.make_transport(), port.clock)
    try:
        link.open()
    except ProtocolMismatchError as error:
        return Found(Kind.OTHER_PROTOCOL, port, error.uid, version=error.firmware_version)
    except RequestTimeoutError as error:
        if not may_interrupt:
            raise BoardNotFoundError(
                f"nothing answers at {port.name}",
                "give this very port to 'nullfield flash': then a prompt is tried, too",
            ) from error
        return _look_at_prompt(port)
    try:
        return _running(port, link.identity)
    finally:
        link.close()


def _running(port: BoardPort, who: Identity) -> Found:
    return Found(
        Kind.RUNNING,
        port,
        who.uid,
        board=who.board_name,
        unit=who.unit_name,
        mcu=who.mcu.name.lower(),
        version=who.firmware_version,
        revision=who.firmware_revision,
        slot=SLOT_NAMES[who.slot],
        is_trial=who.is_trial,
        identity=who,
    )


def _look_at_prompt(port: BoardPort) -> Found:
    with port.open_prompt() as prompt:
        if not prompt.enter():
            raise BoardNotFoundError(
                f"{port.name}: neither Nullfield's firmware nor MicroPython's prompt answers",
                "plug the board out and in; or with BOOTSEL held: nullfield flash --uf2 IMAGE",
            )
        return found_at_prompt(port, BoardFiles(prompt))


def found_at_prompt(port: BoardPort, files: BoardFiles) -> Found:
    """A board at its entered prompt; what would run is read from its flash."""
    provision = read_provision(files)
    state = read_boot_state(files)
    manifest = read_manifest(files, state.active) if state.active else None
    facts = manifest.facts if manifest else {}
    return Found(
        Kind.PROMPT,
        port,
        files.facts.uid,
        board=provision.board or facts.get("board", ""),
        unit=provision.unit,
        mcu=files.facts.mcu,
        version=facts.get("version", ""),
        revision=facts.get("revision", ""),
        slot=state.active,
    )


def read_provision(files: BoardFiles) -> Provision:
    """What the board was provisioned as; empty if it never was, or the file is damaged."""
    content = files.read(PROVISION_FILE)
    if content is None:
        return Provision("")
    try:
        return Provision.parse(content)
    except InputError:
        return Provision("")


def read_manifest(files: BoardFiles, slot: str) -> SlotManifest | None:
    """Manifest of a slot, or None if there is no good one."""
    content = files.read(f"slots/{slot}/{MANIFEST_FILE}")
    if content is None:
        return None
    try:
        return SlotManifest.parse(content)
    except InputError:
        return None


def is_bootstrap(main: bytes) -> bool:
    """Whether a ``main.py`` is our bootstrap, of any version."""
    return _BOOTSTRAP in main.split(b"\n", 1)[0]


def is_ours(main: bytes) -> bool:
    """Whether a ``main.py`` is of Nullfield, from before the bootstrap included."""
    return is_bootstrap(main) or main.split(b"\n", 1)[0].strip() == _BEFORE_SLOTS
