"""A loop from the rows of the reference heads to offsets of the coils, paced by the rows alone.

Nothing waits in here: each row that comes in causes one step and one message to the coil boards. If
rows stay away no message goes out, and the coil boards hold, then ramp, by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import UNUSABLE
from nullfield.devices.sensor import SensorBoard, coil_scale_name
from nullfield.errors import NullfieldError, ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.rig import CoilEntry, HeadEntry
from nullfield_protocol.codec import parse_samples
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import COILS_PER_BOARD, MessageId

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

STREAMED_AXES = 2
"""The transverse axes; the beam axis is not streamed well enough to steer by."""
_LATE_ROWS = 4
"""A board that is behind by more is left out of the step."""
_WRAP = 1 << 32

OnRow = Callable[[int, FloatArray, BoolArray], FloatArray]
"""``on_row(index, reading_pt, valid) -> offset_ma``, arrays of channels and of coils."""
OnGap = Callable[[int], None]
"""``on_gap(rows)``: so many rows never came."""


@dataclass
class LoopCount:
    """What the loop has seen.

    Attributes
    ----------
    steps, lost_rows : int
    sent : dict
        Row index and host time by sequence number, of the newest messages.
    """

    steps: int = 0
    lost_rows: int = 0
    sent: dict[int, tuple[int, float]] = field(default_factory=dict)


class ReferenceLoop:
    """Feeds rows to `on_row` and sends what it answers; a context, which ends with zero offsets.

    Parameters
    ----------
    instrument : Instrument
        Streams on, coil boards enabled.
    references : tuple of HeadEntry
        On any number of boards, which sample together.
    on_row : callable
    on_gap : callable
    hold_s : float
        How long the coil boards hold an offset that has no successor.
    """

    def __init__(
        self,
        instrument: Instrument,
        references: tuple[HeadEntry, ...],
        on_row: OnRow,
        on_gap: OnGap = lambda rows: None,
        hold_s: float = 2.0,
    ) -> None:
        if not references:
            raise ProcedureError(
                "no reference head is ready", "compensation is driven by reference heads alone"
            )
        self.instrument = instrument
        self.references = references
        self.count = LoopCount()
        self.error: NullfieldError | None = None
        self._on_row, self._on_gap, self._hold_s = on_row, on_gap, hold_s
        self._uids = sorted({h.board for h in references})
        self._places = {
            uid: [(n, h.slot) for n, h in enumerate(references) if h.board == uid]
            for uid in self._uids
        }
        self._scale_pt = {uid: _scale_pt(instrument.sensors[uid]) for uid in self._uids}
        self._outputs = _outputs(instrument.rig.coils)
        self._lock = threading.Lock()
        self._pending: dict[int, dict[str, Any]] = {}
        self._next_index: int | None = None
        self._cancels: list[Callable[[], None]] = []
        self._rows_per_frame: dict[str, float] = {}

    def __enter__(self) -> Self:
        for uid in self._uids:
            board = self.instrument.sensors[uid]
            self._rows_per_frame[uid] = board.settings.get("rows_per_frame")
            # Each row at once: waiting for a full frame would cost more than all else.
            board.settings.set("rows_per_frame", 1)
            self._cancels.append(board.link.subscribe(self._listener(uid)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for cancel in self._cancels:
            cancel()
        self._cancels = []
        try:
            self._send(np.zeros(len(self.instrument.rig.coils)), 0.0)
            for uid, rows in self._rows_per_frame.items():
                self.instrument.sensors[uid].settings.set("rows_per_frame", rows)
        except NullfieldError:
            # A board that is gone is safe by its own watch; the first error is the one to see.
            if error is None:
                raise

    def check(self) -> None:
        """Raise what went wrong in the loop, which runs inside the link's reader."""
        if self.error is not None:
            raise self.error

    def _listener(self, uid: str) -> Callable[[Frame, float], None]:
        def take(frame: Frame, host_time_s: float) -> None:
            if frame.message != MessageId.SENSOR_SAMPLES or self.error is not None:
                return
            try:
                header, rows = parse_samples(frame.message, frame.payload)
                first = int(header["sample_index"])
                # Boards have a reader thread each on a real instrument.
                with self._lock:
                    for number, row in enumerate(rows):
                        self._collect(uid, (first + number) % _WRAP, row, host_time_s)
            except NullfieldError as error:
                self.error = error
            except ValueError as error:
                self.error = ProcedureError(f"compensation: {error}")

        return take

    def _collect(self, uid: str, index: int, row: Any, host_time_s: float) -> None:
        if self._next_index is not None and _after(index, self._next_index) < 0:
            return  # too late: its step is done
        self._pending.setdefault(index, {})[uid] = row
        while self._pending:
            oldest = min(self._pending, key=lambda one: _after(one, index))
            rows = self._pending[oldest]
            if len(rows) < len(self._uids) and _after(index, oldest) < _LATE_ROWS:
                return
            del self._pending[oldest]
            self._step(oldest, rows, host_time_s)

    def _step(self, index: int, rows: dict[str, Any], host_time_s: float) -> None:
        if self._next_index is not None and index != self._next_index:
            gap = (index - self._next_index) % _WRAP
            self.count.lost_rows += gap
            self._on_gap(gap)
        self._next_index = (index + 1) % _WRAP
        reading = np.full((len(self.references), STREAMED_AXES), np.nan)
        valid = np.zeros(reading.shape, dtype=np.bool_)
        for uid, row in rows.items():
            field_pt = row["field_count"] * self._scale_pt[uid]
            for number, slot in self._places[uid]:
                reading[number] = field_pt[3 * slot : 3 * slot + STREAMED_AXES]
                valid[number] = not row["flags"][slot] & UNUSABLE
        offset = self._on_row(index, reading.reshape(-1), valid.reshape(-1))
        self.count.steps += 1
        sequence = self._send(offset, self._hold_s)
        sent = self.count.sent
        sent[sequence] = (index, host_time_s)
        if len(sent) > 256:
            del sent[next(iter(sent))]

    def _send(self, offset_ma: FloatArray, hold_s: float) -> int:
        sequence = 0
        for uid, places in self._outputs.items():
            offset_a = np.zeros(COILS_PER_BOARD)
            for number, channel in places:
                offset_a[channel] = offset_ma[number] * 1e-3
            sequence = self.instrument.coils[uid].compensate(offset_a, hold_s)
        return sequence


def _after(index: int, other: int) -> int:
    """By how many rows an index comes after another; both wrap."""
    return (index - other + _WRAP // 2) % _WRAP - _WRAP // 2


def _scale_pt(board: SensorBoard) -> FloatArray:
    names = [coil_scale_name(slot, axis) for slot in range(4) for axis in range(3)]
    return np.array([board.settings.get(name) for name in names]) * 1e12


def _outputs(coils: tuple[CoilEntry, ...]) -> dict[str, list[tuple[int, int]]]:
    if not coils:
        raise ProcedureError("the rig has no coils", "list its coils in the rig file")
    return {
        uid: [(n, c.channel) for n, c in enumerate(coils) if c.board == uid]
        for uid in sorted({c.board for c in coils})
    }
