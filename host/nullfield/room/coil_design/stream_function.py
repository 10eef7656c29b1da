"""Currents on two planes as sine series of the stream function, and the field they make.

On a plane the surface current is ``K = grad(psi) x n``: it has no divergence whatever psi is, and
with ``psi = 0`` on the edge none flows out. A sheet of such currents makes outside itself the field
of a layer of dipoles ``psi n`` (Ampere's shell theorem), which has no derivatives to take::

    B(r) = mu0 / (4 pi)  integral psi (3 (n.R) R / R^5 - n / R^3) dS

Basis on a plane of sides a and b with its corner at the origin of u and v::

    sin(m pi u / a) sin(n pi v / b),   m, n = 1 .. n_modes

in which power and curvature are diagonal. Integrals are by Gauss and Legendre's rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_design.request import CoilRequest

FloatArray = npt.NDArray[np.float64]

MU0_OVER_4PI = 1e-7
_NODES = 56
"""An edge; two to three for each half wave of the highest mode."""


def design_matrix(request: CoilRequest, points_m: FloatArray) -> FloatArray:
    """Field of every basis function, walls' images included.

    Returns
    -------
    (n_points, 3, 2 * n_modes**2) array
        T per A of the stream function; lower plane first, then by m, then by n.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    a, b = request.plane_m
    u, v = 0.5 * a * nodes, 0.5 * b * nodes
    area = 0.25 * a * b * np.outer(weights, weights).ravel()
    basis_u = sine_modes(u, a, request.n_modes)
    basis_v = sine_modes(v, b, request.n_modes)
    k, (i, j) = request.normal_index, request.plane_axes
    source = np.zeros((_NODES * _NODES, 3))
    source[:, i], source[:, j] = np.repeat(u, _NODES), np.tile(v, _NODES)
    out = np.zeros((len(points_m), 3, 2, request.n_modes**2))
    for side in range(2):
        plane_m = (side - 0.5) * request.spacing_m
        layer = np.zeros((len(points_m), 3, len(source)))
        for shift_m, sign in request.image_planes():
            source[:, k] = shift_m + sign * plane_m
            layer += _dipole_field(points_m, source, k)
        layer *= area
        grid = layer.reshape(len(points_m), 3, _NODES, _NODES)
        modes = np.einsum("pcuv,um,vn->pcmn", grid, basis_u, basis_v, optimize=True)
        out[:, :, side] = modes.reshape(len(points_m), 3, -1)
    return out.reshape(len(points_m), 3, -1)


def _dipole_field(points_m: FloatArray, source_m: FloatArray, k: int) -> FloatArray:
    """Field (n_points, 3, n_sources) of unit dipoles along axis k."""
    away = points_m[:, :, None] - source_m.T[None]
    square = (away**2).sum(axis=1, keepdims=True)
    field = 3.0 * away * away[:, k : k + 1] / square
    field[:, k] -= 1.0
    return np.asarray(MU0_OVER_4PI * field / square**1.5)


def sine_modes(along_m: FloatArray, length_m: float, n_modes: int) -> FloatArray:
    """Values (n_points, n_modes) at positions counted from the middle of an edge."""
    order = np.arange(1, n_modes + 1)
    return np.sin(np.pi * np.outer(along_m / length_m + 0.5, order))


def penalties(request: CoilRequest) -> FloatArray:
    """What each squared coefficient costs, shape ``(2 * n_modes**2,)``.

    ``power``: the integral of |grad psi|^2, which is that of K^2, in A^2; ``curvature``: of
    |laplacian psi|^2, in A^2/m^2.
    """
    a, b = request.plane_m
    order = np.arange(1, request.n_modes + 1) * np.pi
    square = ((order / a) ** 2)[:, None] + ((order / b) ** 2)[None, :]
    cost = 0.25 * a * b * (square if request.penalty == "power" else square**2)
    return np.tile(cost.ravel(), 2)


def stream_function(
    request: CoilRequest, coefficients_a: FloatArray, n_grid: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Stream function on a grid of both planes.

    Returns
    -------
    u_m, v_m : (n_grid,) arrays
        From edge to edge.
    psi_a : (2, n_grid, n_grid) array
        By plane, v, u.
    """
    a, b = request.plane_m
    u = 0.5 * a * np.linspace(-1.0, 1.0, n_grid)
    v = 0.5 * b * np.linspace(-1.0, 1.0, n_grid)
    shape = (2, request.n_modes, request.n_modes)
    psi = np.einsum(
        "smn,um,vn->svu",
        coefficients_a.reshape(shape),
        sine_modes(u, a, request.n_modes),
        sine_modes(v, b, request.n_modes),
        optimize=True,
    )
    return u, v, psi


def peak_density_a_per_m(request: CoilRequest, coefficients_a: FloatArray) -> float:
    """Largest surface current density, A/m."""
    u, v, psi = stream_function(request, coefficients_a, 301)
    along_v, along_u = np.gradient(psi, v, u, axis=(1, 2))
    return float(np.hypot(along_u, along_v).max())
