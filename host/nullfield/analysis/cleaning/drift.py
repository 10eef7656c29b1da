"""Drift: the level between the beats, without touching ST and T.

A high-pass filter that is strong enough to help bends the ST segment, because a beat has content
down to its own rate. Here the level is known only in the pauses between T and the next P, by their
medians, and is joined by a monotone cubic (PCHIP). Inside a beat what is subtracted is thus a curve
through two or more pauses, which has no content at the heart's rate or above; ST against the pause
before it changes only by what the drift itself does between the two pauses.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import BLOCK, Work
from nullfield.dsp.gaps import BoolArray, FloatArray, runs

_KNOT_S = 1.0
"""Longest stretch of quiet for one knot; where no beats are, one knot every second."""
_SHORTEST_S = 0.04
_LARGEST_HOLE_S = 3.0
"""Over longer times without a pause the level is not known: such samples are marked."""


def remove_drift(work: Work) -> CleaningStep:
    """Subtract the level between the beats, in place; gap-free pieces one by one.

    Returns
    -------
    CleaningStep
        `parameters`: ``knots``, and ``removed_pt`` (median over channels of the range of what was
        subtracted).
    """
    quiet = np.ones(work.n_samples, dtype=bool) if work.quiet is None else work.quiet
    knots = _knots(quiet, work.rate_hz)
    if len(knots) < 2:
        return CleaningStep("drift", False, "fewer than two pauses between beats are known")
    ranges = []
    for channel in np.flatnonzero(~work.bad):
        removed = _level_channel(work.field_pt[channel], knots, work.rate_hz)
        if removed is not None:
            ranges.append(removed)
    if not ranges:
        return CleaningStep("drift", False, "no channel has two pauses between beats")
    told = f"level from {len(knots)} pauses, range {float(np.median(ranges)):.3g} pT"
    parameters = {"knots": len(knots), "removed_pt": float(np.median(ranges))}
    return CleaningStep("drift", True, told, parameters=parameters)


def _knots(quiet: BoolArray, rate_hz: float) -> list[tuple[int, int]]:
    longest, shortest = max(1, round(_KNOT_S * rate_hz)), max(1, round(_SHORTEST_S * rate_hz))
    out: list[tuple[int, int]] = []
    for start, stop in runs(quiet):
        count = max(1, round((stop - start) / longest))
        edges = np.linspace(start, stop, count + 1).astype(int)
        out += [(int(a), int(b)) for a, b in pairwise(edges) if b - a >= shortest]
    return out


def _level_channel(row: FloatArray, knots: list[tuple[int, int]], rate_hz: float) -> float | None:
    times, levels = [], []
    for start, stop in knots:
        piece = row[start:stop]
        good = np.isfinite(piece)
        if good.sum() * 2 >= stop - start:
            times.append(0.5 * (start + stop - 1))
            levels.append(float(np.median(piece[good])))
    if len(times) < 2:
        return None
    curve = PchipInterpolator(times, levels)
    at = np.array(times)
    for start in range(0, len(row), BLOCK):
        sample = np.arange(start, min(len(row), start + BLOCK))
        # Before the first and after the last pause the level stays what it was there.
        row[start : start + BLOCK] -= curve(np.clip(sample, at[0], at[-1]))
    for hole in np.flatnonzero(np.diff(at) > _LARGEST_HOLE_S * rate_hz):
        row[int(at[hole]) + 1 : int(at[hole + 1])] = np.nan
    return float(np.ptp(levels))
