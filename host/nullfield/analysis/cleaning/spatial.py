"""Applying a step that mixes channels, where some samples of some channels are missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray

Operator = Callable[[IntArray], FloatArray | None]
"""For these channels (indices): the matrix to multiply their samples with; None if they are too few."""


def apply_operator(work: Work, channels: BoolArray, operator: Operator) -> int:
    """Multiply the samples of `channels` with an operator, in place.

    Samples that some channels miss get the operator of those that are there; where these are too
    few, the sample becomes NaN in all of them, because a part that is not cleaned would look like
    a jump.

    Parameters
    ----------
    work : Work
    channels : numpy.ndarray of bool, shape ``(n_channels,)``
    operator : callable

    Returns
    -------
    int
        Samples that were lost because too few channels were there.
    """
    rows = np.flatnonzero(channels)
    whole = operator(rows)
    if whole is None:
        return 0
    known: dict[bytes, FloatArray | None] = {}
    lost = 0
    for block in work.blocks():
        values = work.field_pt[rows, block]
        finite = np.isfinite(values)
        if finite.all():
            work.field_pt[rows, block] = whole @ values
            continue
        there = finite.all(axis=0)
        out = np.full(values.shape, np.nan)
        out[:, there] = whole @ values[:, there]
        patterns, which = np.unique(
            np.packbits(finite[:, ~there], axis=0), axis=1, return_inverse=True
        )
        gaps = np.flatnonzero(~there)
        for index in range(patterns.shape[1]):
            samples = gaps[which.ravel() == index]
            present = finite[:, samples[0]]
            key = patterns[:, index].tobytes()
            if key not in known:
                known[key] = operator(rows[present]) if present.any() else None
            matrix = known[key]
            if matrix is None:
                lost += len(samples) if present.any() else 0
            else:
                out[np.ix_(present, samples)] = matrix @ values[np.ix_(present, samples)]
        work.field_pt[rows, block] = out
    return lost


def in_all(matrix: FloatArray, rows: IntArray, n_channels: int) -> FloatArray:
    """The matrix on some channels as one on all, the others left alone."""
    out = np.eye(n_channels)
    out[np.ix_(rows, rows)] = matrix
    return out
