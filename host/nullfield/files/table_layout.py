"""How a table of numbers is laid out: separator, decimal mark, header, units, where the rows begin."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from nullfield.errors import InputError
from nullfield.files.units import Unit, parse_unit, split_name

MISSING = frozenset(("", "nan", "-nan", "na", "n/a", "null", "none", "-", "--", "?"))
"""Cells that say that there is no value; compared in lower case."""
_SAMPLE_LINES = 30
_NUMBER = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$|^[+-]?inf(?:inity)?$", re.I)
_DECIMAL_COMMA = re.compile(r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$")
_COMMENT = re.compile(r"^\s*(?:#|%|//)+\s?")
_KEY = re.compile(r"^(?P<key>[A-Za-z][\w .-]*?)\s*[:=]\s*(?P<value>.+?)\s*$")


@dataclass(frozen=True)
class Layout:
    """Layout of a table.

    Attributes
    ----------
    separator : str or None
        None: any white space.
    decimal_comma : bool
    names : tuple of str
        One a column, the unit taken off; ``ch1`` and so on if there is no header.
    units : tuple of Unit or None
    has_header : bool
    first_line : int
        Of the numbers, from 1.
    remarks : dict of str to str
        ``key: value`` of the comment lines before the header, keys in lower case.
    """

    separator: str | None
    decimal_comma: bool
    names: tuple[str, ...]
    units: tuple[Unit | None, ...]
    has_header: bool
    first_line: int
    remarks: dict[str, str] = field(default_factory=dict)

    def cells(self, line: str) -> list[str]:
        """Cells of one line, without quotes and white space."""
        return split_line(line, self.separator)


def split_line(line: str, separator: str | None) -> list[str]:
    """Cells of one line, without quotes and white space."""
    if separator is None:
        return line.split()
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
        except (csv.Error, StopIteration):
            pass  # a quote that is no quote
    return [cell.strip().strip("'\"") for cell in line.split(separator)]


def is_number(cell: str, decimal_comma: bool = False) -> bool:
    """Whether a cell holds a number, or says that there is none."""
    text = cell.strip()
    if text.lower() in MISSING or _NUMBER.match(text):
        return True
    return decimal_comma and _DECIMAL_COMMA.match(text) is not None


def find_layout(path: Path, lines: list[str]) -> Layout:
    """Find the layout of a table from its first lines.

    Raises
    ------
    InputError
        If these are no table of numbers.
    """
    remarks: dict[str, str] = {}
    last_comment = ""
    at = 0
    while at < len(lines) and (not lines[at].strip() or _COMMENT.match(lines[at])):
        if lines[at].strip():
            last_comment = _COMMENT.sub("", lines[at])
            pair = _KEY.match(last_comment)
            if pair is not None:
                remarks[pair["key"].strip().lower()] = pair["value"]
        at += 1
    body = [line for line in lines[at : at + _SAMPLE_LINES] if line.strip()]
    if not body:
        raise InputError(f"{path}: holds no rows of numbers", "give a table with a row a sample")
    separator, decimal_comma = _separator(body)
    first = split_line(body[0], separator)
    width = len(split_line(body[min(2, len(body) - 1)], separator))
    numbers = [is_number(cell, decimal_comma) for cell in first]
    # A row of missing values is a row; a row with any other text is a header.
    if all(numbers):
        commented = split_line(last_comment, separator)
        if last_comment and len(commented) == width and not all(map(is_number, commented)):
            names, units = _named(commented)
            return Layout(separator, decimal_comma, names, units, True, at + 1, remarks)
        names = tuple(f"ch{i + 1}" for i in range(width))
        return Layout(separator, decimal_comma, names, (None,) * width, False, at + 1, remarks)
    at = next(i for i in range(at, len(lines)) if lines[i].strip()) + 1
    if sum(not is_number(cell, decimal_comma) for cell in first) < len(first) / 2 or not any(
        cell for cell in first
    ):
        wrong = next(cell for cell in first if not is_number(cell, decimal_comma))
        raise InputError(
            f"{path}: line {at}: {_short(wrong)} is neither a header nor a number",
            "give a header row with a name and a unit for each column, and numbers below it",
        )
    names, units = _named(first)
    rest = [i for i in range(at, len(lines)) if lines[i].strip()]
    if rest and not any(units):
        second = split_line(lines[rest[0]], separator)
        parsed = [parse_unit(cell) for cell in second]
        if any(parsed) and all(p or not c.strip() for p, c in zip(parsed, second, strict=True)):
            units = tuple(parsed + [None] * (len(names) - len(parsed)))[: len(names)]
            at = rest[0] + 1
            rest = rest[1:]
    if not rest:
        raise InputError(
            f"{path}: has a header, but no rows below it", "give a file with samples in it"
        )
    cells = split_line(lines[rest[0]], separator)
    if not any(is_number(cell, decimal_comma) for cell in cells):
        raise InputError(
            f"{path}: line {rest[0] + 1}: no numbers ({_short(lines[rest[0]])})",
            "give a table with one header row, and numbers below it",
        )
    return Layout(separator, decimal_comma, names, units, True, at + 1, remarks)


def _named(cells: list[str]) -> tuple[tuple[str, ...], tuple[Unit | None, ...]]:
    names: list[str] = []
    units: list[Unit | None] = []
    for number, cell in enumerate(cells):
        name, unit = split_name(cell)
        name = name or f"ch{number + 1}"
        # Two columns of one name cannot be told apart later.
        base, repeat = name, 2
        while name in names:
            name, repeat = f"{base}.{repeat}", repeat + 1
        names.append(name)
        units.append(unit)
    return tuple(names), tuple(units)


def _separator(body: list[str]) -> tuple[str | None, bool]:
    """Separator, and whether numbers have a decimal comma."""
    rows = body[1:] or body
    for separator in ("\t", ";"):
        if all(separator in line for line in rows):
            cells = [cell for line in rows for cell in split_line(line, separator)]
            return separator, any(_DECIMAL_COMMA.match(cell) for cell in cells)
    if all("," in line for line in rows):
        # One column under a header without commas: the commas are decimal.
        single = "," not in body[0] and all(_DECIMAL_COMMA.match(line.strip()) for line in rows)
        spaced = all(
            len(line.split()) > 1 and all(_DECIMAL_COMMA.match(cell) for cell in line.split())
            for line in rows
        )
        return (None, True) if single or spaced else (",", False)
    if all(len(line.split()) > 1 for line in rows):
        return None, any(_DECIMAL_COMMA.match(cell) for line in rows for cell in line.split())
    return ",", False


def _short(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:27] + "...")
