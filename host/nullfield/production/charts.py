"""Pictures of many boards: control chart and failures."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nullfield.production.database import Point
from nullfield.production.statistics import Drift, IndividualsChart

_BLUE, _RED, _GREY, _AMBER = "#1f5f99", "#b02020", "#777777", "#b87400"


def control_chart(
    points: list[Point], chart: IndividualsChart, slope: Drift | None, path: Path
) -> None:
    """Individuals chart with moving ranges.

    Parameters
    ----------
    points : list of Point
        In order; those without a value left out before.
    chart : IndividualsChart
        Of the same values.
    slope : Drift, optional
    path : path
        PNG, SVG or PDF by its suffix.
    """
    first = points[0]
    at = np.arange(1, len(points) + 1)
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(10, 6.4), sharex=True, height_ratios=(3, 1.3), layout="constrained"
    )
    upper.plot(at, chart.values, "-o", color=_BLUE, markersize=4.5, linewidth=1)
    for level, name in (
        (chart.centre, "mean"), (chart.upper, "+3σ"), (chart.lower, "-3σ"),
    ):  # fmt: skip
        upper.axhline(level, color=_GREY, linewidth=1, linestyle="-" if name == "mean" else "--")
        upper.annotate(
            f" {name} {level:.4g}", (1.0, level), xycoords=("axes fraction", "data"),
            va="center", fontsize=8, color=_GREY, annotation_clip=False,
        )  # fmt: skip
    _mark(upper, at, chart, chart.outside, "s", _RED, "beyond the limits")
    _mark(upper, at, chart, chart.runs, "D", _AMBER, "eight on one side")
    failed = [i for i, p in enumerate(points) if p.outcome != "pass"]
    if failed:
        upper.plot(
            at[failed], chart.values[failed], "x", color=_RED, markersize=11, mew=2,
            label="fails the test",
        )  # fmt: skip
    if slope is not None and slope.is_significant:
        line = chart.centre + slope.slope * (at - at.mean())
        upper.plot(
            at, line, color=_AMBER, linewidth=1.2,
            label=f"drift {slope.slope:.2g} ± {slope.uncertainty:.1g} a board",
        )  # fmt: skip
    _limits(upper, first, chart)
    upper.set_ylabel(f"{first.name}, {first.measured_in}" if first.measured_in else first.name)
    upper.set_title(f"{first.test}: {first.name}, {len(points)} boards", fontsize=11)
    if upper.get_legend_handles_labels()[0]:
        upper.legend(fontsize=8, loc="best")
    lower.plot(at[1:], chart.ranges, "-o", color=_BLUE, markersize=3.5, linewidth=1)
    lower.axhline(chart.mean_range, color=_GREY, linewidth=1)
    lower.axhline(chart.range_upper, color=_GREY, linewidth=1, linestyle="--")
    high = np.flatnonzero(chart.ranges > chart.range_upper)
    lower.plot(at[1:][high], chart.ranges[high], "s", color=_RED, markersize=6)
    lower.set_ylim(bottom=0)
    lower.set_ylabel("moving range")
    step = max(1, len(points) // 24)
    lower.set_xticks(at[::step], [p.unit for p in points][::step], rotation=60, fontsize=7)
    lower.set_xlabel("unit, in the order of testing")
    for axis in (upper, lower):
        axis.grid(alpha=0.25)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _mark(
    axis: Axes, at: npt.NDArray[np.int64], chart: IndividualsChart, rows: tuple[int, ...], marker: str,
    colour: str, label: str,
) -> None:  # fmt: skip
    if rows:
        chosen = list(rows)
        axis.plot(at[chosen], chart.values[chosen], marker, color=colour, markersize=7, label=label)


def _limits(axis: Axes, point: Point, chart: IndividualsChart) -> None:
    """The test's own limits, where they are near enough to be seen with the values."""
    low = min(float(chart.values.min()), chart.lower)
    high = max(float(chart.values.max()), chart.upper)
    span = max(high - low, 1e-30)
    is_labelled = False
    for limit in (point.lower, point.upper):
        if limit is not None and low - 1.5 * span < limit < high + 1.5 * span:
            axis.axhline(
                limit, color=_RED, linewidth=1, linestyle=":",
                label=None if is_labelled else "limit of the test",
            )  # fmt: skip
            is_labelled = True


def pareto_chart(rows: list[tuple[str, int, float]], path: Path) -> None:
    """Failures by test, the commonest first, with the cumulative share."""
    figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    names = [name for name, _, _ in rows]
    at = np.arange(len(rows))
    axis.bar(at, [count for _, count, _ in rows], color=_BLUE, width=0.7)
    axis.set_xticks(at, names, rotation=35, ha="right", fontsize=8)
    axis.set_ylabel("failed runs")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    share = axis.twinx()
    share.plot(at, [100.0 * part for _, _, part in rows], "-o", color=_AMBER, markersize=4)
    share.set_ylim(0, 105)
    share.set_ylabel("cumulative share, %")
    axis.set_title("Failures by first test that failed", fontsize=11)
    axis.grid(axis="y", alpha=0.25)
    figure.savefig(path, dpi=130)
    plt.close(figure)
