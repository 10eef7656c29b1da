"""Find a board by what it is, not by which port it happens to have.

A look at a port is gentle: one identify request and, where nobody answers it, the byte that makes
MicroPython's prompt say its version. Nothing is interrupted, no setting is read, and a board of
another protocol version is recognised, too, because the start of the identity never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from nullfield.errors import (
    BoardNotFoundError,
    NullfieldError,
    ProtocolError,
    ProtocolMismatchError,
    TransportError,
)
from nullfield.link_answers import Announcement, Identity, announcement_of, identity_of
from nullfield.transport.base import Transport
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import Clock
from nullfield_protocol.catalogue import PROTOCOL_VERSION
from nullfield_protocol.codec import build
from nullfield_protocol.frame import Frame, FrameDecoder, encode_quiet
from nullfield_protocol.messages import MessageId

_ATTEMPTS = 4
_ANSWER_S = 0.25
_REQUEST_ID = 1
_RASPBERRY_PI_VENDOR = 0x2E8A
"""USB vendor of the Pico and of MicroPython on it (Raspberry Pi Ltd, "USB product id list")."""

_ASK_PROMPT = b"\x15\x02"
"""Ctrl-U drops a half typed line of MicroPython's prompt, Ctrl-B makes it say version and board.

Neither stops a program (MicroPython, shared/readline/readline.c and shared/runtime/pyexec.c).
"""

_CLEAR_PROMPT = b"\x03\x02"
"""Ctrl-C drops what a request left in the prompt's line, Ctrl-B leaves the raw prompt.

Only for a port that has told its version: a board that is starting would take Ctrl-C as the order to
stay at its prompt.
"""

_PROMPT = re.compile(rb"MicroPython v|>>> |raw REPL")
_BANNER = re.compile(rb"MicroPython ([^\r\n]+)\r\n")
_SHORTEST_PART = 4
"""Fewest digits of a uid's beginning or end that stand for it."""


def names_board(wanted: str, uid: str, unit: str) -> bool:
    """Whether this is a board's uid or unit name, whatever the case of its letters."""
    return wanted.lower() in {uid, unit.lower()} - {""}


def is_part_of_uid(wanted: str, uid: str) -> bool:
    """Whether a uid begins or ends with these digits, at least four of them."""
    word = wanted.lower()
    return len(word) >= _SHORTEST_PART and (uid.startswith(word) or uid.endswith(word))


class PortState(Enum):
    """What a port turned out to be."""

    READY = "ready"
    OTHER_VERSION = "other version"
    PROMPT = "prompt"
    SILENT = "silent"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class FoundBoard:
    """What was found at one port.

    Attributes
    ----------
    port : str
    state : PortState
        ``READY`` our application with this protocol; ``OTHER_VERSION`` our application with another
        one; ``PROMPT`` MicroPython without our application; ``SILENT`` nobody answered;
        ``UNAVAILABLE`` the port could not be opened.
    uid : str
        16 hex digits: told by the board or, for a prompt or silence, by USB; empty if unknown.
    identity : Identity or None
        Of a board that is ready.
    announcement : Announcement or None
        What every version tells of itself.
    banner : str
        MicroPython's own words at a prompt.
    error : NullfieldError or None
        Why the board cannot be worked with as it is.
    """

    port: str
    state: PortState
    uid: str = ""
    identity: Identity | None = None
    announcement: Announcement | None = None
    banner: str = ""
    error: NullfieldError | None = None

    @property
    def unit_name(self) -> str:
        """Name that production gave the board, empty if it tells none."""
        return self.identity.unit_name if self.identity is not None else ""

    def answers_to(self, wanted: str) -> bool:
        """Whether this is the board's uid, unit name or port."""
        return wanted == self.port or names_board(wanted, self.uid, self.unit_name)

    def begins_or_ends_with(self, wanted: str) -> bool:
        """Whether the uid begins or ends with these digits."""
        return is_part_of_uid(wanted, self.uid)

    def __str__(self) -> str:
        if self.identity is not None:
            name = f" {self.unit_name}" if self.unit_name else ""
            return f"{self.identity.role.name.lower()} board{name} {self.uid} at {self.port}"
        if self.announcement is not None:
            return f"board {self.uid} at {self.port} with firmware {self.announcement.firmware}"
        if self.state is PortState.PROMPT:
            return f"{self.banner} at {self.port}"
        return f"{self.port} ({self.state.value})"


def is_port(name: str) -> bool:
    """Whether a name is a device path or URL rather than a board's uid or unit name."""
    return "/" in name or "://" in name or re.fullmatch(r"COM\d+", name) is not None


def serial_ports() -> dict[str, str]:
    """Ports of this machine that may be a board's, with the uid that USB tells.

    Only Raspberry Pi's USB devices are listed: a request sent to somebody's modem or printer could
    do harm. Other ports are given by name.
    """
    from serial.tools.list_ports import comports

    return {
        info.device: (info.serial_number or "").lower()
        for info in comports()
        if info.vid == _RASPBERRY_PI_VENDOR
    }


def look_at_port(
    port: str,
    clock: Clock,
    open_transport: Callable[[str], Transport] = SerialTransport,
    usb_uid: str = "",
) -> FoundBoard:
    """Find out what is behind a port; trouble stands in the result's ``error``.

    Parameters
    ----------
    port : str
    clock : Clock
    open_transport : callable
        Makes the transport of a port.
    usb_uid : str
        What USB tells of it, see `serial_ports`.
    """
    look = _Look(open_transport(port), clock)
    try:
        return look.result(usb_uid)
    except TransportError as error:
        return FoundBoard(port, PortState.UNAVAILABLE, usb_uid, error=error)
    finally:
        look.close()


def look_at_ports(
    ports: Mapping[str, str],
    clock: Clock,
    open_transport: Callable[[str], Transport] = SerialTransport,
) -> list[FoundBoard]:
    """Look at several ports, given with the uid that USB tells of each."""
    return [look_at_port(port, clock, open_transport, uid) for port, uid in ports.items()]


def find_board(
    wanted: str,
    clock: Clock,
    ports: Mapping[str, str] | None = None,
    open_transport: Callable[[str], Transport] = SerialTransport,
) -> FoundBoard:
    """Find one board.

    Parameters
    ----------
    wanted : str
        Uid (or at least four digits of its beginning or end), unit name, or port. A port is taken
        as it is, without a look at others.
    clock : Clock
    ports : mapping of str to str, optional
        Where to look; by default `serial_ports`.
    open_transport : callable
        Makes the transport of a port.

    Returns
    -------
    FoundBoard
        Ready, of another version, or at a prompt; see its ``state``.

    Raises
    ------
    BoardNotFoundError
        If nobody answers to the name, or more than one board does.
    TransportError
        If the named port cannot be opened.
    """
    if is_port(wanted):
        found = look_at_port(wanted, clock, open_transport, (ports or {}).get(wanted, ""))
        return _usable(found)
    looked = look_at_ports(serial_ports() if ports is None else ports, clock, open_transport)
    matches = [one for one in looked if one.answers_to(wanted)] or [
        one for one in looked if one.begins_or_ends_with(wanted)
    ]
    if not matches:
        raise _nobody(wanted, looked)
    if len(matches) > 1:
        raise BoardNotFoundError(
            f"{wanted}: {len(matches)} boards answer to it: {'; '.join(map(str, matches))}",
            "give the port, or the whole uid",
        )
    return _usable(matches[0])


def _usable(found: FoundBoard) -> FoundBoard:
    if found.error is not None and found.state in (PortState.SILENT, PortState.UNAVAILABLE):
        raise found.error
    return found


def _nobody(wanted: str, looked: Iterable[FoundBoard]) -> BoardNotFoundError:
    looked = list(looked)
    if not looked:
        return BoardNotFoundError(
            f"{wanted}: no board is plugged in",
            "plug it in, or name its port (a network port: socket://HOST:PORT) or a rig file",
        )
    closed = [one for one in looked if one.state is PortState.UNAVAILABLE]
    prompts = [one for one in looked if one.state is PortState.PROMPT]
    if closed and closed[0].error is not None:
        hint = f"{closed[0].error.message}: {closed[0].error.hint}"
    elif prompts:
        hint = f"{prompts[0]} has no Nullfield firmware: nullfield flash {prompts[0].port}"
    else:
        hint = "check uid or unit name; nullfield boards lists who is there"
    there = "; ".join(map(str, looked))
    return BoardNotFoundError(f"{wanted}: no such board; looked at {there}", hint)


class _Look:
    """One exchange with whatever is behind a port."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._decoder = FrameDecoder()
        self._identity: Frame | None = None
        self._text = b""
        self._lost = ""

    def result(self, usb_uid: str) -> FoundBoard:
        port = self._transport.port
        self._transport.set_receiver(self._receive)
        self._transport.set_lost(self._on_lost)
        self._transport.open()
        request = build(
            MessageId.IDENTIFY_REQUEST,
            request_id=_REQUEST_ID,
            protocol_version=PROTOCOL_VERSION,
        )
        sequence = 0
        for _ in range(_ATTEMPTS):
            wire, sequence = encode_quiet(MessageId.IDENTIFY_REQUEST, sequence, request)
            sequence += 1
            # The zero ends whatever half frame another program may have left.
            self._write(b"\0" + wire)
            self._clock.wait(self._is_over, _ANSWER_S)
            if self._is_over():
                break
        if self._identity is not None:
            return _answered(port, self._identity)
        if not self._lost and not _BANNER.search(self._text):
            self._write(_ASK_PROMPT)
            self._clock.wait(self._is_told, _ANSWER_S)
        banner = _BANNER.search(self._text)
        if not self._lost and banner:
            self._write(_CLEAR_PROMPT)
        if not self._lost and (banner or _PROMPT.search(self._text)):
            words = "MicroPython " + (
                banner.group(1).decode("ascii", "replace").strip() if banner else "of some version"
            )
            error = ProtocolError(
                f"{port}: MicroPython's prompt answers ({words}), not Nullfield's firmware",
                f"install it: nullfield flash {port}; or start it, if it is there: unplug and "
                "plug the board in again",
            )
            return FoundBoard(port, PortState.PROMPT, usb_uid, banner=words, error=error)
        return FoundBoard(port, PortState.SILENT, usb_uid, error=self._nobody_answers(usb_uid))

    def close(self) -> None:
        self._transport.close()

    def _nobody_answers(self, usb_uid: str) -> BoardNotFoundError:
        who = f" (USB says it is board {usb_uid})" if usb_uid else ""
        if self._lost:
            what = f"the port went away ({self._lost})"
        elif self._text:
            what = f"{len(self._text)} bytes came, but no answer to identify"
        else:
            what = "nothing came"
        return BoardNotFoundError(
            f"{self._transport.port}{who}: no board answers: {what}",
            "check power and cable; a board with foreign firmware is taken over with BOOTSEL held "
            "while it is plugged in: nullfield flash --uf2",
        )

    def _is_over(self) -> bool:
        return bool(self._identity is not None or self._lost or _PROMPT.search(self._text))

    def _is_told(self) -> bool:
        return bool(self._lost or _BANNER.search(self._text))

    def _write(self, data: bytes) -> None:
        try:
            self._transport.write(data)
        except TransportError as error:
            self._lost = self._lost or error.message

    def _receive(self, data: bytes) -> None:
        self._text = (self._text + data)[-8192:]
        for frame in self._decoder.feed(data):
            if frame.message == MessageId.IDENTITY and self._identity is None:
                self._identity = frame
        self._clock.wake()

    def _on_lost(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._clock.wake()


def _answered(port: str, frame: Frame) -> FoundBoard:
    try:
        announcement = announcement_of(frame, port)
    except ProtocolError as error:
        return FoundBoard(port, PortState.SILENT, error=error)
    try:
        identity = identity_of(frame, port)
    except ProtocolMismatchError as error:
        return FoundBoard(
            port, PortState.OTHER_VERSION, announcement.uid, None, announcement, error=error
        )
    except ProtocolError as error:
        return FoundBoard(port, PortState.SILENT, announcement.uid, error=error)
    return FoundBoard(port, PortState.READY, announcement.uid, identity, announcement)
