"""What a winding does, told by its wires alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_design.biot_savart import wire_field
from nullfield.room.coil_design.contours import WireLoop, least_distance_m
from nullfield.room.coil_design.inductance import mutual_inductance_h, resampled
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.targets import leading, target_field

FloatArray = npt.NDArray[np.float64]

COPPER_OHM_M = 1.7241e-8
"""Annealed copper at 20 °C (IEC 60028)."""
_CHECK_POINTS = 9
_FAR_SPACINGS, _FAR_PIECE_M = 2.0, 0.12
"""Images farther away than this are drawn with coarser pieces."""
_PIECE_M = 0.06
"""Longest straight piece of a loop in the inductance."""


@dataclass(frozen=True)
class Homogeneity:
    """How right a field is over the target volume, walls as the request has them.

    Attributes
    ----------
    constant : float
        nT/mA, nT/m/mA or nT/m^2/mA: least squares of the wanted field over the volume.
    max_deviation, rms_deviation : float
        Of the vector field from the wanted one, over the largest wanted field in the volume.
    max_deviation_along : float
        As `max_deviation`, of the field's part along the wanted field alone; what a single-axis
        figure in the literature tells.
    """

    constant: float
    max_deviation: float
    rms_deviation: float
    max_deviation_along: float


@dataclass(frozen=True)
class WindingFigures:
    """Electrical and workshop figures of a winding.

    Attributes
    ----------
    n_loops : int
    wire_length_m, resistance_ohm, inductance_h : float
        Turns alone, in series; leads are not in it.
    power_w_at_10_ma : float
        At the coil board's limit.
    least_distance_m : float
        Between two turns of a plane.
    peak_wires_per_m : float
        Its inverse.
    """

    n_loops: int
    wire_length_m: float
    resistance_ohm: float
    inductance_h: float
    power_w_at_10_ma: float
    least_distance_m: float
    peak_wires_per_m: float


def with_images(request: CoilRequest, loops_m: Sequence[FloatArray]) -> list[FloatArray]:
    """Loops and their mirror images in the walls, if there are walls."""
    out = []
    coarse = [resampled(loop, _FAR_PIECE_M) for loop in loops_m]
    for shift_m, sign in request.image_planes():
        is_far = abs(shift_m) > _FAR_SPACINGS * request.spacing_m
        for loop in coarse if is_far else loops_m:
            image = loop.copy()
            image[:, request.normal_index] = shift_m + sign * loop[:, request.normal_index]
            out.append(image)
    return out


def homogeneity(request: CoilRequest, component: str, loops_m: Sequence[FloatArray]) -> Homogeneity:
    """Field of the wires over the target volume against the wanted field."""
    points = request.grid_m(_CHECK_POINTS)
    # nT/mA is 1e-6 T/A
    field = wire_field(with_images(request, loops_m), points) * 1e6
    constant = leading(component, field, points)
    wanted = constant * target_field(component, points)
    top = float(np.linalg.norm(wanted, axis=1).max())
    error = field - wanted
    size = np.linalg.norm(error, axis=1) / top
    length = np.linalg.norm(wanted, axis=1)
    inside = length > 1e-9 * top
    along = np.zeros(len(points))
    along[inside] = np.abs((error[inside] * wanted[inside]).sum(axis=1)) / length[inside] / top
    return Homogeneity(
        constant, float(size.max()), float(np.sqrt(np.mean(size**2))), float(along.max())
    )


def winding_figures(request: CoilRequest, loops: tuple[WireLoop, ...]) -> WindingFigures:
    """Length, resistance, inductance and density of a winding."""
    length_m = sum(loop.length_m for loop in loops)
    area_m2 = 0.25 * np.pi * request.wire_diameter_m**2
    resistance = COPPER_OHM_M * length_m / area_m2
    pieces = [resampled(loop.points_m, _PIECE_M) for loop in loops]
    inductance = mutual_inductance_h(pieces, pieces, 0.5 * request.wire_diameter_m)
    distance = least_distance_m(request, loops)
    return WindingFigures(
        len(loops),
        length_m,
        float(resistance),
        inductance,
        float(resistance) * 1e-4,
        distance,
        0.0 if distance == float("inf") else 1.0 / max(distance, 1e-9),
    )
