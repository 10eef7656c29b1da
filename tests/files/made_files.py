"""Small recordings, and files of other systems made byte by byte, for the tests of the readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from simulated_heart import make_array, simulate

from nullfield.analysis.data import FieldRecording


def small_recording(duration_s: float = 3.0, side: int = 2) -> FieldRecording:
    """Tri-axial heads and references; gaps of one head, of all, and a channel without samples."""
    one = simulate(make_array(side, (0, 1, 2), references=True), duration_s=duration_s).recording
    field_pt = one.field_pt.copy()
    field_pt[0:3, 1000:1100] = np.nan
    field_pt[:, 2000:2010] = np.nan
    field_pt[7] = np.nan
    about = {"subject": "S1", "date": "2026-01-02T03:04:05"}
    return replace(one, field_pt=field_pt, metadata=about)


def lvm_text(
    columns: dict[str, np.ndarray],
    *,
    rate_hz: float = 375.0,
    unit: str | None = "pT",
    separator: str = "\t",
    decimal: str = ".",
    x_columns: str = "One",
    start_s: float = 0.0,
    time: str = "11:22:33.4400000000000000000",
    file_header: bool = True,
) -> str:
    """A LabVIEW measurement file of one segment, laid out as the specification says."""
    names = list(columns)
    count = len(names)
    n_samples = len(columns[names[0]])

    def number(value: float) -> str:
        return f"{value:.6f}".replace(".", decimal)

    def row(*cells: str) -> str:
        return separator.join(cells) + separator

    every = [number(1.0 / rate_hz)] * count
    name_of = {"\t": "Tab", ",": "Comma"}[separator]
    lines = []
    if file_header:
        lines += [
            row("LabVIEW Measurement"),
            row("Writer_Version", "2"),
            row("Reader_Version", "2"),
            row("Separator", name_of),
            row("Decimal_Separator", decimal),
            row("Multi_Headings", "Yes"),
            row("X_Columns", x_columns),
            row("Time_Pref", "Relative"),
            row("Operator", "station"),
            row("Date", "2026/01/02"),
            row("Time", time.replace(".", decimal)),
            row("***End_of_Header***"),
            "",
        ]
    lines += [
        row("Channels", str(count)),
        row("Samples", *[str(n_samples)] * count),
        row("Date", *["2026/01/02"] * count),
        row("Time", *[time.replace(".", decimal)] * count),
        *([row("Y_Unit_Label", *[unit] * count)] if unit else []),
        row("X_Dimension", *["Time"] * count),
        row("X0", *[number(start_s)] * count),
        row("Delta_X", *every),
        row("***End_of_Header***"),
        separator.join(["X_Value", *names, "Comment"]),
    ]
    values = np.array([columns[name] for name in names]).T
    for index, cells in enumerate(values):
        x = "" if x_columns == "No" else number(start_s + index / rate_hz)
        lines.append(separator.join([x, *map(number, cells)]))
    return "\r\n".join(lines) + "\r\n"


def write_text(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
