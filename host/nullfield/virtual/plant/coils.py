"""Fields of the room's coils by Biot-Savart, with drawn imperfections and the shield's image.

Every coil lies on two planes 1.6 m apart on either side of the head frame's origin. A wall of high
permeability behind each plane mirrors its currents (parallel currents, same sense), weakened by
the scenario's factor. The numbers of turns are set so that the *ideal* coil without walls gives
its nominal constant at the origin; what the heads see differs by errors, image and position.
"""

from __future__ import annotations

from typing import Any

import magpylib
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from nullfield.virtual.plant.interface import PlantCoil, Scenario
from nullfield.virtual.plant.noise import Stream, generator

FloatArray = npt.NDArray[np.float64]

HALF_SPACING_M = 0.8
HALF_SIDE_M = 1.0
WALL_M = 1.2
STEP_M = 0.01
"""Half of the central difference for gradients."""

_AXES = {"x": 0, "y": 1, "z": 2}


def loops(kind: str) -> list[tuple[FloatArray, float]]:
    """Corner points and relative current of each loop of an ideal coil, in metres.

    Returns
    -------
    list of ((5, 3) array, float)
        Closed loops, counter-clockwise about the plane's axis for a positive current.
    """
    shape, letters = kind.split("_")
    axis = _AXES[letters[0]]
    second = _AXES[letters[-1]]
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


def _field_nt_per_ma(wires: list[tuple[FloatArray, float]], points_m: FloatArray) -> FloatArray:
    """Field at points (n, 3) of loops carrying 1 mA times their relative current, nT."""
    polyline: Any = magpylib.current.Polyline  # magpylib is not typed
    get_field: Any = magpylib.getB
    sources = [polyline(current=weight * 1e-3, vertices=vertices) for vertices, weight in wires]
    field = get_field(sources, points_m, sumup=True)
    return np.asarray(field, dtype=np.float64).reshape(-1, 3) * 1e9


def turns(coil: PlantCoil) -> float:
    """Turns that give the nominal constant at the origin."""
    wires = loops(coil.kind)
    shape, letters = coil.kind.split("_")
    k, along = _AXES[letters[0]], _AXES[letters[-1]]
    if shape == "uniform":
        return coil.nominal_nt_per_ma / float(_field_nt_per_ma(wires, np.zeros((1, 3)))[0, k])
    step = np.zeros((2, 3))
    step[:, along] = (-STEP_M, STEP_M)
    pair = _field_nt_per_ma(wires, step)
    return coil.nominal_nt_per_ma / float((pair[1, k] - pair[0, k]) / (2 * STEP_M))


def coil_fields(
    coils: list[PlantCoil], points_m: FloatArray, scenario: Scenario, seed: int
) -> tuple[FloatArray, FloatArray]:
    """True field and gradient of every coil at every head, imperfections and image included.

    Parameters
    ----------
    coils : list of PlantCoil
        The room's coils.
    points_m : (n_heads, 3) array
        True positions.

    Returns
    -------
    (n_heads, 3, n_coils) array
        Field, nT/mA, head frame.
    (3, n_heads, 3, n_coils) array
        Its derivative along x, y, z (first index), nT/m per mA.
    """
    n = len(points_m)
    stencil = [points_m]
    for axis in range(3):
        for sign in (-1.0, 1.0):
            moved = points_m.copy()
            moved[:, axis] += sign * STEP_M
            stencil.append(moved)
    points = np.concatenate(stencil)
    rng = generator(seed, Stream.COILS)
    field = np.empty((n, 3, len(coils)))
    slope = np.empty((3, n, 3, len(coils)))
    if n == 0:
        return field, slope  # a coil board on a bench without heads
    for c, coil in enumerate(coils):
        gain = turns(coil) * (1.0 + scenario.coil_gain_error * rng.standard_normal())
        angles = rng.standard_normal(3) * np.deg2rad(scenario.coil_angle_error_deg)
        shift = scenario.coil_position_error_m * rng.standard_normal(3)
        rotation = Rotation.from_rotvec(angles)
        axis = _AXES[coil.kind.split("_")[1][0]]
        wires = []
        for vertices, weight in loops(coil.kind):
            true = rotation.apply(vertices) + shift
            wires.append((true, weight * gain))
            image = true.copy()
            wall = np.sign(np.mean(true[:, axis])) * WALL_M
            image[:, axis] = 2.0 * wall - image[:, axis]
            wires.append((image, weight * gain * scenario.shield_image))
        values = _field_nt_per_ma(wires, points).reshape(7, n, 3)
        field[:, :, c] = values[0]
        for k in range(3):
            slope[k, :, :, c] = (values[2 + 2 * k] - values[1 + 2 * k]) / (2 * STEP_M)
    return field, slope
