"""One number that describes a heart's field, with how sure it is and where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """A research feature.

    Attributes
    ----------
    name : str
    value : float or None
        None where the data do not support it.
    unit : str
        Empty for a plain number.
    low, high : float or None
        95 % bootstrap interval over beats; None where there are too few.
    definition : str
        One sentence.
    source : str
        Publication of the definition.
    reference : (float, float) or None
        Published range, where one was found.
    reference_source : str or None
    reason : str
        Why there is no value, or no interval.
    """

    name: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    definition: str
    source: str
    reference: tuple[float, float] | None = None
    reference_source: str | None = None
    reason: str = ""


NOISY = "raised by noise: the interval is that of the figure without noise"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Definition:
    """What a feature is, apart from its value in a recording; fields as in `Feature`."""

    name: str
    unit: str
    definition: str
    source: str
    reference: Interval | None = None
    reference_source: str | None = None

    def at(
        self, value: float | None, interval: Interval | None = None, reason: str = ""
    ) -> Feature:
        """The feature with its value, its 95 % interval, and why one of them is missing."""
        known = value is not None and math.isfinite(value)
        low, high = interval if known and interval is not None else (None, None)
        if known and high is not None and value is not None and value > high and not reason:
            reason = NOISY
        return Feature(
            name=self.name,
            value=value if known else None,
            unit=self.unit,
            low=low,
            high=high,
            definition=self.definition,
            source=self.source,
            reference=self.reference,
            reference_source=self.reference_source,
            reason=reason,
        )
