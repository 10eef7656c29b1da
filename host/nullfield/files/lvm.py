"""LabVIEW measurement files (.lvm), which QuSpin's acquisition software exports.

QuSpin names the channels after axis and sensor (``X1``, ``Z12``), with triggers as ``T...`` and
analogue inputs as ``A...`` among them, and samples at 375 Hz or a multiple of it. Rows are counted
and the rate is found from the whole column of times where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording
from nullfield.analysis.sections import InMemory, Source
from nullfield.errors import InputError
from nullfield.files.lvm_header import Segment, read_segments
from nullfield.files.placing import place_channels
from nullfield.files.table import TableSource, find_columns
from nullfield.files.table_layout import Layout
from nullfield.files.table_rows import parse_rows
from nullfield.files.text import TextFile
from nullfield.files.time_axis import axis_of_times, most_missing
from nullfield.files.units import check_plausible

FloatArray = npt.NDArray[np.float64]

_SLACK_SAMPLES = 3
"""Segments that overlap by less were stamped by a clock that jitters, and follow one another."""
_APART = "export the segments as files of their own"


def open_lvm(
    path: Path,
    *,
    positions: Path | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
) -> Source:
    """Open a LabVIEW measurement file.

    Parameters
    ----------
    path, positions, rate_hz, unit
        As of `nullfield.files.read.read`; the file has no positions.

    Returns
    -------
    Source
        Of one segment read in pieces; several are put together in memory, with a gap where time is
        missing between them.

    Raises
    ------
    InputError
        With the line that is wrong.
    """
    segments = read_segments(path)
    first = segments[0]
    about = {
        "format": "LabVIEW",
        **({"date": first.begun.isoformat()} if first.begun else {}),
        **({"operator": first.operator} if first.operator else {}),
    }
    if len(segments) > 1:
        recording = _join(path, segments, positions, rate_hz, unit)
        return InMemory(replace(recording, metadata={**recording.metadata, **about}))
    source = TableSource(
        path,
        positions=positions,
        rate_hz=_known_rate(path, first, rate_hz),
        unit=unit,
        layout=first.layout,
    )
    if first.samples > source.n_samples:
        source.notes.append(
            f"the header promises {first.samples} samples, {source.n_samples} are there"
        )
    source.metadata = {**source.metadata, **about}
    return source


def _columns(layout: Layout) -> list[tuple[str, str]]:
    return [
        (name, "" if unit is None else unit.text)
        for name, unit in zip(layout.names, layout.units, strict=True)
    ]


def _known_rate(path: Path, segment: Segment, rate_hz: float | None) -> float | None:
    if rate_hz is not None or segment.has_x:
        return rate_hz
    if segment.rate_hz is None:
        raise InputError(
            f"{path}: line {segment.layout.first_line - 1}: no times, and the header tells no"
            " Delta_X",
            "give --rate HZ (rate_hz= in Python)",
        )
    return segment.rate_hz


@dataclass(frozen=True)
class _Part:
    """One segment: values ``(n_samples, n_channels)``, NaN in its own gaps."""

    values: FloatArray
    rate_hz: float
    start_s: float
    segment: Segment


def _join(
    path: Path,
    segments: list[Segment],
    positions: Path | None,
    rate_hz: float | None,
    unit: str | None,
) -> FieldRecording:
    """All segments on one time axis; what is missing between them is NaN."""
    first = segments[0].layout
    columns = find_columns(path, first, unit)
    for one in segments:
        if _columns(one.layout) != _columns(first):
            raise InputError(
                f"{path}: line {one.layout.first_line - 1}: the channels of this segment differ"
                " from those of the first",
                _APART,
            )
    notes = list(columns.notes)
    wanted = columns.channels + ([] if columns.time is None else [columns.time])
    factors = np.array([one.factor for one in columns.units])
    text = TextFile(path)
    lines = [line for _, piece in text.pieces() for line in piece]
    parts = []
    for one in segments:
        begin = one.layout.first_line
        is_last = one is segments[-1]
        rows = parse_rows(
            path,
            lines[begin - 1 : one.last_line - 1],
            begin,
            one.layout,
            wanted,
            may_be_cut=is_last and not text.ends_with_newline,
        )
        if rows.cut:
            notes.append("the last line is cut and was left out")
        if len(rows.values):
            parts.append(_part(path, one, rows.values, rows.lines, factors, rate_hz))
    if not parts:
        raise InputError(f"{path}: holds no whole row", "give a file with samples in it")
    field_pt = _place(path, parts, notes).T
    if unit is None:
        check_plausible(str(path), field_pt, columns.units[0])
    names = tuple(first.names[i] for i in columns.channels)
    standard = columns.units[0].standard
    array = place_channels(path, names, positions, notes, electric=standard == "uV")
    return FieldRecording(
        field_pt=np.ascontiguousarray(field_pt),
        sampling_rate_hz=parts[0].rate_hz,
        array=array,
        start_time_s=parts[0].start_s,
        metadata={"source": str(path), "coordinates": "device coordinates", "notes": notes},
        unit=standard,
    )


def _part(
    path: Path,
    segment: Segment,
    values: FloatArray,
    lines: npt.NDArray[np.int64],
    factors: FloatArray,
    rate_hz: float | None,
) -> _Part:
    field = values[:, : len(factors)] * factors
    if not segment.has_x:
        return _Part(field, _known_rate(path, segment, rate_hz) or 0.0, segment.x0, segment)
    # A segment of one row tells no rate by its times.
    told = rate_hz if rate_hz is not None or len(values) > 1 else segment.rate_hz
    axis = axis_of_times(str(path), values[:, -1], lines, told)
    if not len(axis.gap_rows):
        return _Part(field, axis.rate_hz, axis.start_s, segment)
    sample = axis.sample_of_row(np.arange(len(field)))
    spaced = np.full((int(sample[-1]) + 1, len(factors)), np.nan)
    spaced[sample] = field
    return _Part(spaced, axis.rate_hz, axis.start_s, segment)


def _place(path: Path, parts: list[_Part], notes: list[str]) -> FloatArray:
    rate_hz = parts[0].rate_hz
    for part in parts:
        if abs(part.rate_hz - rate_hz) > 1e-2 * rate_hz:
            raise InputError(
                f"{path}: line {part.segment.layout.first_line}: sampled at {part.rate_hz:g} Hz,"
                f" the first segment at {rate_hz:g} Hz",
                _APART,
            )
    starts = _starts(parts)
    at, total = [], 0
    for start_s, part in zip(starts, parts, strict=True):
        sample = total if start_s is None else round((start_s - (starts[0] or 0.0)) * rate_hz)
        if sample < total - _SLACK_SAMPLES:
            raise InputError(
                f"{path}: line {part.segment.layout.first_line}: this segment begins before the one"
                " before it ended",
                _APART,
            )
        if abs(sample - total) <= _SLACK_SAMPLES:
            sample = total
        at.append(sample)
        total = sample + len(part.values)
    missing = total - sum(len(part.values) for part in parts)
    if missing > most_missing(total - missing, rate_hz):
        raise InputError(f"{path}: {missing / rate_hz:.0f} s between its segments", _APART)
    notes.append(
        f"{len(parts)} segments put together, {missing} samples missing between them"
        + ("" if None not in starts else "; without times they are taken to follow one another")
    )
    values = np.full((total, parts[0].values.shape[1]), np.nan)
    for sample, part in zip(at, parts, strict=True):
        values[sample : sample + len(part.values)] = part.values
    return values


def _starts(parts: list[_Part]) -> Sequence[float | None]:
    """Start of each segment in seconds; None where neither times nor clock tell it."""
    # Times that go on from segment to segment are better than the clock of the computer.
    pairs = list(pairwise(parts))
    if all(b.start_s >= a.start_s + 0.9 * len(a.values) / a.rate_hz for a, b in pairs):
        return [part.start_s for part in parts]
    begun = [part.segment.begun for part in parts]
    first = begun[0]
    if first is None or None in begun or len(set(begun)) < len(begun):
        return [None] * len(parts)
    return [
        (one - first).total_seconds() + part.start_s
        for one, part in zip(begun, parts, strict=True)
        if one is not None
    ]
