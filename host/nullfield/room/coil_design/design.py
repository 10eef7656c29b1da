"""From a request to finished windings, one coil after the other, and what they do to one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError
from nullfield.room.coil_design.biot_savart import wire_field
from nullfield.room.coil_design.contours import WireLoop, cut_into_wires
from nullfield.room.coil_design.figures import (
    Homogeneity,
    WindingFigures,
    homogeneity,
    winding_figures,
    with_images,
)
from nullfield.room.coil_design.inductance import mutual_inductance_h, resampled
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.solve import StreamSolution, solve_on
from nullfield.room.coil_design.stream_function import design_matrix, peak_density_a_per_m
from nullfield.room.coil_design.targets import COMPONENTS, target_field

FloatArray = npt.NDArray[np.float64]
Tell = Callable[[float, str], None]

_SOLVE_POINTS = 7
_COUPLING_PIECE_M = 0.12
_LAYER_M = 2e-3
"""Distance of one coil's layer of wire from the next on the same plane."""


@dataclass(frozen=True)
class CoilDesign:
    """A finished coil.

    Attributes
    ----------
    component : str
    solution : StreamSolution
    loops : tuple of WireLoop
    wires : Homogeneity
        Of the wires; `solution.deviation` is that of the sheet of current.
    figures : WindingFigures
    peak_density_per_m : float
        Wires a metre where the sheet is densest.
    """

    component: str
    solution: StreamSolution
    loops: tuple[WireLoop, ...]
    wires: Homogeneity
    figures: WindingFigures
    peak_density_per_m: float

    @property
    def loops_m(self) -> list[FloatArray]:
        """The wires' points, loop by loop."""
        return [loop.points_m for loop in self.loops]


def _silent(fraction: float, detail: str) -> None:
    """Progress that nobody looks at."""


def design_coils(
    request: CoilRequest, components: Sequence[str], tell: Tell = _silent
) -> tuple[CoilDesign, ...]:
    """Design coils for a request.

    Raises
    ------
    InputError
        Unknown component, a tolerance that cannot be kept, or a winding that cannot be made.
    """
    for component in components:
        if component not in COMPONENTS:
            raise InputError(
                f"unknown component '{component}'", f"choose from {', '.join(COMPONENTS)}"
            )
    tell(0.0, "field of the sheet of current")
    points = request.grid_m(_SOLVE_POINTS)
    matrix = design_matrix(request, points)
    designs = []
    for number, component in enumerate(components):
        tell((number + 0.2) / len(components), component)
        designs.append(_design(request, component, points, matrix))
    tell(1.0, f"{len(designs)} coils")
    return tuple(designs)


def _design(
    request: CoilRequest, component: str, points_m: FloatArray, matrix: FloatArray
) -> CoilDesign:
    solution = solve_on(request, component, points_m, matrix)
    loops, step_a = cut_into_wires(request, solution.coefficients_a)
    figures = winding_figures(request, loops)
    if figures.least_distance_m < request.wire_diameter_m:
        raise InputError(
            f"{component}: turns come within {1e3 * figures.least_distance_m:.2g} mm, the wire is "
            f"{1e3 * request.wire_diameter_m:g} mm thick",
            "ask for fewer turns or a thinner wire",
        )
    wires = homogeneity(request, component, [loop.points_m for loop in loops])
    if wires.max_deviation > request.tolerance:
        raise InputError(
            f"{component}: {request.turns} turns leave {100 * wires.max_deviation:.2g} % deviation, "
            f"{100 * request.tolerance:.2g} % are allowed",
            "ask for more turns or allow more with --tolerance",
        )
    density = peak_density_a_per_m(request, solution.coefficients_a) / step_a
    return CoilDesign(component, solution, loops, wires, figures, density)


def coupling(request: CoilRequest, designs: Sequence[CoilDesign]) -> FloatArray:
    """Inductive coupling ``M_ij / sqrt(L_i L_j)`` of coils on the same planes, shape ``(n, n)``.

    Coils lie in layers a few millimetres apart, in the order given.
    """
    layers = []
    for number, design in enumerate(designs):
        pieces = [resampled(loop, _COUPLING_PIECE_M) for loop in design.loops_m]
        for piece in pieces:
            side = np.sign(piece[0, request.normal_index])
            piece[:, request.normal_index] += side * number * _LAYER_M
        layers.append(pieces)
    radius = 0.5 * request.wire_diameter_m
    own = np.sqrt([design.figures.inductance_h for design in designs])
    out = np.eye(len(designs))
    for i in range(len(designs)):
        for j in range(i):
            mutual = mutual_inductance_h(layers[i], layers[j], radius, nodes=1)
            out[i, j] = out[j, i] = mutual / own[i] / own[j]
    return out


def impurity(request: CoilRequest, designs: Sequence[CoilDesign]) -> FloatArray:
    """How much of each other component there is in each coil's field, shape ``(n, n)``.

    A coil's field over the target volume is fitted by all components together; row i is the fit of
    coil i, each term's largest field in the volume over that of the coil's own term.
    """
    points = request.grid_m(7)
    terms = np.stack([target_field(d.component, points).ravel() for d in designs], axis=1)
    sizes = np.array(
        [np.linalg.norm(target_field(d.component, points), axis=1).max() for d in designs]
    )
    out = np.zeros((len(designs), len(designs)))
    for row, design in enumerate(designs):
        field = wire_field(with_images(request, design.loops_m), points).ravel()
        share = np.linalg.lstsq(terms, field, rcond=None)[0] * sizes
        out[row] = share / share[row]
    return out
