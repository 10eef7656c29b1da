"""A design as one picture: windings of both planes and the deviation over the target volume."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nullfield.room.coil_design.biot_savart import wire_field
from nullfield.room.coil_design.design import CoilDesign
from nullfield.room.coil_design.figures import with_images
from nullfield.room.coil_design.request import AXES, CoilRequest
from nullfield.room.coil_design.targets import target_field, unit_of

_COLOURS = {1: "#0072b2", -1: "#d55e00"}
_GRID = 31


def preview_png(request: CoilRequest, design: CoilDesign) -> bytes:
    """PNG of a design, the same bytes for the same design."""
    figure = Figure(figsize=(12.0, 4.1), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.15))
    for plane in range(2):
        _plane(axes[plane], request, design, plane)
    _deviation(figure, axes[2], request, design)
    wires, figures = design.wires, design.figures
    figure.suptitle(
        f"{design.component}: {wires.constant:.3f} {unit_of(design.component)}, largest deviation "
        f"{100 * wires.max_deviation:.2f} %, {figures.n_loops} turns, "
        f"{figures.resistance_ohm:.1f} Ω, {1e3 * figures.inductance_h:.2f} mH",
        fontsize=12,
    )
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def _plane(axes: Any, request: CoilRequest, design: CoilDesign, plane: int) -> None:
    first, second = request.plane_axes
    for sense, colour in _COLOURS.items():
        lines = [
            1e3 * loop.points_m[:, [first, second]]
            for loop in design.loops
            if loop.plane == plane and loop.sense == sense
        ]
        style = "solid" if sense == 1 else (0, (4, 1.5))
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.8, linestyles=style))
    half = [500.0 * side for side in request.plane_m]
    box = [1e3 * request.volume_m[axis] for axis in (first, second)]
    corner = [
        1e3 * request.centre_m[axis] - 0.5 * size
        for axis, size in zip((first, second), box, strict=True)
    ]
    axes.add_patch(
        Rectangle((corner[0], corner[1]), *box, fill=False, edgecolor="0.3", linestyle=":")
    )
    axes.set_xlim(-half[0], half[0])
    axes.set_ylim(-half[1], half[1])
    axes.set_aspect("equal")
    place_mm = 1e3 * (plane - 0.5) * request.spacing_m
    axes.set_title(f"plane at {request.normal} = {place_mm:+.0f} mm", fontsize=10)
    axes.set_xlabel(f"{AXES[first]} (mm)")
    axes.set_ylabel(f"{AXES[second]} (mm)")


def _deviation(figure: Figure, axes: Any, request: CoilRequest, design: CoilDesign) -> None:
    """Deviation in the plane through the volume's centre that holds the normal."""
    across, along = request.plane_axes[0], request.normal_index
    reach = 1.6
    sides = [
        request.centre_m[axis] + 0.5 * reach * request.volume_m[axis] * np.linspace(-1, 1, _GRID)
        for axis in (across, along)
    ]
    points = np.tile(np.array(request.centre_m, dtype=np.float64), (_GRID * _GRID, 1))
    grid = np.meshgrid(*sides, indexing="xy")
    points[:, across], points[:, along] = grid[0].ravel(), grid[1].ravel()
    field = wire_field(with_images(request, design.loops_m), points) * 1e6
    wanted = design.wires.constant * target_field(design.component, points)
    inside = design.wires.constant * target_field(design.component, request.grid_m(3))
    top = np.linalg.norm(inside, axis=1).max()
    percent = 100 * np.linalg.norm(field - wanted, axis=1).reshape(_GRID, _GRID) / top
    limit = 100 * request.tolerance
    levels = limit * np.array([0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
    x, y = 1e3 * sides[0], 1e3 * sides[1]
    shown = axes.contourf(x, y, percent, levels=levels, cmap="YlOrBr", extend="max")
    axes.contour(x, y, percent, levels=[limit], colors="0.2", linewidths=1.0)
    corner = [
        1e3 * (request.centre_m[axis] - 0.5 * request.volume_m[axis]) for axis in (across, along)
    ]
    size = [1e3 * request.volume_m[axis] for axis in (across, along)]
    axes.add_patch(
        Rectangle((corner[0], corner[1]), *size, fill=False, edgecolor="0.2", linestyle=":")
    )
    axes.set_aspect("equal")
    axes.set_xlabel(f"{AXES[across]} (mm)")
    axes.set_ylabel(f"{AXES[along]} (mm)")
    axes.set_title("deviation from the wanted field (%), box: target", fontsize=10)
    figure.colorbar(shown, ax=axes, shrink=0.85)
