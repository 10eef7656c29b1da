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
    size_changes,
)
from nullfield.analysis.report.compare_warnings import comparison_warnings
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
    sizes : tuple of Difference
        RMS over the same channels at R and T.
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
    sizes: tuple[Difference, ...]
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
            "sizes": [asdict(one) for one in self.sizes],
            "features": [asdict(one) for one in self.features],
            "maps": {
                name: {
                    "correlation": finite(pair.correlation),
                    "relative_difference": finite(pair.relative_difference),
                    "magnification": finite(pair.magnification),
                    "largest_difference_pt": float(np.abs(pair.difference_pt).max()),
                    "clear_share": None if pair.is_clear is None else float(pair.is_clear.mean()),
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
    seed: int = 0,
) -> Comparison:
    """Compare two analyses of one subject.

    Parameters
    ----------
    first, second : Analysis
    labels : (str, str)
        Short names; the same ones are told apart by a number.
    seed : int
        Of the bootstrap.

    Raises
    ------
    AnalysisError
        If one holds a field and the other a voltage.
    """
    if first.unit != second.unit:
        raise AnalysisError(
            f"{labels[0]} is in {first.unit}, {labels[1]} in {second.unit}: they do not compare",
            "give two recordings of the same kind",
        )
    if labels[0] == labels[1]:
        labels = (f"{labels[0]} (1)", f"{labels[1]} (2)")
    reasons: dict[str, str] = {}
    maps: dict[str, MapPair] = {}
    for name in ("R", "T"):
        try:
            maps[name] = map_pair(name, first, second)
        except AnalysisError as error:
            reasons[f"{name}.map"] = error.message
    random = np.random.default_rng(seed)
    rows = _rows(first, second)
    power = {
        label: (one.average.time_s, _rms(one.average.field_pt[index]))
        for label, one, index in zip(labels, (first, second), rows.index, strict=True)
        if one.average is not None and index
    }
    if len(power) < 2:
        reasons["power"] = "one of the recordings has no averaged beat"
    warnings = comparison_warnings(first, second, labels)
    if len(power) == 2 and not rows.is_common:
        warnings.append("no channel names in common: each power is over its own channels")
    return Comparison(
        first,
        second,
        labels,
        power,
        size_changes(first, second, rows.index, random),
        maps,
        feature_differences(first, second),
        interval_changes(first, second, random),
        tuple(warnings),
        reasons,
    )


@dataclass(frozen=True)
class _Rows:
    index: tuple[list[int], list[int]]
    is_common: bool


def _rows(first: Analysis, second: Analysis) -> _Rows:
    """Channels of the same name that are good in both; each one's own where there are none."""
    shown = []
    for one in (first, second):
        good = np.zeros(one.array.n_channels, dtype=bool)
        if one.average is not None:
            good = one.used & one.average.has_beats
        shown.append({one.array.names[i]: int(i) for i in np.flatnonzero(good)})
    common = [name for name in shown[0] if name in shown[1]]
    if not common:
        return _Rows((list(shown[0].values()), list(shown[1].values())), False)
    return _Rows(([shown[0][name] for name in common], [shown[1][name] for name in common]), True)


def _rms(field_pt: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.mean(field_pt**2, axis=0)))


def _quality_json(one: Analysis) -> dict[str, Any]:
    noise = one.noise_summary_ft_rthz()
    return {
        "noise_median_ft_rthz": None if noise is None else noise[0],
        "beats_accepted": one.beats.n_accepted,
        "beats_found": len(one.beats.samples),
        "snr_db": None if one.average is None else one.average.snr_db,
        "bad_channels": int(one.quality.bad_channels.sum()),
    }
