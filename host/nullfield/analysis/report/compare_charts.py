"""Charts of a comparison: both powers over one another, three maps beside one another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from nullfield.analysis.data import FloatArray
from nullfield.analysis.report.charts import BLUE, ORANGE, png
from nullfield.analysis.report.compare_maps import MapPair
from nullfield.analysis.report.document import printable, significant
from nullfield.analysis.report.units import Units

_DIVERGING = "RdBu_r"
_LEVELS = 24
_LONGEST_LABEL = 28


def power_png(power: Mapping[str, tuple[FloatArray, FloatArray]], units: Units) -> bytes:
    """Global field power of both averaged beats; the second one is dashed, for grey print."""
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots()
    styles = ((BLUE, "-"), (ORANGE, (0, (5, 2))))
    for (label, (time_s, rms)), (colour, dash) in zip(power.items(), styles, strict=False):
        # In a legend a dollar sign would start a formula, and a leading underscore hide the line.
        name = " " + short(label).replace("$", "\\$")
        axes.plot(1e3 * time_s, rms, color=colour, linestyle=dash, linewidth=1.6, label=name)
    axes.axvline(0.0, color="0.75", linewidth=0.8, zorder=0)
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.0)
    axes.set_xlabel("time from R mark (ms)")
    axes.set_ylabel(f"RMS over channels ({units.signal})")
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.legend(fontsize=9, frameon=False, loc="upper right")
    return png(figure)


def map_pair_png(pair: MapPair, name: str, labels: tuple[str, str]) -> bytes:
    """First, second and difference on one colour scale."""
    shown = (pair.first_pt, pair.second_pt, pair.difference_pt)
    limit = max(*(float(np.abs(one).max()) for one in shown), 1e-6)
    levels = np.linspace(-limit, limit, _LEVELS + 1)
    across, along = (float(np.ptp(line)) for line in (pair.x_m, pair.y_m))
    height = float(np.clip(2.7 * along / max(across, 1e-6) + 1.0, 2.6, 5.5))
    figure = Figure(figsize=(10.0, height), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    x_mm, y_mm = 1e3 * pair.x_m, 1e3 * pair.y_m
    titles = (short(labels[0]), short(labels[1]), "difference, second − first")
    for axes, values, title in zip(panels, shown, titles, strict=True):
        filled = axes.contourf(x_mm, y_mm, values, levels, cmap=_DIVERGING)
        axes.contour(x_mm, y_mm, values, levels[::2], colors="0.35", linewidths=0.4)
        if float(values.min()) < 0.0 < float(values.max()):
            axes.contour(x_mm, y_mm, values, [0.0], colors="0.1", linewidths=1.1)
        if values is shown[2] and pair.is_clear is not None and not pair.is_clear.all():
            # Hatched: no difference that its own error would not give.
            hatched = axes.contourf(
                x_mm,
                y_mm,
                (~pair.is_clear).astype(float),
                [0.5, 1.5],
                colors="none",
                hatches=["///"],
            )
            hatched.set_edgecolor("0.6")
            hatched.set_linewidth(0.0)
        axes.set_aspect("equal")
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.set_xlabel("x (mm) → patient left", fontsize=8)
        axes.tick_params(labelsize=8)
    panels[0].set_ylabel("y (mm) → toward head", fontsize=8)
    bar = figure.colorbar(filled, ax=list(panels), shrink=0.9, ticks=np.linspace(-limit, limit, 5))
    bar.ax.set_yticklabels([significant(one) for one in np.linspace(-limit, limit, 5)], fontsize=8)
    bar.set_label(f"Bz at {name} (pT)", fontsize=9)
    return png(figure)


def short(label: str) -> str:
    """A label that fits over a panel."""
    text = printable(label)
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
