"""Small maps of many moments with one scale of colour for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nullfield.analysis.map_series import MapSeries, map_series, series_times_s, series_window_s
from nullfield.analysis.plots.map_axes import draw_field, draw_unsure, line_step
from nullfield.analysis.plots.style import new_figure, signed
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError

_COLUMNS = 5
_MOST = 15
_TITLES = {"QRS": "QRS complex", "STT": "ST segment and T wave"}


def analysis_series(analysis: Analysis, which: str, most: int = _MOST) -> MapSeries:
    """Maps through ``"QRS"``, ``"STT"`` or the whole ``"beat"``, R or T being one of the moments.

    Raises
    ------
    AnalysisError
        If there is no averaged beat, a landmark is missing, or the array gives no map.
    """
    if analysis.average is None:
        raise AnalysisError("there is no averaged beat", analysis.reasons.get("average", ""))
    if analysis.unit == "uV":
        raise AnalysisError("electric leads have no map", "record the field as well")
    window = series_window_s(analysis.marks, which)
    times = analysis.marks.times_s
    centre = times["T"] if which == "STT" else times["R"]
    moments = series_times_s(window, centre, most)
    inside = (moments >= analysis.average.time_s[0]) & (moments <= analysis.average.time_s[-1])
    if not inside.any():
        raise AnalysisError(f"{which} lies outside the averaged beat", "check the landmarks")
    return map_series(analysis.average, analysis.array, moments[inside], analysis.used)


def series_figure(series: MapSeries, which: str, names: dict[float, str]) -> Figure:
    """The figure.

    Parameters
    ----------
    series : MapSeries
    which : str
        ``"QRS"`` or ``"STT"``.
    names : dict of float to str
        Names of moments (s) that are landmarks.
    """
    count = len(series.times_s)
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    field_map = series.field_map
    tall = float(np.clip(np.ptp(field_map.y_m) / np.ptp(field_map.x_m), 0.4, 2.0))
    panel_in = 1.75
    figure = new_figure(
        1.5 + panel_in * max(columns, 3), 0.75 + rows * (0.3 + 0.97 * panel_in * tall)
    )
    panels = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    limit = series.limit_pt
    close = 0.25 * float(np.median(np.diff(series.times_s))) if count > 1 else np.inf
    filled: Any = None
    is_unsure = False
    for number, axes in enumerate(panels):
        axes.set_xticks([])
        axes.set_yticks([])
        if number >= count:
            axes.set_visible(False)
            continue
        moment = field_map.at(number)
        filled = draw_field(axes, moment.x_m, moment.y_m, moment.bz_pt, limit)
        # Against the scale that all share: a weak moment is not unsure because it is weak.
        if moment.error_pt is not None and draw_unsure(axes, moment, limit):
            is_unsure = True
        axes.set_aspect("equal")
        if float(np.abs(moment.bz_pt).max()) < 0.5 * line_step(limit):
            axes.text(
                0.5, 0.5, f"|Bz| < {0.5 * line_step(limit):g} pT", transform=axes.transAxes,
                ha="center", va="center", fontsize=8.5, color="0.3",
            )  # fmt: skip
        time_s = float(series.times_s[number])
        near = [name for at, name in names.items() if abs(at - time_s) < close]
        title = f"{signed(1e3 * time_s)} ms"
        axes.set_title(
            f"{'/'.join(near)}  {title}" if near else title,
            fontsize=10,
            weight="bold" if near else "normal",
            pad=3.0,
        )
    first = panels[columns * (rows - 1)]
    first.set_xlabel("right  ←  patient  →  left", fontsize=9)
    first.set_ylabel("→ head", fontsize=9)
    step = line_step(limit)
    most = int(limit / step + 1e-9)
    ticks = step * np.arange(-most, most + 1)
    bar = figure.colorbar(filled, ax=panels.tolist(), shrink=0.8, aspect=28, ticks=ticks)
    bar.ax.set_yticklabels([signed(value, ".3g") for value in ticks])
    bar.set_label(f"Bz (pT); a line every {step:g} pT: solid +, dashed −, thick 0", fontsize=9)
    width, height = (1e3 * float(np.ptp(line)) for line in (field_map.x_m, field_map.y_m))
    hatched = "; hatched: error > 20 % of the scale" if is_unsure else ""
    figure.suptitle(
        f"Bz through the {_TITLES[which]}, each map {width:.0f} × {height:.0f} mm{hatched}",
        fontsize=11,
    )
    return figure
