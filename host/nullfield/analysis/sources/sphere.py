"""Field of a current dipole in a conducting sphere (Sarvas, Phys. Med. Biol. 32:11, 1987, eq. 25).

With r the field point and r0 the dipole, both from the centre, a = r - r0::

    B = mu0 / (4 pi F^2) [ F Q x r0 - (Q x r0 . r) grad F ],   F = |a| (|r| |a| + |r|^2 - r0 . r)

The radius does not enter; only a dipole within the sphere and a field point outside make sense. A
radial dipole is silent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.sources.forward import (
    MU0_OVER_4PI_PT_M_PER_NA,
    project,
    refuse_inside,
    refuse_outside,
)
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import InputError


def sphere_lead(
    points_m: npt.ArrayLike, dipoles_m: npt.ArrayLike, centre_m: npt.ArrayLike
) -> FloatArray:
    """Field of unit dipoles along x, y and z.

    Parameters
    ----------
    points_m : array_like, shape ``(n_points, 3)``
        Outside the sphere.
    dipoles_m : array_like, shape ``(3,)`` or ``(n_dipoles, 3)``
        Inside it.
    centre_m : array_like, shape ``(3,)``

    Returns
    -------
    numpy.ndarray, shape ``(n_points, 3, 3)`` or ``(n_dipoles, n_points, 3, 3)``
        pT/(nA m): field component, then dipole component.
    """
    centre = np.asarray(centre_m, dtype=np.float64)
    dipoles = np.asarray(dipoles_m, dtype=np.float64)
    inner = dipoles.reshape(-1, 1, 3) - centre
    outer = np.asarray(points_m, dtype=np.float64)[None] - centre
    a_vector = outer - inner
    a = np.linalg.norm(a_vector, axis=-1)
    r = np.linalg.norm(outer, axis=-1)
    # |r|^2 - r0.r = r.a: a difference of two large numbers for a large sphere, this is not.
    r_along_a = (outer * a_vector).sum(axis=-1)
    f = a * (r * a + r_along_a)
    grad_f = (a**2 / r + r_along_a / a + 2.0 * a + 2.0 * r)[..., None] * outer - (
        a + 2.0 * r + r_along_a / a
    )[..., None] * inner
    # Q x r0 . r = Q . (r0 x r) = Q . (r0 x a), again without the large part of r.
    along = np.cross(inner, a_vector)
    lead = -grad_f[..., :, None] * (along / f[..., None])[..., None, :]
    lead[..., 0, 1] += inner[..., 2]
    lead[..., 0, 2] -= inner[..., 1]
    lead[..., 1, 0] -= inner[..., 2]
    lead[..., 1, 2] += inner[..., 0]
    lead[..., 2, 0] += inner[..., 1]
    lead[..., 2, 1] -= inner[..., 0]
    lead *= (MU0_OVER_4PI_PT_M_PER_NA / f)[..., None, None]
    return np.asarray(lead[0] if dipoles.ndim == 1 else lead)


@dataclass(frozen=True)
class Sphere:
    """Forward model of a homogeneous (or layered) conducting sphere.

    Attributes
    ----------
    origin_m : (float, float, float)
        Centre, working frame.
    radius_m : float
    """

    origin_m: tuple[float, float, float]
    radius_m: float
    is_normal_silent: bool = False

    def __post_init__(self) -> None:
        if not (np.all(np.isfinite(self.origin_m)) and len(self.origin_m) == 3):
            raise InputError(f"origin {self.origin_m} of a sphere is no place", "give three metres")
        if not 0.0 < self.radius_m < np.inf:
            raise InputError(
                f"a sphere of radius {self.radius_m} m is no conductor", "give metres above zero"
            )

    @property
    def name(self) -> str:
        """For reports."""
        return f"sphere of {1e3 * self.radius_m:.0f} mm"

    def lead_field(
        self,
        positions_m: npt.ArrayLike,
        orientations: npt.ArrayLike,
        sources_m: npt.ArrayLike,
        *,
        is_checked: bool = True,
    ) -> FloatArray:
        """See `ForwardModel.lead_field`."""
        points = np.asarray(positions_m, dtype=np.float64)
        if is_checked:
            refuse_outside(self, sources_m)
            inside = np.linalg.norm(points - self.origin_m, axis=1) < self.radius_m
            refuse_inside(self, inside, "make the sphere smaller, or move its origin down")
        return project(sphere_lead(points, sources_m, self.origin_m), orientations)

    def clearance_m(self, sources_m: npt.ArrayLike) -> FloatArray:
        """Distance to the surface, negative outside, shape ``(n_sources,)``."""
        sources = np.atleast_2d(np.asarray(sources_m, dtype=np.float64))
        return np.asarray(self.radius_m - np.linalg.norm(sources - self.origin_m, axis=1))
