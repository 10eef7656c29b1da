"""A recording as a table: one row a sample, one column a channel, and positions in a file beside."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.errors import InputError

_ROWS_AT_ONCE = 4096


def write_csv(recording: FieldRecording, path: Path) -> tuple[Path, Path]:
    """Write a recording as CSV, with its positions beside it.

    The first column is ``time_s``, each other one a channel, its unit in the header (``H1-x_pT``).
    Numbers have as many digits as it takes to read back the same value; what is missing or not
    valid is an empty cell.

    Parameters
    ----------
    recording : FieldRecording
    path : Path
        Ends with ``.csv`` or ``.tsv``; replaced if it exists.

    Returns
    -------
    (Path, Path)
        The table, and ``<name>_positions.csv`` (or ``.tsv``).

    Raises
    ------
    InputError
        If the name has another ending.
    """
    if path.suffix not in (".csv", ".tsv"):
        raise InputError(f"{path}: a table's name ends with .csv or .tsv", "rename the output")
    separator = "\t" if path.suffix == ".tsv" else ","
    unit = "uV" if recording.unit == "uV" else "pT"
    places = path.with_name(f"{path.stem}_positions{path.suffix}")
    with path.open("w", newline="", encoding="utf-8") as stream:
        # The rate is in the times as well, but to their last digit only.
        stream.write(f"# sampling_rate_hz: {recording.sampling_rate_hz!r}\n")
        for key in ("subject", "date", "coordinates"):
            if key in recording.metadata:
                stream.write(f"# {key}: {' '.join(str(recording.metadata[key]).split())}\n")
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
        writer.writerow(["time_s", *(f"{name}_{unit}" for name in recording.array.names)])
        time_s, good = recording.time_s, recording.usable
        for start in range(0, recording.n_samples, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            values = np.where(good[:, part], recording.field_pt[:, part], np.nan)
            for time, row in zip(time_s[part].tolist(), values.T.tolist(), strict=True):
                writer.writerow([repr(time), *_cells(row)])
    write_positions(recording.array, places)
    return path, places


def write_positions(array: SensorArray, path: Path) -> None:
    """Write the places of channels, as `nullfield.files.placing.read_positions` reads them."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        separator = "\t" if path.suffix == ".tsv" else ","
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
        writer.writerow(
            ["name", "x_m", "y_m", "z_m", "nx", "ny", "nz", "head", "axis", "reference"]
        )
        for channel, name in enumerate(array.names):
            writer.writerow(
                [
                    name,
                    *_cells(array.positions_m[channel].tolist()),
                    *_cells(array.orientations[channel].tolist()),
                    array.head_names[channel],
                    int(array.axis_index[channel]),
                    int(array.is_reference[channel]),
                ]
            )


def _cells(values: Sequence[float]) -> list[str]:
    return ["" if math.isnan(value) else repr(value) for value in values]
