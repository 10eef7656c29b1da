"""What all figures share: colours, sizes, signs, and files that are the same for the same data.

Matplotlib is used without its global state, so that figures can be drawn from any thread.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DIVERGING = "RdBu_r"
"""Red and blue of equal lightness steps: told apart in every common kind of colour blindness."""
SEQUENTIAL = "YlOrBr"
"""Darker is more, in grey print too."""
AXIS_COLOURS = {0: "#0072b2", 1: "#d55e00", 2: "#767676"}
AXIS_LABELS = {0: "chest normal (Bz)", 1: "across (Bx)", 2: "beam axis (By)"}
DPI = 130
X_LABEL = "patient right   ←   x (mm)   →   patient left"
Y_LABEL = "y (mm)   →   toward head"


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def new_axes(width_in: float, height_in: float) -> tuple[Figure, Any]:
    """A figure with one pair of axes."""
    figure = new_figure(width_in, height_in)
    return figure, figure.subplots()


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the program's version or a time in the file."""
    path.write_bytes(png_bytes(figure))


def png_bytes(figure: Figure, dpi: float = DPI) -> bytes:
    """A figure as PNG, the same bytes for the same figure."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return file.getvalue()


def signed(value: float, spec: str = ".0f") -> str:
    """A number with its sign, and nothing before a zero."""
    text = format(abs(value), spec)
    if float(text) == 0.0:
        return "0"
    return ("+" if value > 0.0 else "−") + text


def plain_axes(axes: Any) -> None:
    """Take away the frame's upper and right side."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def unit_label(unit: str) -> str:
    """The recording's unit as it is written."""
    return "µV" if unit == "uV" else unit
