"""Pages on the static field: where it points, how it changes over the array."""

from __future__ import annotations

from typing import Any

import numpy as np

from nullfield.analysis.plots.style import new_figure, png_bytes
from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    table,
)
from nullfield.room.survey import Residual, Survey

_GRID = 25
_MARGIN_M = 0.03
_LEAST_EXTENT_M = 5e-3
_NAMES = "xyz"


def residual_section(survey: Survey) -> Section:
    """Residual field at the heads, and the model's map."""
    residual = survey.residual
    if residual is None:
        missing = Missing("Residual field", survey.reasons.get("residual", ""))
        return Section("residual", "Residual field", (missing,))
    heads = survey.data.heads
    blocks: list[Block] = [_map_picture(survey, residual)]
    rows = [
        (heads[k].name, *(decimal(v / 1e3, 2) for v in residual.measured_pt[k]),
         decimal(float(np.linalg.norm(residual.measured_pt[k])) / 1e3, 2),
         _remark(residual, k))
        for k in range(len(heads))
    ]  # fmt: skip
    columns = (
        Column("Head", weight=0.8),
        *(Column(f"B{axis} (nT)", True, 0.8) for axis in _NAMES),
        Column("|B| (nT)", True, 0.8),
        Column("Remark", weight=1.6),
    )
    blocks.append(table("Field at the heads, head frame", columns, rows))
    if residual.points:
        rows = [
            (", ".join(decimal(1e3 * p, 0) for p in one.position_m),
             *(f"{decimal(v / 1e3, 2)} ± {decimal(2 * u / 1e3, 2)}"
               for v, u in zip(one.field_pt, one.uncertainty_pt, strict=True)))
            for one in residual.points
        ]  # fmt: skip
        columns = (
            Column("x, y, z in mm", weight=1.4),
            *(Column(f"B{axis} (nT, k = 2)", True, 1.2) for axis in _NAMES),
        )
        blocks.append(table("Field of the model where it was asked", columns, rows))
    blocks.append(
        Text(
            f"The field between the heads is the gradient of a harmonic potential of degree "
            f"{residual.model.degree}, the degree with the most evidence; "
            f"{int(residual.model.used.sum())} heads are in it.",
            "note",
        )
    )
    return Section("residual", "Residual field", tuple(blocks))


def _remark(residual: Residual, k: int) -> str:
    if k in residual.model.outliers:
        return "contradicted by the other heads"
    return "" if residual.model.used[k] else "not in the model"


def _map_picture(survey: Survey, residual: Residual) -> Picture:
    """Three components over the plane of the array's middle."""
    figure = new_figure(10.0, 3.4)
    axes = figure.subplots(1, 3)
    near = [
        k
        for k, h in enumerate(survey.data.heads)
        if not h.is_reference and np.isfinite(residual.measured_pt[k]).all()
    ]
    position = survey.data.positions_m()[near]
    low, high = position.min(axis=0) - _MARGIN_M, position.max(axis=0) + _MARGIN_M
    x, y = (np.linspace(low[a], high[a], _GRID) for a in (0, 1))
    points = np.stack(np.meshgrid(x, y, [residual.centre_m[2]], indexing="xy"), axis=-1)
    field = residual.model.field_pt(points.reshape(-1, 3)).reshape(_GRID, _GRID, 3) / 1e3
    for k in range(3):
        shown = axes[k].contourf(1e3 * x, 1e3 * y, field[..., k], levels=12, cmap="RdBu_r")
        axes[k].plot(*(1e3 * position[:, :2].T), ".", color="0.15", markersize=4)
        axes[k].set_aspect("equal")
        axes[k].set_title(f"B{_NAMES[k]} (nT)", fontsize=10)
        axes[k].set_xlabel("x (mm)")
        figure.colorbar(shown, ax=axes[k], shrink=0.8)
    axes[0].set_ylabel("y (mm)")
    told = ", ".join(f"B{_NAMES[k]} {decimal(residual.centre_pt[k] / 1e3, 2)} nT" for k in range(3))
    caption = (
        f"Model of the residual field in the plane z = {1e3 * residual.centre_m[2]:.0f} mm, room "
        "coils off; dots: heads."
    )
    return Picture("residual", png_bytes(figure), caption, f"{caption} In the middle {told}.")


def gradient_section(survey: Survey) -> Section:
    """Gradient tensor, averaged over the array."""
    residual = survey.residual
    if residual is None or residual.gradient is None:
        why = survey.reasons.get("gradient", survey.reasons.get("residual", ""))
        return Section("gradient", "Gradient", (Missing("Gradient", why),))
    gradient = residual.gradient
    rows = [
        (f"dB{_NAMES[k]}",
         *(f"{decimal(gradient.tensor_pt_per_m[k, j] / 1e3, 2)} ± "
           f"{decimal(2 * gradient.uncertainty_pt_per_m[k, j] / 1e3, 2)}" for j in range(3)))
        for k in range(3)
    ]  # fmt: skip
    columns = (
        Column("nT/m (k = 2)", weight=1.2),
        *(Column(f"/ d{axis}", True, 1.2) for axis in _NAMES),
    )
    caption = "Gradient averaged over the array's heads, head frame"
    size = decimal(gradient.size_pt_per_m / 1e3, 2)
    text = (
        f"Root of the sum of squares of all nine elements: {size} nT/m. The tensor is symmetric and "
        "without trace by Maxwell's equations, which the fit keeps."
    )
    blocks: list[Block] = [_gradient_picture(survey, residual)]
    blocks += [table(caption, columns, rows), Text(text)]
    return Section("gradient", "Gradient", tuple(blocks))


def _gradient_picture(survey: Survey, residual: Residual) -> Picture:
    """Each component at the heads against the place along each axis, with the mean gradient."""
    figure = new_figure(10.0, 3.0)
    assert residual.gradient is not None
    near = np.array([not h.is_reference for h in survey.data.heads])
    near &= np.isfinite(residual.measured_pt).all(axis=1)
    position = survey.data.positions_m()[near]
    away = (residual.measured_pt[near] - residual.measured_pt[near].mean(axis=0)) / 1e3
    offset = position - position.mean(axis=0)
    colours = ("#0072b2", "#d55e00", "#009e73")
    # Heads in one plane say nothing by their places across it.
    wide = [j for j in range(3) if np.ptp(offset[:, j]) > _LEAST_EXTENT_M] or [0]
    plots: Any = figure.subplots(1, len(wide), sharey=True, squeeze=False)[0]
    for column, j in enumerate(wide):
        for k in range(3):
            slope = residual.gradient.tensor_pt_per_m[k, j] / 1e3
            # what the other two axes explain is taken off, so that a line is left
            others = np.delete(np.arange(3), j)
            rest = away[:, k] - offset[:, others] @ (
                residual.gradient.tensor_pt_per_m[k, others] / 1e3
            )
            plots[column].plot(1e3 * offset[:, j], rest, ".", color=colours[k], markersize=5)
            reach = np.array([offset[:, j].min(), offset[:, j].max()])
            plots[column].plot(
                1e3 * reach, slope * reach, color=colours[k], linewidth=1.0, label=f"B{_NAMES[k]}"
            )
        plots[column].set_xlabel(f"{_NAMES[j]} from the array's middle (mm)")
        plots[column].grid(True, color="0.92", linewidth=0.6)
    plots[0].set_ylabel("field − mean (nT)")
    plots[-1].legend(frameon=False, fontsize=8)
    caption = (
        "Field at the heads along each axis, the other axes' gradient taken off (dots), and the mean "
        "gradient (lines)."
    )
    size = decimal(residual.gradient.size_pt_per_m / 1e3, 2)
    return Picture("gradient", png_bytes(figure), caption, f"{caption} Size {size} nT/m.")
