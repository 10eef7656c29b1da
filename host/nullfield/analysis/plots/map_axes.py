"""Parts of a map's drawing: isofield lines, arrows, sensors, hatching, torso."""

from __future__ import annotations

from typing import Any

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray
from nullfield.analysis.field_map import UNSURE, FieldMap
from nullfield.analysis.plots.style import DIVERGING
from nullfield.analysis.torso_outline import LABEL, TorsoOutline

_LINES = 6
"""About so many lines between zero and the largest field."""
_ARROWS_ACROSS = 13
_SPECK = 0.08
"""Share of the longest arrow below which one would only be a speck."""


def line_step(limit: float) -> float:
    """A round step (1, 2 or 5 times a power of ten) that gives about six lines up to a limit."""
    raw = max(limit, 1e-12) / _LINES
    power = 10.0 ** np.floor(np.log10(raw))
    return float(power * min((1.0, 2.0, 5.0, 10.0), key=lambda m: abs(np.log(m * power / raw))))


def line_levels(limit: float) -> tuple[FloatArray, float]:
    """Levels of the isofield lines, zero left out, and their step."""
    step = line_step(limit)
    count = int(np.floor(limit / step + 1e-9))
    positive = step * np.arange(1, count + 1)
    return np.concatenate([-positive[::-1], positive]), step


def draw_field(
    axes: Any, x_m: FloatArray, y_m: FloatArray, values: FloatArray, limit: float
) -> Any:
    """Filled map with lines: solid above zero, dashed below, thick at zero; returns the filling."""
    x_mm, y_mm = 1e3 * x_m, 1e3 * y_m
    levels, step = line_levels(limit)
    edge = step * np.ceil(limit / step)
    # Two shades a step; an odd number would put white to one side of zero.
    shades = np.arange(-edge, edge + 0.25 * step, 0.5 * step)
    filled = axes.contourf(
        x_mm, y_mm, np.clip(values, -edge, edge), shades, cmap=DIVERGING, vmin=-edge, vmax=edge
    )
    low, high = float(values.min()), float(values.max())
    for some, style in (((levels < 0.0), "dashed"), ((levels > 0.0), "solid")):
        lines = levels[some & (levels > low) & (levels < high)]
        if len(lines):
            axes.contour(x_mm, y_mm, values, lines, colors="0.2", linewidths=0.6, linestyles=style)
    # A map that is all but zero on this scale has a zero line of noise only.
    if low < 0.0 < high and max(high, -low) >= 0.5 * step:
        axes.contour(x_mm, y_mm, values, [0.0], colors="0.1", linewidths=1.5)
    return filled


def draw_arrows(
    axes: Any, x_m: FloatArray, y_m: FloatArray, along_x: FloatArray, along_y: FloatArray
) -> None:
    """Arrows on a thinned grid, the longest a little longer than the grid's distance."""
    x_mm, y_mm = 1e3 * x_m, 1e3 * y_m
    width = float(max(np.ptp(x_mm), np.ptp(y_mm)))
    step = max(1, round(width / _ARROWS_ACROSS / float(x_mm[1] - x_mm[0])))
    longest_mm = 1.35 * step * float(x_mm[1] - x_mm[0])
    columns, rows = _centred(len(x_mm), step), _centred(len(y_mm), step)
    part_x, part_y = along_x[np.ix_(rows, columns)], along_y[np.ix_(rows, columns)]
    length = np.hypot(part_x, part_y)
    shown = length > _SPECK * max(float(length.max()), 1e-12)
    grid_x, grid_y = np.meshgrid(x_mm[columns], y_mm[rows])
    axes.quiver(
        grid_x[shown],
        grid_y[shown],
        part_x[shown],
        part_y[shown],
        angles="xy",
        scale_units="xy",
        pivot="mid",
        scale=max(float(length.max()), 1e-12) / longest_mm,
        width=0.0052,
        color="black",
        edgecolor="white",
        linewidth=0.5,
        zorder=3,
    )


def draw_unsure(axes: Any, field_map: FieldMap, limit_pt: float | None = None) -> bool:
    """Hatch where the error is large; returns whether there is such a place.

    It is measured by a limit, or by the map's own largest field.
    """
    if field_map.error_pt is None:
        return False
    limit = float(np.abs(field_map.bz_pt).max()) if limit_pt is None else limit_pt
    unsure = field_map.error_pt > UNSURE * limit
    if not unsure.any():
        return False
    axes.contourf(
        1e3 * field_map.x_m,
        1e3 * field_map.y_m,
        unsure.astype(float),
        [0.5, 1.5],
        colors="none",
        hatches=["xxx"],
        zorder=2,
    )
    return True


UNSURE_LABEL = f"error > {100 * UNSURE:.0f} % of the largest field"


def draw_sensors(axes: Any, array: SensorArray, used: Any, bad: Any) -> None:
    """Heads in use as dots, heads that are not as rings."""
    names = np.array(array.head_names)
    known = array.is_chest & array.has_place
    working = np.isin(names, names[used])
    for chosen, face, label in (
        (known & used, "black", "sensor"),
        (known & bad & ~working, "none", "sensor not used"),
    ):
        places = np.unique(np.round(array.positions_m[chosen, :2], 4), axis=0) * 1e3
        if not len(places):
            continue
        size = 3.2 if len(places) <= 100 else 1.6
        axes.plot(
            places[:, 0],
            places[:, 1],
            linestyle="none",
            marker="o",
            markersize=size if face == "black" else 2.0 * size,
            markerfacecolor=face,
            markeredgecolor="white" if face == "black" else "black",
            markeredgewidth=0.5 if face == "black" else 1.2,
            zorder=4,
            label=label,
        )


def draw_torso(axes: Any, outline: TorsoOutline, *, is_named: bool = True) -> None:
    """The schematic torso, and what it is."""
    for lines, colour, width in ((outline.body_m, "0.25", 1.4), (outline.bones_m, "0.6", 1.0)):
        for line in lines:
            axes.plot(
                1e3 * line[:, 0],
                1e3 * line[:, 1],
                color=colour,
                linewidth=width,
                solid_capstyle="round",
                zorder=1,
            )
    left, right, low, high = (1e3 * one for one in outline.extent_m)
    axes.set_xlim(left - 5.0, right + 5.0)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    for at, name in ((left, "R"), (right, "L")):
        axes.text(
            at, high - 25.0, name, ha="left" if name == "R" else "right", va="top", fontsize=11
        )
    if is_named:
        axes.text(
            0.5, -0.01, LABEL, transform=axes.transAxes, ha="center", va="top", fontsize=8,
            style="italic", color="0.3",
        )  # fmt: skip


def _centred(count: int, step: int) -> Any:
    used = (count - 1) // step * step
    return np.arange((count - 1 - used) // 2, count, step)
