"""Counting what came over a link, what did not, and the faults that a board reported."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nullfield.link_answers import member_text
from nullfield_protocol.catalogue import BoardState, FaultCode
from nullfield_protocol.codec import SAMPLE_MESSAGES, parse
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

_DROPPED_ROWS = struct.Struct("<12xI")
_SERIAL_HALF = 1 << 31


@dataclass(frozen=True)
class Fault:
    """A fault that a board reported.

    Attributes
    ----------
    source : int
        Head or channel it concerns, where the code has one.
    value : int
        What was measured, in the code's own unit; 0 if learnt from a heartbeat.
    """

    code: int
    source: int
    value: int
    board_state: int
    board_time_us: int

    @property
    def name(self) -> str:
        """Name of the code in words."""
        return member_text(FaultCode, self.code)

    def __str__(self) -> str:
        return f"{self.name} (source {self.source}, value {self.value})"


@dataclass(frozen=True)
class LinkStatistics:
    """What came, and what did not, by cause. Board counters count from the link's start.

    Attributes
    ----------
    errors : dict of str to int
        Refused frames by cause: ``cobs``, ``crc``, ``short``, ``length``, ``oversized``. What came
        before the first whole frame is the tail of a stream joined midway and not counted.
    lost_frames : dict of int to int
        Frames missing on the way by message id, from gaps of the sequence.
    board_dropped_rows, board_dropped_frames : int
        What the board could not queue.
    """

    frames_received: int = 0
    bytes_received: int = 0
    frames_sent: int = 0
    retries: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    lost_frames: dict[int, int] = field(default_factory=dict)
    sequence_restarts: int = 0
    unmatched_replies: int = 0
    board_dropped_rows: int = 0
    board_dropped_frames: int = 0
    board_receive_errors: int = 0
    board_missed_blocks: int = 0


class FrameAccount:
    """Look at each received frame once and keep the counts.

    Attributes
    ----------
    frames_received, sequence_restarts : int
    lost_frames : collections.Counter of int
        Missing frames by message id.
    last_heartbeat : construct container or None
        Newest BOARD_HEARTBEAT.
    faults : list of Fault
        Every reported fault since the last `forget_faults`, those of single heads included.
    fault : Fault or None
        The first one that put the whole board into its fault state.
    """

    def __init__(self) -> None:
        self.frames_received = 0
        self.sequence_restarts = 0
        self.lost_frames: Counter[int] = Counter()
        self.last_heartbeat: Any = None
        self.faults: list[Fault] = []
        self.fault: Fault | None = None
        self._next_sequence: dict[int, int] = {}
        self._board_counters: dict[str, tuple[int, int]] = {}

    @property
    def board_totals(self) -> dict[str, int]:
        """The board's own loss counters, from the link's start."""
        return {f"board_{key}": total for key, (_, total) in self._board_counters.items()}

    def forget_faults(self) -> None:
        """Drop the faults seen so far."""
        self.faults.clear()
        self.fault = None

    def add(self, frame: Frame) -> None:
        """Take a frame into account."""
        self.frames_received += 1
        message = frame.message
        missing = (frame.sequence - self._next_sequence.get(message, frame.sequence)) & 0xFFFFFFFF
        if missing >= _SERIAL_HALF:
            # The count went back: the board started anew.
            self.sequence_restarts += 1
        elif missing:
            self.lost_frames[message] += missing
        self._next_sequence[message] = (frame.sequence + 1) & 0xFFFFFFFF
        if message in SAMPLE_MESSAGES:
            if len(frame.payload) >= _DROPPED_ROWS.size:
                self._count("dropped_rows", _DROPPED_ROWS.unpack_from(frame.payload)[0])
        elif message == MessageId.BOARD_HEARTBEAT:
            self._take_heartbeat(frame)
        elif message == MessageId.FAULT:
            self._take_fault(frame)

    def _count(self, key: str, value: int) -> None:
        last, total = self._board_counters.get(key, (value, 0))
        step = (value - last) & 0xFFFFFFFF
        if step < _SERIAL_HALF:
            self._board_counters[key] = (value, total + step)
        else:
            # Older than what is known, or the board started anew: take it as a new origin.
            self._board_counters[key] = (value, total)

    def _take_heartbeat(self, frame: Frame) -> None:
        try:
            beat = parse(MessageId.BOARD_HEARTBEAT, frame.payload)
        except ValueError:
            return
        self.last_heartbeat = beat
        for key in ("dropped_rows", "dropped_frames", "receive_errors", "missed_blocks"):
            self._count(key, int(getattr(beat, key)))
        if beat.state == BoardState.FAULT and self.fault is None:
            # Latched before this link was opened: the heartbeat says so, no report will come.
            self.fault = Fault(beat.fault_code, 0, 0, beat.state, beat.board_time_us)

    def _take_fault(self, frame: Frame) -> None:
        try:
            report = parse(MessageId.FAULT, frame.payload)
        except ValueError:
            return
        fault = Fault(
            report.code, report.source, report.value, report.board_state, report.board_time_us
        )
        self.faults.append(fault)
        if fault.board_state == BoardState.FAULT:
            self.fault = fault
