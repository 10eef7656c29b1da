"""Watch the room through the heads, and tell the operator what happens to it.

Looks ten times a second at the mean field of each head over the look, on the two transverse axes
(the beam axis of a row is no measurement). Reference heads are taken if enough of them are ready: they
are far from the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.devices.sensor import SensorBoard
from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import HeadEntry
from nullfield.room.events import STEP_S, RoomEvent, RoomWatch
from nullfield_protocol.catalogue import SampleFlag

_LEAST_REFERENCES = 3
_AT_ITS_END = SampleFlag.SATURATED | SampleFlag.OVERRANGE


@dataclass(frozen=True)
class SeenEvent:
    """An event with the name of its head.

    Attributes
    ----------
    event : RoomEvent
        Times are those of the first board's samples, from the start of the watch.
    head : str
        Name, empty where it is about the room.
    """

    event: RoomEvent
    head: str

    @property
    def text(self) -> str:
        """One line for the operator."""
        who = f"head {self.head}" if self.head else str(self.event.kind)
        size = "" if np.isnan(self.event.size_pt) else f", {self.event.size_pt / 1e3:.1f} nT"
        return f"{self.event.begin_s:.1f} s: {who}{size}. {self.event.advice}"


def watch_room(
    instrument: Instrument,
    duration_s: float,
    on_event: Callable[[SeenEvent], None] = lambda event: None,
    progress: Progress = silent,
) -> list[SeenEvent]:
    """Watch for a while.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on.
    duration_s : float
    on_event : callable
        Called as soon as an event is clear.
    progress : Progress

    Returns
    -------
    list of SeenEvent

    Raises
    ------
    ProcedureError
        If no head is ready.
    BoardLostError, BoardFaultError
        If a board is gone or trips; what was seen went to `on_event`.
    """
    heads = _watchers(instrument)
    boards = {uid: instrument.sensors[uid] for uid in sorted({h.board for h in heads})}
    first = boards[heads[0].board]
    rows = round(STEP_S * first.sampling_rate_hz)
    instrument.wait_until(
        lambda: all(b.samples.next_index is not None for b in boards.values()),
        5.0,
        "the first samples",
    )
    watch = RoomWatch(len(heads), 2)
    seen: list[SeenEvent] = []
    ends = {uid: int(b.samples.next_index or 0) + rows for uid, b in boards.items()}
    looks = max(round(duration_s / STEP_S), 1)
    for look in range(looks):
        instrument.wait_until(
            lambda: all((b.samples.next_index or 0) >= ends[uid] for uid, b in boards.items()),
            5.0,
            "samples",
        )
        field, saturated = _look(boards, heads, ends, rows)
        for event in watch.step((look + 1) * STEP_S, field, saturated):
            one = SeenEvent(event, "" if event.head is None else heads[event.head].name)
            seen.append(one)
            on_event(one)
        for uid in ends:
            ends[uid] += rows
        if look % 10 == 9:
            progress("watch", (look + 1) / looks, f"{len(seen)} events")
    return seen


def _watchers(instrument: Instrument) -> tuple[HeadEntry, ...]:
    ready = instrument.ready_heads()
    references = tuple(h for h in ready if h.kind == "reference")
    chosen = references if len(references) >= _LEAST_REFERENCES else ready
    if not chosen:
        raise ProcedureError(
            "no head is ready, so nobody watches the room",
            "bring the heads up first ('nullfield start')",
        )
    return chosen


def _look(
    boards: dict[str, SensorBoard],
    heads: tuple[HeadEntry, ...],
    ends: dict[str, int],
    rows: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Mean field (n, 2) in pT and whether each head is at the end of its range."""
    field = np.full((len(heads), 2), np.nan)
    saturated: npt.NDArray[np.bool_] = np.zeros(len(heads), dtype=np.bool_)
    for uid, board in boards.items():
        window = board.samples.since(ends[uid] - rows)
        keep = window.index < ends[uid]
        if not keep.any():
            continue
        field_pt = board.field_t(window)[:, keep] * 1e12
        flags = board.flags(window)[:, keep]
        for number, head in enumerate(heads):
            if head.board != uid:
                continue
            at_end = (flags[head.slot] & int(_AT_ITS_END)) != 0
            saturated[number] = at_end.mean() > 0.5
            good = ~at_end & ((flags[head.slot] & int(SampleFlag.UNLOCKED)) == 0)
            if good.any():
                axes = slice(3 * head.slot, 3 * head.slot + 2)
                field[number] = field_pt[axes, good].mean(axis=1)
    return field, saturated
