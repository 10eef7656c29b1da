"""Sample rows of single boards from a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import SampleBlock, SampleGap, SampleStream
from nullfield.recording.reader import Recording
from nullfield_protocol.catalogue import ErrorCode, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import MessageId

SAMPLE_MESSAGE_OF_ROLE = {
    Role.SENSOR: MessageId.SENSOR_SAMPLES,
    Role.COIL: MessageId.COIL_SAMPLES,
    Role.TABLE: MessageId.TABLE_SAMPLES,
    Role.BRINGUP: MessageId.BRINGUP_SAMPLES,
}


@dataclass(frozen=True)
class SettingChange:
    """A raw setting value, in force from a sample index on (None: from the beginning)."""

    name: str
    raw: int
    from_index: int | None


@dataclass(frozen=True)
class BoardSamples:
    """Everything that one board streamed.

    Attributes
    ----------
    blocks : list of SampleBlock
        In order, none overlapping; after a restart of the board those after it only.
    gaps : list of SampleGap
    lost_rows : dict of str to int
        Missing rows by cause.
    setting_changes : list of SettingChange
        The header's values first.
    restarts : int
        Times the board began counting anew in mid-recording.
    """

    uid: str
    name: str
    role: Role
    row_period_us: int
    blocks: list[SampleBlock]
    gaps: list[SampleGap]
    lost_rows: dict[str, int]
    setting_changes: list[SettingChange]
    exponents: dict[str, int]
    restarts: int

    @property
    def start(self) -> int | None:
        """Index of the first row, or None without any."""
        return self.blocks[0].start if self.blocks else None

    @property
    def stop(self) -> int | None:
        """Index behind the last row, or None without any."""
        return self.blocks[-1].start + len(self.blocks[-1].rows) if self.blocks else None

    @property
    def time_origin_us(self) -> float:
        """Board time at index 0, were it running then: median over the blocks."""
        return float(
            np.median([b.board_time_us - b.start * self.row_period_us for b in self.blocks])
        )

    @property
    def arrival_origin_s(self) -> float:
        """Host time at which index 0 would have come at the earliest.

        A block comes after its last row was taken; the fastest one tells the least delay.
        """
        period_s = self.row_period_us * 1e-6
        return min(b.host_time_s - (b.start + len(b.rows)) * period_s for b in self.blocks)

    @classmethod
    def from_header(cls, uid: str, board: dict[str, Any]) -> BoardSamples:
        """A board of a recording's header, before any of its samples."""
        return cls(
            uid=uid,
            name=str(board.get("name", uid)),
            role=Role[str(board["role"]).upper()],
            row_period_us=int(board["identity"]["row_period_us"]),
            blocks=[],
            gaps=[],
            lost_rows={},
            setting_changes=[
                SettingChange(str(one["name"]), int(one["value"]), None)
                for one in board["settings"]
            ],
            exponents={str(one["name"]): int(one["exponent"]) for one in board["settings"]},
            restarts=0,
        )

    def values_of(self, name: str) -> list[SettingChange]:
        """What a setting was, in order."""
        return [change for change in self.setting_changes if change.name == name]


def read_board_samples(recording: Recording) -> dict[str, BoardSamples]:
    """Read the samples of every board, in one pass over the recording."""
    boards = {uid: recording.board(uid) for uid in recording.board_uids}
    empty = {uid: BoardSamples.from_header(uid, board) for uid, board in boards.items()}
    streams = {uid: SampleStream(SAMPLE_MESSAGE_OF_ROLE[one.role]) for uid, one in empty.items()}
    names = {
        uid: {int(one["index"]): str(one["name"]) for one in board["settings"]}
        for uid, board in boards.items()
    }
    for record in recording.frames():
        stream = streams.get(record.uid)
        if stream is None:
            continue
        if record.frame.message == MessageId.SETTING_VALUE:
            note_setting(
                record.frame.payload,
                names[record.uid],
                stream.next_index,
                empty[record.uid].setting_changes,
            )
        else:
            stream.take(record.frame, record.host_time_s)
    return {
        uid: replace(
            one,
            blocks=streams[uid].blocks(),
            gaps=streams[uid].gaps,
            lost_rows=streams[uid].lost_rows(),
            restarts=streams[uid].restarts,
        )
        for uid, one in empty.items()
    }


def place_rows(
    samples: BoardSamples, start: int, count: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Put rows on a grid of indices ``start`` to ``start + count - 1``.

    Returns
    -------
    rows : numpy.ndarray
        Structured, shape ``(count,)``; zero where nothing came.
    came : numpy.ndarray of bool, shape ``(count,)``
    """
    first = samples.blocks[0].rows if samples.blocks else None
    if first is None:
        raise ValueError(f"{samples.name}: no samples")
    rows = np.zeros(count, dtype=first.dtype)
    came = np.zeros(count, dtype=bool)
    for block in samples.blocks:
        low = max(block.start, start)
        high = min(block.start + len(block.rows), start + count)
        if low < high:
            rows[low - start : high - start] = block.rows[low - block.start : high - block.start]
            came[low - start : high - start] = True
    return rows, came


def note_setting(
    payload: bytes, names: dict[int, str], next_index: int | None, out: list[SettingChange]
) -> None:
    """Append what a SETTING_VALUE frame tells, in force from the row to come."""
    reply = parse(MessageId.SETTING_VALUE, payload)
    if reply.error == ErrorCode.OK and reply.index in names:
        out.append(SettingChange(names[reply.index], int(reply.value), next_index))
