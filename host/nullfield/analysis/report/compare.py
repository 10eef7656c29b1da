"""Two recordings of one subject side by side: rest and stress, before and after.

Nothing here reads a file: two analyses go in. Differences are second minus first. Maps are compared
on one grid, where both arrays have sensors; each is interpolated there from its own channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nullfield.analysis.data import FloatArray
from nullfield.analysis.report.compare_maps import MapPair, map_pair
from nullfield.analysis.report.compare_values import (
    Difference,
    feature_differences,
    finite,
    interval_changes,
)
from nullfield.analysis.report.compare_warnings import averaged_rate_hz, comparison_warnings
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError

SCHEMA = "nullfield-comparison/1"


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
            "intervals": [asdict(one) for one in self.intervals],
            "features": [asdict(one) for one in self.features],
            "maps": {
                name: {
                    "correlation": finite(pair.correlation),
                    "relative_difference": finite(pair.relative_difference),
                    "magnification": finite(pair.magnification),
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
        told or averaged_rate_hz(one)
        for told, one in zip(sampling_rates_hz, (first, second), strict=True)
    )
    maps: dict[str, MapPair] = {}
    for name in ("R", "T"):
        try:
            maps[name] = map_pair(name, first, second)
        except AnalysisError as error:
            reasons[f"{name}.map"] = error.message
    power, is_common = _power(first, second, labels)
    if len(power) < 2:
        reasons["power"] = "one of the recordings has no averaged beat"
    warnings = comparison_warnings(first, second, labels, rates)
    if len(power) == 2 and not is_common:
        warnings.append("no channel names in common: each power is over its own channels")
    return Comparison(
        first,
        second,
        labels,
        power,
        maps,
        feature_differences(first, second),
        interval_changes(first, second, np.random.default_rng(seed)),
        tuple(warnings),
        reasons,
    )


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


def _quality_json(one: Analysis) -> dict[str, Any]:
    noise = one.noise_summary_ft_rthz()
    return {
        "noise_median_ft_rthz": None if noise is None else noise[0],
        "beats_accepted": one.beats.n_accepted,
        "beats_found": len(one.beats.samples),
        "snr_db": None if one.average is None else one.average.snr_db,
        "bad_channels": int(one.quality.bad_channels.sum()),
    }
