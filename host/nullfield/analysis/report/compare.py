"""Two recordings of one subject side by side: rest and stress, before and after.

Nothing here reads a file: two analyses go in. The two recordings are independent samples, so the
interval of a difference follows from the two intervals (Zou and Donner, Statistics in Medicine 27,
2008, 1693-1702: the square-and-add rule, which keeps unequal sides); that of the beat interval is
bootstrapped over the beats themselves. Maps are compared on one grid, where both arrays have
sensors; each is interpolated there from its own channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray
from nullfield.analysis.field_map import FieldMap, grid_line, map_bz
from nullfield.analysis.report.feature_page import readable
from nullfield.analysis.report.settings_page import flat
from nullfield.analysis.result import Analysis, Landmark
from nullfield.errors import AnalysisError

SCHEMA = "nullfield-comparison/1"
_DRAWS = 2000
_NEAR_M = 0.002
_LEAST_EXTENT_M = 0.02


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


@dataclass(frozen=True)
class MapPair:
    """The maps of both recordings at one landmark, on one grid.

    Attributes
    ----------
    x_m, y_m : numpy.ndarray
        Grid lines, shapes ``(n_x,)`` and ``(n_y,)``.
    z_m : float
    first_pt, second_pt : numpy.ndarray, shape ``(n_y, n_x)``
    correlation : float
        Of the two maps over the grid; blind to their size.
    relative_difference : float
        ``|a/|a| - b/|b||``, from 0 (same shape) to 2 (opposite) (Meijs et al., IEEE Transactions on
        Biomedical Engineering 36, 1989).
    magnification : float
        ``|b|/|a|``, second over first.
    """

    x_m: FloatArray
    y_m: FloatArray
    z_m: float
    first_pt: FloatArray
    second_pt: FloatArray
    correlation: float
    relative_difference: float
    magnification: float

    @property
    def difference_pt(self) -> FloatArray:
        """Second minus first, shape ``(n_y, n_x)``."""
        return np.asarray(self.second_pt - self.first_pt)


@dataclass(frozen=True)
class Comparison:
    """Two analyses, and how they differ.

    Attributes
    ----------
    first, second : Analysis
    labels : (str, str)
    power : mapping of label to ``(time_s, rms)``
        Global field power: RMS over the channels that both recordings have, else over each one's
        own.
    maps : mapping of landmark to MapPair
    features, intervals : tuple of Difference
    warnings : tuple of str
        What makes the comparison doubtful.
    reasons : mapping of str to str
        Why a part is missing.
    """

    first: Analysis
    second: Analysis
    labels: tuple[str, str]
    power: Mapping[str, tuple[FloatArray, FloatArray]]
    maps: Mapping[str, MapPair]
    features: tuple[Difference, ...]
    intervals: tuple[Difference, ...]
    warnings: tuple[str, ...]
    reasons: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dump`; what is not known is None."""
        return {
            "schema": SCHEMA,
            "labels": list(self.labels),
            "warnings": list(self.warnings),
            "quality": [_quality_json(one) for one in (self.first, self.second)],
            "intervals": [_difference_json(one) for one in self.intervals],
            "features": [_difference_json(one) for one in self.features],
            "maps": {
                name: {
                    "correlation": _finite(pair.correlation),
                    "relative_difference": _finite(pair.relative_difference),
                    "magnification": _finite(pair.magnification),
                    "largest_difference_pt": float(np.abs(pair.difference_pt).max()),
                }
                for name, pair in self.maps.items()
            },
            "reasons": dict(self.reasons),
        }


def compare(
    first: Analysis,
    second: Analysis,
    labels: tuple[str, str] = ("A", "B"),
    *,
    sampling_rates_hz: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> Comparison:
    """Compare two analyses of one subject.

    Parameters
    ----------
    first, second : Analysis
    labels : (str, str)
        Short names; the same ones are told apart by a number.
    sampling_rates_hz : (float or None, float or None), optional
        Of the recordings; taken from the averaged beats where left out.
    seed : int
        Of the bootstrap.
    """
    if labels[0] == labels[1]:
        labels = (f"{labels[0]} (1)", f"{labels[1]} (2)")
    reasons: dict[str, str] = {}
    rates = tuple(
        told or _rate_hz(one) for told, one in zip(sampling_rates_hz, (first, second), strict=True)
    )
    maps: dict[str, MapPair] = {}
    for name in ("R", "T"):
        try:
            maps[name] = _map_pair(name, first, second)
        except AnalysisError as error:
            reasons[f"{name}.map"] = error.message
    power, is_common = _power(first, second, labels)
    if len(power) < 2:
        reasons["power"] = "one of the recordings has no averaged beat"
    warnings = _warnings(first, second, labels, rates)
    if len(power) == 2 and not is_common:
        warnings.append("no channel names in common: each power is over its own channels")
    return Comparison(
        first,
        second,
        labels,
        power,
        maps,
        _features(first, second),
        _intervals(first, second, np.random.default_rng(seed)),
        tuple(warnings),
        reasons,
    )


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
        return Difference(name, unit, _finite(a), _finite(b), None)
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


def _features(first: Analysis, second: Analysis) -> tuple[Difference, ...]:
    left = {feature.name: feature for feature in getattr(first, "features", ())}
    right = {feature.name: feature for feature in getattr(second, "features", ())}
    out = []
    for name in dict.fromkeys([*left, *right]):
        a, b = left.get(name), right.get(name)
        unit = (a or b).unit
        out.append(
            difference_of(
                readable(name),
                unit,
                (None, None, None) if a is None else (a.value, a.low, a.high),
                (None, None, None) if b is None else (b.value, b.low, b.high),
            )
        )
    return tuple(out)


def _intervals(
    first: Analysis, second: Analysis, random: np.random.Generator
) -> tuple[Difference, ...]:
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
    if any(len(one) < 5 for one in series):
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


def _map_pair(name: str, first: Analysis, second: Analysis) -> MapPair:
    a, b = first.landmarks.get(name), second.landmarks.get(name)
    if a is None or b is None or a.field_map is None or b.field_map is None:
        raise AnalysisError(f"one of the recordings has no map at {name}")
    one, two = a.field_map, b.field_map
    if not _same_grid(one, two):
        one, two = _on_one_grid(first, a, second, b)
    left, right = one.bz_pt.ravel(), two.bz_pt.ravel()
    norms = float(np.linalg.norm(left)), float(np.linalg.norm(right))
    if min(norms) == 0.0:
        raise AnalysisError(f"a map at {name} is empty")
    shape = float(np.linalg.norm(left / norms[0] - right / norms[1]))
    correlation = float(np.corrcoef(left, right)[0, 1]) if np.ptp(left) and np.ptp(right) else 0.0
    ratio = norms[1] / norms[0]
    return MapPair(one.x_m, one.y_m, one.z_m, one.bz_pt, two.bz_pt, correlation, shape, ratio)


def _same_grid(one: FieldMap, two: FieldMap) -> bool:
    return (
        one.bz_pt.shape == two.bz_pt.shape
        and np.allclose(one.x_m, two.x_m, atol=1e-6)
        and np.allclose(one.y_m, two.y_m, atol=1e-6)
        and abs(one.z_m - two.z_m) < 1e-6
    )


def _on_one_grid(
    first: Analysis, a: Landmark, second: Analysis, b: Landmark
) -> tuple[FieldMap, FieldMap]:
    """Both maps anew where both arrays have sensors, at the height of the higher one."""
    one, two = a.field_map, b.field_map
    assert one is not None
    assert two is not None
    lines = []
    for p, q in ((one.x_m, two.x_m), (one.y_m, two.y_m)):
        low, high = max(float(p[0]), float(q[0])), min(float(p[-1]), float(q[-1]))
        if high - low < _LEAST_EXTENT_M:
            raise AnalysisError(
                "the arrays do not lie over the same part of the chest",
                "record both with the array in the same place",
            )
        lines.append(grid_line(np.array([low, high])))
    height = max(one.z_m, two.z_m)
    x, y = lines
    return tuple(  # type: ignore[return-value]
        map_bz(mark.field_pt, analysis.array, _noise(analysis, mark), x_m=x, y_m=y, z_m=height)
        for analysis, mark in ((first, a), (second, b))
    )


def _noise(analysis: Analysis, landmark: Landmark) -> FloatArray | None:
    if analysis.average is None:
        return None
    error = analysis.average.standard_error_pt[:, analysis.average.index(landmark.time_s)]
    return error if np.isfinite(error[np.isfinite(landmark.field_pt)]).all() else None


def _power(
    first: Analysis, second: Analysis, labels: tuple[str, str]
) -> tuple[dict[str, tuple[FloatArray, FloatArray]], bool]:
    shown = []
    for one in (first, second):
        average = one.average
        rows = np.zeros(one.array.n_channels, dtype=bool)
        if average is not None:
            rows = one.used & average.has_beats
        shown.append({one.array.names[i]: int(i) for i in np.flatnonzero(rows)})
    common = [name for name in shown[0] if name in shown[1]]
    power = {}
    for label, one, rows_of in zip(labels, (first, second), shown, strict=True):
        index = [rows_of[name] for name in common] if common else list(rows_of.values())
        if one.average is not None and index:
            rms = np.sqrt(np.mean(one.average.field_pt[index] ** 2, axis=0))
            power[label] = (one.average.time_s, np.asarray(rms))
    return power, bool(common)


def _warnings(
    first: Analysis,
    second: Analysis,
    labels: tuple[str, str],
    rates_hz: tuple[float | None, ...],
) -> list[str]:
    out = _array_warnings(first.array, second.array, labels)
    for name in ("R", "T"):
        marks = [one.landmarks.get(name) for one in (first, second)]
        grids = [None if mark is None else mark.field_map for mark in marks]
        if grids[0] is not None and grids[1] is not None and not _same_grid(grids[0], grids[1]):
            out.append("the maps have different grids: both were drawn anew where they overlap")
            break
    if None not in rates_hz and not np.isclose(float(rates_hz[0] or 0), float(rates_hz[1] or 0)):
        out.append(f"different sampling rates: {rates_hz[0]:g} and {rates_hz[1]:g} Hz")
    settings = [dict(flat(one.settings)) for one in (first, second)]
    for key in dict.fromkeys([*settings[0], *settings[1]]):
        left, right = (one.get(key, "not told") for one in settings)
        if left != right:
            out.append(f"different settings: {key} is {left} and {right}")
    if first.mains_hz != second.mains_hz:
        out.append("mains was notched in one recording only, or at another frequency")
    steps = [
        {step.name for step in getattr(one, "cleaning", ()) if step.is_applied}
        for one in (first, second)
    ]
    for label, names in zip(labels, (steps[0] - steps[1], steps[1] - steps[0]), strict=True):
        if names:
            out.append(f"cleaned in {label} only: {', '.join(sorted(names))}")
    for label, one in zip(labels, (first, second), strict=True):
        if one.average is None:
            out.append(f"{label} has no averaged beat: {one.reasons.get('average', '')}")
    return out


def _array_warnings(a: SensorArray, b: SensorArray, labels: tuple[str, str]) -> list[str]:
    common = [name for name in a.names if name in set(b.names)]
    if len(common) < max(a.n_channels, b.n_channels):
        text = (
            f"different arrays: {a.n_channels} channels in {labels[0]}, {b.n_channels} in "
            f"{labels[1]}, {len(common)} of the same name"
        )
        return [text]
    where = {name: i for i, name in enumerate(b.names)}
    order = [where[name] for name in a.names]
    moved = np.linalg.norm(a.positions_m - b.positions_m[order], axis=1)
    moved = moved[np.isfinite(moved)]
    if len(moved) and float(moved.max()) > _NEAR_M:
        return [f"sensors stand elsewhere: up to {1e3 * float(moved.max()):.0f} mm apart"]
    return []


def _rate_hz(analysis: Analysis) -> float | None:
    average = analysis.average
    if average is None or len(average.time_s) < 2:
        return None
    return float((len(average.time_s) - 1) / (average.time_s[-1] - average.time_s[0]))


def _interval(
    value: float | None, low: float | None, high: float | None
) -> tuple[float, float] | None:
    if not (_known(value) and _known(low) and _known(high)):
        return None
    return float(low or 0.0), float(high or 0.0)


def _known(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _turn(degrees: float) -> float:
    return float((degrees + 180.0) % 360.0 - 180.0)


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        "name": one.name,
        "unit": one.unit,
        "first": one.first,
        "second": one.second,
        "difference": one.difference,
        "first_interval": one.first_interval,
        "second_interval": one.second_interval,
        "interval": one.interval,
        "is_overlapping": one.is_overlapping,
        "method": one.method,
    }


def _quality_json(one: Analysis) -> dict[str, Any]:
    noise = one.noise_summary_ft_rthz()
    return {
        "noise_median_ft_rthz": None if noise is None else noise[0],
        "beats_accepted": one.beats.n_accepted,
        "beats_found": len(one.beats.samples),
        "snr_db": None if one.average is None else one.average.snr_db,
        "bad_channels": int(one.quality.bad_channels.sum()),
    }
