"""Cross-talk between heads: the coils that null one head's field reach the others.

Seen from a neighbour an on-head coil is a dipole along its own axis. With all loops closed each
head reports what its coils make, so the field that head i gets from its neighbours follows from
*their reports*, the array's geometry and one strength for each of the three coils of a head, which
all heads share by construction.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

REFERENCE_DISTANCE_M = 0.04
"""Where the strength is meant: beside the coil, at the distance of neighbouring heads."""


def crosstalk_shape(position_m: FloatArray, axes: FloatArray) -> FloatArray:
    """Field at each head of each other head's coils, for a strength of one.

    Parameters
    ----------
    position_m : numpy.ndarray, shape ``(n, 3)``
    axes : numpy.ndarray, shape ``(n, 3, 3)``
        Local axes in rows, head frame.

    Returns
    -------
    numpy.ndarray, shape ``(n, 3, n, 3)``
        Local field of head i, axis a, of coil b of head j that makes one unit at its own cell; a
        dipole's field (Jackson, Classical Electrodynamics, 5.64) that is -1 beside the coil at
        `REFERENCE_DISTANCE_M`. Zero for a head with itself.
    """
    apart = position_m[:, None] - position_m[None]
    distance = np.linalg.norm(apart, axis=2)
    np.fill_diagonal(distance, np.inf)
    unit = apart / distance[..., None]
    local_i = np.einsum("iak,ijk->ija", axes, unit)
    local_j = np.einsum("jbk,ijk->ijb", axes, unit)
    direct = np.einsum("iak,jbk->ijab", axes, axes)
    dipole = 3.0 * local_i[..., :, None] * local_j[..., None, :] - direct
    falling = (REFERENCE_DISTANCE_M / distance) ** 3
    return np.ascontiguousarray((dipole * falling[..., None, None]).transpose(0, 2, 1, 3))


def mixing_matrix(shape: FloatArray, strength: FloatArray) -> FloatArray:
    """Cross-talk as a matrix.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n, 3, n, 3)``
        `crosstalk_shape`.
    strength : numpy.ndarray, shape ``(3,)``
        Share, of the coils of each local axis.

    Returns
    -------
    numpy.ndarray, shape ``(3 n, 3 n)``
        ``I + X``: applied to all heads' reports it gives the reports that each head would make if
        the others' coils did not reach it.
    """
    n = len(shape)
    return np.eye(3 * n) + (shape * strength).reshape(3 * n, 3 * n)


def neighbour_share(shape: FloatArray, strength: FloatArray) -> FloatArray:
    """Largest share of head j's report that head i gets, shape ``(n, n)``."""
    return np.asarray(np.abs(shape * strength).max(axis=(1, 3)))
