"""Nominal windings of the room's coils and their field by Biot-Savart, with corrections.

Every coil lies on two planes 1.6 m apart on either side of the head frame's origin. A wall of high
permeability behind each plane mirrors its currents (parallel currents, same sense), weakened by
a factor that nobody knows beforehand. The numbers of turns are set so that the *ideal* coil without
walls gives its nominal constant at the origin.

A closed loop is a row of corner points, the first repeated at the end, with a relative current.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

FloatArray = npt.NDArray[np.float64]
Wires = Sequence[tuple[FloatArray, float]]
"""Closed loops: corner points ``(n, 3)`` in metres and relative current (turns, sense)."""

HALF_SPACING_M = 0.8
HALF_SIDE_M = 1.0
WALL_M = 1.2
GRADIENT_STEP_M = 0.01
"""Half of the central difference that defines a gradient coil's constant."""
PT_PER_T_MA = 1e12 * 1e-3
"""Picotesla of 1 mA from the tesla of 1 A."""
MU0_OVER_4PI = 1e-7
"""T m/A; CODATA 2022 differs by 1.3e-10 of it."""

AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class CoilErrors:
    """How a winding differs from its drawing.

    Attributes
    ----------
    gain : float
        Factor of the current.
    rotation_rad : numpy.ndarray, shape ``(3,)``
        Rotation vector about the origin of the head frame.
    shift_m : numpy.ndarray, shape ``(3,)``
        After the rotation.
    """

    gain: float = 1.0
    rotation_rad: FloatArray = field(default_factory=lambda: np.zeros(3))
    shift_m: FloatArray = field(default_factory=lambda: np.zeros(3))


def loops(kind: str) -> list[tuple[FloatArray, float]]:
    """Corner points and relative current of each loop of an ideal coil, in metres.

    Parameters
    ----------
    kind : str
        ``uniform_k`` makes B_k, ``gradient_kl`` makes dB_k/dl.

    Returns
    -------
    list of ((5, 3) array, float)
        Closed loops, counter-clockwise about the plane's axis for a positive current.
    """
    shape, axis, second = shape_and_axes(kind)
    out = []
    for side in (-1.0, 1.0):
        if shape == "uniform":
            out.append((_rectangle(axis, side, None, 0.0), 1.0))
        elif axis == second:
            out.append((_rectangle(axis, side, None, 0.0), side))
        else:
            for half in (-1.0, 1.0):
                out.append((_rectangle(axis, side, second, half), half))
    return out


def shape_and_axes(kind: str) -> tuple[str, int, int]:
    """Shape of a coil kind, the axis its planes are across, and the axis it varies along."""
    shape, letters = kind.split("_")
    return shape, AXES[letters[0]], AXES[letters[-1]]


def _rectangle(axis: int, side: float, split: int | None, half: float) -> FloatArray:
    """Loop on the plane ``axis = side * HALF_SPACING_M``; one half of it along `split` if given."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    limits = {u: [-HALF_SIDE_M, HALF_SIDE_M], v: [-HALF_SIDE_M, HALF_SIDE_M]}
    if split is not None:
        limits[split] = sorted([0.05 * half, HALF_SIDE_M * half])
    corners = np.zeros((5, 3))
    for i, (a, b) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))):
        corners[i, axis] = side * HALF_SPACING_M
        corners[i, u] = limits[u][a]
        corners[i, v] = limits[v][b]
    return corners


def field_pt_per_ma(wires: Wires, points_m: FloatArray) -> FloatArray:
    """Field of closed polygons of straight wire, by Biot-Savart in closed form.

    For a segment from a to b seen from the field point (vectors and lengths)::

        B = mu0 I / 4 pi * (a x b) (|a| + |b|) / (|a| |b| (|a| |b| + a . b))

    (the standard result of the integral over a straight element; it has no trouble on the
    segment's prolongation, only on the wire itself).

    Parameters
    ----------
    wires : sequence of ((n, 3) array, float)
        Corner points in metres, and relative current.
    points_m : numpy.ndarray, shape ``(n_points, 3)``

    Returns
    -------
    numpy.ndarray, shape ``(n_points, 3)``
        pT/mA.
    """
    starts = np.concatenate([np.asarray(corners)[:-1] for corners, _ in wires])
    ends = np.concatenate([np.asarray(corners)[1:] for corners, _ in wires])
    current = np.concatenate([np.full(len(corners) - 1, weight) for corners, weight in wires])
    a = starts[None] - np.asarray(points_m)[:, None]
    b = ends[None] - np.asarray(points_m)[:, None]
    long_a = np.sqrt(np.einsum("nsk,nsk->ns", a, a))
    long_b = np.sqrt(np.einsum("nsk,nsk->ns", b, b))
    product = long_a * long_b
    share = (long_a + long_b) / (product * (product + np.einsum("nsk,nsk->ns", a, b)))
    # (a x b) with the wire's direction: from start to end, the field point at the origin
    summed = np.einsum("ns,nsk->nk", share * current, np.cross(a, b))
    return np.asarray(summed * MU0_OVER_4PI * PT_PER_T_MA)


@lru_cache(maxsize=64)
def turns(kind: str, nominal_nt_per_ma: float) -> float:
    """Turns that give a coil of a kind its nominal constant at the origin.

    Parameters
    ----------
    kind : str
    nominal_nt_per_ma : float
        nT/mA, or nT/m per mA of a gradient coil.
    """
    shape, k, along = shape_and_axes(kind)
    wires = loops(kind)
    if shape == "uniform":
        return nominal_nt_per_ma / float(field_pt_per_ma(wires, np.zeros((1, 3)))[0, k] * 1e-3)
    step = np.zeros((2, 3))
    step[:, along] = (-GRADIENT_STEP_M, GRADIENT_STEP_M)
    pair = field_pt_per_ma(wires, step)[:, k] * 1e-3
    return nominal_nt_per_ma / float((pair[1] - pair[0]) / (2 * GRADIENT_STEP_M))


def built_wires(
    kind: str,
    nominal_nt_per_ma: float,
    errors: CoilErrors | None = None,
    shield_image: float = 0.0,
) -> list[tuple[FloatArray, float]]:
    """Loops of a coil as it was built, with their mirror images in the shield's walls.

    Parameters
    ----------
    kind : str
    nominal_nt_per_ma : float
    errors : CoilErrors, optional
        None: as drawn.
    shield_image : float
        Strength of the image, 0 without a shield, 1 for an ideal wall.
    """
    _, axis, _ = shape_and_axes(kind)
    errors = CoilErrors() if errors is None else errors
    rotation = Rotation.from_rotvec(errors.rotation_rad)
    gain = turns(kind, nominal_nt_per_ma) * errors.gain
    wires = []
    for vertices, weight in loops(kind):
        true = rotation.apply(vertices) + errors.shift_m
        wires.append((true, weight * gain))
        if shield_image:
            image = true.copy()
            wall = np.sign(np.mean(true[:, axis])) * WALL_M
            image[:, axis] = 2.0 * wall - image[:, axis]
            wires.append((image, weight * gain * shield_image))
    return wires


def coil_field_pt_per_ma(
    kind: str,
    nominal_nt_per_ma: float,
    points_m: FloatArray,
    errors: CoilErrors | None = None,
    shield_image: float = 0.0,
) -> FloatArray:
    """Field of one coil in the head frame, shape ``(n_points, 3)``, pT/mA; see `built_wires`."""
    return field_pt_per_ma(built_wires(kind, nominal_nt_per_ma, errors, shield_image), points_m)
