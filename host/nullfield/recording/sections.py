"""An own recording in sections: one pass that keeps places in the files, then only what is asked for.

Blocks of samples are not kept: of each board only how many rows came, their time origins and the
settings. Every few megabytes the place in the file is noted, with the index that each board had
reached; a section is read from the last such place in front of it.
"""

from __future__ import annotations

from array import array as compact
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.data import FieldRecording
from nullfield.devices.samples import SampleBlock, SampleStream
from nullfield.errors import RecordingError
from nullfield.recording.load import common_axis, field_on_axis, load_field_recording
from nullfield.recording.reader import Place, Recording
from nullfield.recording.samples import SAMPLE_MESSAGE_OF_ROLE, BoardSamples, note_setting
from nullfield_protocol.catalogue import Role
from nullfield_protocol.messages import MessageId

MARK_BYTES = 4 << 20
_MOST_ORIGINS = 1 << 20
_ROWS_HELD = 20_000
"""Of each board while scanning: enough to tell a block that came twice from a board that restarted."""


@dataclass(frozen=True)
class _Mark:
    """A place in the files, and the index of the row to come of each board that has begun."""

    place: Place
    next_index: dict[str, int]


@dataclass
class _Seen:
    """What one pass keeps of a board."""

    stream: SampleStream
    origins_us: compact[float] = field(default_factory=lambda: compact("d"))
    arrival_s: float = float("inf")
    first: SampleBlock | None = None
    stride: int = 1
    blocks: int = 0

    def note_origin(self, origin_us: float) -> None:
        """Keep the time origin of each block; of very many, of every other one."""
        if self.blocks % self.stride == 0:
            self.origins_us.append(origin_us)
            if len(self.origins_us) >= _MOST_ORIGINS:
                self.origins_us = self.origins_us[::2]
                self.stride *= 2
        self.blocks += 1


@dataclass(frozen=True)
class _Outline(BoardSamples):
    """A board without its rows: `blocks` holds the first and the last block only."""

    origin_us: float = 0.0
    arrival_s: float = 0.0

    @property
    def time_origin_us(self) -> float:
        return self.origin_us

    @property
    def arrival_origin_s(self) -> float:
        return self.arrival_s


class SectionedRecording:
    """Field of all heads of an own recording, read by sections.

    Parameters
    ----------
    path : pathlib.Path

    Attributes
    ----------
    sampling_rate_hz : float
    n_samples : int
    unit : str

    Raises
    ------
    RecordingError
        As `nullfield.recording.load.load_recording`; also if a board began counting anew in
        mid-recording, for then the place of its rows is known at the end only.
    """

    unit = "pT"

    def __init__(self, path: Path) -> None:
        self._recording = Recording(path)
        self._marks: list[_Mark] = []
        self._boards = self._scan()
        sensors = {
            uid: one for uid, one in self._boards.items() if one.role == Role.SENSOR and one.blocks
        }
        if not sensors:
            raise RecordingError(
                f"{path}: holds no samples of a sensor board", "start the streams before recording"
            )
        self._axis = common_axis(path, sensors, self._boards)
        nothing = self.read(0, 0)
        self.array = nothing.array
        self.metadata: Mapping[str, Any] = nothing.metadata
        self.sampling_rate_hz = nothing.sampling_rate_hz
        self.n_samples = self._axis.count

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive."""
        start = max(0, start)
        count = max(0, min(stop, self._axis.count) - start)
        period_us = self._axis.period_us
        axis = replace(
            self._axis,
            start=self._axis.start + start,
            count=count,
            board_time_us=self._axis.board_time_us + start * period_us,
            host_time_s=self._axis.host_time_s + start * period_us * 1e-6,
        )
        blocks = self._blocks(axis.start, axis.start + count) if count else {}
        boards = {
            uid: replace(one, blocks=blocks.get(uid, [])) for uid, one in self._boards.items()
        }
        lost = {uid: one.lost_rows for uid, one in self._boards.items()}
        found = field_on_axis(self._recording, boards, axis, lost)
        return replace(found, metadata=getattr(self, "metadata", found.metadata))

    def _blocks(self, start: int, stop: int) -> dict[str, list[SampleBlock]]:
        """Blocks of the sensor boards that hold rows of `start` to `stop` of the axis."""
        wanted = {
            uid: (start + shift, stop + shift)
            for uid, shift in self._axis.shift.items()
            if self._boards[uid].role == Role.SENSOR
        }
        begin = next(
            (
                mark
                for mark in reversed(self._marks)
                if all(
                    mark.next_index.get(uid, first) <= first for uid, (first, _) in wanted.items()
                )
            ),
            _Mark(Place(0, 0), {}),
        )
        streams = {
            uid: SampleStream(MessageId.SENSOR_SAMPLES, next_index=begin.next_index.get(uid))
            for uid in wanted
        }
        open_boards = set(wanted)
        kept: dict[str, list[SampleBlock]] = {uid: [] for uid in wanted}
        for _, record in self._recording.located_frames(begin.place):
            stream = streams.get(record.uid)
            if stream is None or record.uid not in open_boards:
                continue
            before = stream.received_rows
            stream.take(record.frame, record.host_time_s)
            if stream.received_rows == before:
                continue
            block = _last_block(stream)
            stream.clear()
            first, end = wanted[record.uid]
            if block.start + len(block.rows) > first and block.start < end:
                kept[record.uid].append(block)
            last = self._boards[record.uid].stop or 0
            if block.start + len(block.rows) >= min(end, last):
                open_boards.discard(record.uid)
                if not open_boards:
                    break
        return kept

    def _scan(self) -> dict[str, BoardSamples]:
        recording = self._recording
        about = {uid: recording.board(uid) for uid in recording.board_uids}
        seen = {
            uid: _Seen(
                SampleStream(SAMPLE_MESSAGE_OF_ROLE[Role[str(one["role"]).upper()]], _ROWS_HELD)
            )
            for uid, one in about.items()
        }
        outlines = {uid: _outline(uid, one) for uid, one in about.items()}
        names = {
            uid: {int(one["index"]): str(one["name"]) for one in board["settings"]}
            for uid, board in about.items()
        }
        marked = Place(0, 0)
        for place, record in recording.located_frames():
            one = seen.get(record.uid)
            if one is None:
                continue
            stream = one.stream
            if record.frame.message == MessageId.SETTING_VALUE:
                note_setting(
                    record.frame.payload,
                    names[record.uid],
                    stream.next_index,
                    outlines[record.uid].setting_changes,
                )
                continue
            before = stream.received_rows
            stream.take(record.frame, record.host_time_s)
            if stream.restarts:
                raise RecordingError(
                    f"{recording.path}: board {outlines[record.uid].name} began counting anew",
                    "read it as a whole",
                )
            if stream.received_rows == before:
                continue
            block = _last_block(stream)
            one.first = one.first or block
            one.note_origin(block.board_time_us - block.start * block.row_period_us)
            period_s = outlines[record.uid].row_period_us * 1e-6
            arrival_s = block.host_time_s - (block.start + len(block.rows)) * period_s
            one.arrival_s = min(one.arrival_s, arrival_s)
            if place.file != marked.file or place.offset - marked.offset >= MARK_BYTES:
                marked = place
                reached = {
                    uid: other.stream.next_index
                    for uid, other in seen.items()
                    if other.stream.next_index is not None
                }
                self._marks.append(_Mark(place, reached))
        return {uid: _filled(outlines[uid], one) for uid, one in seen.items()}


def open_own(path: Path, most_bytes: int) -> SectionedRecording | FieldRecording:
    """An own recording, as a whole if its files are not larger than that.

    Raises
    ------
    RecordingError
        As `nullfield.recording.load.load_recording`.
    """
    if sum(file.stat().st_size for file in Recording(path).files) <= most_bytes:
        return load_field_recording(path)
    try:
        return SectionedRecording(path)
    except RecordingError:
        # A board that restarted, or an error that reading it as a whole raises again.
        return load_field_recording(path)


def _last_block(stream: SampleStream) -> SampleBlock:
    return stream.blocks((stream.next_index or 0) - 1)[-1]


def _outline(uid: str, board: dict[str, Any]) -> _Outline:
    return _Outline(**vars(BoardSamples.from_header(uid, board)))


def _filled(outline: _Outline, seen: _Seen) -> BoardSamples:
    if seen.first is None:
        return outline
    return replace(
        outline,
        blocks=[seen.first, _last_block(seen.stream)],
        gaps=seen.stream.gaps,
        lost_rows=seen.stream.lost_rows(),
        origin_us=float(np.median(np.frombuffer(seen.origins_us, dtype=np.float64))),
        arrival_s=seen.arrival_s,
    )
