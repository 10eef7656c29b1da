"""Whether the 95 % intervals of a comparison hold the truth, and false alarms of the map's.

Pairs of recordings of one known heart are drawn; nothing of the truth is shown to the comparison.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.analysis.simulated_heart import make_array, simulate
from tests.bench.figures import Figure

from nullfield.analysis.chain import analyze
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.report.compare import compare
from nullfield.analysis.report.compare_values import difference_of, size_changes
from nullfield.analysis.result import Analysis

_GROUP = "comparison of two recordings"
_PEAKS = ("R", "T")
_PAIRS = 300
_BEATS = (40, 70)
_BEAT_NOISE_PT = 0.4
_GROWTH = 1.02
"""Second over first: the truth that the intervals have to hold."""


def figures() -> list[Figure]:
    """Coverage of the three kinds of intervals."""
    random = np.random.default_rng(606)
    base = analyze(simulate(make_array(4, (0, 1)), duration_s=20.0).recording)
    covered = size_coverage(base, random)
    again = analyze(simulate(make_array(4, (0, 1)), duration_s=20.0, seed=77).recording)
    pairs = compare(base, again).maps
    clear = {name: pair.is_clear for name, pair in pairs.items()}
    alarms = [float(one.mean()) for one in clear.values() if one is not None]
    note = f"{_PAIRS} pairs, {_BEATS[0]} and {_BEATS[1]} beats, truth differs by 2 %"
    own = {"minimum": 0.92, "is_own_goal": True}
    return [
        Figure(_GROUP, "coverage, size at R", covered["R"], "", note=note, **own),
        Figure(_GROUP, "coverage, size at T", covered["T"], "", note=note, **own),
        Figure(_GROUP, "coverage, square-and-add of skewed intervals", skewed_coverage(random), "",
               note="means of 12 exponential values, exact intervals", **own),
        Figure(_GROUP, "map called different though the heart is the same", max(alarms), "",
               maximum=0.05, is_own_goal=True, note="share of the map, R and T"),
    ]  # fmt: skip


def size_coverage(base: Analysis, random: np.random.Generator) -> dict[str, float]:
    """How often the interval of the difference of sizes holds the truth, by peak."""
    average = base.average
    assert average is not None
    # Only these two moments are looked at: all others would cost time and change nothing.
    times_s = np.array([base.marks.times_s[name] for name in _PEAKS])
    truth_pt = average.field_pt[:, [average.index(one) for one in times_s]]
    base = replace(base, average=replace(average, time_s=times_s, field_pt=truth_pt))
    change = (_GROWTH - 1.0) * np.sqrt(np.mean(truth_pt**2, axis=0))
    rows = list(range(len(truth_pt)))
    hits = np.zeros(len(_PEAKS))
    for _ in range(_PAIRS):
        first = drawn(base, truth_pt, _BEATS[0], random)
        second = drawn(base, _GROWTH * truth_pt, _BEATS[1], random)
        found = size_changes(first, second, (rows, rows), random)
        ends = np.array([one.interval for one in found])
        hits += (ends[:, 0] <= change) & (change <= ends[:, 1])
    return dict(zip(_PEAKS, hits / _PAIRS, strict=True))


def drawn(
    base: Analysis, truth_pt: np.ndarray, beats: int, random: np.random.Generator
) -> Analysis:
    """The analysis of a recording with other noise in each beat."""
    assert base.average is not None
    noise_pt = _BEAT_NOISE_PT * random.normal(size=(beats, *truth_pt.shape))
    field_pt = (truth_pt + noise_pt).astype(np.float32)
    groups = BeatGroups(field_pt, np.ones(beats, dtype=np.int64))
    average = replace(base.average, field_pt=field_pt.mean(axis=0, dtype=np.float64))
    return replace(base, average=average, groups=groups)


def skewed_coverage(random: np.random.Generator) -> float:
    """Coverage of the square-and-add rule for means of exponential values, by exact intervals."""
    from scipy import stats

    count, trials, hits = 12, 4000, 0
    low, high = stats.gamma.ppf((0.025, 0.975), count) / count
    means = random.exponential(size=(trials, 2, count)).mean(axis=2) * [1.0, 2.0]
    for a, b in means:
        one = difference_of("x", "", (a, a / high, a / low), (b, b / high, b / low))
        assert one.interval is not None
        hits += one.interval[0] <= 1.0 <= one.interval[1]
    return hits / trials
