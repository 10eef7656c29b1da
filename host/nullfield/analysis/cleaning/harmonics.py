"""Harmonic expansions of a field: sources far outside the array, and sources inside the body.

Solid harmonics and their gradients by recursion. With the regular ones ``R_lm = r^l P_lm e^(i m
phi) / (l+m)!`` and the irregular ones ``I_lm = (l-m)! P_lm e^(i m phi) / r^(l+1)`` (no
Condon-Shortley phase)::

    d/dz R_lm = R_(l-1)m                d/dz I_lm = -I_(l+1)m
    D+ R_lm = -R_(l-1)(m+1)             D+ I_lm = -I_(l+1)(m+1)
    D- R_lm = R_(l-1)(m-1)              D- I_lm = I_(l+1)(m-1)

with D+ = d/dx + i d/dy and D- = d/dx - i d/dy; for m = 0 the last line is the conjugate of the one
before
it (van Gelderen, DEOS Progress Letters 98.1, 1998).
Degree 1 of the regular ones is a uniform field, 2 its gradients, 3 its curvatures (Taulu & Kajola,
J. Appl. Phys. 97, 2005; Tierney et al., NeuroImage 258, 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nullfield.dsp.gaps import FloatArray

ComplexArray = npt.NDArray[np.complex128]
_Table = dict[tuple[int, int], ComplexArray]


def outer_basis(positions_m: npt.ArrayLike, orientations: npt.ArrayLike, order: int) -> FloatArray:
    """What channels see of each harmonic of sources far outside.

    Parameters
    ----------
    positions_m : array_like, shape ``(n_channels, 3)``
        From the origin of the expansion.
    orientations : array_like, shape ``(n_channels, 3)``
    order : int
        Highest degree.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, order * (order + 2))``
        Columns of norm 1.
    """
    points, axes = _checked(positions_m, orientations)
    # In units of the array's size, so that high degrees do not vanish.
    size = max(float(np.sqrt((points**2).sum(axis=1).mean())), 1e-12)
    table = _regular(points / size, order)

    def gradient(degree: int, m: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        zero = np.zeros(len(points), dtype=np.complex128)
        up = -table.get((degree - 1, m + 1), zero)
        down = table.get((degree - 1, m - 1), zero) if m else up.conj()
        return up, down, table.get((degree - 1, m), zero)

    return _columns(axes, order, gradient)


def inner_basis(positions_m: npt.ArrayLike, orientations: npt.ArrayLike, order: int) -> FloatArray:
    """What channels see of each harmonic of sources about the origin, nearer than any channel.

    Parameters and result as of `outer_basis`.
    """
    points, axes = _checked(positions_m, orientations)
    size = max(float(np.sqrt((points**2).sum(axis=1).mean())), 1e-12)
    table = _irregular(points / size, order + 1)

    def gradient(degree: int, m: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        up = -table[degree + 1, m + 1]
        down = table[degree + 1, m - 1] if m else up.conj()
        return up, down, -table[degree + 1, m]

    return _columns(axes, order, gradient)


def _checked(
    positions_m: npt.ArrayLike, orientations: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    points = np.asarray(positions_m, dtype=np.float64)
    axes = np.asarray(orientations, dtype=np.float64)
    if points.shape != axes.shape or points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"positions {points.shape} and orientations {axes.shape} are not (n, 3)")
    return points, axes


def _columns(
    axes: FloatArray,
    order: int,
    gradient: Callable[[int, int], tuple[ComplexArray, ComplexArray, ComplexArray]],
) -> FloatArray:
    columns = []
    for degree in range(1, order + 1):
        for m in range(degree + 1):
            up, down, along_z = gradient(degree, m)
            along_x, along_y = 0.5 * (up + down), (up - down) / 2j
            seen = axes[:, 0] * along_x + axes[:, 1] * along_y + axes[:, 2] * along_z
            columns.append(seen.real)
            if m:
                columns.append(seen.imag)
    out = np.array(columns).T.reshape(len(axes), -1)
    norm = np.linalg.norm(out, axis=0)
    return np.asarray(out / np.where(norm > 0.0, norm, 1.0))


def _regular(points: FloatArray, order: int) -> _Table:
    x, y, z = points.T
    square = (points**2).sum(axis=1)
    table: _Table = {(0, 0): np.ones(len(points), dtype=np.complex128)}
    for m in range(order + 1):
        if m:
            table[m, m] = (x + 1j * y) / (2 * m) * table[m - 1, m - 1]
        for degree in range(m + 1, order + 1):
            value = (2 * degree - 1) * z * table[degree - 1, m]
            if degree - 2 >= m:
                value = value - square * table[degree - 2, m]
            table[degree, m] = value / ((degree + m) * (degree - m))
    return table


def _irregular(points: FloatArray, order: int) -> _Table:
    x, y, z = points.T
    square = (points**2).sum(axis=1)
    table: _Table = {(0, 0): (1.0 / np.sqrt(square)).astype(np.complex128)}
    for m in range(order + 1):
        if m:
            table[m, m] = (2 * m - 1) * (x + 1j * y) / square * table[m - 1, m - 1]
        for degree in range(m + 1, order + 1):
            value = (2 * degree - 1) * z * table[degree - 1, m]
            if degree - 2 >= m:
                value = value - ((degree - 1) ** 2 - m**2) * table[degree - 2, m]
            table[degree, m] = value / square
    return table
