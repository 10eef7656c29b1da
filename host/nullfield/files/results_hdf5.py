"""Results of an analysis as one HDF5 file that explains itself, and back again without loss.

Layout, the same for every part: a dataclass is a group with the attribute ``type``
(``module:Class``) and one member a field; a mapping is a group with ``kind`` ``mapping``; a tuple
or a list is a group with numbered members, or one data set where all its items are texts or
numbers of one kind. Every member has the attribute ``kind``, and ``unit`` where its name tells one.
The file's root has ``schema``, ``software`` and the ``type`` of the whole.

The writer goes by the fields of the dataclasses, so what an analysis gains later comes along.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from nullfield import __version__
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError, InputError
from nullfield.extras import library

SCHEMA = "nullfield-results/1"

# The longest ending that fits counts.
UNITS = {
    "_ft_rthz": "fT/sqrt(Hz)",
    "_pt_per_m": "pT/m",
    "_pt": "pT",
    "_nam": "nA m",
    "_a_per_m2": "A/m^2",
    "_mm3": "mm^3",
    "_mm": "mm",
    "_m2": "m^2",
    "_m": "m",
    "_s": "s",
    "_ms": "ms",
    "_hz": "Hz",
    "_bpm": "1/min",
    "_db": "dB",
    "_deg": "deg",
    "_rad": "rad",
    "_share": "1",
    "_uv": "uV",
}
_COMPRESS_BYTES = 4096
_SCALARS: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}


def write_results(analysis: Analysis, path: Path) -> None:
    """Write an analysis as HDF5; the same analysis gives the same bytes.

    Parameters
    ----------
    analysis : Analysis
    path : Path
        Replaced when all is written, so that a reader never meets half a file.

    Raises
    ------
    AnalysisError
        If h5py is missing, or the analysis holds what has no place in a file.
    """
    h5py = _h5py()
    part = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["schema"] = SCHEMA
            file.attrs["software"] = f"nullfield {__version__}"
            _write_fields(h5py, file, analysis, _Units(getattr(analysis, "unit", "pT")))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_results(path: Path) -> Analysis:
    """Read what `write_results` wrote; every value, type and array is as it was.

    Raises
    ------
    InputError
        If the file is no HDF5, is cut short, or was written in another form.
    AnalysisError
        If h5py is missing.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            schema = str(file.attrs.get("schema", ""))
            if schema != SCHEMA:
                found = f"schema {schema!r}" if schema else "no schema"
                raise InputError(
                    f"{path}: has {found}, {SCHEMA!r} is needed",
                    "give a results file of this version, or analyse the recording again",
                )
            result = _read(h5py, file, str(path))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: cannot be read as HDF5 results ({error})", "give a file that is whole"
        ) from error
    if not isinstance(result, Analysis):
        raise InputError(f"{path}: holds no analysis", "give a file from 'nullfield export'")
    return result


class _Units:
    """Unit of a field by its name; what `_pt` means is the recording's to say."""

    def __init__(self, field_unit: str) -> None:
        self._field_unit = field_unit

    def of(self, name: str) -> str | None:
        ending = max((e for e in UNITS if name.endswith(e)), key=len, default=None)
        if ending is None:
            return None
        return UNITS[ending].replace("pT", self._field_unit) if "_pt" in ending else UNITS[ending]


def _write_fields(h5py: Any, group: Any, value: Any, units: _Units) -> None:
    cls = type(value)
    group.attrs["kind"] = "dataclass"
    group.attrs["type"] = f"{cls.__module__}:{cls.__qualname__}"
    for one in fields(value):
        _write(h5py, group, one.name, getattr(value, one.name), units)


def _write(h5py: Any, parent: Any, name: str, value: Any, units: _Units) -> None:
    """One member; `name` is the field's or the key's own."""
    # A slash would open a group of its own; a dot alone means the group itself.
    member = {"": "%", ".": "%2E"}.get(name) or quote(name, safe=" ()+,;=@!")
    if is_dataclass(value) and not isinstance(value, type):
        _write_fields(h5py, parent.create_group(member), value, units)
    elif isinstance(value, Mapping):
        group = parent.create_group(member, track_order=True)
        group.attrs["kind"] = "mapping"
        for key, item in value.items():
            if not isinstance(key, str):
                raise AnalysisError(f"{parent.name}/{name}: key {key!r} is no text")
            _write(h5py, group, key, item, units)
    elif isinstance(value, tuple | list) and not _is_row(value):
        group = parent.create_group(member)
        group.attrs["kind"] = type(value).__name__
        group.attrs["length"] = len(value)
        for index, item in enumerate(value):
            _write(h5py, group, str(index), item, units)
    else:
        _write_leaf(h5py, parent, member, name, value)
    entry = parent[member]
    if member != name:
        entry.attrs["key"] = name
    unit = units.of(name)
    if unit is not None and value is not None:
        entry.attrs["unit"] = unit


def _is_row(value: tuple[Any, ...] | list[Any]) -> bool:
    """Whether all items are of one plain type, so that one data set holds them exactly."""
    kinds = {type(item) for item in value}
    return len(kinds) == 1 and kinds <= {str, float, bool}


def _write_leaf(h5py: Any, parent: Any, member: str, name: str, value: Any) -> None:
    text = h5py.string_dtype()
    if value is None:
        entry = parent.create_dataset(member, data=h5py.Empty("f8"))
        kind = "none"
    elif isinstance(value, np.ndarray):
        kind = "array"
        if value.dtype.kind in "biufc":
            # Small arrays would only grow; an empty one cannot be chunked.
            packing = {"compression": "gzip", "shuffle": True}
            large = value.nbytes >= _COMPRESS_BYTES and value.ndim > 0
            entry = parent.create_dataset(member, data=value, **(packing if large else {}))
        elif value.dtype.kind in "UO" and all(isinstance(one, str) for one in value.flat):
            entry = parent.create_dataset(member, data=value.astype(object), dtype=text)
        else:
            raise AnalysisError(f"{parent.name}/{name}: arrays of {value.dtype} cannot be kept")
        entry.attrs["dtype"] = value.dtype.str
    elif isinstance(value, np.generic):
        entry, kind = parent.create_dataset(member, data=value), "numpy"
    elif isinstance(value, tuple | list):
        kind = f"{type(value).__name__} of {type(value[0]).__name__}"
        is_text = isinstance(value[0], str)
        entry = parent.create_dataset(member, data=list(value), dtype=text if is_text else None)
    elif isinstance(value, Path):
        entry, kind = parent.create_dataset(member, data=str(value), dtype=text), "path"
    elif type(value) in _SCALARS.values():
        kind = type(value).__name__
        data: Any = value
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise AnalysisError(f"{parent.name}/{name}: {value} has more than 64 bits")
        entry = parent.create_dataset(member, data=data, dtype=text if kind == "str" else None)
    else:
        raise AnalysisError(
            f"{parent.name}/{name}: a {type(value).__name__} has no form in the file"
        )
    entry.attrs["kind"] = kind


def _read(h5py: Any, entry: Any, where: str) -> Any:
    kind = str(entry.attrs["kind"])
    if isinstance(entry, h5py.Group):
        if kind in ("tuple", "list"):
            items = [
                _read(h5py, entry[str(index)], where) for index in range(int(entry.attrs["length"]))
            ]
            return tuple(items) if kind == "tuple" else items
        members = {
            str(one.attrs.get("key", member)): _read(h5py, one, where)
            for member, one in entry.items()
        }
        return members if kind == "mapping" else _rebuilt(entry, members, where)
    if kind == "none":
        return None
    if kind == "array":
        dtype = np.dtype(entry.attrs["dtype"])
        if dtype.kind in "UO":
            return np.asarray(entry.asstr()[()]).astype(dtype)
        # HDF5 keeps booleans as an enumeration; h5py turns them back.
        return np.asarray(entry[()])
    if kind == "numpy":
        return entry[()]
    if kind in ("str", "path"):
        content = str(entry.asstr()[()])
        return Path(content) if kind == "path" else content
    if " of " in kind:
        outer, inner = kind.split(" of ")
        values = entry.asstr()[()] if inner == "str" else entry[()]
        row = [_SCALARS[inner](one) for one in values]
        return tuple(row) if outer == "tuple" else row
    return _SCALARS[kind](entry[()])


def _rebuilt(group: Any, members: dict[str, Any], where: str) -> Any:
    """A dataclass of the analysis from its fields; nothing else of a file's choice is loaded."""
    module, _, name = str(group.attrs["type"]).partition(":")
    cls = None
    if module.startswith("nullfield.analysis."):
        try:
            cls = getattr(importlib.import_module(module), name, None)
        except ImportError:
            cls = None
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise InputError(
            f"{where}: {group.name} is of the unknown type {module}:{name}",
            "read it with the version that wrote it; the attribute 'software' names it",
        )
    try:
        return cls(**members)
    except TypeError as error:
        raise InputError(
            f"{where}: {group.name} has other fields than this version's {name} ({error})",
            "read it with the version that wrote it, or analyse the recording again",
        ) from error


def _h5py() -> Any:
    return library("h5py", "HDF5 needs h5py", "files")
