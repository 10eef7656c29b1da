"""Figures of an analysis, as PNG files that are the same for the same data.

Matplotlib is used without its global state, so that figures can be drawn from any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from nullfield.analysis.arrows import arrows_pt_per_m
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.result import Analysis, Landmark

DIVERGING = "RdBu_r"
"""Red and blue of equal lightness steps: told apart in every common kind of colour blindness."""
AXIS_COLOURS = {0: "#0072b2", 1: "#d55e00", 2: "#767676"}
AXIS_LABELS = {0: "chest normal (Bz)", 1: "across (Bx)", 2: "beam axis (By)"}
_DPI = 130
_LEVELS = 24
_ARROWS_ACROSS = 13
_SPECTRUM_WINDOW_S = 0.25


def write_plots(
    analysis: Analysis,
    recording: FieldRecording | None,
    directory: Path,
    residual_pt: Mapping[str, float] | None = None,
) -> dict[str, Path]:
    """Draw whatever the analysis holds.

    Parameters
    ----------
    analysis : Analysis
    recording : FieldRecording or None
        The one that was analysed, if it is in memory; not needed.
    directory : Path
        Is made if absent.
    residual_pt : mapping of str to float, optional
        Residual field by state, for instance ``{"before": 24000.0, "after": 35.0}``.

    Returns
    -------
    dict of str to Path
        ``butterfly``, ``map_R``, ``map_T``, ``noise``, ``residual``: those that could be drawn.
    """
    directory.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Figure] = {}
    if analysis.average is not None:
        figures["butterfly"] = butterfly_figure(analysis)
    for name, landmark in analysis.landmarks.items():
        if name in ("R", "T") and landmark is not None and landmark.field_map is not None:
            figures[f"map_{name}"] = map_figure(analysis, landmark)
    noise = noise_figure(analysis)
    if noise is not None:
        figures["noise"] = noise
    if residual_pt:
        figures["residual"] = residual_figure(residual_pt)
    paths = {name: directory / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        save_png(figure, paths[name])
    return paths


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the program's version or a time in the file."""
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=_DPI, metadata={"Software": None})


def butterfly_figure(analysis: Analysis) -> Figure:
    """All good chest channels of the averaged beat over one another, by axis."""
    average = analysis.average
    assert average is not None
    figure, axes = _new(8.0, 4.4)
    time_ms = average.time_s * 1e3
    shown = analysis.used & average.has_beats
    # Bz last, so that the map's own channels lie on top.
    for axis in (2, 1, 0):
        rows = np.flatnonzero(shown & (analysis.array.axis_index == axis))
        for number, row in enumerate(rows):
            axes.plot(
                time_ms,
                average.field_pt[row],
                color=AXIS_COLOURS[axis],
                linewidth=0.7,
                alpha=0.75,
                label=AXIS_LABELS[axis] if number == 0 else None,
            )
    axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
    start, stop = (edge * 1e3 for edge in average.baseline_s)
    axes.axvspan(start, stop, color="0.88", zorder=0, label="baseline")
    for name, landmark in analysis.landmarks.items():
        if landmark is not None:
            at = landmark.time_s * 1e3
            axes.axvline(at, color="0.15", linewidth=0.9, linestyle="--")
            axes.text(
                at + 6.0,
                0.97,
                f"{name}  {_signed(at)} ms",
                transform=axes.get_xaxis_transform(),
                va="top",
                fontsize=9,
            )
    axes.set_xlim(time_ms[0], time_ms[-1])
    axes.set_xlabel("time from R mark (ms)")
    axes.set_ylabel("field (pT)")
    used = average.beats_used[shown]
    beats = f"{int(used.min())}" if len(used) else "0"
    snr = "" if average.snr_db is None else f", SNR {average.snr_db:.0f} dB"
    axes.set_title(f"Averaged beat: {int(shown.sum())} channels, {beats} beats{snr}")
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


def map_figure(analysis: Analysis, landmark: Landmark) -> Figure:
    """Isofield map of Bz with pseudo-current arrows, sensors, poles and dipole."""
    field_map = landmark.field_map
    assert field_map is not None
    figure, axes = _new(6.2, 5.6)
    x_mm, y_mm = field_map.x_m * 1e3, field_map.y_m * 1e3
    limit = max(float(np.abs(field_map.bz_pt).max()), 1e-6)
    levels = np.linspace(-limit, limit, _LEVELS + 1)
    filled = axes.contourf(x_mm, y_mm, field_map.bz_pt, levels, cmap=DIVERGING)
    axes.contour(x_mm, y_mm, field_map.bz_pt, levels[::2], colors="0.35", linewidths=0.4)
    axes.contour(x_mm, y_mm, field_map.bz_pt, [0.0], colors="0.1", linewidths=1.1)
    along_x, along_y = arrows_pt_per_m(field_map)
    step = max(1, round(len(x_mm) / _ARROWS_ACROSS))
    longest_mm = 1.35 * step * float(x_mm[1] - x_mm[0])
    pick = (slice(step // 2, None, step), slice(step // 2, None, step))
    length = np.hypot(along_x, along_y)[pick]
    # Arrows far below the longest would only be specks.
    shown = length > 0.08 * max(float(length.max()), 1e-12)
    grid_x, grid_y = np.meshgrid(x_mm, y_mm)
    axes.quiver(
        grid_x[pick][shown],
        grid_y[pick][shown],
        along_x[pick][shown],
        along_y[pick][shown],
        angles="xy",
        scale_units="xy",
        pivot="mid",
        scale=max(float(length.max()), 1e-12) / longest_mm,
        width=0.0045,
        color="black",
        edgecolor="white",
        linewidth=0.4,
        zorder=3,
    )
    _mark_sensors(axes, analysis, landmark)
    # A pole on the edge is that of the map, not of the heart: it gets no mark.
    if landmark.features is not None and landmark.features.poles_inside:
        for place, sign in (
            (landmark.features.positive_pole_m, "+"),
            (landmark.features.negative_pole_m, "−"),
        ):
            axes.text(
                place[0] * 1e3,
                place[1] * 1e3,
                sign,
                ha="center",
                va="center",
                fontsize=17,
                weight="bold",
                color="white",
                zorder=5,
            )
    dipole = landmark.dipole
    if dipole is not None and not dipole.at_bound:
        at = dipole.position_m * 1e3
        axes.plot(
            at[0],
            at[1],
            marker="D",
            markersize=8,
            markerfacecolor="#f0e442",
            markeredgecolor="black",
            linestyle="none",
            zorder=6,
            label=f"dipole, {-at[2]:.0f} mm deep",
        )
    axes.set_aspect("equal")
    margin = 8.0
    axes.set_xlim(x_mm[0] - margin, x_mm[-1] + margin)
    axes.set_ylim(y_mm[0] - margin, y_mm[-1] + margin)
    axes.set_xlabel("patient right   ←   x (mm)   →   patient left")
    axes.set_ylabel("y (mm)   →   toward head")
    axes.set_title(
        f"Bz at the {landmark.name} peak, {_signed(landmark.time_s * 1e3)} ms"
        f" (z = {field_map.z_m * 1e3:.0f} mm)"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, fontsize=8, frameon=False)
    bar = figure.colorbar(filled, ax=axes, shrink=0.86, ticks=np.linspace(-limit, limit, 5))
    bar.ax.set_yticklabels([_signed(value, ".3g") for value in np.linspace(-limit, limit, 5)])
    bar.set_label("Bz out of the chest (pT)")
    return figure


def noise_figure(analysis: Analysis) -> Figure | None:
    """Noise spectra between beats, after cleaning: thin lines the channels, thick the median."""
    if not np.isfinite(analysis.quality.noise_ft_rthz).any():
        return None
    good = np.flatnonzero(analysis.used)
    frequency_hz = analysis.quality.spectrum_hz
    density = analysis.quality.spectrum_ft_rthz[good]
    figure, axes = _new(8.0, 4.2)
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
            label=f"{AXIS_LABELS[axis]}, median",
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
    axes.set_ylabel("noise density (fT/√Hz)")
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
    figure, axes = _new(5.2, 0.9 + 0.55 * len(residual_pt))
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
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _mark_sensors(axes: Any, analysis: Analysis, landmark: Landmark) -> None:
    array = analysis.array
    used = np.isfinite(landmark.field_pt)
    for chosen, face, label in (
        (array.is_chest & used, "black", "sensor"),
        (
            array.is_chest & analysis.quality.bad_channels & ~_heads_in_use(analysis, used),
            "none",
            "sensor not used",
        ),
    ):
        places = np.unique(np.round(array.positions_m[chosen, :2], 4), axis=0) * 1e3
        if len(places):
            axes.plot(
                places[:, 0],
                places[:, 1],
                linestyle="none",
                marker="o",
                markersize=3.2 if face == "black" else 6.0,
                markerfacecolor=face,
                markeredgecolor="white" if face == "black" else "black",
                markeredgewidth=0.5 if face == "black" else 1.2,
                zorder=4,
                label=label,
            )


def _heads_in_use(analysis: Analysis, used: Any) -> Any:
    names = np.array(analysis.array.head_names)
    return np.isin(names, names[used])


def _signed(value: float, spec: str = ".0f") -> str:
    """A number with its sign, and nothing before a zero."""
    text = format(abs(value), spec)
    if float(text) == 0.0:
        return "0"
    return ("+" if value > 0.0 else "−") + text


def _new(width_in: float, height_in: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    return figure, figure.subplots()
