"""When the records of an EDF+ file begin: in a discontinuous one (EDF+D) time is missing between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError
from nullfield.files.time_axis import most_missing

IntArray = npt.NDArray[np.int64]

_ONSET = re.compile(rb"^([+-]\d+(?:\.\d*)?)(?:\x15[\d.]*)?\x14")
_BYTES_BEFORE_SAMPLES = 16 + 80 + 8 + 8 + 8 + 8 + 8 + 80


@dataclass(frozen=True)
class RecordTimes:
    """Where the samples of each record belong.

    Attributes
    ----------
    per_record : int
        Samples of one record.
    at : numpy.ndarray of int, shape ``(n_records,)``
        First sample of each, on an axis without gaps.
    """

    per_record: int
    at: IntArray

    @property
    def n_samples(self) -> int:
        """Samples from the first to the last, missing ones counted."""
        return int(self.at[-1]) + self.per_record if len(self.at) else 0

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """What is stored of `start` to `stop`: first and last (exclusive) stored sample, and place."""
        if not len(self.at) or stop <= start:
            return
        stored = np.arange(len(self.at)) * self.per_record
        breaks = np.flatnonzero(np.diff(self.at) != self.per_record) + 1
        for group in np.split(np.arange(len(self.at)), breaks):
            begin = int(self.at[group[0]])
            end = int(self.at[group[-1]]) + self.per_record
            low, high = max(begin, start), min(end, stop)
            if low < high:
                first = int(stored[group[0]]) + low - begin
                yield first, first + high - low, low


def record_times(
    path: Path, edf: Any, per_record: int, rate_hz: float, notes: list[str]
) -> RecordTimes:
    """Find the places of all records.

    Raises
    ------
    InputError
        If records overlap, or far too much is missing.
    """
    count = int(edf.num_data_records)
    even = np.arange(count, dtype=np.int64) * per_record
    onsets_s = _onsets_s(path, edf, count) if str(edf.reserved)[4:5] == "D" else None
    if onsets_s is None or count < 2:
        return RecordTimes(per_record, even)
    at = np.round((onsets_s - onsets_s[0]) * rate_hz).astype(np.int64)
    steps = np.diff(at)
    overlap = np.flatnonzero(steps < per_record - 1)
    if len(overlap):
        raise InputError(
            f"{path}: record {int(overlap[0]) + 2} begins before the one before it ended",
            "the file is damaged; export it again",
        )
    # A sample more or less is the rounding of the times.
    jump = np.where(np.abs(steps - per_record) <= 1, per_record, steps)
    at = np.concatenate(([0], np.cumsum(jump)))
    missing = int((jump - per_record).sum())
    if missing > most_missing(count * per_record, rate_hz):
        raise InputError(
            f"{path}: {missing / rate_hz:.0f} s are missing between its records",
            "export the parts as files of their own",
        )
    if missing:
        notes.append(f"{missing} samples are missing between records: kept as gaps")
    return RecordTimes(per_record, at)


def _onsets_s(path: Path, edf: Any, count: int) -> npt.NDArray[np.float64] | None:
    """Time of each record, from the first annotation in it; None if they cannot be read."""
    width = 3 if type(edf).__name__ == "Bdf" else 2
    header = int(edf.bytes_in_header_record)
    n_signals = header // 256 - 1
    with path.open("rb") as stream:
        raw = stream.read(header)
        labels = [raw[256 + 16 * i : 272 + 16 * i].decode("latin-1") for i in range(n_signals)]
        samples_at = 256 + n_signals * _BYTES_BEFORE_SAMPLES
        try:
            samples = [int(raw[samples_at + 8 * i :][:8]) for i in range(n_signals)]
            marker = next(i for i, label in enumerate(labels) if "Annotations" in label)
        except (ValueError, StopIteration):
            return None
        onsets = np.full(count, np.nan)
        for record in range(count):
            stream.seek(header + width * (record * sum(samples) + sum(samples[:marker])))
            found = _ONSET.match(stream.read(width * samples[marker]))
            if found is None:
                return None
            onsets[record] = float(found[1])
    return onsets
