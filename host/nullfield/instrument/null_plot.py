"""A null in one picture: the field over the array before and after, and the currents it took."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from nullfield.analysis.plots.style import (
    AXIS_COLOURS,
    DIVERGING,
    X_LABEL,
    Y_LABEL,
    new_figure,
    plain_axes,
)
from nullfield.instrument.null_result import NullResult
from nullfield.rig import Rig

FloatArray = npt.NDArray[np.float64]

_ARROW_MM = 35.0
"""Length of the longest arrow: about the pitch of the heads."""


def null_figure(rig: Rig, result: NullResult) -> Figure:
    """Field over the array before and after, in scales of their own, and the coils' currents.

    Parameters
    ----------
    rig : Rig
    result : NullResult
        With the field at each head.
    """
    figure = new_figure(14.0, 4.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.0))
    for axes, title, field_pt in (
        (left, "before", result.before_pt),
        (middle, "after", result.after_pt),
    ):
        _draw_field(figure, axes, rig, result, field_pt, title)
    _draw_currents(right, rig, result)
    return figure


def _draw_field(
    figure: Figure, axes: Any, rig: Rig, result: NullResult, field_pt: FloatArray, title: str
) -> None:
    heads = {head.name: head for head in rig.heads}
    used = [heads[name] for name in result.heads]
    vector = np.einsum("nak,na->nk", np.array([h.axes for h in used]), field_pt)
    unit, factor = ("nT", 1e-3) if np.abs(vector).max() >= 1000.0 else ("pT", 1.0)
    vector = vector * factor
    place_mm = rig.positions_m(tuple(used)) * 1e3
    rest = [h for h in rig.heads if h.kind == "array" and h.name not in result.heads]
    if rest:
        gone_mm = rig.positions_m(tuple(rest)) * 1e3
        axes.plot(gone_mm[:, 0], gone_mm[:, 1], "x", color="#555555", label="not used")
        axes.legend(loc="upper right", frameon=False, fontsize=8)
    reach = float(np.abs(vector[:, 2]).max()) or 1.0
    dots = axes.scatter(
        place_mm[:, 0], place_mm[:, 1], c=vector[:, 2], cmap=DIVERGING, vmin=-reach, vmax=reach,
        s=70, edgecolors="#555555", linewidths=0.5, zorder=1,
    )  # fmt: skip
    longest = float(np.hypot(vector[:, 0], vector[:, 1]).max()) or 1.0
    axes.quiver(
        place_mm[:, 0], place_mm[:, 1], vector[:, 0], vector[:, 1], angles="xy", scale_units="xy",
        scale=longest / _ARROW_MM, width=0.006, zorder=2, pivot="mid",
    )  # fmt: skip
    figure.colorbar(dots, ax=axes, label=f"Bz ({unit})", shrink=0.85)
    rms = float(np.sqrt(np.mean(vector**2)))
    axes.set_title(
        f"{title}: {rms:.3g} {unit} rms, longest arrow {longest:.3g} {unit}", fontsize=10
    )
    axes.set_xlabel(X_LABEL, fontsize=8)
    axes.set_ylabel(Y_LABEL, fontsize=8)
    axes.set_aspect("equal")
    # Room for half of an arrow at the outermost heads.
    low_mm, high_mm = place_mm.min(axis=0) - _ARROW_MM * 0.6, place_mm.max(axis=0) + _ARROW_MM * 0.6
    axes.set_xlim(low_mm[0], high_mm[0])
    axes.set_ylim(low_mm[1], high_mm[1])
    plain_axes(axes)


def _draw_currents(axes: Any, rig: Rig, result: NullResult) -> None:
    names = list(result.current_ma)
    limit = {coil.name: coil.current_max_ma for coil in rig.coils}
    value = [result.current_ma[name] for name in names]
    colour = ["#b2182b" if name in result.limited else AXIS_COLOURS[0] for name in names]
    place = np.arange(len(names))
    axes.barh(place, value, color=colour)
    for number, name in enumerate(names):
        for side in (-1.0, 1.0):
            axes.plot([side * limit[name]] * 2, [number - 0.4, number + 0.4], color="#777777")
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.axvline(0.0, color="#777777", linewidth=0.8)
    axes.set_xlabel("current (mA); grey marks: limits")
    axes.set_title("coil currents", fontsize=10)
    plain_axes(axes)
