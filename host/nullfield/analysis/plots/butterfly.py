"""The averaged beat: all channels over one another by component, and their common power."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nullfield.analysis.data import FloatArray, IntArray, SensorArray
from nullfield.analysis.plots.style import AXIS_COLOURS, new_figure, plain_axes, signed, unit_label
from nullfield.analysis.result import Analysis

COMPONENTS = ("Bx", "By", "Bz", "field")
_COLOURS = (AXIS_COLOURS[1], "#4d4d4d", AXIS_COLOURS[0], AXIS_COLOURS[0])
_NAMES = ("Bx, across", "By, toward the head", "Bz, out of the chest", "direction not known")
_LEAST_GAP = 0.035
"""Of the width: landmarks nearer than this are labelled on a second line."""
_MINOR = ("P_onset", "P_offset", "QRS_onset", "QRS_offset", "T_onset", "T_offset")


def components(array: SensorArray) -> IntArray:
    """Component that each channel measures: 0 to 2 for Bx, By, Bz; 3 where not known."""
    known = np.isfinite(array.orientations).all(axis=1)
    largest = np.argmax(np.abs(np.nan_to_num(array.orientations)), axis=1)
    return np.asarray(np.where(known, largest, 3), dtype=np.int64)


def global_power(field_pt: FloatArray, error_pt: FloatArray) -> tuple[FloatArray, FloatArray]:
    """RMS over channels, and its standard error from theirs; each of shape ``(n_times,)``.

    The error of a root of a mean square, to first order, with errors that are independent from
    channel to channel. Where the field is smaller than its error that order is not enough, and the
    RMS of the errors over ``sqrt(2 n)`` is taken, which is the scatter of the power of noise alone.
    """
    n = len(field_pt)
    power = np.sqrt(np.mean(field_pt**2, axis=0))
    first = np.sqrt(((field_pt * error_pt) ** 2).sum(axis=0)) / (n * np.maximum(power, 1e-300))
    noise = np.sqrt(np.mean(error_pt**2, axis=0)) / np.sqrt(2.0 * n)
    return power, np.asarray(np.maximum(first, noise))


def butterfly_figure(analysis: Analysis) -> Figure:
    """All good chest channels of the averaged beat, a panel each component, and their power."""
    average = analysis.average
    assert average is not None
    time_ms = average.time_s * 1e3
    shown = analysis.used & average.has_beats
    kind = components(analysis.array)
    present = [one for one in (2, 0, 1, 3) if (shown & (kind == one)).any()]
    heights = [1.6] * max(1, len(present)) + [1.0]
    figure = new_figure(8.0, 1.0 + 1.35 * sum(heights) / 1.6 + (1.2 if len(present) < 2 else 0.0))
    panels = np.atleast_1d(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    unit = unit_label(analysis.unit)
    for axes, one in zip(panels, present, strict=False):
        rows = np.flatnonzero(shown & (kind == one))
        axes.plot(
            time_ms,
            average.field_pt[rows].T,
            color=_COLOURS[one],
            linewidth=0.8 if len(rows) < 100 else 0.4,
            alpha=0.8 if len(rows) < 100 else 0.45,
        )
        name = _NAMES[one] if analysis.unit != "uV" else "electric lead"
        _corner(axes, f"{name} ({len(rows)} channel{'s' if len(rows) != 1 else ''})")
        axes.set_ylabel(f"{COMPONENTS[one] if analysis.unit != 'uV' else 'voltage'} ({unit})")
        # One more tenth above, where the names stand.
        axes.margins(y=0.12)
    _power_panel(panels[-1], analysis, time_ms, shown, unit)
    start, stop = (edge * 1e3 for edge in average.baseline_s)
    for axes in panels:
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        axes.axvspan(start, stop, color="0.90", zorder=0, linewidth=0)
        _mark_landmarks(axes, analysis)
        plain_axes(axes)
    _name_landmarks(panels[0], analysis, time_ms)
    panels[-1].text(
        0.5 * (start + stop),
        0.93,
        "base",
        transform=panels[-1].get_xaxis_transform(),
        ha="center",
        va="top",
        fontsize=7,
        color="0.35",
    )
    panels[-1].set_xlim(time_ms[0], time_ms[-1])
    panels[-1].set_xlabel("time from R mark (ms)")
    used = average.beats_used[shown]
    beats = f"{int(used.min())}" if len(used) else "0"
    snr = "" if average.snr_db is None else f", SNR {average.snr_db:.0f} dB"
    count = int(shown.sum())
    figure.suptitle(
        f"Averaged beat: {count} channel{'s' if count != 1 else ''}, {beats} beats{snr}",
        fontsize=12,
    )
    return figure


def _power_panel(axes: Any, analysis: Analysis, time_ms: FloatArray, shown: Any, unit: str) -> None:
    average = analysis.average
    if average is None or not shown.any():
        return
    error = average.standard_error_pt[shown]
    power, spread = global_power(average.field_pt[shown], np.nan_to_num(error))
    if np.isfinite(error).any():
        axes.fill_between(
            time_ms,
            np.maximum(power - 1.96 * spread, 0.0),
            power + 1.96 * spread,
            color="#e69f00",
            alpha=0.55,
            linewidth=0,
            label="95 % by the scatter of the beats",
        )
        floor = np.sqrt(np.nanmean(error**2))
        axes.axhline(
            floor, color="0.3", linewidth=0.9, linestyle=":", label="error of one channel, RMS"
        )
    axes.plot(time_ms, power, color="black", linewidth=1.1)
    axes.set_ylim(0.0, 1.18 * max(float(power.max()), 1e-9))
    axes.set_ylabel(f"RMS ({unit})")
    axes.legend(fontsize=7.5, loc="upper right", ncols=2, borderaxespad=0.1, edgecolor="none")


def _mark_landmarks(axes: Any, analysis: Analysis) -> None:
    for name, time_s in _times(analysis).items():
        minor = name in _MINOR
        axes.axvline(
            1e3 * time_s,
            color="0.55" if minor else "0.15",
            linewidth=0.7 if minor else 0.9,
            linestyle=":" if minor else "--",
            zorder=1,
        )


def _name_landmarks(axes: Any, analysis: Analysis, time_ms: FloatArray) -> None:
    """Names of the peaks above the panel, on two lines where they come close."""
    last, level = -np.inf, 0
    width = float(time_ms[-1] - time_ms[0])
    for name, time_s in sorted(_times(analysis).items(), key=lambda item: item[1]):
        if name in _MINOR:
            continue
        at = 1e3 * time_s
        level = 1 - level if at - last < 2.6 * _LEAST_GAP * width else 0
        last = at
        axes.annotate(
            f"{name} {signed(at)}",
            (at, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0.0, 2.0 + 10.0 * level),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            annotation_clip=False,
        )


def _times(analysis: Analysis) -> dict[str, float]:
    times = dict(analysis.marks.times_s)
    for name, landmark in analysis.landmarks.items():
        if landmark is not None:
            times[name] = landmark.time_s
    return times


def _corner(axes: Any, text: str) -> None:
    axes.text(
        0.995,
        0.97,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )
