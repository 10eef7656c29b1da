"""Field of straight pieces of thin wire, in closed form.

For a piece from a to b with vectors r1, r2 from its ends to the point (Hanson and Hirshman,
Phys. Plasmas 9, 4410 (2002), eq. 8)::

    B = mu0 I / (4 pi)  (r1 x r2) (|r1| + |r2|) / (|r1| |r2| (|r1| |r2| + r1.r2))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MU0_OVER_4PI = 1e-7
_PAIRS = 400_000


def segments(loops_m: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Start and end points (n, 3) of all pieces of closed loops (each ends where it began)."""
    starts = np.concatenate([loop[:-1] for loop in loops_m])
    ends = np.concatenate([loop[1:] for loop in loops_m])
    return starts, ends


def wire_field(loops_m: Sequence[FloatArray], points_m: FloatArray) -> FloatArray:
    """Field (n_points, 3) in T of loops that carry 1 A along their points."""
    starts, ends = segments(loops_m)
    out = np.empty((len(points_m), 3))
    step = max(1, _PAIRS // len(starts))
    for first in range(0, len(points_m), step):
        chosen = points_m[first : first + step, None, :]
        r1, r2 = chosen - starts, chosen - ends
        n1, n2 = np.linalg.norm(r1, axis=2), np.linalg.norm(r2, axis=2)
        both = n1 * n2
        factor = (n1 + n2) / (both * (both + np.einsum("psc,psc->ps", r1, r2)))
        out[first : first + step] = np.einsum("psc,ps->pc", np.cross(r1, r2), factor)
    return _MU0_OVER_4PI * out
