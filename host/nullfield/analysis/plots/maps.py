"""Maps at a peak: isofield lines with the torso, and pseudo-current arrows."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nullfield.analysis.arrows import arrows_pt_per_m
from nullfield.analysis.data import FloatArray
from nullfield.analysis.field_map import FieldMap
from nullfield.analysis.plots.map_axes import (
    UNSURE_LABEL,
    draw_arrows,
    draw_field,
    draw_sensors,
    draw_torso,
    draw_unsure,
    line_step,
)
from nullfield.analysis.plots.style import SEQUENTIAL, X_LABEL, Y_LABEL, new_figure, signed
from nullfield.analysis.result import Analysis, Landmark
from nullfield.analysis.torso_outline import torso_outline

_MARGIN_MM = 8.0


def map_figure(analysis: Analysis, landmark: Landmark) -> Figure:
    """Isofield map of Bz with arrows, sensors, poles and dipole, and where it lies on a torso."""
    field_map = landmark.field_map
    assert field_map is not None
    figure = new_figure(8.6, 5.8)
    axes, side = figure.subplots(1, 2, width_ratios=[2.35, 1.0])
    limit = max(float(np.abs(field_map.bz_pt).max()), 1e-6)
    filled = draw_field(axes, field_map.x_m, field_map.y_m, field_map.bz_pt, limit)
    draw_arrows(axes, field_map.x_m, field_map.y_m, *arrows_pt_per_m(field_map))
    is_unsure = draw_unsure(axes, field_map)
    bad = analysis.quality.bad_channels
    draw_sensors(axes, analysis.array, np.isfinite(landmark.field_pt), bad)
    _mark_poles(axes, landmark)
    _mark_dipole(axes, landmark)
    _frame(axes, field_map)
    axes.set_title(
        f"Bz at the {landmark.name} peak, {signed(landmark.time_s * 1e3)} ms"
        f" (z = {field_map.z_m * 1e3:.0f} mm)"
    )
    handles = list(axes.get_legend_handles_labels()[0])
    if is_unsure:
        handles.append(Patch(facecolor="white", edgecolor="0.2", hatch="xxx", label=UNSURE_LABEL))
    figure.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=8.5, frameon=False)
    _field_bar(figure, axes, filled, limit)
    draw_torso(side, torso_outline(analysis.array))
    draw_field(side, field_map.x_m, field_map.y_m, field_map.bz_pt, limit)
    side.set_title("on the chest, from in front", fontsize=10)
    return figure


def arrows_figure(analysis: Analysis, landmark: Landmark) -> Figure:
    """Pseudo-current arrows over their length; of the measured tangential field too, if any."""
    field_map = landmark.field_map
    assert field_map is not None
    panels = [
        ("Arrows of the gradient of Bz", *arrows_pt_per_m(field_map), "|∇Bz| (pT/mm)", 1e-3),
    ]
    if (
        field_map.is_tangential_measured
        and field_map.bx_pt is not None
        and field_map.by_pt is not None
    ):
        panels.append(
            (
                "Arrows of the tangential field",
                *tangential_arrows_pt(field_map),
                "|Bx, By| (pT)",
                1.0,
            )
        )
    figure = new_figure(6.2, 0.5 + 5.0 * len(panels))
    several = np.atleast_1d(figure.subplots(len(panels), 1))
    for axes, (name, along_x, along_y, label, scale) in zip(several, panels, strict=True):
        length = scale * np.hypot(along_x, along_y)
        filled = axes.contourf(
            1e3 * field_map.x_m, 1e3 * field_map.y_m, length, 12, cmap=SEQUENTIAL, vmin=0.0
        )
        draw_arrows(axes, field_map.x_m, field_map.y_m, along_x, along_y)
        used = np.isfinite(landmark.field_pt)
        draw_sensors(axes, analysis.array, used, analysis.quality.bad_channels)
        _frame(axes, field_map)
        axes.set_title(f"{name} at {landmark.name}, {signed(landmark.time_s * 1e3)} ms")
        bar = figure.colorbar(filled, ax=axes, shrink=0.86)
        bar.set_label(label)
    return figure


def tangential_arrows_pt(field_map: FieldMap) -> tuple[FloatArray, FloatArray]:
    """Arrows (-By, Bx): along the sheet of current that would give this tangential field.

    A sheet of current K below gives ``B = mu0/2 K x z`` above it (Ampere's law), so that K points
    as ``z x B``.
    """
    assert field_map.bx_pt is not None
    assert field_map.by_pt is not None
    return -field_map.by_pt, field_map.bx_pt


def _frame(axes: Any, field_map: FieldMap) -> None:
    axes.set_aspect("equal")
    x_mm, y_mm = field_map.x_m * 1e3, field_map.y_m * 1e3
    axes.set_xlim(x_mm[0] - _MARGIN_MM, x_mm[-1] + _MARGIN_MM)
    axes.set_ylim(y_mm[0] - _MARGIN_MM, y_mm[-1] + _MARGIN_MM)
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)


def _field_bar(figure: Figure, axes: Any, filled: Any, limit: float) -> None:
    step = line_step(limit)
    most = int(limit / step + 1e-9)
    ticks = step * np.arange(-most, most + 1)
    bar = figure.colorbar(filled, ax=axes, shrink=0.86, ticks=ticks)
    bar.ax.set_yticklabels([signed(value, ".3g") for value in ticks])
    bar.set_label(f"Bz out of the chest (pT); a line every {step:g} pT\nsolid +, dashed −, thick 0")


def _mark_poles(axes: Any, landmark: Landmark) -> None:
    # A pole on the edge is that of the map, not of the heart: it gets no mark.
    features = landmark.features
    if features is None or not features.poles_inside:
        return
    for place, sign in ((features.positive_pole_m, "+"), (features.negative_pole_m, "−")):
        axes.text(
            place[0] * 1e3,
            place[1] * 1e3,
            sign,
            ha="center",
            va="center",
            fontsize=17,
            weight="bold",
            color="black",
            bbox={"boxstyle": "circle,pad=0.12", "facecolor": "white", "edgecolor": "black"},
            zorder=5,
        )


def _mark_dipole(axes: Any, landmark: Landmark) -> None:
    dipole = landmark.dipole
    if dipole is None or dipole.at_bound:
        return
    at = dipole.position_m * 1e3
    style = {"markersize": 8, "markerfacecolor": "#f0e442", "markeredgecolor": "black"}
    depth = float(landmark_depth_mm(landmark))
    label = f"dipole, {depth:.0f} mm below the map"
    axes.plot(at[0], at[1], marker="D", linestyle="none", zorder=6, label=label, **style)


def landmark_depth_mm(landmark: Landmark) -> float:
    """Depth of the dipole below the plane of the map."""
    assert landmark.dipole is not None
    assert landmark.field_map is not None
    return 1e3 * float(landmark.field_map.z_m - landmark.dipole.position_m[2])
