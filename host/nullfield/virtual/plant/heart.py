"""Field of a current dipole in a conductor that fills the half-space z < 0.

With R = r - r0 and K = |R| (|R| + R_z)::

    B = mu0 / (4 pi K^2) [ (Q x R)_z grad K - K z x Q ],
    grad K = (2 + R_z / |R|) R + |R| z

It is the limit of a large sphere (Sarvas, Phys. Med. Biol. 32, 11, 1987); volume currents add
nothing to Bz, and a dipole along z is silent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.compiled import compiled
from nullfield.virtual.plant.constants import MU0_T_M_PER_A

FloatArray = npt.NDArray[np.float64]
_SCALE_PT = MU0_T_M_PER_A / (4.0 * np.pi) * 1e12


@compiled
def half_space_lead_field(
    positions_m: FloatArray, dipole_m: FloatArray, out_pt_per_a_m: FloatArray
) -> None:
    """Field at each position of unit dipoles along x, y and z.

    Parameters
    ----------
    positions_m : (n, 3) array
        Field points above the conductor.
    dipole_m : (3,) array
        Place of the dipole.
    out_pt_per_a_m : (n, 3, 3) array
        Written: component of the field (second index) for each component of the dipole (third).
    """
    for i in range(positions_m.shape[0]):
        x = positions_m[i, 0] - dipole_m[0]
        y = positions_m[i, 1] - dipole_m[1]
        z = positions_m[i, 2] - dipole_m[2]
        r = np.sqrt(x * x + y * y + z * z)
        k = r * (r + z)
        s = _SCALE_PT / (k * k)
        g = 2.0 + z / r
        gz = g * z + r
        out = out_pt_per_a_m[i]
        # (Q x R)_z = Qx y - Qy x ; z x Q = (-Qy, Qx, 0)
        out[0, 0] = s * y * g * x
        out[1, 0] = s * (y * g * y - k)
        out[2, 0] = s * y * gz
        out[0, 1] = s * (-x * g * x + k)
        out[1, 1] = -s * x * g * y
        out[2, 1] = -s * x * gz
        out[0, 2] = 0.0
        out[1, 2] = 0.0
        out[2, 2] = 0.0


def half_space_field_pt(
    positions_m: npt.ArrayLike, dipole_m: npt.ArrayLike, moment_a_m: npt.ArrayLike
) -> FloatArray:
    """Field of one dipole at many positions.

    Parameters
    ----------
    positions_m : (n, 3) array_like
        Field points, head frame.
    dipole_m, moment_a_m : (3,) array_like
        Place (m) and current dipole (A m).

    Returns
    -------
    (n, 3) array
        Field in pT.
    """
    points = np.ascontiguousarray(positions_m, dtype=np.float64).reshape(-1, 3)
    lead = np.empty((len(points), 3, 3))
    half_space_lead_field(points, np.array(dipole_m, dtype=np.float64), lead)
    return np.asarray(lead @ np.asarray(moment_a_m, dtype=np.float64))


def tangential_peak_pt(moment_a_m: FloatArray, dipole_m: FloatArray, height_m: float) -> float:
    """Largest |Bz| of a dipole over the plane z = height, pT.

    For a tangential dipole at depth h below the plane it is ``mu0 Q / (4 pi) 2 / (3 sqrt(3) h^2)``
    at h / sqrt(2) to its side.
    """
    tangential = float(np.hypot(moment_a_m[0], moment_a_m[1]))
    depth = height_m - float(dipole_m[2])
    return float(_SCALE_PT * tangential * 2.0 / (3.0 * np.sqrt(3.0) * depth**2))
