"""Headers of LabVIEW measurement files: where the segments are, and what their columns hold.

National Instruments, Specification for the LabVIEW Measurement File. What the headers promise is not
always so: ``Samples`` may count one write of many, and ``Delta_X`` is rounded.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from nullfield.errors import InputError
from nullfield.files.table_layout import Layout, split_line
from nullfield.files.text import TextFile
from nullfield.files.units import Unit, parse_unit, split_name

_END = "***End_of_Header***"
_SPECIAL = "***Start_Special***"
_END_SPECIAL = "***End_Special***"
_TAG = re.compile(r"^(?!nan$|inf)[A-Za-z][A-Za-z_0-9 ]*$", re.IGNORECASE)
_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";"}


@dataclass(frozen=True)
class Segment:
    """A segment's header, and where its rows are.

    Attributes
    ----------
    layout : Layout
    last_line : int
        At which its rows end, exclusive; the first one is the layout's.
    rate_hz : float or None
        From ``Delta_X``; None if the channels differ in it or it is not told.
    x0 : float
        Time of its first row, if the rows do not tell.
    has_x : bool
        Whether the rows begin with times.
    begun : datetime or None
    samples : int
        As the header promises; 0 if it does not.
    operator : str
    """

    layout: Layout
    last_line: int
    rate_hz: float | None
    x0: float
    has_x: bool
    begun: datetime | None
    samples: int
    operator: str


Header = dict[str, list[str]]


def read_segments(path: Path) -> list[Segment]:
    """Find all segments of a file, in one pass.

    Raises
    ------
    InputError
        If there is none.
    """
    main: Header | None = None
    header: Header = {}
    begins_at = 0
    expects_names = False
    found: list[Segment] = []
    for number, line in _outside_special_blocks(TextFile(path)):
        if line.startswith(_END):
            if main is None:
                main, header = header, {}
            else:
                expects_names = True
        elif expects_names and line.strip():
            if found:
                found[-1] = replace(found[-1], last_line=begins_at)
            found.append(_segment(line, number, main or {}, header))
            expects_names, header = False, {}
        elif line[:1].isalpha():
            cells = split_line(line, "\t" if main is None and "\t" in line else _separator(main))
            if _TAG.match(cells[0]):
                begins_at = begins_at if header else number
                header[cells[0]] = cells[1:]
    if not found:
        raise InputError(
            f"{path}: its header has no end, so that there are no rows of numbers",
            "the file is cut; export it again",
        )
    return found


def _outside_special_blocks(text: TextFile) -> Iterator[tuple[int, str]]:
    number, inside = 0, False
    for _, lines in text.pieces():
        for line in lines:
            number += 1
            if line.startswith("***") and line.startswith((_SPECIAL, _END_SPECIAL)):
                inside = line.startswith(_SPECIAL)
            elif not inside:
                yield number, line


def _separator(main: Header | None) -> str:
    told = (main or {}).get("Separator") or ["comma" if main is None else "tab"]
    return _SEPARATORS.get(told[0].lower(), "\t")


def _segment(line: str, number: int, main: Header, header: Header) -> Segment:
    separator = _separator(main)
    decimal_comma = (main.get("Decimal_Separator") or ["."])[0] == ","
    names = split_line(line, separator)
    while names and names[-1] in ("Comment", ""):
        names = names[:-1]
    has_x = names[:1] == ["X_Value"] and (main.get("X_Columns") or ["One"])[0].lower() != "no"
    channels = [i for i, name in enumerate(names) if name != "X_Value"]
    told = header.get("Y_Unit_Label", [])
    alike = [text for text in told if text]
    plain = ["X_Value" if i == 0 and has_x else "" for i in range(len(names))]
    units: list[Unit | None] = [None] * len(names)
    if has_x:
        units[0] = parse_unit("s")
    for order, column in enumerate(channels):
        plain[column], units[column] = split_name(names[column])
        # One for all of them, or one for each, empty ones included.
        one_each = len(alike) != 1 and order < len(told)
        text = told[order] if one_each else (alike[0] if len(alike) == 1 else "")
        if units[column] is None and text:
            units[column] = parse_unit(text)
    deltas = {_number(text, decimal_comma) for text in header.get("Delta_X", []) if text}
    starts = [_number(text, decimal_comma) for text in header.get("X0", []) if text]
    return Segment(
        layout=Layout(
            separator, decimal_comma, tuple(plain), tuple(units), True, first_line=number + 1
        ),
        last_line=sys.maxsize,
        rate_hz=_rate(deltas.pop() if len(deltas) == 1 else None),
        x0=(starts[0] if starts else None) or 0.0,
        has_x=has_x,
        begun=_begun(header) or _begun(main),
        samples=max(
            (int(text) for text in header.get("Samples", []) if text.isdecimal()), default=0
        ),
        operator=(main.get("Operator") or [""])[0],
    )


def _number(text: str, decimal_comma: bool) -> float | None:
    try:
        return float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None


def _rate(delta_s: float | None) -> float | None:
    if delta_s is None or not 0 < delta_s < float("inf"):
        return None
    rate_hz = 1.0 / delta_s
    whole = round(rate_hz)
    # Six decimals are written: 0.002667 s is 375 Hz.
    is_whole = whole > 0 and abs(1.0 / whole - delta_s) <= 0.51e-6
    return float(whole) if is_whole else rate_hz


def _begun(header: Header) -> datetime | None:
    date = next((cell for cell in header.get("Date", []) if cell), "")
    time = next((cell for cell in header.get("Time", []) if cell), "")
    day = re.match(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", date)
    clock = re.match(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?", time)
    if day is None or clock is None:
        return None
    year, month, date_of_month = map(int, day.groups())
    hour, minute, second = map(int, clock.groups()[:3])
    try:
        whole = datetime(year, month, date_of_month, hour, minute, second)
    except ValueError:
        return None
    return whole + timedelta(seconds=float(f"0.{clock[4] or 0}"))
