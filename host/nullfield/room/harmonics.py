r"""Fields that can exist inside a room without currents: gradients of regular solid harmonics.

With no current in a region the field is ``B = grad V``, and V, being free of divergence, is a sum of
regular solid harmonics ``r^l P_l^m(cos theta) {cos, sin}(m phi)``. Degree 1 makes the three uniform
fields, degree 2 the five gradients, degree l the ``2 l + 1`` fields that grow as ``r^(l-1)``.

They are computed in Cartesian form by recurrences and differentiated in closed form: with
``R_l^m = r^l P_l^m e^(i m phi)`` (no Condon-Shortley phase) ::

    d/dz R_l^m = (l + m) R_(l-1)^m
    (d/dx + i d/dy) R_l^m = -R_(l-1)^(m+1)
    (d/dx - i d/dy) R_l^m = (l + m)(l + m - 1) R_(l-1)^(m-1)

(Hobson, *The Theory of Spherical and Ellipsoidal Harmonics*, 1931, chapter IV.) Every term is scaled
to a field of unit rms over the sphere of the reference radius, so that coefficients are fields and
can be compared across degrees.
"""

from __future__ import annotations

from math import factorial, sqrt

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

REFERENCE_RADIUS_M = 0.15
"""About the distance of the outermost head of an array over the chest."""


def term_count(degree: int) -> int:
    """Terms of all degrees from 1 to ``degree``."""
    return degree * (degree + 2)


def term_degrees(degree: int) -> IntArray:
    """Degree of each term, shape ``(term_count(degree),)``."""
    return np.repeat(np.arange(1, degree + 1), [2 * d + 1 for d in range(1, degree + 1)])


def field_basis(
    points_m: FloatArray, degree: int, radius_m: float = REFERENCE_RADIUS_M
) -> FloatArray:
    """Field of each harmonic term.

    Parameters
    ----------
    points_m : numpy.ndarray, shape ``(n, 3)``
    degree : int
        Highest degree of the potential, at least 1.
    radius_m : float
        Radius of the sphere over which each term has a field of unit rms.

    Returns
    -------
    numpy.ndarray, shape ``(n, 3, n_terms)``
        By degree; within one m = 0, then cosine and sine of m = 1, 2, ...

    Raises
    ------
    ValueError
        If the degree is below 1.
    """
    return _gradients(points_m / radius_m, degree)[0]


def gradient_basis(
    points_m: FloatArray, degree: int, radius_m: float = REFERENCE_RADIUS_M
) -> FloatArray:
    """Gradient tensor of the field of each harmonic term.

    Parameters
    ----------
    points_m, degree, radius_m
        As for `field_basis`.

    Returns
    -------
    numpy.ndarray, shape ``(n, 3, 3, n_terms)``
        ``[:, k, d]`` is dB_k / dx_l per metre: symmetric and without trace.
    """
    return _gradients(points_m / radius_m, degree)[1] / radius_m


def _gradients(points: FloatArray, degree: int) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of the scaled potentials, at points in units of the radius."""
    if degree < 1:
        raise ValueError("harmonic fields begin at degree 1")
    cosine, sine = _solid(points, degree)
    n = len(points)
    field = np.zeros((n, 3, term_count(degree)))
    slope = np.zeros((n, 3, 3, term_count(degree)))
    column = 0
    for d in range(1, degree + 1):
        for m in range(d + 1):
            for part in ("cos", "sin") if m else ("cos",):
                term = {(d, m, part): _scale(d, m)}
                for k in range(3):
                    first = _derivative(term, k)
                    field[:, k, column] = _sum(first, cosine, sine)
                    for j in range(3):
                        slope[:, k, j, column] = _sum(_derivative(first, j), cosine, sine)
                column += 1
    return field, slope


Terms = dict[tuple[int, int, str], float]
"""Weights of real solid harmonics by degree, order and part."""


def _derivative(terms: Terms, axis: int) -> Terms:
    """Derivative along x, y or z of a sum of solid harmonics, again as such a sum."""
    out: Terms = {}

    def add(d: int, m: int, part: str, weight: float) -> None:
        if weight and 0 <= m <= d and not (m == 0 and part == "sin"):
            out[d, m, part] = out.get((d, m, part), 0.0) + weight

    for (d, m, part), weight in terms.items():
        if d == 0:
            continue
        if axis == 2:
            add(d - 1, m, part, weight * (d + m))
            continue
        if m == 0:
            # R_l^(-1) is not among the terms; a real function has a real gradient.
            add(d - 1, 1, "cos" if axis == 0 else "sin", -weight)
            continue
        up, down = -0.5 * weight, 0.5 * weight * (d + m) * (d + m - 1)
        other = "sin" if part == "cos" else "cos"
        if axis == 0:
            add(d - 1, m + 1, part, up)
            add(d - 1, m - 1, part, down)
        else:
            sign = 1.0 if part == "cos" else -1.0
            add(d - 1, m + 1, other, sign * up)
            add(d - 1, m - 1, other, -sign * down)
    return out


def _sum(terms: Terms, cosine: FloatArray, sine: FloatArray) -> FloatArray:
    total = np.zeros(cosine.shape[2])
    for (d, m, part), weight in terms.items():
        total += weight * (cosine if part == "cos" else sine)[d, m]
    return total


def _scale(d: int, m: int) -> float:
    """One over the rms of the field on the unit sphere: ``<|grad V|^2> = l (2l + 1) <V^2>``."""
    square = factorial(d + m) / ((2 * d + 1) * factorial(d - m)) * (0.5 if m else 1.0)
    return 1.0 / sqrt(d * (2 * d + 1) * square)


def _solid(points: FloatArray, degree: int) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary part of ``R_l^m``, shape ``(degree + 1, degree + 1, n)`` each."""
    x, y, z = np.asarray(points, dtype=np.float64).T
    square = x * x + y * y + z * z
    polar = np.zeros((degree + 1, degree + 1, len(x)))
    turn = np.ones(len(x), dtype=np.complex128)
    cosine, sine = np.zeros_like(polar), np.zeros_like(polar)
    double_factorial = 1.0
    for m in range(degree + 1):
        if m:
            double_factorial *= 2 * m - 1
            turn = turn * (x + 1j * y)
        polar[m, m] = double_factorial
        for d in range(m + 1, degree + 1):
            below = polar[d - 2, m] if d >= m + 2 else 0.0
            polar[d, m] = ((2 * d - 1) * z * polar[d - 1, m] - (d + m - 1) * square * below) / (
                d - m
            )
        for d in range(m, degree + 1):
            cosine[d, m] = polar[d, m] * turn.real
            sine[d, m] = polar[d, m] * turn.imag
    return cosine, sine
