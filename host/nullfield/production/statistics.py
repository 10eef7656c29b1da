"""Many boards: yield, failures, control charts, drift."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

D2 = 1.128
"""Mean range of two normal values by their standard deviation (Montgomery, appendix VI)."""
D4 = 3.267
"""Upper limit of a range of two by the mean range (ibid.)."""
LONG_RUN = 8
"""Points on one side of the centre that chance makes once in 128 times (Western Electric rule 4)."""


@dataclass(frozen=True)
class IndividualsChart:
    """Individuals chart with moving ranges (X-mR).

    Attributes
    ----------
    centre, lower, upper : float
        Of the values: mean and three standard deviations as the moving range tells them.
    mean_range, range_upper : float
    outside : tuple of int
        Points beyond the limits.
    runs : tuple of int
        Last points of runs of `LONG_RUN` on one side of the centre.
    """

    values: FloatArray
    ranges: FloatArray
    centre: float
    lower: float
    upper: float
    mean_range: float
    range_upper: float
    outside: tuple[int, ...]
    runs: tuple[int, ...]

    @property
    def sigma(self) -> float:
        """Short-term standard deviation."""
        return self.mean_range / D2

    @property
    def is_in_control(self) -> bool:
        """Neither a point outside nor a long run."""
        return not self.outside and not self.runs


def individuals_chart(values: Sequence[float]) -> IndividualsChart:
    """Chart of values in their order.

    Raises
    ------
    ValueError
        With fewer than two values.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        raise ValueError("a control chart needs at least two boards")
    ranges = np.abs(np.diff(x))
    mean_range = float(ranges.mean())
    centre = float(x.mean())
    reach = 3.0 * mean_range / D2
    outside = np.flatnonzero(np.abs(x - centre) > reach)
    return IndividualsChart(
        values=x,
        ranges=ranges,
        centre=centre,
        lower=centre - reach,
        upper=centre + reach,
        mean_range=mean_range,
        range_upper=D4 * mean_range,
        outside=tuple(int(at) for at in outside),
        runs=_long_runs(x - centre),
    )


def _long_runs(deviation: FloatArray) -> tuple[int, ...]:
    found = []
    length, side = 0, 0.0
    for at, value in enumerate(deviation):
        now = math.copysign(1.0, value) if value else 0.0
        length = length + 1 if now and now == side else int(bool(now))
        side = now
        if length >= LONG_RUN:
            found.append(at)
    return tuple(found)


@dataclass(frozen=True)
class Drift:
    """Straight line through values against their number.

    Attributes
    ----------
    slope, uncertainty : float
        A board; standard error.
    t : float
        Slope by its error.
    is_significant : bool
        Beyond three standard errors.
    """

    slope: float
    uncertainty: float

    @property
    def t(self) -> float:
        """Slope by its standard error."""
        return self.slope / self.uncertainty if self.uncertainty > 0 else math.inf * self.slope

    @property
    def is_significant(self) -> bool:
        """Whether chance hardly makes such a slope."""
        return self.slope != 0.0 and abs(self.t) > 3.0


def drift(values: Sequence[float]) -> Drift:
    """Least squares against the order of the boards.

    Raises
    ------
    ValueError
        With fewer than three values.
    """
    y = np.asarray(values, dtype=np.float64)
    count = len(y)
    if count < 3:
        raise ValueError("a drift needs at least three boards")
    x = np.arange(count) - (count - 1) / 2.0
    spread = float(x @ x)
    slope = float(x @ y) / spread
    residual = y - y.mean() - slope * x
    return Drift(slope, math.sqrt(float(residual @ residual) / (count - 2) / spread))


@dataclass(frozen=True)
class Yield:
    """Boards that passed at the first run, and at the last.

    Attributes
    ----------
    lower, upper : float
        Wilson's interval of `final` at 95 %.
    """

    boards: int
    first: float
    final: float
    lower: float
    upper: float


def yield_of(outcomes: Sequence[tuple[str, bool]]) -> Yield:
    """Yield from runs in order.

    Parameters
    ----------
    outcomes : sequence of (board, passed)

    Raises
    ------
    ValueError
        Without runs.
    """
    if not outcomes:
        raise ValueError("no runs")
    first: dict[str, bool] = {}
    last: dict[str, bool] = {}
    for board, passed in outcomes:
        first.setdefault(board, passed)
        last[board] = passed
    count = len(last)
    share = sum(last.values()) / count
    lower, upper = wilson(share, count)
    return Yield(count, sum(first.values()) / count, share, lower, upper)


def wilson(share: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    middle = share + z * z / (2.0 * count)
    reach = z * math.sqrt(share * (1.0 - share) / count + z * z / (4.0 * count * count))
    scale = 1.0 + z * z / count
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)


def pareto(failed: Sequence[str]) -> list[tuple[str, int, float]]:
    """Failures by test: name, count, cumulative share; the commonest first."""
    total = len(failed)
    rows = []
    running = 0
    for name, count in sorted(Counter(failed).items(), key=lambda item: (-item[1], item[0])):
        running += count
        rows.append((name, count, running / total))
    return rows
