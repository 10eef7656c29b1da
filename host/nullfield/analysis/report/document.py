"""What a report is made of: sections of tables, pictures and text, told apart from their looks.

HTML and PDF are two renderings of one `Document`, so that they cannot say different things.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from nullfield.analysis import RESEARCH_USE

DISCLAIMER = RESEARCH_USE
ABSENT = "–"
"""In a cell that has nothing to tell."""
_LONGEST_TEXT = 20_000
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@dataclass(frozen=True)
class Text:
    """A paragraph; `kind` is ``"plain"``, ``"note"`` or ``"warning"``."""

    text: str
    kind: Literal["plain", "note", "warning"] = "plain"
    block: str = "text"


@dataclass(frozen=True)
class Items:
    """A list of short sentences; `title` stands before it, empty for none."""

    items: tuple[str, ...]
    title: str = ""
    block: str = "items"


@dataclass(frozen=True)
class Missing:
    """A part that is not there, and why."""

    what: str
    reason: str
    block: str = "missing"

    @property
    def text(self) -> str:
        """One sentence."""
        why = printable(self.reason) or "the analysis does not hold it"
        return f"{printable(self.what)}: not available: {why}"


@dataclass(frozen=True)
class Column:
    """Head of a column; `weight` is its share of the width on paper."""

    title: str
    is_number: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is the row's head."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    block: str = "table"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.caption}: {len(row)} cells, {len(self.columns)} columns")


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows (`caption`) and what it says (`alt`, with values)."""

    name: str
    data: bytes
    caption: str
    alt: str
    is_half: bool = False
    block: str = "picture"

    @property
    def mime(self) -> str:
        """Media type, by the file's first bytes."""
        return "image/gif" if self.data[:4] == b"GIF8" else "image/png"


@dataclass(frozen=True)
class Frames:
    """Moments of a time lapse, for a slider on screens; paper has the series instead.

    `start` is the frame that is shown first.
    """

    frames: tuple[bytes, ...]
    labels: tuple[str, ...]
    caption: str
    start: int = 0
    block: str = "frames"


Block = Text | Items | Missing | Table | Picture | Frames


@dataclass(frozen=True)
class Section:
    """A part of the report; `ident` is its anchor."""

    ident: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    who: str
    sections: tuple[Section, ...]
    disclaimer: str = DISCLAIMER
    created: str = ""
    """ISO date and time for the PDF's own dates; empty for none."""


def printable(value: object) -> str:
    """Text that may be shown: without control characters and without marks that turn its direction.

    Names of files and subjects come from outside; a lone surrogate could not even be written.
    """
    text = str(value)
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]} … ({len(text)} characters)"
    kept = []
    for sign in text:
        kind = unicodedata.category(sign)
        if sign in "\n\t":
            kept.append(" ")
        elif kind in ("Cc", "Cs") or sign in _BIDI:
            kept.append("\ufffd")
        else:
            kept.append(sign)
    return "".join(kept)


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> Table:
    """A table with every cell made printable; None and empty cells become a dash."""
    return Table(
        caption,
        tuple(columns),
        tuple(
            tuple(ABSENT if cell is None or cell == "" else printable(cell) for cell in row)
            for row in rows
        ),
    )


def name_runs(names: Iterable[str]) -> str:
    """Names, with runs of numbers drawn together: ``H1, H2, H3, REF1`` is ``H1–H3, REF1``.

    Sixty bad heads are then one line, and still all of them are told. Names of one form stand
    together: ``H1-x, H1-y, H2-x, H2-y, H3-x, H3-y`` is ``H1-x–H3-x, H1-y–H3-y``.
    """
    forms: dict[tuple[str, str], list[str]] = {}
    for name in dict.fromkeys(names):
        match = re.fullmatch(r"(.*?)(\d{1,9})(\D*)", name, flags=re.DOTALL)
        head, number, tail = match.groups() if match else (name, "", "")
        forms.setdefault((head, tail), []).append(number)
    parts = []
    for (head, tail), numbers in forms.items():
        for run in _runs(numbers):
            first, last = f"{head}{run[0]}{tail}", f"{head}{run[-1]}{tail}"
            parts += [f"{first}–{last}"] if len(run) > 2 else [first, last][: len(run)]
    return printable(", ".join(parts))


def _runs(numbers: Sequence[str]) -> list[list[str]]:
    """Numbers as they stand, by stretches of which each is one more than the one before."""
    runs: list[list[str]] = []
    for number in numbers:
        last = runs[-1][-1] if runs else ""
        # S9 and S10 follow one another, S09 and S10 too, S9 and S010 do not.
        is_next = last != "" and (len(last) == len(number) or "0" not in (last[0], number[0]))
        if is_next and int(number) == int(last) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def decimal(value: float | None, digits: int = 1) -> str:
    """A number with a true minus sign; a dash for none."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return ABSENT
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def significant(value: float | None, digits: int = 3) -> str:
    """A number to a count of digits, without exponents for what a reader meets."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return ABSENT
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        exponent = int(f"{abs(value):.{digits - 1}e}".split("e")[1])
        return decimal(value, max(0, digits - 1 - exponent))
    return f"{value:.{digits - 1}e}".replace("-", "−")
