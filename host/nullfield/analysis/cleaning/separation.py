"""Signal-space separation: what comes from inside the body, and what comes from far outside.

Fields of sources near an origin in the body are expanded in one set of harmonics, fields of far
sources in another; both are fitted to the channels together and the inner part is kept (Taulu &
Kajola, J. Appl. Phys. 97, 2005). The method was made for helmets. An array on one side of the body
tells the two sets apart only if it is large and sees more than one direction: the condition number
and the share of hearts that survives say whether it does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nullfield.analysis.cleaning.harmonics import inner_basis, outer_basis
from nullfield.analysis.cleaning.heart import (
    DEPTHS_M,
    LEAST_UNCORRECTED_SHARE,
    ensemble,
    kept_share,
)
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.spatial import Operator, apply_operator, in_all, trial_db
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import SensorArray
from nullfield.dsp.gaps import FloatArray, IntArray

_CHANNELS_PER_TERM = 1.25
_LEAST_INNER_ORDER = 3
_RANK = 1e-4
_LARGEST_NOISE_GAIN = 2.0
_NAME = "separation"


def separation_step(work: Work, settings: CleaningSettings) -> CleaningStep:
    """Keep the inner part, in place, where the geometry tells it from the outer one.

    Returns
    -------
    CleaningStep
        `parameters`: ``inner_order`` (the one that keeps most of the worst heart) and
        ``outer_order``, ``condition`` of what both bases have in numerical rank, ``noise_gain``
        (sensor noise after over before, RMS over the channels).
    """
    rows = np.flatnonzero(work.placed_chest)
    outer = settings.separation_outer_order
    most = min(settings.separation_inner_order, _largest_inner(len(rows), outer))
    if outer < 1 or most < _LEAST_INNER_ORDER:
        return CleaningStep(
            _NAME,
            False,
            f"{len(rows)} channels with a place are too few: an inner expansion to degree"
            f" {_LEAST_INNER_ORDER} beside an outer one to degree {outer} needs"
            f" {_needed(_LEAST_INNER_ORDER, outer)}",
        )
    axes = work.array.orientations[rows]
    if np.linalg.matrix_rank(axes, tol=0.1 * np.sqrt(len(rows))) < 2:
        reason = "all channels point the same way: inner and outer fields look alike"
        return CleaningStep(_NAME, False, reason)
    leads = ensemble(work.array, work.placed_chest)
    # Too low a degree cuts off shallow hearts, too high a one takes in the outer field and noise.
    tried = [
        _judged(work.array, rows, order, outer, leads)
        for order in range(_LEAST_INNER_ORDER, most + 1)
    ]
    (_, share), gain, inner, condition, matrix = max(tried, key=lambda one: one[0])
    parameters: dict[str, Any] = {
        "inner_order": inner,
        "outer_order": outer,
        "condition": condition,
        "noise_gain": gain,
    }
    if share < LEAST_UNCORRECTED_SHARE or gain > _LARGEST_NOISE_GAIN:
        reason = (
            f"with this array {100 * share:.0f} % of the worst heart would be left,"
            f" {100 * LEAST_UNCORRECTED_SHARE:.0f} % are needed, and sensor noise would change"
            f" {gain:.1f} times: use harmonic correction or references"
        )
        return CleaningStep(_NAME, False, reason, None, share, parameters)

    gain_db = trial_db(work, rows, lambda values: matrix @ values)
    if gain_db is not None and gain_db < settings.least_gain_db:
        reason = f"it would take away {gain_db:.1f} dB only: not used"
        return CleaningStep(_NAME, False, reason, None, share, parameters)

    def operator_for(present: IntArray) -> Operator | None:
        if len(present) < _needed(inner, outer):
            return None
        keep, fit, _ = _factors(work.array, present, inner, outer)
        return lambda values: keep @ (fit @ values)

    lost = apply_operator(work, work.placed_chest, operator_for)
    work.then(in_all(matrix, rows, work.n_channels))
    told = f"{_terms(inner)} inner terms kept, {_terms(outer)} outer ones removed"
    if lost:
        told += f"; {lost} samples lost where too few channels were there"
    return CleaningStep(_NAME, True, told, None, share, parameters)


def _judged(
    array: SensorArray, rows: IntArray, inner: int, outer: int, leads: FloatArray
) -> tuple[tuple[bool, float], float, int, float, FloatArray]:
    """Whether noise stays within bounds and the kept share, to rank by; then what was found."""
    basis, estimator, condition = _factors(array, rows, inner, outer)
    matrix = np.asarray(basis @ estimator)
    gain = float(np.sqrt((matrix**2).sum() / len(rows)))
    rank = (gain <= _LARGEST_NOISE_GAIN, kept_share(matrix, leads))
    return rank, gain, inner, condition, matrix


def _terms(order: int) -> int:
    return order * (order + 2)


def _needed(inner: int, outer: int) -> int:
    return int(np.ceil(_CHANNELS_PER_TERM * (_terms(inner) + _terms(outer))))


def _largest_inner(n_channels: int, outer: int) -> int:
    order = 0
    while _needed(order + 1, outer) <= n_channels:
        order += 1
    return order


def _factors(
    array: SensorArray, rows: IntArray, inner: int, outer: int
) -> tuple[FloatArray, FloatArray, float]:
    """Inner basis, what estimates its amplitudes, and the condition number of both together."""
    positions_m = array.positions_m[rows]
    middle_m = 0.5 * (positions_m.min(axis=0) + positions_m.max(axis=0))
    origin_m = middle_m.copy()
    origin_m[2] = positions_m[:, 2].min() - float(np.mean(DEPTHS_M))
    axes = array.orientations[rows]
    near = inner_basis(positions_m - origin_m, axes, inner)
    far = outer_basis(positions_m - middle_m, axes, outer)
    both = np.concatenate([near, far], axis=1)
    size = np.linalg.svd(both, compute_uv=False)
    estimator = np.linalg.pinv(both, rcond=_RANK)[: near.shape[1]]
    return near, np.asarray(estimator), float(size[0] / size[size > _RANK * size[0]][-1])
