"""Tables of numbers (CSV, TSV and their kin) with a row a sample and a column a channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.errors import InputError
from nullfield.files.channel_names import is_no_field, is_time
from nullfield.files.placing import place_channels
from nullfield.files.table_layout import Layout, find_layout
from nullfield.files.table_rows import parse_rows
from nullfield.files.text import Piece, TextFile
from nullfield.files.time_axis import TimeAxis, axis_of_times, even, rate_of_name
from nullfield.files.units import (
    ELECTRIC,
    GRADIENT,
    MAGNETIC,
    Unit,
    check_plausible,
    parse_unit,
    wanted_unit,
)

FloatArray = npt.NDArray[np.float64]

KEPT_VALUES = 20_000_000
"""A table with no more values than this stays in memory; a longer one is read in pieces."""
_TIME_FACTORS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_LEAST_LIKELY_RATE_HZ, _MOST_LIKELY_RATE_HZ = 10.0, 200_000.0


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what.

    Attributes
    ----------
    time : int or None
    time_factor : float
        To seconds.
    channels : list of int
    units : list of Unit
        One a channel.
    notes : list of str
        What was left out, and what was assumed.
    """

    time: int | None
    time_factor: float
    channels: list[int]
    units: list[Unit]
    notes: list[str]


class TableSource:
    """A table, read in pieces if it is long; see `nullfield.analysis.sections.Source`.

    Parameters
    ----------
    path : pathlib.Path
    positions : pathlib.Path, optional
        Positions file.
    rate_hz : float, optional
        If no column tells it.
    unit : str, optional
        If the header does not tell it, or tells it wrong.
    layout : Layout, optional
        If it is known.

    Raises
    ------
    InputError
        With line and column where one is to blame.
    """

    def __init__(
        self,
        path: Path,
        *,
        positions: Path | None = None,
        rate_hz: float | None = None,
        unit: str | None = None,
        layout: Layout | None = None,
    ) -> None:
        self.path = path
        self._text = TextFile(path)
        self._layout = layout or find_layout(path, next(self._text.pieces())[1])
        self._columns = find_columns(path, self._layout, unit)
        factors = [one.factor for one in self._columns.units]
        self._factors = np.array(factors)
        self.unit = self._columns.units[0].standard
        self.notes = notes = list(self._columns.notes)
        self._kept: FloatArray | None = None
        self._pieces: list[Piece] = []
        self._first_row: list[int] = []
        self._axis = self._scan(rate_hz, unit is None, notes)
        names = tuple(self._layout.names[i] for i in self._columns.channels)
        self.array: SensorArray = place_channels(
            path, names, positions, notes, electric=self.unit == "uV"
        )
        remarks = self._layout.remarks
        self.metadata: Mapping[str, Any] = {
            "source": str(path),
            "format": "table",
            "coordinates": "device coordinates",
            **{key: remarks[key] for key in ("subject", "date") if key in remarks},
            **(
                {}
                if positions or "coordinates" not in remarks
                else {"coordinates": remarks["coordinates"]}
            ),
            "notes": notes,
        }

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        return self._axis.rate_hz

    @property
    def n_samples(self) -> int:
        """Samples in all, missing ones counted."""
        rows = self._first_row[-1]
        return rows + int(self._axis.gap_samples.sum())

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive; NaN where rows are missing."""
        start, stop = max(0, start), min(stop, self.n_samples)
        field_pt = np.full((self.array.n_channels, max(0, stop - start)), np.nan)
        for number, piece in enumerate(self._pieces):
            rows = np.arange(self._first_row[number], self._first_row[number + 1])
            if not len(rows):
                continue
            ends = self._axis.sample_of_row(rows[[0, -1]])
            if ends[1] < start or ends[0] >= stop:
                continue
            samples = self._axis.sample_of_row(rows)
            inside = (samples >= start) & (samples < stop)
            values = self._values(piece, rows)
            field_pt[:, samples[inside] - start] = values[inside].T
        return FieldRecording(
            field_pt=field_pt,
            sampling_rate_hz=self.sampling_rate_hz,
            array=self.array,
            start_time_s=self._axis.start_s + start / self.sampling_rate_hz,
            metadata=self.metadata,
            unit=self.unit,
        )

    def _values(self, piece: Piece, rows: npt.NDArray[np.int64]) -> FloatArray:
        if self._kept is not None:
            return self._kept[rows]
        text, first_line = self._rows_of(piece, self._text.lines_of(piece))
        parsed = parse_rows(
            self.path,
            text,
            first_line,
            self._layout,
            self._columns.channels,
            may_be_cut=piece is self._pieces[-1] and not self._text.ends_with_newline,
        )
        return np.asarray(parsed.values * self._factors)

    def _rows_of(self, piece: Piece, lines: list[str]) -> tuple[list[str], int]:
        """Those lines of a piece that are rows, and the number of the first."""
        skip = max(0, self._layout.first_line - piece.line)
        return lines[skip:], piece.line + skip

    def _scan(self, rate_hz: float | None, is_checked: bool, notes: list[str]) -> TimeAxis:
        """One pass over the file: checks every row, notes where pieces begin, reads the times."""
        columns = self._columns
        wanted = list(columns.channels) + ([] if columns.time is None else [columns.time])
        kept: list[FloatArray] | None = []
        times: list[FloatArray] = []
        line_numbers = []
        n_rows, is_first = 0, True
        ends_well = self._text.ends_with_newline
        for piece, lines, is_last in _with_last(self._text):
            text, first_line = self._rows_of(piece, lines)
            rows = parse_rows(
                self.path,
                text,
                first_line,
                self._layout,
                wanted,
                may_be_cut=is_last and not ends_well,
            )
            if rows.cut:
                notes.append("the last line is cut and was left out")
            values = rows.values[:, : len(columns.channels)] * self._factors
            if is_first and len(values):
                is_first = False
                if is_checked:
                    self._check(values)
            self._pieces.append(piece)
            self._first_row.append(n_rows)
            n_rows += len(values)
            if kept is not None:
                kept.append(values)
                if n_rows * max(1, len(columns.channels)) > KEPT_VALUES:
                    kept = None
            if columns.time is not None:
                times.append(rows.values[:, -1] * columns.time_factor)
                line_numbers.append(rows.lines)
        self._first_row.append(n_rows)
        if not n_rows:
            raise InputError(f"{self.path}: holds no whole row", "give a file with samples in it")
        if kept is not None:
            self._kept = np.concatenate(kept)
        rate_hz = rate_hz if rate_hz is not None else self._rate_of_remarks()
        if columns.time is None:
            return even(self._rate(rate_hz, notes))
        axis = axis_of_times(
            str(self.path), np.concatenate(times), np.concatenate(line_numbers), rate_hz
        )
        if len(axis.gap_rows):
            notes.append(
                f"{len(axis.gap_rows)} gaps in the time column, {int(axis.gap_samples.sum())}"
                " samples missing: kept as gaps"
            )
        if not _LEAST_LIKELY_RATE_HZ <= axis.rate_hz <= _MOST_LIKELY_RATE_HZ:
            raise InputError(
                f"{self.path}: column {self._layout.names[columns.time]}: by its times the sampling"
                f" rate would be {axis.rate_hz:.3g} Hz",
                "give the unit of time in the header (time_s, time_ms), or --rate without the column",
            )
        return axis

    def _check(self, values: FloatArray) -> None:
        """Each unit that the header gives, by the channels that are in it."""
        for text in dict.fromkeys(one.text for one in self._columns.units):
            rows = [i for i, one in enumerate(self._columns.units) if one.text == text]
            check_plausible(str(self.path), values[:, rows].T, self._columns.units[rows[0]])

    def _rate_of_remarks(self) -> float | None:
        for key in ("sampling_rate_hz", "sampling rate", "sampling_rate", "rate_hz", "fs"):
            told = re.match(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", self._layout.remarks.get(key, ""))
            if told is not None and float(told[0]) > 0:
                return float(told[0])
        return None

    def _rate(self, rate_hz: float | None, notes: list[str]) -> float:
        if rate_hz is not None:
            return rate_hz
        by_name = rate_of_name(self.path)
        if by_name is None:
            raise InputError(
                f"{self.path}: has no time column, and its name tells no sampling rate",
                "give --rate HZ (rate_hz= in Python), or a column time_s",
            )
        notes.append(f"sampling rate {by_name:g} Hz from the file's name")
        return by_name


def find_columns(path: Path, layout: Layout, unit: str | None) -> Columns:
    """Find out which columns are channels, and in what unit.

    Raises
    ------
    InputError
        If no column is one, or the unit of all of them is missing.
    """
    forced = None if unit is None else wanted_unit(unit)
    notes: list[str] = []
    time, time_factor = _time_column(layout, notes)
    by_kind: dict[str, list[int]] = {MAGNETIC: [], ELECTRIC: [], GRADIENT: []}
    without: list[int] = []
    left_out: list[str] = []
    for column, (name, found) in enumerate(zip(layout.names, layout.units, strict=True)):
        if column == time or (not name.strip() and found is None):
            continue
        if found is None and layout.has_header and is_no_field(name):
            left_out.append(name)
        elif found is None:
            without.append(column)
        elif found.kind in by_kind:
            by_kind[found.kind].append(column)
        else:
            left_out.append(name)
    if by_kind[GRADIENT]:
        names = [layout.names[i] for i in by_kind[GRADIENT]]
        notes.append(f"{len(names)} gradiometers were left out ({_some(names)})")
    channels = by_kind[MAGNETIC] or by_kind[ELECTRIC]
    if forced is not None:
        channels = sorted(channels + without)
    elif not channels and without:
        guess = _by_name(path, layout)
        if guess is None:
            names = [layout.names[i] for i in without]
            raise InputError(
                f"{path}: no unit is given for {_some(names)}",
                "give --unit (unit= in Python), or write it into the header, for instance B1_pT",
            )
        notes.append(f"no unit is given: taken as {guess.text}, since the file's name says ECG")
        forced, channels = guess, without
    elif without:
        left_out += [layout.names[i] for i in without]
    if by_kind[MAGNETIC] and by_kind[ELECTRIC]:
        left_out += [layout.names[i] for i in by_kind[ELECTRIC]]
    if left_out:
        notes.append(f"columns that are no field were left out: {_some(left_out)}")
    if not channels:
        raise InputError(
            f"{path}: no column is a magnetic field or a voltage",
            "give columns with a unit (fT, pT, nT, uT, T; uV, mV, V), or --unit",
        )
    if forced is not None and unit is not None and any(layout.units[i] for i in channels):
        told = sorted({one.text for one in (layout.units[i] for i in channels) if one})
        notes.append(f"read in {forced.text} as given, not in {', '.join(told)} as the file says")
    units = [forced or layout.units[i] for i in channels]
    return Columns(time, time_factor, channels, [one for one in units if one is not None], notes)


def _time_column(layout: Layout, notes: list[str]) -> tuple[int | None, float]:
    for column, (name, unit) in enumerate(zip(layout.names, layout.units, strict=True)):
        if layout.has_header and is_time(name):
            text = "" if unit is None else unit.text.lower()
            if unit is None:
                notes.append(f"column {name}: no unit, taken as seconds")
            return column, _TIME_FACTORS.get(text, 1.0)
    return None, 1.0


def _by_name(path: Path, layout: Layout) -> Unit | None:
    """Millivolts, if the name says electrocardiogram: the unit of nearly all ECG databases."""
    words = re.split(r"[^a-z]+", path.name.lower())
    return parse_unit("mV") if {"ecg", "ekg"} & set(words) else None


def _some(names: list[str], most: int = 5) -> str:
    more = "" if len(names) <= most else f" and {len(names) - most} more"
    return ", ".join(names[:most]) + more


def _with_last(text: TextFile) -> Iterator[tuple[Piece, list[str], bool]]:
    """Pieces, with whether each is the last one."""
    before: tuple[Piece, list[str]] | None = None
    for one in text.pieces():
        if before is not None:
            yield *before, False
        before = one
    if before is not None:
        yield *before, True
