"""What a board's answers mean: who it is, and why it refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nullfield.errors import ProtocolError, ProtocolMismatchError, RequestError
from nullfield_protocol.catalogue import (
    PROTOCOL_VERSION,
    BoardState,
    ErrorCode,
    FaultCode,
    Mcu,
    ResetCause,
    Role,
    Slot,
)
from nullfield_protocol.codec import parse, text
from nullfield_protocol.fingerprint import fingerprint
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

# The start of IDENTITY, which no protocol version may change: it tells the versions apart.
_IDENTITY_PREFIX = struct.Struct("<IHBB8s8s16s")


@dataclass(frozen=True)
class Identity:
    """Who answered.

    Attributes
    ----------
    uid : str
        Board uid, 16 hex digits.
    setting_count, channel_count : int
    block_period_us, row_period_us : int
        Time of one block and of one sample row.
    group_delay_us : int
        Age of a field at its row's time stamp.
    state : BoardState
        When it answered.
    firmware_revision : str
        Git revision that the firmware was built from; ``source`` for a source tree.
    unit_name : str
        Name of the unit, as provisioned; may be empty.
    mcu : Mcu
    slot : Slot
        Where the running firmware came from.
    is_trial : bool
        The firmware has not been confirmed yet: without a confirmation the old one returns.
    """

    role: Role
    uid: str
    board_name: str
    firmware_version: str
    protocol_version: int
    catalogue_fingerprint: str
    reset_cause: ResetCause
    setting_count: int
    channel_count: int
    block_period_us: int
    row_period_us: int
    group_delay_us: int
    state: BoardState
    firmware_revision: str
    unit_name: str
    mcu: Mcu
    slot: Slot
    is_trial: bool


_DEPLOY = "nullfield flash {port}"
"""What puts this version's firmware on a board."""


def identity_of(frame: Frame, port: str) -> Identity:
    """Read the answer to an identify request.

    Raises
    ------
    ProtocolMismatchError
        If the board speaks another protocol version or catalogue.
    ProtocolError
        If the answer is something else.
    """
    if frame.message != MessageId.IDENTITY or len(frame.payload) < _IDENTITY_PREFIX.size:
        raise ProtocolError(
            f"board at {port}: the answer to identify is no identity",
            _DEPLOY.format(port=port),
        )
    _, version, _, _, uid, catalogue, firmware = _IDENTITY_PREFIX.unpack_from(frame.payload)
    if version != PROTOCOL_VERSION or catalogue != fingerprint():
        raise ProtocolMismatchError(
            f"board {uid.hex()} at {port}: firmware {text(firmware)} speaks protocol "
            f"{version} (catalogue {catalogue.hex()}), this host {PROTOCOL_VERSION} "
            f"(catalogue {fingerprint().hex()})",
            _DEPLOY.format(port=port),
            uid=uid.hex(),
            firmware_version=text(firmware),
        )
    try:
        reply = parse(MessageId.IDENTITY, frame.payload)
        return Identity(
            role=Role(reply.role),
            uid=uid.hex(),
            board_name=text(reply.board_name),
            firmware_version=text(firmware),
            protocol_version=version,
            catalogue_fingerprint=catalogue.hex(),
            reset_cause=ResetCause(reply.reset_cause),
            setting_count=reply.setting_count,
            channel_count=reply.channel_count,
            block_period_us=reply.block_period_us,
            row_period_us=reply.row_period_us,
            group_delay_us=reply.group_delay_us,
            state=BoardState(reply.state),
            firmware_revision=text(reply.firmware_revision),
            unit_name=text(reply.unit_name),
            mcu=Mcu(reply.mcu),
            slot=Slot(reply.slot),
            is_trial=bool(reply.trial),
        )
    except ValueError as error:
        raise ProtocolError(f"board {uid.hex()} at {port}: identity: {error}") from error


@dataclass(frozen=True)
class Announcement:
    """What a board of any version tells of itself."""

    uid: str
    firmware: str
    protocol_version: int
    catalogue_fingerprint: str


def announcement_of(frame: Frame, port: str) -> Announcement:
    """Read the start of an identity, which is the same in every protocol version.

    Raises
    ------
    ProtocolError
        If the frame is no identity.
    """
    if frame.message != MessageId.IDENTITY or len(frame.payload) < _IDENTITY_PREFIX.size:
        raise ProtocolError(
            f"board at {port}: the answer to identify is no identity",
            "nullfield flash puts this version's firmware on it",
        )
    _, version, _, _, uid, catalogue, firmware = _IDENTITY_PREFIX.unpack_from(frame.payload)
    return Announcement(uid.hex(), text(firmware), version, catalogue.hex())


@dataclass(frozen=True)
class Subject:
    """What a request is about, for the text of a refusal.

    Attributes
    ----------
    name : str
        The setting or command.
    given : str
        The value that was given, with its unit.
    format_detail : callable
        Text of the board's detail (a limit) in the same unit.
    """

    name: str
    given: str = ""
    format_detail: Callable[[int], str] = str


def member_text(kind: Any, value: int) -> str:
    """Name of an enumeration's member in words; unknown numbers stay numbers."""
    try:
        return str(kind(value).name).lower().replace("_", " ")
    except ValueError:
        return f"number {value}"


def refusal(label: str, subject: Subject, code: int, detail: int) -> RequestError:
    """Error for a request that a board refused, naming subject, given value and limit."""
    limit = subject.format_detail(detail)
    given = subject.given or "the value"
    texts: dict[int, tuple[str, str]] = {
        ErrorCode.UNKNOWN_MESSAGE: ("the board does not know this request", "update its firmware"),
        ErrorCode.UNKNOWN_COMMAND: ("the board does not know this command", "check its role"),
        ErrorCode.UNKNOWN_SETTING: ("the board has no such setting", "list its settings"),
        ErrorCode.BELOW_MINIMUM: (
            f"{given} is below the minimum {limit}",
            f"give at least {limit}",
        ),
        ErrorCode.ABOVE_MAXIMUM: (f"{given} is above the maximum {limit}", f"give at most {limit}"),
        ErrorCode.READ_ONLY: ("it can be read only", ""),
        ErrorCode.WRONG_STATE: (f"not possible in the board's present state ({detail})", ""),
        ErrorCode.BAD_ARGUMENT: (f"bad argument {given} (detail {detail})", ""),
        ErrorCode.FAULT_LATCHED: (
            f"a fault is latched: {member_text(FaultCode, detail)}",
            "remove the cause, then clear the faults",
        ),
        ErrorCode.STREAMING: ("not possible while streaming", "stop the stream first"),
        ErrorCode.FLASH_FAILED: ("writing the flash failed", "try again; else replace the board"),
        ErrorCode.BUSY: ("the board is busy with another job", "wait for its end"),
        ErrorCode.HOLD_OPEN: (
            "the hold-to-run button is not pressed",
            "keep it pressed while the table moves",
        ),
        ErrorCode.BAD_LENGTH: (f"the request's length is wrong (detail {detail})", ""),
        ErrorCode.VERSION_MISMATCH: (f"the board speaks protocol version {detail}", ""),
    }
    message, hint = texts.get(code, (f"refused with error {code}, detail {detail}", ""))
    return RequestError(f"{label}: {subject.name}: {message}", hint, code=code, detail=detail)
