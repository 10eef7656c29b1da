"""The simple coil to compare with: square loops, as the demo rig has them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_design.request import AXES, CoilRequest

FloatArray = npt.NDArray[np.float64]

_GAP_M = 0.05
"""From the middle line to the two half loops of a gradient that is not along its own axis."""


def square_pair(request: CoilRequest, component: str) -> list[FloatArray]:
    """Square loops on planes normal to the component's own axis, size and spacing of the request.

    Uniform fields: one loop on either plane. ``gradient_kk``: the same in opposite senses.
    ``gradient_kl``: two half loops in opposite senses on either plane. All of one turn.
    """
    shape, letters = component.split("_")
    k, along = AXES.index(letters[0]), AXES.index(letters[-1])
    half = 0.5 * min(request.plane_m)
    loops = []
    for side in (-1.0, 1.0):
        if shape == "uniform":
            loops.append(_rectangle(request, k, side, None, half, 1.0))
        elif k == along:
            loops.append(_rectangle(request, k, side, None, half, side))
        else:
            loops += [_rectangle(request, k, side, along, half, sign) for sign in (-1.0, 1.0)]
    return loops


def _rectangle(
    request: CoilRequest, k: int, side: float, split: int | None, half_m: float, sense: float
) -> FloatArray:
    u, v = (k + 1) % 3, (k + 2) % 3
    limits = {u: (-half_m, half_m), v: (-half_m, half_m)}
    if split is not None:
        low, high = sorted((_GAP_M * sense, half_m * sense))
        limits[split] = (low, high)
    corners = np.zeros((5, 3))
    for i, (a, b) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))):
        corners[i, k] = 0.5 * side * request.spacing_m
        corners[i, u], corners[i, v] = limits[u][a], limits[v][b]
    return corners if sense > 0 else corners[::-1]


def pair_component(component: str) -> str:
    """What the pair of a component makes at best.

    The pair for ``gradient_kk`` has the symmetry of its own axis: it takes half of the gradient from
    either of the other two, as ``gradient_zz`` has it along z.
    """
    return f"axial_{component[-1]}" if component in ("gradient_xx", "gradient_yy") else component
