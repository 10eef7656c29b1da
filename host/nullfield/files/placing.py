"""Places of channels: from a positions file, or from one that lies beside the recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import SensorArray
from nullfield.errors import InputError
from nullfield.files.channel_names import array_of
from nullfield.files.table_layout import MISSING, split_line
from nullfield.files.text import TextFile

FloatArray = npt.NDArray[np.float64]

_LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
_NAMES = ("name", "channel", "label", "sensor", "ch_name")
_YES = frozenset(("1", "true", "yes", "y", "reference", "ref"))
_NO = frozenset(("0", "false", "no", "n", "chest", "meg", *MISSING))
_FARTHEST_M = 3.0
"""A sensor is within that of its device's origin; a larger number is not in metres."""


@dataclass(frozen=True)
class Place:
    """One row of a positions file."""

    name: str
    position_m: tuple[float, float, float]
    orientation: tuple[float, float, float]
    head: str | None
    axis: int | None
    reference: bool | None


def place_channels(
    path: Path,
    names: tuple[str, ...],
    positions: Path | None,
    notes: list[str],
    *,
    electric: bool = False,
) -> SensorArray:
    """The array of channels of which a file tells only the names.

    Parameters
    ----------
    path : pathlib.Path
        The recording; ``<name>_positions.csv`` or ``.tsv`` beside it is used if nothing is given.
    names : tuple of str
    positions : pathlib.Path or None
    notes : list of str
        What was assumed is appended.
    electric : bool
        Leads of an electrocardiogram, of which nobody expects a place.

    Raises
    ------
    InputError
        If the positions file is wrong, or has none of the channels.
    """
    beside = positions or _beside(path)
    if beside is None:
        if not electric:
            notes.append(
                "positions are not known: beats and averages only, no maps and sources"
                " (give a positions file)"
            )
        nowhere = np.full((len(names), 3), np.nan)
        return array_of(names, nowhere, nowhere)
    if positions is None:
        notes.append(f"positions from {beside.name}, beside the recording")
    places = read_positions(beside, notes)
    folded = {name.lower(): one for name, one in places.items()}
    found = [places.get(name) or folded.get(name.lower()) for name in names]
    lacking = [name for name, one in zip(names, found, strict=True) if one is None]
    if len(lacking) == len(names):
        raise InputError(
            f"{beside}: has none of the channels of {path.name} ({', '.join(names[:3])}, ...);"
            f" it names {', '.join(list(places)[:3])}, ...",
            "write the names of the recording into the column name",
        )
    if lacking:
        notes.append(f"no position is known of {len(lacking)} channels: {', '.join(lacking[:5])}")
    blank = (np.nan, np.nan, np.nan)
    plain = array_of(names, np.zeros((len(names), 3)), np.ones((len(names), 3)))
    return array_of(
        names,
        np.array([one.position_m if one else blank for one in found]),
        np.array([one.orientation if one else blank for one in found]),
        heads=tuple(
            one.head if one and one.head else plain.head_names[i] for i, one in enumerate(found)
        ),
        axes=tuple(
            one.axis if one and one.axis is not None else int(plain.axis_index[i])
            for i, one in enumerate(found)
        ),
        is_reference=tuple(
            one.reference if one and one.reference is not None else bool(plain.is_reference[i])
            for i, one in enumerate(found)
        ),
    )


def read_positions(path: Path, notes: list[str]) -> dict[str, Place]:
    """Read a positions file.

    CSV or TSV with the columns name, x, y, z (``x_m``, ``x_cm``, ``x_mm``; metres if no unit is
    given), nx, ny, nz, and, if wanted, head, axis (0, 1, 2) and reference (0 or 1).

    Raises
    ------
    InputError
        With the line that is wrong.
    """
    lines = [line for _, piece in TextFile(path).pieces() for line in piece]
    numbered = [
        (i + 1, line)
        for i, line in enumerate(lines)
        if line.strip() and not line.lstrip().startswith(("#", "%"))
    ]
    if not numbered:
        raise InputError(f"{path}: holds no positions", "give columns name,x_m,y_m,z_m,nx,ny,nz")
    header = numbered[0][1]
    separator = next((s for s in ("\t", ";", ",") if s in header), None)
    columns = [cell.lower() for cell in split_line(header, separator)]
    at = {"name": next((columns.index(one) for one in _NAMES if one in columns), None)}
    at.update({one: columns.index(one) for one in ("nx", "ny", "nz") if one in columns})
    at.update({one: columns.index(one) for one in ("head", "axis", "reference") if one in columns})
    scale, has_unit = _length_columns(path, columns, at)
    if at["name"] is None:
        raise InputError(
            f"{path}: line {numbered[0][0]}: no column name",
            "the header has to be name,x_m,y_m,z_m,nx,ny,nz",
        )
    if not {"nx", "ny", "nz"} <= set(at):
        notes.append(f"{path.name}: no columns nx, ny, nz: all channels taken along +z")
    places: dict[str, Place] = {}
    for number, line in numbered[1:]:
        cells = split_line(line, separator)
        one = _place(path, number, cells, at, scale, separator == ";")
        if one.name in places:
            raise InputError(
                f"{path}: line {number}: channel {one.name} a second time", "name each channel once"
            )
        places[one.name] = one
    farthest = max((abs(v) for one in places.values() for v in one.position_m if v == v), default=0)
    if farthest > _FARTHEST_M:
        raise InputError(
            f"{path}: a position of {farthest:g} m" + ("" if has_unit else " (no unit: metres)"),
            "write the unit into the header: x_mm,y_mm,z_mm or x_cm,y_cm,z_cm",
        )
    if not has_unit:
        notes.append(f"{path.name}: no unit of length, taken as metres")
    return places


def _length_columns(
    path: Path, columns: list[str], at: dict[str, int | None]
) -> tuple[float, bool]:
    units = set()
    for axis in "xyz":
        for column, text in enumerate(columns):
            name = text.replace("(", "_").replace("[", "_").strip(")] ").replace(" ", "")
            if name == axis or name.rpartition("_")[0].strip("_") == axis:
                at[axis] = column
                units.add(name.rpartition("_")[2] if "_" in name else "")
    if not {"x", "y", "z"} <= set(at):
        raise InputError(
            f"{path}: no columns x, y, z", "the header has to be name,x_m,y_m,z_m,nx,ny,nz"
        )
    if len(units) != 1 or not units <= {"", *_LENGTHS}:
        raise InputError(
            f"{path}: the unit of x, y, z is not clear ({', '.join(sorted(units))})",
            "write x_m,y_m,z_m, or x_cm, or x_mm",
        )
    unit = units.pop()
    return _LENGTHS.get(unit, 1.0), bool(unit)


def _place(
    path: Path,
    number: int,
    cells: list[str],
    at: dict[str, int | None],
    scale: float,
    is_decimal_comma: bool,
) -> Place:
    def cell(column: str) -> str:
        index = at.get(column)
        return cells[index] if index is not None and index < len(cells) else ""

    def value(column: str) -> float:
        text = cell(column)
        if text.lower() in MISSING:
            return float("nan")
        try:
            return float(text.replace(",", ".") if is_decimal_comma else text)
        except ValueError:
            raise InputError(
                f"{path}: line {number}, column {column}: no number ({text[:30]})",
                "mend the cell, or leave it empty if the place is not known",
            ) from None

    name = cell("name")
    if not name:
        raise InputError(f"{path}: line {number}: no name", "each line needs a channel's name")
    position = (value("x") * scale, value("y") * scale, value("z") * scale)
    orientation = (0.0, 0.0, 1.0)
    if at.get("nx") is not None and at.get("ny") is not None and at.get("nz") is not None:
        orientation = (value("nx"), value("ny"), value("nz"))
        if orientation == (0.0, 0.0, 0.0):
            raise InputError(
                f"{path}: line {number}: nx, ny, nz of {name} are all zero",
                "give the direction of its sensitive axis, or leave the cells empty",
            )
    told = cell("reference").lower()
    if told not in _YES | _NO:
        raise InputError(
            f"{path}: line {number}, column reference: {told[:30]}",
            "write 1 for a reference, else 0",
        )
    axis = cell("axis")
    if axis not in ("", "0", "1", "2"):
        raise InputError(f"{path}: line {number}, column axis: {axis[:30]}", "write 0, 1 or 2")
    return Place(
        name,
        position,
        orientation,
        cell("head") or None,
        int(axis) if axis else None,
        None if at.get("reference") is None or told in MISSING else told in _YES,
    )


def _beside(path: Path) -> Path | None:
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    for ending in (".csv", ".tsv"):
        one = path.with_name(f"{stem}_positions{ending}")
        if one.is_file():
            return one
    return None
