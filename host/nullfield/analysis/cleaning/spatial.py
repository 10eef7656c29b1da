"""Applying a step that mixes channels, where some samples of some channels are missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray, runs

Operator = Callable[[FloatArray], FloatArray]
"""Takes and gives samples of shape ``(n_channels, n_samples)``; linear over the channels."""
OperatorFor = Callable[[IntArray], Operator | None]
"""The operator for these channels (indices); None if they are too few."""
_BIN_S = 0.0125
_LAG_S = 0.1
_FEWEST_TRIALS = 20
_MOST_TRIALS = 600


def apply_operator(work: Work, channels: BoolArray, operator_for: OperatorFor) -> int:
    """Put the samples of `channels` through an operator, in place.

    Samples that some channels miss get the operator of those that are there; where these are too
    few, the sample becomes NaN in all of them, because a part that is not cleaned would look like
    a jump.

    Parameters
    ----------
    work : Work
    channels : numpy.ndarray of bool, shape ``(n_channels,)``
    operator_for : callable

    Returns
    -------
    int
        Samples that were lost because too few channels were there.
    """
    rows = np.flatnonzero(channels)
    whole = operator_for(rows)
    if whole is None:
        return 0
    known: dict[bytes, Operator | None] = {}
    lost = 0
    for block in work.blocks():
        values = work.field_pt[rows, block]
        finite = np.isfinite(values)
        if finite.all():
            work.field_pt[rows, block] = whole(values)
            continue
        there = finite.all(axis=0)
        out = np.full(values.shape, np.nan)
        out[:, there] = whole(values[:, there])
        patterns, which = np.unique(
            np.packbits(finite[:, ~there], axis=0), axis=1, return_inverse=True
        )
        gaps = np.flatnonzero(~there)
        for index in range(patterns.shape[1]):
            samples = gaps[which.ravel() == index]
            present = finite[:, samples[0]]
            key = patterns[:, index].tobytes()
            if key not in known:
                known[key] = operator_for(rows[present]) if present.any() else None
            part = known[key]
            if part is None:
                lost += len(samples) if present.any() else 0
            else:
                out[np.ix_(present, samples)] = part(values[np.ix_(present, samples)])
        work.field_pt[rows, block] = out
    return lost


def trial_db(
    work: Work, rows: IntArray, operator: Operator, outputs: IntArray | None = None
) -> float | None:
    """What an operator would take away between the beats, tried on some samples.

    The samples are differences over a tenth of a second between means of 12.5 ms, both in one
    pause: that passes 1 to 40 Hz, and needs no filter that would smear the beats into the pauses.

    Parameters
    ----------
    work : Work
    rows : numpy.ndarray of int
        Channels that the operator takes.
    operator : callable
    outputs : numpy.ndarray of int, optional
        Which of `rows` count, by their place among them; None: all.

    Returns
    -------
    float or None
        Median over the channels of the drop in RMS, dB; None where there are too few pauses.
    """
    size = max(1, round(_BIN_S * work.rate_hz))
    lag = max(size, round(_LAG_S * work.rate_hz))
    quiet = np.ones(work.n_samples, dtype=bool) if work.quiet is None else work.quiet
    starts = np.array(
        [
            at
            for start, stop in runs(quiet)
            for at in range(start, stop - lag - size + 1, max(lag, (stop - start) // 4))
        ],
        dtype=np.int64,
    )
    if len(starts) < _FEWEST_TRIALS:
        return None
    starts = starts[:: -(-len(starts) // _MOST_TRIALS)]
    within = np.arange(size)

    def bins(first: IntArray) -> FloatArray:
        picked = work.field_pt[rows[:, None, None], first[None, :, None] + within]
        return np.asarray(picked.mean(axis=2))

    change = bins(starts + lag) - bins(starts)
    change = change[:, np.isfinite(change).all(axis=0)]
    if change.shape[1] < _FEWEST_TRIALS:
        return None
    after = operator(change)
    if outputs is not None:
        change, after = change[outputs], after[outputs]
    before_rms, after_rms = np.sqrt((change**2).mean(axis=1)), np.sqrt((after**2).mean(axis=1))
    return float(np.median(20.0 * np.log10(before_rms / np.maximum(after_rms, 1e-300))))


def in_all(matrix: FloatArray, rows: IntArray, n_channels: int) -> FloatArray:
    """The matrix on some channels as one on all, the others left alone."""
    out = np.eye(n_channels)
    out[np.ix_(rows, rows)] = matrix
    return out
