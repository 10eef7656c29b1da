"""The stream function of least cost whose field keeps the tolerance.

Regularised least squares::

    min_c  |A c - b|^2 + lambda c' P c

over points on the faces of the target volume (a harmonic field has its largest deviation there). The
largest lambda that keeps the deviation within the tolerance is found by bisection on its logarithm:
of all the fields that are good enough, the one that costs least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.stream_function import design_matrix, penalties
from nullfield.room.coil_design.targets import target_field

FloatArray = npt.NDArray[np.float64]

_POINTS = 7
"""An edge of the box."""
_MARGIN = 0.75
"""Of the tolerance that the sheet of current may use; the rest is for cutting it into wires."""
_LAMBDA_RANGE = (1e-15, 1e3)
_STEPS = 50


@dataclass(frozen=True)
class StreamSolution:
    """Currents for a field of 1 (T, T/m, T/m^2).

    Attributes
    ----------
    coefficients_a : (2 * n_modes**2,) array
    deviation : float
        Largest deviation of the sheet's field over the largest wanted field.
    weight : float
        The lambda that was found, relative to the mean diagonal of A'A over that of P.
    """

    coefficients_a: FloatArray
    deviation: float
    weight: float


def solve_stream_function(request: CoilRequest, component: str) -> StreamSolution:
    """Find the stream function of a component.

    Raises
    ------
    InputError
        If no currents on these planes keep the tolerance; tells the best deviation.
    """
    points = request.grid_m(_POINTS)
    matrix = design_matrix(request, points)
    return solve_on(request, component, points, matrix)


def solve_on(
    request: CoilRequest, component: str, points_m: FloatArray, matrix: FloatArray
) -> StreamSolution:
    """As `solve_stream_function`, with the design matrix of these points made before."""
    wanted = target_field(component, points_m)
    top = float(np.linalg.norm(wanted, axis=1).max())
    rows = matrix.reshape(-1, matrix.shape[-1])
    # In units where the penalty is the identity: one factorisation serves every lambda.
    root = np.sqrt(penalties(request))
    left, values, right = np.linalg.svd(rows / root, full_matrices=False)
    projected = left.T @ wanted.ravel()
    scale = float(values[0] ** 2)

    def solve(weight: float) -> tuple[FloatArray, float]:
        scaled = right.T @ (values / (values**2 + weight * scale) * projected)
        coefficients = scaled / root
        error = (rows @ coefficients).reshape(-1, 3) - wanted
        return coefficients, float(np.linalg.norm(error, axis=1).max() / top)

    low, high = np.log(_LAMBDA_RANGE)
    best, deviation = solve(float(np.exp(low)))
    limit = _MARGIN * request.tolerance
    if deviation > limit:
        raise InputError(
            f"{component}: the planes reach {100 * deviation:.2g} % deviation at best, "
            f"{100 * limit:.2g} % is needed for {100 * request.tolerance:.2g} % in wire",
            "make the planes larger, the volume smaller, or allow more with --tolerance",
        )
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        coefficients, reached = solve(float(np.exp(middle)))
        if reached <= limit:
            low, best, deviation = middle, coefficients, reached
        else:
            high = middle
    return StreamSolution(best, deviation, float(np.exp(low)))
