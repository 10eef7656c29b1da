"""Rows of many heads over a long time, kept small: the boards' own memory holds two minutes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import INVALID
from nullfield.rig import HeadEntry
from nullfield.room.survey_data import RowRecord
from nullfield_protocol.catalogue import SampleFlag

_SATURATED = int(SampleFlag.SATURATED | SampleFlag.OVERRANGE)
_Part = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.uint8]]


class RowGatherer:
    """Takes what came since the last look; look at least once a minute.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
    """

    def __init__(self, instrument: Instrument, heads: tuple[HeadEntry, ...]) -> None:
        self._instrument = instrument
        self._heads = heads
        self._uids = sorted({h.board for h in heads})
        self._parts: dict[str, list[_Part]] = {uid: [] for uid in self._uids}
        boards = instrument.sensors
        self._next = {uid: boards[uid].samples.next_index or 0 for uid in self._uids}
        self._rate_hz = boards[self._uids[0]].sampling_rate_hz
        self.start_s = instrument.clock.now_s()
        """On the instrument's clock, when the first row came in."""

    def take(self) -> None:
        """Take the rows that came since."""
        for uid in self._uids:
            board = self._instrument.sensors.get(uid)
            if board is None:
                continue
            window = board.samples.since(self._next[uid])
            if not len(window):
                continue
            self._next[uid] = int(window.index[-1]) + 1
            field_pt = (board.field_t(window) * 1e12).astype(np.float32)
            self._parts[uid].append((window.index, field_pt, board.flags(window)))

    def record(self, since_s: float) -> RowRecord:
        """All that was taken, aligned by the boards' common row index.

        Parameters
        ----------
        since_s : float
            Time of the instrument's clock from which the record's start counts.
        """
        whole = {uid: self._joined(uid) for uid in self._uids if self._parts[uid]}
        start = max((int(index[0]) for index, _, _ in whole.values()), default=0)
        # A board that was lost ends its rows early; the others' rows are kept.
        stop = max((int(index[-1]) + 1 for index, _, _ in whole.values()), default=0)
        n_rows = max(stop - start, 0)
        field = np.full((2 * len(self._heads), n_rows), np.nan, dtype=np.float32)
        saturated = np.zeros(len(self._heads))
        for number, head in enumerate(self._heads):
            if head.board not in whole:
                continue
            index, values, flags = whole[head.board]
            keep = index >= start
            own = flags[head.slot][keep]
            good = (own & int(INVALID)) == 0
            where = (index[keep] - start)[good]
            for axis in range(2):
                field[2 * number + axis, where] = values[3 * head.slot + axis][keep][good]
            saturated[number] = float(((own & _SATURATED) != 0).mean()) if len(own) else 0.0
        return RowRecord(self.start_s - since_s, self._rate_hz, field, saturated)

    def _joined(self, uid: str) -> _Part:
        parts = self._parts[uid]
        return (
            np.concatenate([index for index, _, _ in parts]),
            np.concatenate([values for _, values, _ in parts], axis=1),
            np.concatenate([flags for _, _, flags in parts], axis=1),
        )
