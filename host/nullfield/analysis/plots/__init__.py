"""Figures of an analysis, as files that are the same for the same data."""

from nullfield.analysis.plots.butterfly import butterfly_figure
from nullfield.analysis.plots.maps import arrows_figure, map_figure
from nullfield.analysis.plots.noise import noise_figure, residual_figure
from nullfield.analysis.plots.series import series_figure
from nullfield.analysis.plots.style import (
    AXIS_COLOURS,
    AXIS_LABELS,
    DIVERGING,
    SEQUENTIAL,
    png_bytes,
    save_png,
)
from nullfield.analysis.plots.time_lapse import TimeLapse, gif_bytes, time_lapse
from nullfield.analysis.plots.write import write_plots

__all__ = [
    "AXIS_COLOURS",
    "AXIS_LABELS",
    "DIVERGING",
    "SEQUENTIAL",
    "TimeLapse",
    "arrows_figure",
    "butterfly_figure",
    "gif_bytes",
    "map_figure",
    "noise_figure",
    "png_bytes",
    "residual_figure",
    "save_png",
    "series_figure",
    "time_lapse",
    "write_plots",
]
