"""From bytes on the wire to what they say, with all that can be wrong about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from nullfield.sniff.values import Rows, SettingNote, field_texts, plain_values
from nullfield.sniff.wire import Direction, WireFrame
from nullfield_protocol.codec import SAMPLE_MESSAGES, message_layout, parse, parse_samples, text
from nullfield_protocol.frame import Frame, FrameError, decode_frame
from nullfield_protocol.layout import Layout
from nullfield_protocol.messages import MessageId

_SERIAL_HALF = 1 << 31
_FROM_BOARD = 0x80
CAUSES = {
    "oversized": "longer than any frame",
    "cobs": "the stuffing is broken",
    "short": "shorter than header and checksum",
    "length": "the length in the header is wrong",
    "crc": "the checksum is wrong",
}
"""What the causes of `FrameError` mean."""


class Content(NamedTuple):
    """A payload as parsed, with what it takes to show it."""

    layout: Layout
    raw: dict[str, Any]
    rows: Rows
    settings: Mapping[int, SettingNote]


@dataclass(frozen=True)
class Reading:
    """One frame as it reads.

    Attributes
    ----------
    frame : WireFrame
    board : str
        Uid once it was seen on this source, else the source.
    direction : Direction
    message : str
        Name in lower case, empty if the frame is bad.
    sequence : int or None
    missing : int
        Frames of this message that did not come before this one.
    is_restart : bool
        The count went back: the sender started anew.
    problem : str
        What is wrong with it, empty if nothing.
    cause : str
        One word for `problem`, to count by.
    content : Content or None
        The payload as parsed, None if there is none that can be read.
    """

    frame: WireFrame
    board: str
    direction: Direction
    message: str = ""
    sequence: int | None = None
    missing: int = 0
    is_restart: bool = False
    problem: str = ""
    cause: str = ""
    content: Content | None = None

    @cached_property
    def values(self) -> dict[str, Any]:
        """Fields as JSON; made when asked for, as most frames are only counted."""
        one = self.content
        return {} if one is None else plain_values(one.layout, one.raw, one.rows)

    @cached_property
    def texts(self) -> dict[str, str]:
        """Fields for people."""
        one = self.content
        return {} if one is None else field_texts(one.layout, one.raw, one.rows, one.settings)


class Interpreter:
    """Reads frame after frame and remembers what later ones need."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}
        self._settings: dict[str, dict[int, SettingNote]] = {}
        self._next_sequence: dict[tuple[str, int], int] = {}

    def learn_settings(self, source: str, descriptions: list[dict[str, Any]]) -> None:
        """Take over the settings of a board as a recording's header holds them."""
        notes = self._settings.setdefault(source, {})
        for one in descriptions:
            notes[int(one["index"])] = SettingNote(one["name"], one["unit"], int(one["exponent"]))

    def read(self, wire: WireFrame) -> Reading:
        """Read one frame; whatever it holds, this does not raise."""
        board = self._uids.get(wire.source, wire.source)
        try:
            frame = decode_frame(wire.wire)
        except FrameError as error:
            problem = f"{error.cause}: {CAUSES[error.cause]}"
            return Reading(wire, board, wire.direction, problem=problem, cause=error.cause)
        direction = Direction.TO_HOST if frame.message & _FROM_BOARD else Direction.TO_BOARD
        missing, is_restart = self._follow(wire.source, frame)
        name, problem, cause = "", "", ""
        content = None
        try:
            name = MessageId(frame.message).name.lower()
            content = self._payload(wire.source, frame)
        except (ValueError, KeyError) as error:
            cause = "payload" if name else "unknown"
            problem = f"payload: {error}" if name else f"unknown message 0x{frame.message:02x}"
        if wire.direction not in (Direction.UNKNOWN, direction):
            cause, problem = "direction", f"direction: a {name} does not go this way"
            direction = wire.direction
        return Reading(
            wire,
            self._uids.get(wire.source, wire.source),
            direction,
            name,
            frame.sequence,
            missing,
            is_restart,
            problem,
            cause,
            content,
        )

    def _follow(self, source: str, frame: Frame) -> tuple[int, bool]:
        key = (source, frame.message)
        missing = (frame.sequence - self._next_sequence.get(key, frame.sequence)) % (1 << 32)
        self._next_sequence[key] = (frame.sequence + 1) % (1 << 32)
        return (0, True) if missing >= _SERIAL_HALF else (missing, False)

    def _payload(self, source: str, frame: Frame) -> Content:
        layout = message_layout(frame.message)
        if frame.message in SAMPLE_MESSAGES:
            header, rows = parse_samples(frame.message, frame.payload)
            raw: dict[str, Any] = {one.name: int(header[one.name]) for one in layout.fields}
            return Content(layout, raw, rows, {})
        parsed = parse(frame.message, frame.payload)
        raw = {one.name: parsed[one.name] for one in layout.fields}
        if layout.trailing_bytes:
            raw["text"] = bytes(parsed.text)
        if layout.row is not None:
            raw["words"] = [int(word.value) for word in parsed.words]
        if frame.message == MessageId.IDENTITY:
            self._uids[source] = bytes(parsed.board_uid).hex()
        elif frame.message == MessageId.SETTING_DESCRIPTION:
            self._settings.setdefault(source, {})[int(parsed.index)] = SettingNote(
                text(parsed.name), text(parsed.unit), int(parsed.exponent)
            )
        return Content(layout, raw, None, self._settings.get(source, {}))
