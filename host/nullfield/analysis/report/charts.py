"""Charts that belong to the report alone, as PNG that is the same for the same data."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nullfield.analysis.beats import Beats

_DPI = 130
BLUE, ORANGE = "#0072b2", "#d55e00"


def png(figure: Figure) -> bytes:
    """A figure without the program's version or a time in it."""
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def beat_series_png(beats: Beats, sampling_rate_hz: float) -> bytes:
    """Interval to the beat before; what was left out is told by shape as well as by colour."""
    figure = Figure(figsize=(8.0, 2.7), layout="constrained")
    axes = figure.subplots()
    time_s = (beats.samples - beats.samples[0]) / sampling_rate_hz
    interval_ms = 1e3 * np.diff(time_s)
    accepted = np.asarray(beats.accepted, dtype=bool)[1:]
    at = time_s[1:]
    top_ms = 1.15 * float(np.quantile(interval_ms, 0.98)) + 50.0
    axes.plot(at, interval_ms, color="0.75", linewidth=0.8, zorder=1)
    for chosen, marker, size, colour, label in (
        (accepted, "o", 3.0, BLUE, "used"),
        (~accepted, "x", 6.0, ORANGE, "of another shape"),
    ):
        if chosen.any():
            axes.plot(
                at[chosen],
                interval_ms[chosen],
                linestyle="none",
                marker=marker,
                markersize=size,
                color=colour,
                label=label,
            )
    if len(beats.artefacts):
        where = (beats.artefacts - beats.samples[0]) / sampling_rate_hz
        axes.plot(
            where,
            np.full(len(where), 0.03 * top_ms),
            linestyle="none",
            marker="|",
            markersize=9.0,
            color="0.2",
            label="artefact",
        )
    axes.set_ylim(0.0, top_ms)
    axes.set_xlabel("time from the first beat (s)")
    axes.set_ylabel("interval (ms)")
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.legend(loc="center left", ncols=4, fontsize=8, frameon=False)
    return png(figure)
