"""The map through one beat as an animated GIF, or as single frames for a page's slider."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from nullfield.analysis.map_series import MapSeries
from nullfield.analysis.plots.map_axes import draw_field, draw_torso, line_step
from nullfield.analysis.plots.series import analysis_series
from nullfield.analysis.plots.style import new_figure, plain_axes, signed
from nullfield.analysis.result import Analysis
from nullfield.analysis.torso_outline import torso_outline
from nullfield.errors import InputError

MOST_FRAMES = 40
_FRAME_MS = 150
_LAST_MS = 900
_DPI = 90
_COLOURS = 64


@dataclass(frozen=True)
class TimeLapse:
    """Frames of a map through one beat.

    Attributes
    ----------
    frames_png : tuple of bytes
        One PNG a moment, the same bytes for the same data.
    times_s : tuple of float
        Relative to the R mark of the beats.
    labels : tuple of str
        The moments as text, landmarks by name.
    """

    frames_png: tuple[bytes, ...]
    times_s: tuple[float, ...]
    labels: tuple[str, ...]

    def gif(self) -> bytes:
        """An endless animation, the same bytes for the same data."""
        return gif_bytes(self.frames_png)


def time_lapse(analysis: Analysis, most: int = MOST_FRAMES) -> TimeLapse:
    """Frames from the beginning of P to the end of T, on a schematic torso.

    Raises
    ------
    AnalysisError
        If there is no averaged beat, no R peak, or the array gives no map.
    """
    series = analysis_series(analysis, "beat", most)
    labels = tuple(_label(analysis, float(time)) for time in series.times_s)
    images = _images(analysis, series, labels)
    palette = images[int(np.argmax(np.abs(series.field_map.bz_pt).max(axis=(0, 1))))].quantize(
        _COLOURS, method=Image.Quantize.MEDIANCUT
    )
    frames = []
    for image in images:
        file = io.BytesIO()
        # One palette for all: else still parts would flicker.
        image.quantize(palette=palette, dither=Image.Dither.NONE).save(file, format="PNG")
        frames.append(file.getvalue())
    return TimeLapse(tuple(frames), tuple(float(one) for one in series.times_s), labels)


def gif_bytes(frames_png: Sequence[bytes]) -> bytes:
    """An endless GIF of PNG frames; the last one stands longer.

    Raises
    ------
    InputError
        If there is no frame.
    """
    if not frames_png:
        raise InputError("a GIF of no frames", "give one PNG or more")
    images = []
    for one in frames_png:
        with Image.open(io.BytesIO(one)) as image:
            images.append(image.copy())
    durations = [_FRAME_MS] * (len(images) - 1) + [_LAST_MS]
    file = io.BytesIO()
    images[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations if len(images) > 1 else _LAST_MS,
        loop=0,
        optimize=False,
    )
    return file.getvalue()


def _images(analysis: Analysis, series: MapSeries, labels: Sequence[str]) -> list[Image.Image]:
    """Draw what stands still once, and over it what each moment brings."""
    figure, axes, trace, clock = _stage(analysis, series)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    field_map = series.field_map
    cursor = trace.axvline(0.0, color="#d55e00", linewidth=1.8)
    images = []
    for number, time_s in enumerate(series.times_s):
        canvas.restore_region(still)
        known = set(axes.get_children())
        bz = field_map.bz_pt[..., number]
        draw_field(axes, field_map.x_m, field_map.y_m, bz, series.limit_pt)
        new = [one for one in axes.get_children() if one not in known]
        for artist in sorted(new, key=lambda one: float(one.get_zorder())):
            axes.draw_artist(artist)
        cursor.set_xdata([1e3 * time_s] * 2)
        trace.draw_artist(cursor)
        clock.set_text(labels[number])
        figure.draw_artist(clock)
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
        for artist in new:
            artist.remove()
    return images


def _stage(analysis: Analysis, series: MapSeries) -> tuple[Figure, Any, Any, Any]:
    average = analysis.average
    assert average is not None
    figure = new_figure(6.0, 6.4)
    axes, trace = figure.subplots(2, 1, height_ratios=[5.0, 1.0])
    draw_torso(axes, torso_outline(analysis.array))
    axes.set_title(" ", fontsize=13)
    limit = series.limit_pt
    step = line_step(limit)
    most = int(limit / step + 1e-9)
    ticks = step * np.arange(-most, most + 1)
    field_map = series.field_map
    # Drawn for its colours only, and taken away again.
    known = set(axes.get_children())
    filled = draw_field(axes, field_map.x_m, field_map.y_m, field_map.bz_pt[..., 0], limit)
    bar = figure.colorbar(filled, ax=axes, shrink=0.8, ticks=ticks)
    bar.ax.set_yticklabels([signed(value, ".3g") for value in ticks])
    bar.set_label(f"Bz (pT); a line every {step:g} pT", fontsize=9)
    for artist in [one for one in axes.get_children() if one not in known]:
        artist.remove()
    shown = analysis.used & average.has_beats
    power = np.sqrt(np.mean(average.field_pt[shown] ** 2, axis=0))
    trace.plot(1e3 * average.time_s, power, color="black", linewidth=1.1)
    trace.set_xlim(1e3 * average.time_s[0], 1e3 * average.time_s[-1])
    trace.set_ylim(0.0, None)
    trace.set_xlabel("time from R mark (ms)", fontsize=9)
    trace.set_ylabel("RMS (pT)", fontsize=9)
    trace.tick_params(labelsize=8)
    plain_axes(trace)
    clock = figure.text(0.5, 0.985, "", ha="center", va="top", fontsize=13, weight="bold")
    figure.set_dpi(_DPI)
    return figure, axes, trace, clock


def _label(analysis: Analysis, time_s: float) -> str:
    near = [
        name
        for name, at in analysis.marks.times_s.items()
        if "_" not in name and abs(at - time_s) < 1e-3
    ]
    text = f"{signed(1e3 * time_s)} ms"
    return f"{near[0]}, {text}" if near else text
