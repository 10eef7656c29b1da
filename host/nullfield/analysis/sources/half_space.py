"""Field of a current dipole in a conductor that fills the half-space z < 0.

With R = r - r0 and K = |R| (|R| + R_z)::

    B = mu0 / (4 pi K^2) [ (Q x R)_z grad K - K z x Q ],   grad K = (2 + R_z / |R|) R + |R| z

This is the limit of a large conducting sphere (Sarvas, Phys. Med. Biol. 32, 1987). Volume currents
add nothing to Bz, which is that of the free dipole, and a dipole along z is silent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.sources.forward import MU0_OVER_4PI_PT_M_PER_NA, project
from nullfield.dsp.gaps import FloatArray


def half_space_lead(points_m: npt.ArrayLike, dipoles_m: npt.ArrayLike) -> FloatArray:
    """Field of unit dipoles along x, y and z.

    Parameters
    ----------
    points_m : array_like, shape ``(n_points, 3)``
        Field points outside the conductor (z >= 0), head frame.
    dipoles_m : array_like, shape ``(n_dipoles, 3)`` or ``(3,)``
        Below the points.

    Returns
    -------
    numpy.ndarray, shape ``(n_dipoles, n_points, 3, 3)`` or ``(n_points, 3, 3)``
        pT/(nA m): field component, then dipole component.
    """
    dipoles = np.asarray(dipoles_m, dtype=np.float64)
    points = np.asarray(points_m, dtype=np.float64)
    r = points - dipoles.reshape(-1, 1, 3)
    x, y, z = r[..., 0], r[..., 1], r[..., 2]
    distance = np.sqrt((r**2).sum(axis=-1))
    k = distance * (distance + z)
    grad = (2.0 + z / distance)[..., None] * r
    grad[..., 2] += distance
    scale = MU0_OVER_4PI_PT_M_PER_NA / k**2
    lead = np.zeros((*r.shape, 3))
    # (Q x R)_z = Qx y - Qy x,  z x Q = (-Qy, Qx, 0)
    lead[..., 0] = y[..., None] * grad
    lead[..., 1] = -x[..., None] * grad
    lead[..., 1, 0] -= k
    lead[..., 0, 1] += k
    lead *= scale[..., None, None]
    return lead[0] if dipoles.ndim == 1 else lead


def lead_field(
    positions_m: npt.ArrayLike, orientations: npt.ArrayLike, dipoles_m: npt.ArrayLike
) -> FloatArray:
    """What channels see of unit dipoles along x, y and z.

    Parameters
    ----------
    positions_m, orientations : array_like, shape ``(n_channels, 3)``
    dipoles_m : array_like, shape ``(3,)`` or ``(n_dipoles, 3)``

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, 3)`` or ``(n_dipoles, n_channels, 3)``
        pT/(nA m); the last column, a dipole along z, is zero up to the axes' x and y parts.
    """
    return project(half_space_lead(positions_m, dipoles_m), orientations)


@dataclass(frozen=True)
class HalfSpace:
    """Forward model of a conductor that fills everything below a plane across z.

    Where the plane lies does not matter, as long as it is above the dipoles and below the channels.
    """

    name: str = "half-space"
    is_normal_silent: bool = True

    def lead_field(
        self,
        positions_m: npt.ArrayLike,
        orientations: npt.ArrayLike,
        sources_m: npt.ArrayLike,
        *,
        is_checked: bool = True,
    ) -> FloatArray:
        """See `ForwardModel.lead_field`; the third column is zero."""
        return lead_field(positions_m, orientations, sources_m)

    def clearance_m(self, sources_m: npt.ArrayLike) -> FloatArray:
        """Infinite: the plane may lie anywhere between the sources and the channels."""
        return np.full(len(np.atleast_2d(np.asarray(sources_m))), np.inf)


def half_space_field_pt(
    points_m: npt.ArrayLike, dipole_m: npt.ArrayLike, moment_nam: npt.ArrayLike
) -> FloatArray:
    """Field of one dipole, shape ``(n_points, 3)``, pT."""
    return np.asarray(half_space_lead(points_m, dipole_m) @ np.asarray(moment_nam, float))


def free_dipole_bz_pt(
    points_m: npt.ArrayLike, dipole_m: npt.ArrayLike, moment_nam: npt.ArrayLike
) -> FloatArray:
    """Bz of a current dipole without a conductor (Biot-Savart), shape ``(n_points,)``, pT."""
    r = np.asarray(points_m, float) - np.asarray(dipole_m, float)
    cross = np.cross(np.asarray(moment_nam, float), r)
    return np.asarray(MU0_OVER_4PI_PT_M_PER_NA * cross[:, 2] / (r**2).sum(axis=1) ** 1.5)
