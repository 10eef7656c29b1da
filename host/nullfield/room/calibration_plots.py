"""Pictures of a calibration: the array, gains and angles, places, residuals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from nullfield.analysis.plots.style import (
    X_LABEL,
    Y_LABEL,
    new_axes,
    new_figure,
    plain_axes,
    save_png,
)
from nullfield.room.calibration import Calibration

FloatArray = npt.NDArray[np.float64]

_COLOURS = ("#0072b2", "#d55e00", "#767676")
_NAMES = ("local x", "local y", "beam")
_SHIFT_SCALE = 10.0
_NEAR_M = 0.4


def array_figure(calibration: Calibration, nominal_m: FloatArray) -> Figure:
    """Heads over the chest from above, with where they are against the rig file, ten times larger.

    Parameters
    ----------
    calibration : Calibration
    nominal_m : numpy.ndarray, shape ``(n, 3)``
        Of the calibration's heads, as the rig file says.
    """
    figure, axes = new_axes(7.0, 6.6)
    near = np.linalg.norm(nominal_m, axis=1) < _NEAR_M
    place, shift = 1e3 * nominal_m[near], 1e3 * (calibration.head_position_m - nominal_m)[near]
    spread = 1e3 * calibration.head_position_sigma_m[near]
    axes.quiver(
        place[:, 0], place[:, 1], _SHIFT_SCALE * shift[:, 0], _SHIFT_SCALE * shift[:, 1],
        angles="xy", scale_units="xy", scale=1.0, color="0.3", width=0.004,
    )  # fmt: skip
    gain = 100.0 * (calibration.head_gain[near].mean(axis=1) - 1.0)
    limit = max(float(np.abs(gain).max(initial=0.0)), 0.1)
    dots = axes.scatter(
        place[:, 0], place[:, 1], c=gain, cmap="RdBu_r", vmin=-limit, vmax=limit, s=170,
        edgecolors="0.3", zorder=2,
    )  # fmt: skip
    names = [name for name, is_near in zip(calibration.heads, near, strict=True) if is_near]
    for name, (x, y, _) in zip(names, place, strict=True):
        axes.annotate(name, (x, y), (0, -17), textcoords="offset points", ha="center", fontsize=7)
    figure.colorbar(dots, ax=axes, label="mean gain against ideal (%)", shrink=0.8)
    typical = float(np.sqrt(np.mean(spread**2))) if spread.size else 0.0
    axes.set_title(
        f"{calibration.rig_name}: shift against the rig file, {_SHIFT_SCALE:.0f} times;"
        f" known to {typical:.2f} mm",
        fontsize=10,
    )
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)
    axes.set_aspect("equal")
    axes.margins(0.15)
    plain_axes(axes)
    return figure


def spread_figure(
    calibration: Calibration, nominal_m: FloatArray, nominal_axes: FloatArray
) -> Figure:
    """Histograms of gains, angles and places against the rig file."""
    figure = new_figure(10.0, 3.4)
    panels: Any = figure.subplots(1, 3)
    cosine = np.clip(np.einsum("nak,nak->na", calibration.head_axes, nominal_axes), -1.0, 1.0)
    shift = 1e3 * (calibration.head_position_m - nominal_m)
    for axes, values, label, spread in (
        (
            panels[0], 100.0 * (calibration.head_gain - 1.0), "gain against ideal (%)",
            100.0 * calibration.typical_gain_sigma,
        ),
        (
            panels[1], np.degrees(np.arccos(cosine)), "angle to the rig file's axis (deg)",
            np.degrees(calibration.typical_angle_sigma_rad),
        ),
        (panels[2], shift, "place against the rig file (mm)",
         1e3 * calibration.typical_position_sigma_m),
    ):  # fmt: skip
        columns = [values[:, a] for a in range(3)]
        names = _NAMES if axes is not panels[2] else ("x", "y", "z")
        axes.hist(columns, bins=12, stacked=True, color=_COLOURS, label=names)
        axes.set_xlabel(label)
        axes.set_title(f"known to {spread:.2g}", fontsize=9)
        axes.legend(fontsize=7, frameon=False)
        plain_axes(axes)
    panels[0].set_ylabel("channels")
    return figure


def residual_figure(calibration: Calibration) -> Figure:
    """What the fit leaves at every head, by axis."""
    figure, axes = new_axes(10.0, 3.4)
    places = np.arange(len(calibration.heads))
    for a in range(3):
        axes.bar(
            places + 0.27 * (a - 1), calibration.residual_pt_per_ma[:, a], width=0.25,
            color=_COLOURS[a], label=_NAMES[a],
        )  # fmt: skip
    axes.set_xticks(places, calibration.heads, rotation=90, fontsize=7)
    axes.set_ylabel("residual (pT/mA rms)")
    axes.set_title(
        f"rest of the fit over all windings; reduced chi squared {calibration.reduced_chi2:.2f}",
        fontsize=10,
    )
    axes.legend(fontsize=8, frameon=False)
    plain_axes(axes)
    return figure


def write_calibration_plots(
    calibration: Calibration, nominal_m: FloatArray, nominal_axes: FloatArray, directory: Path
) -> dict[str, Path]:
    """Draw all of it into a folder, which is made if absent.

    Parameters
    ----------
    calibration : Calibration
    nominal_m, nominal_axes : numpy.ndarray, shapes ``(n, 3)`` and ``(n, 3, 3)``
        Of the calibration's heads, as the rig file says.
    directory : Path

    Returns
    -------
    dict of str to Path
        ``array``, ``spread``, ``residuals``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    figures = {
        "array": array_figure(calibration, nominal_m),
        "spread": spread_figure(calibration, nominal_m, nominal_axes),
        "residuals": residual_figure(calibration),
    }
    paths = {name: directory / f"calibration-{name}.png" for name in figures}
    for name, figure in figures.items():
        save_png(figure, paths[name])
    return paths
