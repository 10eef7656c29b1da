"""Inductance of loops of thin wire, by Neumann's integral.

The vector potential of a straight piece of length l is, with r1 and r2 the distances from its ends::

    A = mu0 I / (4 pi)  ln((r1 + r2 + l) / (r1 + r2 - l))  along the piece

and the flux through a loop is its integral along the loop. Distances of a wire from itself are taken
as root(r^2 + g^2) with g the geometric mean distance of a round wire's cross-section from itself,
a exp(-1/4) for a current spread evenly (Maxwell, Treatise, art. 691-692): a coil for slow fields
has no skin effect.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MU0_OVER_4PI = 1e-7
_PAIRS = 1_000_000


def mutual_inductance_h(
    first_m: Sequence[FloatArray], second_m: Sequence[FloatArray], radius_m: float, nodes: int = 3
) -> float:
    """Flux through the second loops of 1 A in the first, all of each in series, H.

    Parameters
    ----------
    first_m, second_m : sequences of (n, 3) arrays
        Closed loops, each ending where it began. The same twice gives the self-inductance.
    radius_m : float
        Of the wire.
    nodes : int
        Of Gauss and Legendre's rule on each piece of the second loops.
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    starts, steps = _pieces(first_m)
    at, move = _pieces(second_m)
    length = np.linalg.norm(steps, axis=1)
    along = steps / length[:, None]
    origin, start_along = (starts**2).sum(axis=1), (starts * along).sum(axis=1)
    soft = (radius_m * np.exp(-0.25)) ** 2
    chunk = max(1, _PAIRS // len(starts))
    total = 0.0
    for first in range(0, len(at), chunk):
        part = move[first : first + chunk]
        cosine = part @ along.T
        for node, weight in zip(places, weights, strict=True):
            point = at[first : first + chunk] + 0.5 * (node + 1.0) * part
            # Matrix products: the pairs are many, and this is what takes the time.
            near = (point**2).sum(axis=1)[:, None] + origin - 2.0 * (point @ starts.T)
            near = np.maximum(near, 0.0) + soft
            ahead = point @ along.T - start_along
            far = np.maximum(near + length * (length - 2.0 * ahead), soft)
            both = np.sqrt(near) + np.sqrt(far)
            potential = np.log((both + length) / (both - length))
            total += 0.5 * weight * float(np.vdot(potential, cosine))
    return _MU0_OVER_4PI * total


def _pieces(loops_m: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Start and vector of every straight piece that has a length."""
    starts = np.concatenate([loop[:-1] for loop in loops_m])
    steps = np.concatenate([np.diff(loop, axis=0) for loop in loops_m])
    keep = np.linalg.norm(steps, axis=1) > 0
    return starts[keep], steps[keep]


def resampled(loop_m: FloatArray, longest_m: float) -> FloatArray:
    """A closed loop by equal steps of at most this length along its way."""
    step = np.linalg.norm(np.diff(loop_m, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(step)])
    count = max(8, int(np.ceil(way[-1] / longest_m)))
    wanted = np.linspace(0.0, way[-1], count + 1)
    out = np.stack([np.interp(wanted, way, loop_m[:, c]) for c in range(3)], axis=1)
    out[-1] = out[0]
    return out
