"""Values against limits: what a test of the plan says.

A value passes if it lies within its limits (simple acceptance). That is only fair if the measurement
is sharp: where the expanded uncertainty (k = 2) is more than a quarter of the span between two limits,
the value is an error of the bench, neither pass nor fail, unless it lies beyond a limit by more than
that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

COVERAGE = 2.0
"""Expanded by standard uncertainty."""
LARGEST_SHARE = 0.25
"""Most of the span between the limits that the expanded uncertainty may take."""


class Outcome(StrEnum):
    """What became of a test."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Limit:
    """Lower and upper limit, both allowed, and where they come from.

    Attributes
    ----------
    source : str
        Board definition, data sheet, fixture, physics, or the design's own budget.
    """

    lower: float | None
    upper: float | None
    source: str

    def __post_init__(self) -> None:
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"lower limit {self.lower:g} above upper limit {self.upper:g}")

    def text(self) -> str:
        """Both limits for people."""
        if self.lower is None and self.upper is None:
            return "told only"
        if self.lower is None:
            return f"<= {self.upper:.6g}"
        if self.upper is None:
            return f">= {self.lower:.6g}"
        if self.lower == self.upper:
            return f"= {self.lower:.6g}"
        return f"{self.lower:.6g} .. {self.upper:.6g}"


def around(nominal: float, tolerance: float, source: str) -> Limit:
    """Limit from a nominal value and a relative tolerance."""
    span = abs(nominal) * tolerance
    return Limit(nominal - span, nominal + span, source)


def exactly(value: float, source: str) -> Limit:
    """Limit that only one value meets, for counts and states."""
    return Limit(value, value, source)


@dataclass(frozen=True)
class Value:
    """One measured value.

    Attributes
    ----------
    name : str
        Which one, for instance ``channel 3``.
    value : float
        In `unit`; NaN for what could not be measured, which fails.
    samples : int
        Measured points behind it.
    uncertainty : float
        Standard uncertainty, in `unit`.
    """

    name: str
    value: float
    unit: str
    limit: Limit
    samples: int = 1
    uncertainty: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """Verdict on this value."""
        if not math.isfinite(self.value):
            return Outcome.FAIL
        lower, upper = self.limit.lower, self.limit.upper
        below = lower - self.value if lower is not None else -math.inf
        above = self.value - upper if upper is not None else -math.inf
        beyond = max(below, above)
        expanded = COVERAGE * self.uncertainty
        if lower is not None and upper is not None and upper > lower:
            is_blunt = expanded > LARGEST_SHARE * (upper - lower)
            if is_blunt and beyond <= expanded:
                return Outcome.ERROR
        return Outcome.FAIL if beyond > 0.0 else Outcome.PASS

    def text(self) -> str:
        """Name, value and unit for people."""
        if not math.isfinite(self.value):
            return f"{self.name}: not seen"
        return f"{self.name}: {self.value:.5g} {self.unit}".strip()


_WORST = (Outcome.FAIL, Outcome.ERROR, Outcome.PASS, Outcome.SKIPPED)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """A failure tells more than an error, an error more than a pass; nothing at all is skipped."""
    met = set(outcomes)
    return next((one for one in _WORST if one in met), Outcome.SKIPPED)


def mean_and_uncertainty(values: Iterable[float]) -> tuple[float, float, int]:
    """Mean, its standard uncertainty from the scatter, and the number of values."""
    numbers = [float(value) for value in values]
    count = len(numbers)
    if count == 0:
        return math.nan, math.nan, 0
    mean = math.fsum(numbers) / count
    if count == 1:
        return mean, 0.0, 1
    variance = math.fsum((number - mean) ** 2 for number in numbers) / (count - 1)
    return mean, math.sqrt(variance / count), count
