"""A winding as DXF: closed polylines in millimetres, one layer for each plane and sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nullfield.extras import library
from nullfield.room.coil_design.design import CoilDesign
from nullfield.room.coil_design.request import AXES, CoilRequest

_COLOURS = {1: 5, -1: 30}
"""AutoCAD colour numbers: blue, orange."""
_NAMES = {1: "CCW", -1: "CW"}
_GAP_MM = 300.0


def write_dxf(path: Path, request: CoilRequest, design: CoilDesign) -> None:
    """Write both planes side by side, full size, seen from the tip of the normal.

    Raises
    ------
    AnalysisError
        If ezdxf is not installed.
    """
    ezdxf: Any = library("ezdxf", "drawings as DXF need ezdxf", "coils")
    document = ezdxf.new("R2010", setup=True)
    document.units = ezdxf.units.MM
    space = document.modelspace()
    width, height = (1e3 * side for side in request.plane_m)
    layers = document.layers
    layers.add("OUTLINE", color=8)
    layers.add("TEXT", color=7)
    for plane in range(2):
        for sense, colour in _COLOURS.items():
            layers.add(f"PLANE{plane + 1}_{_NAMES[sense]}", color=colour)
    for plane in range(2):
        shift = plane * (width + _GAP_MM)
        left, right = shift - width / 2, shift + width / 2
        corners = [
            (left, -height / 2),
            (right, -height / 2),
            (right, height / 2),
            (left, height / 2),
        ]
        space.add_lwpolyline(corners, close=True, dxfattribs={"layer": "OUTLINE"})
        place = 1e3 * (plane - 0.5) * request.spacing_m
        space.add_text(
            f"{design.component}: plane at {request.normal} = {place:+.0f} mm",
            height=30.0,
            dxfattribs={"layer": "TEXT"},
        ).set_placement((left, height / 2 + 40.0))
        _dimension(space, left, right, -height / 2, f"{AXES[request.plane_axes[0]]}")
    for loop in design.loops:
        uv = 1e3 * loop.points_m[:-1][:, list(request.plane_axes)]
        uv[:, 0] += loop.plane * (width + _GAP_MM)
        layer = f"PLANE{loop.plane + 1}_{_NAMES[loop.sense]}"
        space.add_lwpolyline(uv.tolist(), close=True, dxfattribs={"layer": layer})
    document.saveas(path)


def _dimension(space: Any, left: float, right: float, bottom: float, axis: str) -> None:
    style = {"dimtxt": 30.0, "dimasz": 20.0, "dimexe": 10.0, "dimexo": 10.0}
    space.add_linear_dim(
        base=(left, bottom - 80.0),
        p1=(left, bottom),
        p2=(right, bottom),
        text=f"<> mm along {axis}",
        override=style,
        dxfattribs={"layer": "TEXT"},
    ).render()
