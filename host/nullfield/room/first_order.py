"""Uniform field and first-order gradients: the eight terms that eight room coils can oppose.

In a volume without sources the field is the gradient of a harmonic potential; up to second degree
of the potential that is three uniform components and five gradients. The terms are those of the
solid harmonics of degree 1 and 2 (Jackson, Classical Electrodynamics, 3rd ed., sec. 3.5), scaled so
that a coefficient is a field in pT or a gradient in pT/m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

N_UNIFORM = 3
N_GRADIENT = 5
N_MODES = N_UNIFORM + N_GRADIENT


def first_order_field(points_m: FloatArray) -> FloatArray:
    """Field of each mode at points.

    Parameters
    ----------
    points_m : numpy.ndarray, shape ``(n, 3)``

    Returns
    -------
    numpy.ndarray, shape ``(n, 3, 8)``
        pT per pT for the uniform modes, pT per pT/m for the gradients.
    """
    x, y, z = np.asarray(points_m, dtype=np.float64).reshape(-1, 3).T
    none, one = np.zeros_like(x), np.ones_like(x)
    modes = (
        (one, none, none),
        (none, one, none),
        (none, none, one),
        (y, x, none),
        (z, none, x),
        (none, z, y),
        (x, -y, none),
        (-x / 2.0, -y / 2.0, z),
    )
    return np.stack([np.stack(mode, axis=1) for mode in modes], axis=2)


def channel_field(points_m: FloatArray, axes: FloatArray) -> FloatArray:
    """What channels see of each mode.

    Parameters
    ----------
    points_m : numpy.ndarray, shape ``(n, 3)``
    axes : numpy.ndarray, shape ``(n, n_axes, 3)``
        Sensitive axes of each head in rows, unit vectors of the head frame.

    Returns
    -------
    numpy.ndarray, shape ``(n * n_axes, 8)``
        Head by head.
    """
    field = first_order_field(points_m)
    return np.asarray(np.einsum("nak,nkm->nam", axes, field).reshape(-1, N_MODES))


def condition_number(channels: FloatArray, length_m: float) -> float:
    """How well channels tell the eight modes apart: 1 is best, infinite is not at all.

    Parameters
    ----------
    channels : numpy.ndarray, shape ``(n_channels, 8)``
        From `channel_field`.
    length_m : float
        A gradient counts by the field that it makes at this distance.
    """
    scaled = channels / mode_scale(length_m)
    if len(scaled) < N_MODES:
        return float("inf")
    singular = np.linalg.svd(scaled, compute_uv=False)
    return float(singular[0] / singular[-1]) if singular[-1] > 1e-12 * singular[0] else float("inf")


def mode_scale(length_m: float) -> FloatArray:
    """One for uniform modes, the length for gradients, shape ``(8,)``."""
    return np.concatenate([np.ones(N_UNIFORM), np.full(N_GRADIENT, length_m)])
