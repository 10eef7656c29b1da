"""All figures of an analysis into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from nullfield.analysis.plots.butterfly import butterfly_figure
from nullfield.analysis.plots.maps import arrows_figure, map_figure
from nullfield.analysis.plots.noise import noise_figure, residual_figure
from nullfield.analysis.plots.series import analysis_series, series_figure
from nullfield.analysis.plots.style import save_png
from nullfield.analysis.plots.time_lapse import time_lapse
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError


def write_plots(
    analysis: Analysis,
    directory: Path,
    residual_pt: Mapping[str, float] | None = None,
) -> dict[str, Path]:
    """Draw whatever the analysis holds.

    Parameters
    ----------
    analysis : Analysis
    directory : Path
        Is made if absent.
    residual_pt : mapping of str to float, optional
        Residual field by state, for instance ``{"before": 24000.0, "after": 35.0}``.

    Returns
    -------
    dict of str to Path
        ``butterfly``, ``series_QRS``, ``series_STT``, ``map_R``, ``map_T``, ``arrows_R``,
        ``arrows_T``, ``timelapse`` (a GIF), ``noise``, ``residual``: those that could be drawn.
    """
    directory.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Figure] = {}
    if analysis.average is not None:
        figures["butterfly"] = butterfly_figure(analysis)
    mapped = {
        name: landmark
        for name, landmark in analysis.landmarks.items()
        if name in ("R", "T") and landmark is not None and landmark.field_map is not None
    }
    for name, landmark in mapped.items():
        figures[f"map_{name}"] = map_figure(analysis, landmark)
        figures[f"arrows_{name}"] = arrows_figure(analysis, landmark)
    paths: dict[str, Path] = {}
    if mapped:
        peaks = {at: name for name, at in analysis.marks.times_s.items() if "_" not in name}
        for which in ("QRS", "STT"):
            try:
                series = analysis_series(analysis, which)
            except AnalysisError:
                # The reason stands in the analysis: it is a landmark that was not found.
                continue
            figures[f"series_{which}"] = series_figure(series, which, peaks)
        try:
            moving = time_lapse(analysis)
        except AnalysisError:
            pass
        else:
            paths["timelapse"] = directory / "timelapse.gif"
            paths["timelapse"].write_bytes(moving.gif())
    noise = noise_figure(analysis)
    if noise is not None:
        figures["noise"] = noise
    if residual_pt:
        figures["residual"] = residual_figure(residual_pt)
    for name, figure in figures.items():
        paths[name] = directory / f"{name}.png"
        save_png(figure, paths[name])
    return paths
