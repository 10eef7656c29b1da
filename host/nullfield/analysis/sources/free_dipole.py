"""Field of a current dipole without a bounded conductor (Biot and Savart).

In a homogeneous conductor without boundary the volume currents add nothing, so this is also the
field of a dipole deep within a large body measured inside it. Outside a body only its component
normal to a flat surface is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.sources.forward import MU0_OVER_4PI_PT_M_PER_NA, project
from nullfield.dsp.gaps import FloatArray


def free_dipole_lead(points_m: npt.ArrayLike, dipoles_m: npt.ArrayLike) -> FloatArray:
    """Field of unit dipoles along x, y and z, ``B = mu0/(4 pi) Q x R / R^3``.

    Parameters
    ----------
    points_m : array_like, shape ``(n_points, 3)``
    dipoles_m : array_like, shape ``(3,)`` or ``(n_dipoles, 3)``

    Returns
    -------
    numpy.ndarray, shape ``(n_points, 3, 3)`` or ``(n_dipoles, n_points, 3, 3)``
        pT/(nA m): field component, then dipole component.
    """
    dipoles = np.asarray(dipoles_m, dtype=np.float64)
    r = np.asarray(points_m, dtype=np.float64) - dipoles.reshape(-1, 1, 3)
    scaled = r * (MU0_OVER_4PI_PT_M_PER_NA / (r**2).sum(axis=-1, keepdims=True) ** 1.5)
    x, y, z = scaled[..., 0], scaled[..., 1], scaled[..., 2]
    lead = np.zeros((*r.shape, 3))
    # Q x R = (Qy z - Qz y, Qz x - Qx z, Qx y - Qy x)
    lead[..., 0, 1], lead[..., 0, 2] = z, -y
    lead[..., 1, 0], lead[..., 1, 2] = -z, x
    lead[..., 2, 0], lead[..., 2, 1] = y, -x
    return lead[0] if dipoles.ndim == 1 else lead


@dataclass(frozen=True)
class FreeDipole:
    """Forward model of a dipole without a conductor's surface."""

    name: str = "unbounded conductor"
    is_normal_silent: bool = False

    def lead_field(
        self,
        positions_m: npt.ArrayLike,
        orientations: npt.ArrayLike,
        sources_m: npt.ArrayLike,
        *,
        is_checked: bool = True,
    ) -> FloatArray:
        """See `ForwardModel.lead_field`."""
        return project(free_dipole_lead(positions_m, sources_m), orientations)

    def clearance_m(self, sources_m: npt.ArrayLike) -> FloatArray:
        """Infinite: there is no boundary."""
        return np.full(len(np.atleast_2d(np.asarray(sources_m))), np.inf)
