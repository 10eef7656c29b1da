"""Numbers of two recordings and their difference, with the interval of each.

The two recordings are independent samples, so the interval of a difference follows from the two
intervals (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702: the square-and-add rule,
which keeps unequal sides); that of the beat interval is bootstrapped over the beats themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FloatArray
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.report.feature_page import readable
from nullfield.analysis.result import Analysis

_DRAWS = 2000
_FEWEST_INTERVALS = 5
_FEWEST_GROUPS = 5


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
    left = {feature.name: feature for feature in first.features}
    right = {feature.name: feature for feature in second.features}
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
    marks = [{**_landmark_times(one), **one.marks.times_s} for one in (first, second)]
    either = {**marks[1], **marks[0]}
    for name in sorted(either, key=lambda one: either[one]):
        # The mark itself is at R in both: it tells nothing.
        if name != "R":
            ends = [1e3 * one[name] if name in one else None for one in marks]
            title = f"R mark to {name.replace('_', ' ')}"
            out.append(difference_of(title, "ms", (ends[0], None, None), (ends[1], None, None)))
    return tuple(out)


def _landmark_times(analysis: Analysis) -> dict[str, float]:
    return {name: one.time_s for name, one in analysis.landmarks.items() if one is not None}


def _beat_interval(first: Analysis, second: Analysis, random: np.random.Generator) -> Difference:
    """Median interval from one normal beat to the next, bootstrapped over the intervals."""
    name, unit = "Median beat interval", "ms"
    series = [_intervals_ms(one) for one in (first, second)]
    values: list[float | None] = [float(np.median(one)) if len(one) else None for one in series]
    if any(len(one) < _FEWEST_INTERVALS for one in series):
        empty = (None, None)
        return difference_of(name, unit, (values[0], *empty), (values[1], *empty))
    draws = [_median_draws(one, random) for one in series]
    return _drawn(name, unit, values, draws, "bootstrap over beats")


def _median_draws(values: FloatArray, random: np.random.Generator) -> FloatArray:
    # One draw at a time: two thousand of a day's beats at once would fill the memory.
    count = len(values)
    return np.array(
        [np.median(values[random.integers(0, count, size=count)]) for _ in range(_DRAWS)]
    )


def size_changes(
    first: Analysis,
    second: Analysis,
    rows: tuple[list[int], list[int]],
    random: np.random.Generator,
) -> tuple[Difference, ...]:
    """RMS over the channels at R and T, bootstrapped over groups of beats.

    Parameters
    ----------
    first, second : Analysis
    rows : (list of int, list of int)
        Channels of each that count.
    random : numpy.random.Generator
    """
    out = []
    for name in ("R", "T"):
        values: list[float | None] = []
        draws = []
        for one, index in zip((first, second), rows, strict=True):
            landmark = one.landmarks.get(name)
            if landmark is None or one.average is None or not index:
                values.append(None)
                continue
            at = one.average.index(landmark.time_s)
            values.append(float(np.sqrt(np.mean(one.average.field_pt[index, at] ** 2))))
            if one.groups is not None and len(one.groups.beats) >= _FEWEST_GROUPS:
                draws.append(_rms_draws(one.groups, index, at, random))
        if None in values:
            continue
        title, unit = f"Field at the {name} peak, RMS over channels", first.unit
        if len(draws) == 2:
            method = "bootstrap over groups of beats"
            out.append(_drawn(title, unit, values, draws, method))
        else:
            empty = (None, None)
            out.append(difference_of(title, unit, (values[0], *empty), (values[1], *empty)))
    return tuple(out)


def _rms_draws(
    groups: BeatGroups, rows: list[int], at: int, random: np.random.Generator
) -> FloatArray:
    field_pt = groups.at(at)[:, rows]
    known = np.isfinite(field_pt)
    count = len(groups.beats)
    times = random.multinomial(count, np.full(count, 1.0 / count), size=_DRAWS)
    weight = times * groups.beats
    total = weight @ np.where(known, field_pt, 0.0)
    beats = weight @ known
    mean = np.where(beats > 0, total / np.maximum(beats, 1), np.nan)
    return np.asarray(np.sqrt(np.nanmean(mean**2, axis=1)))


def _drawn(
    name: str, unit: str, values: list[float | None], draws: list[FloatArray], method: str
) -> Difference:
    """A difference with percentile intervals from draws of both."""
    a, b = values
    assert a is not None
    assert b is not None
    ends = [np.quantile(one, (0.025, 0.975)) for one in (draws[0], draws[1], draws[1] - draws[0])]
    one, two, change = ((float(low), float(high)) for low, high in ends)
    overlap = one[0] <= two[1] and two[0] <= one[1]
    return Difference(name, unit, a, b, b - a, one, two, change, overlap, method)


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
