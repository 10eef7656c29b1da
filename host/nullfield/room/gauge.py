"""What unknown coils and unknown heads cannot tell: scale, rotation, translation and length.

If every head is more sensitive and every coil weaker, if heads and coils turn or move together, or
if array and room grow by the same share, no report changes: eight directions in the space of the
unknowns along which the data are silent. They are worked out in closed form here, and the rank of
the model's derivative is checked against them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.array_model import ArrayModel
from nullfield.room.windings import STRAY_PARAMETERS

FloatArray = npt.NDArray[np.float64]

MODES = (
    "scale", "rotation x", "rotation y", "rotation z",
    "translation x", "translation y", "translation z", "length",
)  # fmt: skip
_SILENT = 1e-7
"""Singular values below this share of the largest count as zero; rounding leaves some 1e-10."""


@dataclass(frozen=True)
class Rank:
    """Rank of the model's derivative without what was known beforehand.

    Attributes
    ----------
    n_unknowns, n_silent : int
        Unknowns, and directions of them that no report shows.
    least_seen : float
        Smallest singular value that counts, as a share of the largest.
    largest_silent : float
        Largest that does not; zero if all are seen.
    """

    n_unknowns: int
    n_silent: int
    least_seen: float
    largest_silent: float


def head_modes(position_m: FloatArray, axes: FloatArray) -> FloatArray:
    """How the eight modes change the heads' unknowns.

    Parameters
    ----------
    position_m : numpy.ndarray, shape ``(n, 3)``
    axes : numpy.ndarray, shape ``(n, 3, 3)``

    Returns
    -------
    numpy.ndarray, shape ``(12 n, 8)``
        Nine of each head for S in the array model's order, then three of each for its place; per
        unit of scale, radian, metre, share of length, in the order of `MODES`.
    """
    n = len(position_m)
    out = np.zeros((12 * n, 8))
    matrix, place = np.zeros((8, n, 3, 3)), np.zeros((8, n, 3))
    matrix[0] = np.eye(3)
    for k in range(3):
        turn = np.zeros(3)
        turn[k] = 1.0
        place[1 + k] = np.cross(turn, position_m)
        # S' = S R^T: the axes turn with the array
        matrix[1 + k] = np.cross(turn, axes) @ np.swapaxes(axes, 1, 2)
        place[4 + k, :, k] = 1.0
    place[7] = position_m
    out[: 9 * n] = matrix.reshape(8, -1).T
    out[9 * n :] = place.reshape(8, -1).T
    return out


def aligned(
    errors: FloatArray, position_m: FloatArray, axes: FloatArray, tolerance: FloatArray,
    modes: tuple[int, ...] = tuple(range(8)),
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Take the gauge out of the heads' errors.

    Parameters
    ----------
    errors : numpy.ndarray, shape ``(12 n,)``
        Differences of the heads' unknowns.
    position_m, axes : numpy.ndarray
        As for `head_modes`.
    tolerance : numpy.ndarray, shape ``(12 n,)``
        Weights: an error counts in units of it.
    modes : tuple of int
        Which of `MODES` to take out.

    Returns
    -------
    errors : numpy.ndarray, shape ``(12 n,)``
        With the least sum of squares that the modes allow.
    size : numpy.ndarray, shape ``(len(modes),)``
        What was taken out.
    """
    basis = head_modes(position_m, axes)[:, list(modes)]
    weighted = basis / tolerance[:, None]
    size = np.asarray(np.linalg.pinv(weighted) @ (errors / tolerance), dtype=np.float64)
    return errors - basis @ size, size


def projection(basis: FloatArray, tolerance: FloatArray) -> FloatArray:
    """Matrix that takes modes out of the heads' errors as `aligned` does, shape ``(12 n, 12 n)``."""
    weighted = basis / tolerance[:, None]
    return np.asarray(np.eye(len(basis)) - basis @ np.linalg.pinv(weighted) / tolerance)


def rank(model: ArrayModel, unknowns: FloatArray, reports: FloatArray) -> Rank:
    """Count the directions of the unknowns that no report shows.

    A transfer standard counts as known; its plate and loops are no unknowns here. Nor are stray
    fields, which belong to the measurement.
    """
    without_stray = unknowns.copy()
    for own in model.own:
        without_stray[own.stop - len(STRAY_PARAMETERS) : own.stop] = 0.0
    columns = model.jacobian(without_stray, reports).reshape(-1, model.n_parameters)
    columns = columns * model.tolerance()
    columns[:, model.plate] = 0.0
    for winding, own in zip(model.windings, model.own, strict=True):
        first = own.start if winding.is_loop else own.stop - len(STRAY_PARAMETERS)
        columns[:, first : own.stop] = 0.0
    columns = columns[:, np.any(columns != 0.0, axis=0)]
    values = np.linalg.svd(columns, compute_uv=False)
    values = np.pad(values, (0, columns.shape[1] - len(values)))
    share = values / values[0]
    silent = share < _SILENT
    return Rank(
        columns.shape[1],
        int(silent.sum()),
        float(share[~silent].min()),
        float(share[silent].max()) if silent.any() else 0.0,
    )
