"""A set of designs as plain values for `json.dump`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_design.design import CoilDesign
from nullfield.room.coil_design.figures import Homogeneity
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.targets import unit_of

FloatArray = npt.NDArray[np.float64]
SCHEMA = "nullfield-coil-design/1"


def design_json(
    request: CoilRequest,
    designs: Sequence[CoilDesign],
    *,
    squares: dict[str, Homogeneity],
    couplings: FloatArray,
    impurities: FloatArray,
    checks: dict[str, float],
    with_wires: bool,
) -> dict[str, Any]:
    """Request, figures of every coil, and what the coils do to one another.

    Parameters
    ----------
    squares : mapping of component to Homogeneity
        The simple pair of the same size, for comparison.
    couplings, impurities : (n, n) arrays
        From `design.coupling` and `design.impurity`.
    checks : mapping of component to float
        Difference from the independent program; empty where it was not asked.
    with_wires : bool
        Whether the points of all wires are in it: what a winding machine needs.
    """
    return {
        "schema": SCHEMA,
        "request": asdict(request),
        "coils": [
            {
                "component": one.component,
                "constant": one.wires.constant,
                "unit": unit_of(one.component),
                "max_deviation": one.wires.max_deviation,
                "rms_deviation": one.wires.rms_deviation,
                "max_deviation_along": one.wires.max_deviation_along,
                "sheet_deviation": one.solution.deviation,
                "regularisation": one.solution.weight,
                "peak_wires_per_m": one.peak_density_per_m,
                **asdict(one.figures),
                "difference_from_magpylib": checks.get(one.component),
                "square_pair": (
                    asdict(squares[one.component]) if one.component in squares else None
                ),
                "loops": [
                    {
                        "plane": loop.plane,
                        "sense": loop.sense,
                        "length_m": round(loop.length_m, 4),
                        "points_m": np.round(loop.points_m, 5).tolist(),
                    }
                    for loop in one.loops
                ]
                if with_wires
                else None,
            }
            for one in designs
        ],
        "coupling": np.round(couplings, 6).tolist(),
        "impurity": np.round(impurities, 6).tolist(),
    }
