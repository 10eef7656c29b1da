"""Traces for people: a compact plot in the terminal, a figure in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nullfield.devices.trace import FloatArray, TraceResult
from nullfield.errors import InputError
from nullfield.quantity import format_quantity

_WIDTH = 64
_HEIGHT = 8
# Dots of a Braille cell (Unicode 2800), by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M"}


def terminal_plot(result: TraceResult) -> list[str]:
    """Lines of text: one panel a signal, extremes at the left, time below, trigger marked."""
    lines: list[str] = []
    for signal in result.signals:
        values = result.values[signal.name]
        low, high = float(values.min()), float(values.max())
        top, bottom = format_quantity(high, signal.unit), format_quantity(low, signal.unit)
        margin = max(12, len(top), len(bottom))
        lines.append(f"{signal.name}{f' ({signal.unit})' if signal.unit else ''}")
        rows = _braille(result.time_s, values, low, high)
        for number, row in enumerate(rows):
            label = top if number == 0 else bottom if number == len(rows) - 1 else ""
            lines.append(f"{label:>{margin}} ┤{row}")
    start = format_quantity(float(result.time_s[0]), "s")
    end = format_quantity(float(result.time_s[-1]), "s")
    axis = [" "] * _WIDTH
    share = -result.time_s[0] / (result.time_s[-1] - result.time_s[0])
    axis[min(_WIDTH - 1, max(0, int(share * (_WIDTH - 1) + 0.5)))] = "▲"
    lines.append(f"{start:>12} ╰{''.join(axis)} {end}")
    return lines


def _braille(time_s: FloatArray, values: FloatArray, low: float, high: float) -> list[str]:
    columns, rows = 2 * _WIDTH, 4 * _HEIGHT
    span_s = float(time_s[-1] - time_s[0])
    x = ((time_s - time_s[0]) / span_s * (columns - 1)).round().astype(int)
    scale = (rows - 1) / (high - low) if high > low else 0.0
    y = (rows - 1 - (values - low) * scale).round().astype(int)
    if high == low:
        y[:] = rows // 2
    cells = np.zeros((_HEIGHT, _WIDTH), dtype=int)
    for k in range(len(x)):
        # Columns up to the next sample hold the value; a step is drawn as a vertical line.
        last = x[k + 1] if k + 1 < len(x) else x[k]
        for column in range(x[k], max(x[k], last - 1) + 1):
            _set(cells, column, y[k])
        if k and y[k] != y[k - 1]:
            step = 1 if y[k] > y[k - 1] else -1
            for row in range(y[k - 1], y[k], step):
                _set(cells, x[k], row)
    return ["".join(chr(0x2800 + int(cell)) for cell in line) for line in cells]


def _set(cells: np.ndarray[tuple[int, int], np.dtype[np.int_]], column: int, row: int) -> None:
    cells[row // 4, column // 2] |= _DOTS[row % 4][column % 2]


def write_figure(result: TraceResult, path: Path, title: str) -> None:
    """Figure with one panel a signal, in units with fitting prefixes.

    Raises
    ------
    InputError
        If the file cannot be written or its ending names no format.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    time_scale, time_prefix = _prefix(result.time_s, "s")
    figure, panels = pyplot.subplots(
        len(result.signals), 1, sharex=True, squeeze=False,
        figsize=(9.0, 1.2 + 1.9 * len(result.signals)), layout="constrained",
    )  # fmt: skip
    try:
        for panel, signal in zip(panels[:, 0], result.signals, strict=True):
            values = result.values[signal.name]
            scale, prefix = _prefix(values, signal.unit)
            panel.step(result.time_s / time_scale, values / scale, where="post", linewidth=1.1)
            panel.axvline(0.0, color="0.5", linewidth=0.8, linestyle=":")
            unit = f"{prefix}{signal.unit}".replace("degC", "°C")
            panel.set_ylabel(f"{signal.name}\n({unit})" if unit else signal.name)
            panel.ticklabel_format(axis="y", useOffset=False)
            panel.grid(alpha=0.3)
            panel.margins(x=0)
        panels[-1, 0].set_xlabel(f"time from the trigger ({time_prefix}s)")
        figure.suptitle(title, fontsize="medium")
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the plot cannot be written ({error})", "give a file such as trace.png"
        ) from error
    finally:
        pyplot.close(figure)


def _prefix(values: FloatArray, unit: str) -> tuple[float, str]:
    largest = float(np.abs(values).max())
    if unit in ("", "count", "degC", "degC/s") or largest == 0:
        return 1.0, ""
    exponent = min(6, max(-15, 3 * int(np.floor(np.log10(largest) / 3 + 1e-12))))
    return 10.0**exponent, _PREFIXES[exponent]


def write_csv(result: TraceResult, path: Path) -> None:
    """Columns of time and signals, with units in their names.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    names = [f"{one.name}_{one.unit.replace('/', '_per_')}".rstrip("_") for one in result.signals]
    lines = [",".join(["time_s", *names])]
    columns = [result.time_s, *(result.values[one.name] for one in result.signals)]
    lines += [",".join(f"{value:.10g}" for value in row) for row in zip(*columns, strict=True)]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror})", "give another file with --csv"
        ) from error
