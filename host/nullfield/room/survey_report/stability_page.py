"""Page on how still the field stands."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.plots.style import new_figure, png_bytes
from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    table,
)
from nullfield.room.survey import Survey
from nullfield.room.survey_stability import Stability

_COLOURS = {"x": "#0072b2", "y": "#d55e00"}
_MOST_ROWS = 24


def stability_section(survey: Survey) -> Section:
    """Series, Allan deviation and peak to peak of the streamed axes; the beam axis from maps."""
    still = survey.stability
    if still is None:
        missing = Missing("Stability", survey.reasons.get("stability", ""))
        return Section("stability", "Stability", (missing,))
    blocks: list[Block] = [_picture(survey, still)]
    windows = sorted(still.peak_to_peak_pt)
    names = survey.data.channel_names()
    known = [k for k in range(len(names)) if np.isfinite(still.slope_pt_per_min[k])]
    rows = [
        (names[k], *(decimal(float(still.peak_to_peak_pt[w][k]), 0) for w in windows),
         decimal(float(still.slope_pt_per_min[k]), 1))
        for k in _some(known)
    ]  # fmt: skip
    columns = (
        Column("Channel"),
        *(Column(f"in {w:g} s (pT)", True) for w in windows),
        Column("drift (pT/min)", True),
    )
    caption = f"Peak to peak of averages over {still.interval_s:g} s, and drift"
    if len(known) > _MOST_ROWS:
        caption += f" ({_MOST_ROWS} of {len(known)} channels; all are in survey.json)"
    blocks.append(table(caption, columns, rows))
    residual = survey.residual
    if residual is not None and residual.moved_pt is not None:
        mean = _nanmean(residual.moved_pt)
        text = ", ".join(f"B{a} {decimal(m, 0)} pT" for a, m in zip("xyz", mean, strict=True))
        blocks.append(
            Text(f"From the first map to the last, {residual.moved_s:.0f} s later, the field moved by "
                 f"{text} (mean over the heads, beam axis included).")
        )  # fmt: skip
    return Section("stability", "Stability", tuple(blocks))


def _some(known: list[int]) -> list[int]:
    if len(known) <= _MOST_ROWS:
        return known
    return [known[int(k)] for k in np.linspace(0, len(known) - 1, _MOST_ROWS)]


def _nanmean(values: np.ndarray) -> np.ndarray:
    good = np.isfinite(values)
    return np.asarray(np.where(good, values, 0.0).sum(axis=0) / np.maximum(good.sum(axis=0), 1))


def _picture(survey: Survey, still: Stability) -> Picture:
    figure = new_figure(10.0, 3.6)
    series, deviation = figure.subplots(1, 2, width_ratios=(1.4, 1.0))
    for k, name in enumerate(survey.data.channel_names()):
        axis = name[-1]
        row = still.field_pt[k]
        if not np.isfinite(row).any():
            continue
        series.plot(
            still.time_s, row - np.nanmean(row), color=_COLOURS[axis], linewidth=0.8, alpha=0.6
        )
        deviation.loglog(
            still.tau_s, still.allan_pt[k], color=_COLOURS[axis], linewidth=1.0, alpha=0.6
        )
    for axis, colour in _COLOURS.items():
        series.plot([], [], color=colour, label=f"local {axis}")
    series.set_xlabel("time (s)")
    series.set_ylabel("field − mean (pT)")
    series.legend(frameon=False, fontsize=8)
    deviation.set_xlabel("averaging time (s)")
    deviation.set_ylabel("Allan deviation (pT)")
    for axes in (series, deviation):
        axes.grid(True, color="0.92", linewidth=0.6, which="both")
    caption = (
        f"Left: averages over {still.interval_s:g} s of every channel. Right: overlapping Allan "
        "deviation."
    )
    longest = max(still.peak_to_peak_pt)
    spread = still.peak_to_peak_pt[longest]
    worst = float(np.nanmax(spread)) if np.isfinite(spread).any() else float("nan")
    alt = f"{caption} Largest peak to peak in {longest:g} s: {decimal(worst, 0)} pT."
    return Picture("stability", png_bytes(figure), caption, alt)
