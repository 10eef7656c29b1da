"""Sample blocks of one board, in order, with every gap and its cause.

Knows frames only, neither link nor clock, so that live streams and recordings share it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nullfield_protocol.catalogue import SampleFlag
from nullfield_protocol.codec import parse_samples, row_dtype
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

UNUSABLE = SampleFlag.UNLOCKED | SampleFlag.SATURATED | SampleFlag.OVERRANGE | SampleFlag.SETTLING
"""A row with one of these bits says nothing of the field, live or recorded."""
_WRAP = 1 << 32

GapCause = Literal["board_queue", "link", "board_blocks"]


@dataclass(frozen=True)
class SampleGap:
    """Rows that never came: indices ``start`` to ``stop - 1``.

    Attributes
    ----------
    cause : str
        ``board_queue`` the board had no room for them and counted them; ``link`` their frame was
        lost on the way; ``board_blocks`` the board itself skipped them.
    """

    start: int
    stop: int
    cause: GapCause


@dataclass(frozen=True)
class SampleBlock:
    """One sample frame.

    Attributes
    ----------
    start : int
        Index of the first row, continued beyond 32 bits.
    board_time_us : int
        Board clock at the first row.
    host_time_s : float
        Host clock when the frame came.
    rows : numpy.ndarray
        Structured, shape ``(n,)``.
    """

    start: int
    board_time_us: int
    row_period_us: int
    host_time_s: float
    rows: npt.NDArray[Any]


@dataclass(frozen=True)
class SampleWindow:
    """Rows that came, in order; what is missing shows as a jump of the index.

    Attributes
    ----------
    index : numpy.ndarray of int64, shape ``(n,)``
    board_time_us : numpy.ndarray of int64, shape ``(n,)``
    rows : numpy.ndarray, structured, shape ``(n,)``
    """

    index: npt.NDArray[np.int64]
    board_time_us: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.index)


class SampleStream:
    """Collects one board's sample blocks; `take` is a listener of the link.

    Parameters
    ----------
    message : MessageId
        Which sample message.
    capacity_rows : int, optional
        Rows kept at least; older blocks are dropped. By default everything is kept.
    next_index : int, optional
        Index of the row to come, for a stream that is taken up in its middle.

    Attributes
    ----------
    restarts : int
        Times that the board began counting anew; earlier rows are dropped then, because their
        indices mean other instants.
    refused_blocks : int
        Blocks whose length contradicts their header, or that came twice.
    """

    def __init__(
        self,
        message: MessageId,
        capacity_rows: int | None = None,
        next_index: int | None = None,
    ) -> None:
        self.message = message
        self.restarts = 0
        self.refused_blocks = 0
        self._capacity = capacity_rows
        self._lock = threading.Lock()
        self._blocks: deque[SampleBlock] = deque()
        self._gaps: list[SampleGap] = []
        self._held = 0
        self._received = 0
        self._next_index = next_index
        self._next_sequence = 0
        self._dropped_rows = 0

    @property
    def next_index(self) -> int | None:
        """Index of the row to come, or None before the first."""
        return self._next_index

    @property
    def received_rows(self) -> int:
        """Rows that came, dropped ones of the memory bound included."""
        return self._received

    @property
    def gaps(self) -> list[SampleGap]:
        """Gaps in order."""
        with self._lock:
            return list(self._gaps)

    def lost_rows(self) -> dict[str, int]:
        """Missing rows by cause."""
        totals: dict[str, int] = {"board_queue": 0, "link": 0, "board_blocks": 0}
        for gap in self.gaps:
            totals[gap.cause] += gap.stop - gap.start
        return totals

    def clear(self) -> None:
        """Forget rows and gaps; the index goes on."""
        with self._lock:
            self._blocks.clear()
            self._gaps.clear()
            self._held = 0

    def take(self, frame: Frame, host_time_s: float) -> None:
        """Take a frame in; other messages are passed over."""
        if frame.message != self.message:
            return
        try:
            header, rows = parse_samples(frame.message, frame.payload)
        except ValueError:
            self.refused_blocks += 1
            return
        raw_index = int(header["sample_index"])
        board_time_us = int(header["board_time_us"])
        with self._lock:
            dropped = int(header["dropped_rows"])
            if self._next_index is None:
                start = raw_index
            else:
                jump = (raw_index - self._next_index) % _WRAP
                if jump >= _WRAP // 2:
                    if self._is_repeat(board_time_us):
                        self.refused_blocks += 1
                        return
                    self._begin_anew()
                    start = raw_index
                else:
                    start = self._next_index + jump
                    if jump:
                        self._add_gap(start - jump, start, dropped, frame.sequence)
            self._dropped_rows = dropped
            self._next_sequence = (frame.sequence + 1) % _WRAP
            self._next_index = start + len(rows)
            self._received += len(rows)
            self._held += len(rows)
            period_us = int(header["row_period_us"])
            self._blocks.append(SampleBlock(start, board_time_us, period_us, host_time_s, rows))
            if self._capacity is not None:
                while self._held - len(self._blocks[0].rows) >= self._capacity:
                    self._held -= len(self._blocks.popleft().rows)

    def blocks(self, start: int | None = None) -> list[SampleBlock]:
        """Blocks held that reach to ``start`` or beyond it, all by default."""
        with self._lock:
            if start is None:
                return list(self._blocks)
            chosen: list[SampleBlock] = []
            for block in reversed(self._blocks):
                if block.start + len(block.rows) <= start:
                    break
                chosen.append(block)
        return chosen[::-1]

    def since(self, index: int) -> SampleWindow:
        """Rows held with this index or a later one."""
        return self._window(self.blocks(index), index)

    def window(self, last_n: int) -> SampleWindow:
        """The rows of the newest ``last_n`` indices; fewer where some are missing."""
        if self._next_index is None or last_n <= 0:
            return self._window([], 0)
        return self.since(self._next_index - last_n)

    def all(self) -> SampleWindow:
        """Every row held."""
        return self._window(self.blocks(), None)

    def _window(self, blocks: list[SampleBlock], start: int | None) -> SampleWindow:
        if not blocks:
            empty = np.zeros(0, dtype=np.int64)
            return SampleWindow(empty, empty, np.zeros(0, dtype=row_dtype(self.message)))
        offsets = [np.arange(len(block.rows), dtype=np.int64) for block in blocks]
        index = np.concatenate([b.start + o for b, o in zip(blocks, offsets, strict=True)])
        time_us = np.concatenate(
            [b.board_time_us + o * b.row_period_us for b, o in zip(blocks, offsets, strict=True)]
        )
        rows = np.concatenate([block.rows for block in blocks])
        skip = 0 if start is None else int(np.searchsorted(index, start))
        return SampleWindow(index[skip:], time_us[skip:], rows[skip:])

    def _is_repeat(self, board_time_us: int) -> bool:
        """Whether a block with an old index is one that came already, not a new count."""
        return any(block.board_time_us == board_time_us for block in self._blocks)

    def _begin_anew(self) -> None:
        self.restarts += 1
        self._blocks.clear()
        self._held = 0

    def _add_gap(self, start: int, stop: int, dropped: int, sequence: int) -> None:
        counted = (dropped - self._dropped_rows) % _WRAP
        at_board = min(stop - start, counted) if counted < _WRAP // 2 else 0
        # Within one gap the board's own part comes first; their true order cannot be known.
        if at_board:
            self._gaps.append(SampleGap(start, start + at_board, "board_queue"))
        if start + at_board < stop:
            on_link = 0 < (sequence - self._next_sequence) % _WRAP < _WRAP // 2
            cause: GapCause = "link" if on_link else "board_blocks"
            self._gaps.append(SampleGap(start + at_board, stop, cause))
