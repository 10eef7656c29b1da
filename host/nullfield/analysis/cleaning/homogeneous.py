"""Homogeneous and harmonic field correction: the field of far sources, out of all channels.

A field whose sources are far from the array is a sum of few harmonics: 3 for a uniform field, 8
with its gradients, 15 with its curvatures. The usual correction projects them out, ``I - S pinv(S)``
(Tierney et al., NeuroImage 244, 2021 and 258, 2022). Over a flat array on one side of the chest that
takes much of a deep heart too, since a deep heart is smooth as well. The guarded correction estimates
the harmonics by generalised least squares, with the heart's covariance C over the array as noise,
``I - S (S' C^-1 S)^-1 S' C^-1``: the harmonics are removed as completely, the heart stays as it is,
and the price is some sensor noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield.analysis.cleaning.harmonics import outer_basis
from nullfield.analysis.cleaning.heart import (
    LEAST_KEPT_SHARE,
    LEAST_UNCORRECTED_SHARE,
    covariance,
    ensemble,
    kept_share,
)
from nullfield.analysis.cleaning.settings import CleaningSettings, HomogeneousMethod
from nullfield.analysis.cleaning.spatial import Operator, apply_operator, in_all, trial_db
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import SensorArray
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.dsp.products import thin_product
from nullfield.errors import AnalysisError

_ORDERS = (1, 2, 3)
_RANK = 1e-6
_CHANNELS_PER_TERM = 3
_WORTH_DB = 0.5
"""A higher order has to remove so much more: it costs noise."""
_NAME = "homogeneous field"
_HINT = "use tri-axial heads, a wider array or reference heads"


def homogeneous_projector(array: SensorArray, order: int = 1) -> FloatArray:
    """Projector that removes the harmonics, ``I - S pinv(S)``.

    Lead fields of a map or dipole fit on projected data have to be projected too.

    Parameters
    ----------
    array : SensorArray
        All channels count and need a place.
    order : int
        1, 2 or 3.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_channels)``

    Raises
    ------
    AnalysisError
        If the axes do not span three directions: the term would then take the heart's field with
        it (a planar single-axis array makes it rank one).
    """
    if array.n_channels < 9 or np.linalg.matrix_rank(array.orientations, tol=0.1) < 3:
        raise AnalysisError(
            "the channels span fewer than three directions: a uniform field could be a heart", _HINT
        )
    basis, estimator = _factors(array, np.arange(array.n_channels), order, "orthogonal")
    return np.asarray(np.eye(array.n_channels) - basis @ estimator)


@dataclass(frozen=True)
class _Candidate:
    """One order: what it would do to the heart and to the field between the beats."""

    order: int
    refusal: str
    share: float | None = None
    gain_db: float | None = None
    factors: tuple[FloatArray, FloatArray] | None = None


def homogeneous_step(work: Work, settings: CleaningSettings) -> CleaningStep:
    """Homogeneous field correction in place, where the geometry leaves the heart.

    Returns
    -------
    CleaningStep
        `parameters`: ``order``, ``method``, ``rank`` (of so many terms that the array sees), and
        ``noise_gain`` (sensor noise after over before, RMS over the channels).
    """
    method = settings.homogeneous_method
    orders = _ORDERS if settings.homogeneous_order is None else (settings.homogeneous_order,)
    channels = work.placed_chest
    rows = np.flatnonzero(channels)
    best: _Candidate | None = None
    for order in orders:
        found = _candidate(work, rows, order, settings)
        if (
            best is None
            or (best.refusal and not found.refusal)
            or (not found.refusal and (found.gain_db or 0.0) > (best.gain_db or 0.0) + _WORTH_DB)
        ):
            best = found
        if found.share is not None and found.share < _least_share(method):
            break  # higher orders leave less of the heart
    assert best is not None
    parameters: dict[str, Any] = {"order": best.order, "method": method}
    if best.refusal or best.factors is None:
        return CleaningStep(_NAME, False, best.refusal, None, best.share, parameters)
    order, factors = best.order, best.factors
    matrix = np.eye(len(rows)) - factors[0] @ factors[1]
    parameters |= {
        "rank": factors[0].shape[1],
        "noise_gain": float(np.sqrt((matrix**2).sum() / len(rows))),
    }

    def operator_for(present: IntArray) -> Operator | None:
        if _too_poor(work.array, present, order):
            return None
        every = len(present) == len(rows)
        basis, estimator = factors if every else _factors(work.array, present, order, method)
        return lambda values: values - thin_product(basis, thin_product(estimator, values))

    lost = apply_operator(work, channels, operator_for)
    work.then(in_all(matrix, rows, work.n_channels))
    told = f"order {order}, {_terms(order)} terms out of {len(rows)} channels"
    if lost:
        told += f"; {lost} samples lost where too few channels were there"
    return CleaningStep(_NAME, True, told, None, best.share, parameters)


def _candidate(work: Work, rows: IntArray, order: int, settings: CleaningSettings) -> _Candidate:
    if order not in _ORDERS:
        return _Candidate(order, f"order {order} is not one of 1, 2 and 3")
    reason = _too_poor(work.array, rows, order)
    if reason:
        return _Candidate(order, reason)
    method = settings.homogeneous_method
    basis, estimator = _factors(work.array, rows, order, method)
    share = kept_share(
        np.eye(len(rows)) - basis @ estimator, ensemble(work.array, work.placed_chest)
    )
    least = _least_share(method)
    if share < least:
        reason = (
            f"order {order} over this array would leave {100 * share:.0f} % of the worst heart,"
            f" {100 * least:.0f} % are needed: {_HINT}"
        )
        return _Candidate(order, reason, share)
    gain_db = trial_db(work, rows, lambda values: values - basis @ (estimator @ values))
    if gain_db is not None and gain_db < settings.least_gain_db:
        reason = f"order {order} would take away {gain_db:.1f} dB only: not used"
        return _Candidate(order, reason, share, gain_db)
    return _Candidate(order, "", share, gain_db, (basis, estimator))


def _least_share(method: HomogeneousMethod) -> float:
    return LEAST_KEPT_SHARE if method == "orthogonal" else LEAST_UNCORRECTED_SHARE


def _terms(order: int) -> int:
    return order * (order + 2)


def _too_poor(array: SensorArray, rows: IntArray, order: int) -> str:
    """Why no harmonic can be told from a heart with these channels; empty if it can."""
    if len(rows) < _CHANNELS_PER_TERM * _terms(order):
        return (
            f"{len(rows)} channels with a place are too few for {_terms(order)} harmonics:"
            f" {_CHANNELS_PER_TERM * _terms(order)} are needed"
        )
    axes = array.orientations[rows]
    if np.linalg.matrix_rank(axes, tol=0.1 * np.sqrt(len(rows))) < 2:
        return (
            "all channels point the same way: a uniform field is one number for all of them, and a"
            f" deep heart looks the same; {_HINT}"
        )
    return ""


def _factors(
    array: SensorArray, rows: IntArray, order: int, method: HomogeneousMethod
) -> tuple[FloatArray, FloatArray]:
    """Basis (n_channels, rank) of the outer field, and what estimates its amplitudes."""
    positions_m = array.positions_m[rows]
    middle = 0.5 * (positions_m.min(axis=0) + positions_m.max(axis=0))
    basis = outer_basis(positions_m - middle, array.orientations[rows], order)
    left, size, _ = np.linalg.svd(basis, full_matrices=False)
    # What the array does not see of the harmonics cannot disturb it.
    seen = np.asarray(left[:, size > _RANK * size[0]])
    if method == "orthogonal":
        return seen, np.asarray(seen.T)
    channels: BoolArray = np.zeros(array.n_channels, dtype=bool)
    channels[rows] = True
    weighted = np.linalg.solve(covariance(ensemble(array, channels)), seen)
    return seen, np.linalg.solve(seen.T @ weighted, weighted.T)
