"""All results as one Parquet table: a row a recording, units with the columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.batch.row import COLUMNS, SCHEMA, Column
from nullfield.extras import library

TABLE = "results.parquet"
_PARTS = (("", "value"), ("_low", "low"), ("_high", "high"))


def write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the table; replaced in one step.

    Column types are fixed, whatever the values are. Each field's metadata has ``unit`` and
    ``description``, the table's has ``nullfield.schema`` and ``nullfield.software``.

    Parameters
    ----------
    rows : sequence of mapping
        From `nullfield.batch.row`.
    path : Path

    Raises
    ------
    AnalysisError
        If pyarrow is missing.
    """
    need = "the table of results needs pyarrow"
    pa, pq = library("pyarrow", need, "batch"), library("pyarrow.parquet", need, "batch")
    kinds = {"text": pa.string(), "number": pa.float64(), "count": pa.int64()}
    fields, arrays = [], []

    def add(column: Column, values: list[Any]) -> None:
        metadata = {"unit": column.unit, "description": column.text}
        fields.append(pa.field(column.name, kinds[column.kind], metadata=metadata))
        arrays.append(pa.array(values, type=kinds[column.kind]))

    for column in COLUMNS:
        add(column, [row.get(column.name) for row in rows])
    for column, values in _features(rows):
        add(column, values)
    schema = pa.schema(
        fields, metadata={"nullfield.schema": SCHEMA, "nullfield.software": __version__}
    )
    part = path.with_name(f".{path.name}.part")
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), part, compression="zstd")
    os.replace(part, path)


def _features(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Column, list[Any]]]:
    """Columns of every feature that any recording has: value and both ends of its interval."""
    by_row = [{one["name"]: one for one in row.get("features") or ()} for row in rows]
    units = {name: one["unit"] for features in by_row for name, one in features.items()}
    columns = []
    for name in sorted(units):
        for ending, part in _PARTS:
            text = "feature" if part == "value" else f"feature: {part} end of the 95 % interval"
            column = Column(f"feature_{name}{ending}", "number", units[name] or "1", text)
            columns.append((column, [features.get(name, {}).get(part) for features in by_row]))
    return columns
