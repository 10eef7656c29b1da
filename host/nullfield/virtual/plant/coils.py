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

from nullfield.room.coil_geometry import CoilErrors, Wires, built_wires
from nullfield.virtual.plant.interface import PlantCoil, Scenario
from nullfield.virtual.plant.noise import Stream, generator
from nullfield.virtual.plant.standard import standard_wires

FloatArray = npt.NDArray[np.float64]

STEP_M = 0.01
"""Half of the central difference for gradients."""


def _field_nt_per_ma(wires: Wires, points_m: FloatArray) -> FloatArray:
    """Field at points (n, 3) of loops carrying 1 mA times their relative current, nT."""
    polyline: Any = magpylib.current.Polyline  # magpylib is not typed
    get_field: Any = magpylib.getB
    sources = [polyline(current=weight * 1e-3, vertices=vertices) for vertices, weight in wires]
    field = get_field(sources, points_m, sumup=True)
    return np.asarray(field, dtype=np.float64).reshape(-1, 3) * 1e9


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
    loops = standard_wires(coils, scenario, seed)
    for c, coil in enumerate(coils):
        if coil.kind == "loop":
            _fill(field, slope, c, loops[coil.name], points)
            continue
        gain = 1.0 + scenario.coil_gain_error * rng.standard_normal()
        angles = rng.standard_normal(3) * np.deg2rad(scenario.coil_angle_error_deg)
        shift = scenario.coil_position_error_m * rng.standard_normal(3)
        errors = CoilErrors(gain, angles, shift)
        wires = built_wires(coil.kind, coil.nominal_nt_per_ma, errors, scenario.shield_image)
        _fill(field, slope, c, wires, points)
    return field, slope


def _fill(field: FloatArray, slope: FloatArray, c: int, wires: Wires, points_m: FloatArray) -> None:
    """Field and central differences of one winding at the seven places of each head."""
    values = _field_nt_per_ma(wires, points_m).reshape(7, len(field), 3)
    field[:, :, c] = values[0]
    for k in range(3):
        slope[k, :, :, c] = (values[2 + 2 * k] - values[1 + 2 * k]) / (2 * STEP_M)
