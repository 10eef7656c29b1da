"""Numbers of two recordings and their difference, with the interval of each.

The two recordings are independent samples, so the interval of a difference follows from the two
intervals (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702: the square-and-add rule,
which keeps unequal sides); that of the beat interval is bootstrapped over the beats themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FloatArray
from nullfield.analysis.report.feature_page import readable
from nullfield.analysis.result import Analysis

_DRAWS = 2000
_FEWEST_INTERVALS = 5


@dataclass(frozen=True)
class Difference:
    """One number in both recordings; differences are second minus first.

    Attributes
    ----------
    name, unit : str
    first, second, difference : float or None
    first_interval, second_interval, interval : (float, float) or None
        95 %.
    is_overlapping : bool or None
        Whether the intervals of first and second overlap; None where one is not known.
    method : str
        Where `interval` comes from.
    """

    name: str
    unit: str
    first: float | None
    second: float | None
    difference: float | None
    first_interval: tuple[float, float] | None = None
    second_interval: tuple[float, float] | None = None
    interval: tuple[float, float] | None = None
    is_overlapping: bool | None = None
    method: str = ""


def difference_of(
    name: str,
    unit: str,
    first: tuple[float | None, float | None, float | None],
    second: tuple[float | None, float | None, float | None],
) -> Difference:
    """Difference of two values ``(value, low, high)`` with the interval by square-and-add.

    Angles in degrees are taken the short way round.
    """
    is_angle = unit in ("deg", "°")
    a, b = first[0], second[0]
    if not (_known(a) and _known(b)):
        return Difference(name, unit, finite(a), finite(b), None)
    assert a is not None
    assert b is not None
    change = _turn(b - a) if is_angle else b - a
    one, two = _interval(*first), _interval(*second)
    if one is None or two is None:
        return Difference(name, unit, a, b, change, one, two)
    low = change - float(np.hypot(b - two[0], one[1] - a))
    high = change + float(np.hypot(two[1] - b, a - one[0]))
    shifted = (a + change - (b - two[0]), a + change + (two[1] - b))
    overlap = shifted[0] <= one[1] and one[0] <= shifted[1]
    method = "square-and-add of both intervals"
    return Difference(name, unit, a, b, change, one, two, (low, high), overlap, method)


def feature_differences(first: Analysis, second: Analysis) -> tuple[Difference, ...]:
    """Every feature that one of the recordings has."""
    left = {feature.name: feature for feature in getattr(first, "features", ())}
    right = {feature.name: feature for feature in getattr(second, "features", ())}
    out = []
    for name in dict.fromkeys([*left, *right]):
        a, b = left.get(name), right.get(name)
        out.append(
            difference_of(
                readable(name),
                {**right, **left}[name].unit,
                (None, None, None) if a is None else (a.value, a.low, a.high),
                (None, None, None) if b is None else (b.value, b.low, b.high),
            )
        )
    return tuple(out)


def interval_changes(
    first: Analysis, second: Analysis, random: np.random.Generator
) -> tuple[Difference, ...]:
    """The beat interval, and the times of the landmarks of the averaged beat."""
    out = [_beat_interval(first, second, random)]
    for name in dict.fromkeys([*first.landmarks, *second.landmarks]):
        a, b = first.landmarks.get(name), second.landmarks.get(name)
        if name == "R" or (a is None and b is None):
            continue
        out.append(
            difference_of(
                f"R mark to {name.replace('_', ' ')}",
                "ms",
                (None if a is None else 1e3 * a.time_s, None, None),
                (None if b is None else 1e3 * b.time_s, None, None),
            )
        )
    return tuple(out)


def _beat_interval(first: Analysis, second: Analysis, random: np.random.Generator) -> Difference:
    """Median interval from one normal beat to the next, bootstrapped over the intervals."""
    name, unit = "Median beat interval", "ms"
    series = [_intervals_ms(one) for one in (first, second)]
    values = [float(np.median(one)) if len(one) else None for one in series]
    if any(len(one) < _FEWEST_INTERVALS for one in series):
        empty = (None, None)
        return difference_of(name, unit, (values[0], *empty), (values[1], *empty))
    draws = [
        np.median(one[random.integers(0, len(one), size=(_DRAWS, len(one)))], axis=1)
        for one in series
    ]
    ends = [tuple(float(v) for v in np.quantile(one, (0.025, 0.975))) for one in draws]
    change = tuple(float(v) for v in np.quantile(draws[1] - draws[0], (0.025, 0.975)))
    (a_low, a_high), (b_low, b_high) = ends
    assert values[0] is not None
    assert values[1] is not None
    return Difference(
        name,
        unit,
        values[0],
        values[1],
        values[1] - values[0],
        (a_low, a_high),
        (b_low, b_high),
        (change[0], change[1]),
        a_low <= b_high and b_low <= a_high,
        f"bootstrap over {len(series[0])} and {len(series[1])} intervals",
    )


def _intervals_ms(analysis: Analysis) -> FloatArray:
    """Between accepted beats that follow one another."""
    accepted = np.asarray(analysis.beats.accepted, dtype=bool)
    intervals = 1e3 * np.diff(analysis.beats.times_s)
    return np.asarray(intervals[accepted[1:] & accepted[:-1]])


def _interval(
    value: float | None, low: float | None, high: float | None
) -> tuple[float, float] | None:
    if not (_known(value) and _known(low) and _known(high)):
        return None
    return float(low or 0.0), float(high or 0.0)


def _known(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def finite(value: float | None) -> float | None:
    """The value, or None where it is no number."""
    return float(value) if value is not None and np.isfinite(value) else None


def _turn(degrees: float) -> float:
    return float((degrees + 180.0) % 360.0 - 180.0)
