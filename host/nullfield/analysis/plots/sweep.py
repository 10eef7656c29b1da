"""A sweep of a setting: noise, answer and light of each head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from nullfield.analysis.plots.style import new_figure, plain_axes

FloatArray = npt.NDArray[np.float64]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


@dataclass(frozen=True)
class SweepPicture:
    """What is drawn; arrays are ``(n_points, n_heads)``, NaN where a head did not work.

    Attributes
    ----------
    label : str
        Of the horizontal axis, with its unit.
    values : numpy.ndarray, shape ``(n_points,)``
    names : sequence of str
        Of the heads.
    noise_ft_rthz, slope_na_per_nt, light_ua : numpy.ndarray
    present : float
        Value before the sweep.
    suggested : float or None
    as_good : (float, float) or None
        Range that cannot be told from the best.
    """

    label: str
    values: FloatArray
    names: Sequence[str]
    noise_ft_rthz: FloatArray
    slope_na_per_nt: FloatArray
    light_ua: FloatArray
    present: float
    suggested: float | None
    as_good: tuple[float, float] | None


def sweep_figure(picture: SweepPicture) -> Figure:
    """Three panels side by side over the swept value."""
    figure = new_figure(11.0, 3.9)
    panels = figure.subplots(1, 3, sharex=True)
    shown = (
        ("transverse noise, 10-100 Hz (fT/√Hz)", picture.noise_ft_rthz),
        ("answer (nA/nT)", picture.slope_na_per_nt),
        ("light (µA)", picture.light_ua),
    )
    for axes, (label, table) in zip(panels, shown, strict=True):
        for column, name in enumerate(picture.names):
            axes.plot(
                picture.values,
                table[:, column],
                marker="o",
                markersize=3.5,
                linewidth=1.0,
                color=_COLOURS[column % len(_COLOURS)],
                label=name,
            )
        for row in np.flatnonzero(~np.isfinite(table).any(axis=1)):
            axes.axvline(picture.values[row], color="0.6", linestyle=":", linewidth=1.0)
        if picture.as_good is not None and picture.as_good[0] < picture.as_good[1]:
            axes.axvspan(*picture.as_good, color="#009e73", alpha=0.12, zorder=0)
        axes.axvline(picture.present, color="0.5", linewidth=1.0, label="present value")
        if picture.suggested is not None:
            axes.axvline(
                picture.suggested, color="#009e73", linewidth=1.6, linestyle="--", label="suggested"
            )
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel(picture.label)
        axes.set_ylabel(label)
        axes.grid(True, color="0.92", linewidth=0.5)
        plain_axes(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False
    )
    return figure
