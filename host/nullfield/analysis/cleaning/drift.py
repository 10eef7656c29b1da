"""Drift: the level between the beats, without touching ST and T.

A high-pass filter that is strong enough to help bends the ST segment, because a beat has content
down to its own rate. Here the level is known only in the pauses between T and the next P, by their
medians, and is joined by a monotone cubic (PCHIP). Inside a beat what is subtracted is thus a curve
through two or more pauses, which has next to nothing above half the heart's rate; ST against the pause
before it changes only by what the drift itself does between the two pauses.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray, runs
from nullfield.dsp.products import thin_product

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
    rows = np.flatnonzero(~work.bad)
    levels = _levels(work.field_pt, rows, knots)
    at = np.array([0.5 * (start + stop - 1) for start, stop in knots])
    alike: dict[bytes, list[int]] = {}
    for index, known in enumerate(np.isfinite(levels)):
        if known.sum() >= 2:
            alike.setdefault(known.tobytes(), []).append(index)
    ranges: list[float] = []
    for indices in alike.values():
        known = np.isfinite(levels[indices[0]])
        _subtract(work, rows[indices], at[known], levels[np.ix_(indices, known)])
        ranges += np.ptp(levels[np.ix_(indices, known)], axis=1).tolist()
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


def _levels(field_pt: FloatArray, rows: IntArray, knots: list[tuple[int, int]]) -> FloatArray:
    """Median of each pause, ``(n_rows, n_knots)``; NaN where half of its samples are missing."""
    out = np.full((len(rows), len(knots)), np.nan)
    for knot, (start, stop) in enumerate(knots):
        piece = field_pt[rows, start:stop]
        count = np.isfinite(piece).sum(axis=1)
        whole, partly = count == stop - start, (count < stop - start) & (2 * count >= stop - start)
        out[whole, knot] = np.median(piece[whole], axis=1)
        if partly.any():
            out[partly, knot] = np.nanmedian(piece[partly], axis=1)
    return out


def _subtract(work: Work, rows: IntArray, at: FloatArray, levels: FloatArray) -> None:
    """Subtract the curve through levels (n_rows, n_knots), interval by interval, in place."""
    field_pt = work.field_pt
    curves = PchipInterpolator(at, levels, axis=1).c
    edges = np.ceil(at).astype(int)
    # Before the first and after the last pause the level stays what it was there.
    field_pt[rows, : edges[0]] -= levels[:, :1]
    field_pt[rows, edges[-1] :] -= levels[:, -1:]
    for knot, (start, stop) in enumerate(pairwise(edges)):
        if at[knot + 1] - at[knot] > _LARGEST_HOLE_S * work.rate_hz:
            field_pt[rows, start:stop] = np.nan
            continue
        offset = np.arange(start, stop) - at[knot]
        powers = np.stack([offset**3, offset**2, offset, np.ones(len(offset))])
        field_pt[rows, start:stop] -= thin_product(np.ascontiguousarray(curves[:, knot].T), powers)
