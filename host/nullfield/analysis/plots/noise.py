"""Noise spectra, and the residual field of the room."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from nullfield.analysis.plots.style import AXIS_COLOURS, AXIS_LABELS, new_axes, plain_axes
from nullfield.analysis.result import Analysis


def noise_figure(analysis: Analysis) -> Figure | None:
    """Noise spectra between beats, after cleaning: thin lines the channels, thick the median."""
    if not np.isfinite(analysis.quality.noise_ft_rthz).any():
        return None
    good = np.flatnonzero(analysis.used)
    frequency_hz = analysis.quality.spectrum_hz
    density = analysis.quality.spectrum_ft_rthz[good]
    if not np.isfinite(density).all(axis=1).any():
        return None
    is_field = analysis.unit != "uV"
    figure, axes = new_axes(8.0, 4.2)
    band = (frequency_hz > 0.0) & (frequency_hz <= 0.4 * analysis.sampling_rate_hz)
    for axis in (2, 1, 0):
        rows = density[analysis.array.axis_index[good] == axis]
        rows = rows[np.isfinite(rows).all(axis=1)]
        if not len(rows):
            continue
        colour = AXIS_COLOURS[axis]
        axes.loglog(frequency_hz[band], rows[:, band].T, color=colour, linewidth=0.4, alpha=0.3)
        axes.loglog(
            frequency_hz[band],
            np.median(rows, axis=0)[band],
            color=colour,
            linewidth=2.0,
            linestyle=("-", "--", ":")[axis],
            label=f"{AXIS_LABELS[axis]}, median" if is_field else "electric lead",
        )
    low, high = analysis.settings["noise_band_hz"]
    axes.axvspan(low, high, color="0.92", zorder=0)
    axes.text(
        float(np.sqrt(low * high)),
        0.03,
        f"band of the noise figure, {low:g}-{high:g} Hz",
        transform=axes.get_xaxis_transform(),
        ha="center",
        fontsize=8,
        color="0.3",
    )
    axes.set_xlabel("frequency (Hz)")
    # A thousandth of the recording's unit: fT for pT, nV for microvolts.
    axes.set_ylabel(f"noise density ({'fT' if is_field else 'nV'}/√Hz)")
    axes.set_title("Noise between beats, after cleaning")
    axes.grid(True, which="both", color="0.9", linewidth=0.5)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)
    axes.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axes.yaxis.set_minor_formatter(plain)
    axes.legend(fontsize=8, frameon=False, loc="upper right")
    return figure


def residual_figure(residual_pt: Mapping[str, float]) -> Figure:
    """Residual field by state, on a logarithmic scale."""
    figure, axes = new_axes(5.2, 0.9 + 0.55 * len(residual_pt))
    names = list(residual_pt)
    values = np.array([max(float(residual_pt[name]), 1e-3) for name in names])
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, height=0.6, color=["#767676", *["#0072b2"] * (len(names) - 1)])
    for place, value in zip(places, values, strict=True):
        text = f"{value / 1e3:.2f} nT" if value >= 1e3 else f"{value:.0f} pT"
        axes.text(value * 1.15, place, text, va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set_xscale("log")
    axes.set_xlim(min(1.0, float(values.min()) / 2.0), float(values.max()) * 8.0)
    axes.set_xlabel("residual field (pT rms)")
    plain_axes(axes)
    return figure
