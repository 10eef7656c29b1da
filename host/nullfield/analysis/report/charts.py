"""Charts that belong to the report alone, as PNG that is the same for the same data."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nullfield.analysis.beats import Beats

_DPI = 130
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#767676"
_MARKS = ("x", "s", "^", "v", "D")


def png(figure: Figure) -> bytes:
    """A figure without the program's version or a time in it."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def beat_series_png(beats: Beats) -> bytes:
    """Interval to the beat before, with the kinds of beats told by shape as well as by colour."""
    figure = Figure(figsize=(8.0, 2.7), layout="constrained")
    axes = figure.subplots()
    time_s = np.asarray(beats.times_s) - float(beats.times_s[0])
    interval_ms = 1e3 * np.diff(time_s)
    accepted = np.asarray(beats.accepted, dtype=bool)[1:]
    at = time_s[1:]
    axes.plot(at, interval_ms, color="0.75", linewidth=0.8, zorder=1)
    axes.plot(
        at[accepted],
        interval_ms[accepted],
        linestyle="none",
        marker="o",
        markersize=3.0,
        color=BLUE,
        label="used",
    )
    kinds = getattr(beats, "kinds", None)
    names = np.full(len(accepted), "left out", dtype=object)
    if kinds is not None and len(kinds) == len(time_s):
        names = np.where(np.asarray(kinds)[1:] == "normal", "left out", np.asarray(kinds)[1:])
    for number, kind in enumerate(sorted(set(names[~accepted]))):
        chosen = ~accepted & (names == kind)
        axes.plot(
            at[chosen],
            interval_ms[chosen],
            linestyle="none",
            marker=_MARKS[number % len(_MARKS)],
            markersize=6.0,
            color=ORANGE,
            markeredgecolor="black" if number else ORANGE,
            label=str(kind),
        )
    axes.set_ylim(0.0, 1.15 * float(np.quantile(interval_ms, 0.98)) + 50.0)
    axes.set_xlabel("time from the first beat (s)")
    axes.set_ylabel("interval (ms)")
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.legend(loc="lower left", ncols=4, fontsize=8, frameon=False)
    return png(figure)
