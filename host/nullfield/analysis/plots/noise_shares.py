"""Noise density of sensor heads with the shares of light, electronics and converters beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nullfield.analysis.plots.style import new_figure, plain_axes

FloatArray = npt.NDArray[np.float64]

_AXIS_COLOURS = ("#0072b2", "#d55e00", "#767676")
_AXIS_WORDS = ("x", "y", "beam")
_SHARE_STYLES = {
    "photon shot noise": ("#009e73", "--"),
    "electronics (light off)": ("#cc79a7", "-."),
    "coil converter": ("#e69f00", ":"),
    "sum of these": ("#000000", "-"),
    "light as it is, beside the modulation": ("#56b4e9", (0, (4, 1, 1, 1, 1, 1))),
}
_LEAST_FT = 0.1


@dataclass(frozen=True)
class NoisePanel:
    """What one head's panel shows.

    Attributes
    ----------
    title : str
    frequency_hz : numpy.ndarray, shape ``(n,)``
    measured_ft_rthz : numpy.ndarray, shape ``(3, n)``
        Rows of NaN are left out.
    shares_ft_rthz : dict of str to numpy.ndarray, shape ``(n,)``
        By the names of the legend, mean of both transverse axes.
    """

    title: str
    frequency_hz: FloatArray
    measured_ft_rthz: FloatArray
    shares_ft_rthz: dict[str, FloatArray]


def noise_shares_figure(
    panels: Sequence[NoisePanel],
    band_hz: tuple[float, float],
    published_ft_rthz: dict[str, float],
) -> Figure:
    """One panel a head.

    Parameters
    ----------
    panels : sequence of NoisePanel
        At least one.
    band_hz : (float, float)
        Where the figures are taken.
    published_ft_rthz : dict of str to float
        Published figures as horizontal lines.
    """
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    figure = new_figure(5.2 * columns + 0.4, 3.5 * rows + 0.9)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for number, axes in enumerate(grid.flat):
        if number >= len(panels):
            axes.set_visible(False)
            continue
        panel = panels[number]
        shown = panel.frequency_hz > 0.0
        axes.axvspan(*band_hz, color="0.93", zorder=0)
        for words, value in published_ft_rthz.items():
            axes.axhline(value, color="0.45", linewidth=0.8)
            axes.text(1.05, value * 1.05, words, fontsize=7, color="0.35", va="bottom")
        for axis in range(3):
            row = panel.measured_ft_rthz[axis]
            if np.isfinite(row[shown]).all():
                axes.loglog(
                    panel.frequency_hz[shown],
                    np.maximum(row[shown], _LEAST_FT / 10.0),
                    color=_AXIS_COLOURS[axis],
                    linewidth=0.9,
                    label=f"measured, {_AXIS_WORDS[axis]}",
                )
        for name, density in panel.shares_ft_rthz.items():
            colour, style = _SHARE_STYLES[name]
            axes.loglog(
                panel.frequency_hz[shown],
                np.maximum(density[shown], _LEAST_FT / 10.0),
                color=colour,
                linestyle=style,
                linewidth=1.5,
                label=name,
            )
        axes.set_title(panel.title, fontsize=10)
        axes.set_ylim(bottom=_LEAST_FT)
        axes.grid(True, which="major", color="0.9", linewidth=0.5)
        axes.xaxis.set_major_formatter(plain)
        axes.yaxis.set_major_formatter(plain)
        plain_axes(axes)
        if number % columns == 0:
            axes.set_ylabel("noise density (fT/√Hz)")
        if number >= len(panels) - columns:
            axes.set_xlabel("frequency (Hz)")
            axes.tick_params(labelbottom=True)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3 if columns > 1 else 2, fontsize=8,
        frameon=False,
    )  # fmt: skip
    return figure
