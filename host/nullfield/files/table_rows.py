"""Rows of a table as numbers: fast where they are plain, and with exact places of what is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError
from nullfield.files.table_layout import MISSING, Layout

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Numbers of some lines.

    Attributes
    ----------
    values : numpy.ndarray, shape ``(n_rows, n_columns)``
    lines : numpy.ndarray of int, shape ``(n_rows,)``
        Line in the file of each row.
    cut : bool
        The last line was cut off and is left out.
    """

    values: FloatArray
    lines: IntArray
    cut: bool = False


def parse_rows(
    path: Path,
    text: list[str],
    first_line: int,
    layout: Layout,
    columns: list[int],
    *,
    may_be_cut: bool = False,
) -> Rows:
    """Parse lines into numbers; empty lines are skipped.

    Parameters
    ----------
    path : pathlib.Path
        For errors.
    text : list of str
    first_line : int
        Number of the first of them.
    layout : Layout
    columns : list of int
        Which columns are wanted.
    may_be_cut : bool
        The last line is the file's last, and has no end.

    Raises
    ------
    InputError
        With line and column, if a cell is no number or a row has too few.
    """
    full = [i for i, line in enumerate(text) if line.strip()]
    lines = np.array(full, dtype=np.int64) + first_line
    if not full:
        return Rows(np.zeros((0, len(columns))), lines)
    kept = text if len(full) == len(text) else [text[i] for i in full]
    cut = may_be_cut and _is_cut(kept, layout, columns)
    if cut:
        kept, lines = kept[:-1], lines[:-1]
        if not kept:
            return Rows(np.zeros((0, len(columns))), lines, cut)
    plain = [line.replace(",", ".") for line in kept] if layout.decimal_comma else kept
    try:
        values = np.loadtxt(
            plain, delimiter=layout.separator, usecols=columns, ndmin=2, comments=None
        )
        if len(values) == len(kept):
            return Rows(values, lines, cut)
    except (ValueError, IndexError):
        pass  # cells without a number, quotes, a damaged line: the slow way finds which
    values = np.empty((len(kept), len(columns)))
    for row, line in enumerate(kept):
        values[row] = _numbers(path, line, int(lines[row]), layout, columns)
    return Rows(values, lines, cut)


def _is_cut(lines: list[str], layout: Layout, columns: list[int]) -> bool:
    """Whether the last line, which has no end, lacks cells or digits."""
    cells = layout.cells(lines[-1])
    wanted = max(columns)
    if len(cells) <= wanted or any(_number(cells[i], layout) is None for i in columns):
        return True
    if wanted < len(cells) - 1:
        return False
    # Fewer decimals than all lines before: the number itself is cut.
    before = {_decimals(layout.cells(line)[-1]) for line in lines[-11:-1]}
    return len(before) == 1 and _decimals(cells[-1]) < before.pop()


def _decimals(cell: str) -> int:
    return len(cell.replace(",", ".").partition(".")[2])


def _numbers(path: Path, line: str, number: int, layout: Layout, columns: list[int]) -> list[float]:
    cells = layout.cells(line)
    found = []
    for column in columns:
        name = layout.names[column]
        if column >= len(cells):
            raise InputError(
                f"{path}: line {number}: {len(cells)} cells, {len(layout.names)} are needed"
                f" (none for {name})",
                "mend or remove that line",
            )
        value = _number(cells[column], layout)
        if value is None:
            text = cells[column]
            raise InputError(
                f"{path}: line {number}, column {name}: no number"
                f" ({text if len(text) <= 30 else text[:27] + '...'})",
                "mend the cell, or leave it empty where nothing was measured",
            )
        found.append(value)
    return found


def _number(cell: str, layout: Layout) -> float | None:
    if cell.strip().lower() in MISSING:
        return float("nan")
    if "_" in cell:
        return None  # float() would take it for a thousands mark
    try:
        return float(cell.replace(",", ".") if layout.decimal_comma else cell)
    except ValueError:
        return None
