"""Currents that null a measured field within the coils' limits, and whether they can.

The currents minimise ::

    min_i  |w (b + G (i - i0))|^2 + lambda^2 |i|^2,   |i_k| <= limit_k

with the field b at the present currents i0. The small penalty keeps a combination of coils that hardly
acts from being driven hard. Solved with and without the limits: what the limits cost is the reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from nullfield.errors import ProcedureError
from nullfield.room.harmonics import field_basis, term_count

FloatArray = npt.NDArray[np.float64]

PENALTY_PT_PER_MA = 5.0
AT_LIMIT_SHARE = 0.999
"""Of its limit: a coil there counts as limited."""
_RIDGE = 1e-6


@dataclass(frozen=True)
class NullSolution:
    """Currents and what they should leave.

    Attributes
    ----------
    current_ma : numpy.ndarray, shape ``(n_coils,)``
    wanted_ma : numpy.ndarray, shape ``(n_coils,)``
        Had there been no limits.
    left_pt, wanted_left_pt : float
        Expected rms of the field with either.
    limited : numpy.ndarray of bool, shape ``(n_coils,)``
    """

    current_ma: FloatArray
    wanted_ma: FloatArray
    left_pt: float
    wanted_left_pt: float
    limited: npt.NDArray[np.bool_]


def solve_currents(
    field_pt: FloatArray,
    response_pt_per_ma: FloatArray,
    current_limit_ma: FloatArray,
    current_ma: FloatArray | None = None,
    penalty_pt_per_ma: float = PENALTY_PT_PER_MA,
) -> FloatArray:
    """Currents that null a measured field; see `solve_null`, which also tells what they leave.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n,)``
        Field with the present currents.
    response_pt_per_ma : numpy.ndarray, shape ``(n, n_coils)``
    current_limit_ma : numpy.ndarray, shape ``(n_coils,)``
    current_ma : numpy.ndarray, shape ``(n_coils,)``, optional
        Present currents, zero by default.
    penalty_pt_per_ma : float
        Weight of the currents.

    Returns
    -------
    numpy.ndarray, shape ``(n_coils,)``

    Raises
    ------
    ProcedureError
        If the response is not finite or no coil acts.
    """
    return solve_null(
        field_pt, response_pt_per_ma, current_limit_ma, current_ma, None, penalty_pt_per_ma
    ).current_ma


def solve_null(
    field_pt: FloatArray,
    response_pt_per_ma: FloatArray,
    current_limit_ma: FloatArray,
    current_ma: FloatArray | None = None,
    weight: FloatArray | None = None,
    penalty_pt_per_ma: float = PENALTY_PT_PER_MA,
) -> NullSolution:
    """Currents that null a measured field, with and without their limits.

    Parameters
    ----------
    field_pt, response_pt_per_ma, current_limit_ma, current_ma, penalty_pt_per_ma
        As for `solve_currents`.
    weight : numpy.ndarray, shape ``(n,)``, optional
        Of each reading, all equal by default.

    Raises
    ------
    ProcedureError
        If the response is not finite or no coil acts.
    """
    n_coils = response_pt_per_ma.shape[1]
    present = np.zeros(n_coils) if current_ma is None else current_ma
    if not (np.all(np.isfinite(field_pt)) and np.all(np.isfinite(response_pt_per_ma))):
        raise ProcedureError(
            "the measured field or coil response is not finite",
            "a head gave no valid reading: see 'nullfield boards', then null again",
        )
    if not np.any(np.linalg.norm(response_pt_per_ma, axis=0) > penalty_pt_per_ma):
        raise ProcedureError(
            "no coil changes the field at the heads",
            "check that the coil board's output is connected and the rig names its channels",
        )
    bare = field_pt - response_pt_per_ma @ present
    factor = np.ones(len(field_pt)) if weight is None else weight
    rows = np.vstack([response_pt_per_ma * factor[:, None], penalty_pt_per_ma * np.eye(n_coils)])
    target = np.concatenate([-bare * factor, np.zeros(n_coils)])
    free = np.linalg.lstsq(rows, target, rcond=None)[0]
    bounds = (-current_limit_ma, current_limit_ma)
    bounded = np.asarray(lsq_linear(rows, target, bounds=bounds).x, dtype=np.float64)
    return NullSolution(
        current_ma=bounded,
        wanted_ma=free,
        left_pt=_rms(bare + response_pt_per_ma @ bounded),
        wanted_left_pt=_rms(bare + response_pt_per_ma @ free),
        limited=np.asarray(np.abs(bounded) > AT_LIMIT_SHARE * current_limit_ma, dtype=np.bool_),
    )


def spread_to(
    position_m: FloatArray,
    axes: FloatArray,
    wanted_position_m: FloatArray,
    wanted_axes: FloatArray,
    degree: int = 3,
) -> FloatArray:
    """Matrix that carries readings of some heads over to others that give none.

    Least squares on harmonic fields; the same matrix serves for the room's field and for each
    coil's.

    Parameters
    ----------
    position_m, axes : numpy.ndarray, shapes ``(n, 3)`` and ``(n, 3, 3)``
        Heads that are read.
    wanted_position_m, wanted_axes : numpy.ndarray, shapes ``(m, 3)`` and ``(m, 3, 3)``
    degree : int
        Highest degree; lowered until the terms are at most half as many as the readings.

    Returns
    -------
    numpy.ndarray, shape ``(3 * m, 3 * n)``
        Head by head, axis by axis.
    """
    readings = 3 * len(position_m)
    while degree > 1 and 2 * term_count(degree) > readings:
        degree -= 1

    def rows(points: FloatArray, directions: FloatArray) -> FloatArray:
        basis = np.einsum("nak,nkt->nat", directions, field_basis(points, degree))
        return np.asarray(basis.reshape(-1, basis.shape[2]))

    here = rows(position_m, axes)
    square = here.T @ here + _RIDGE * np.eye(here.shape[1])
    return np.asarray(rows(wanted_position_m, wanted_axes) @ np.linalg.solve(square, here.T))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
