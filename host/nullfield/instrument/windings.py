"""A rig's coils and its standard's loops as the room's models take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nullfield.rig import Rig
from nullfield.room.array_model import Tolerances
from nullfield.room.windings import Winding

FloatArray = npt.NDArray[np.float64]


def windings_of(rig: Rig) -> tuple[Winding, ...]:
    """Every winding as drawn: the coils, then the loops of a standard."""
    loops = () if rig.standard is None else rig.standard.loops
    return (
        *(Winding(c.name, c.kind, c.nominal_nt_per_ma) for c in rig.coils),
        *(
            Winding(loop.name, loop.kind, corners_m=np.array(loop.corners_m), turns=loop.turns)
            for loop in loops
        ),
    )


DRIFT_PT = 100.0
"""What the room may drift from pattern to pattern, on the axis that drifts most."""


def tolerances_of(rig: Rig, patterns_ma: FloatArray | None = None) -> Tolerances:
    """What is known beforehand; of a standard, what its file says.

    Parameters
    ----------
    rig : Rig
    patterns_ma : numpy.ndarray, shape ``(n_patterns, n_windings)``, optional
        Currents that were given: a winding that could be driven a little only has drift for a
        response.
    """
    usual = Tolerances()
    if patterns_ma is not None:
        swing_ma = np.sqrt(np.sum((patterns_ma - patterns_ma.mean(axis=0)) ** 2, axis=0))
        stray = np.maximum(usual.stray_pt_per_ma, DRIFT_PT / swing_ma)
        usual = replace(usual, stray_pt_per_ma=stray)
    standard = rig.standard
    if standard is None:
        return usual
    corners = np.concatenate([np.array(loop.corners_m) for loop in standard.loops])
    return replace(
        usual,
        standard=standard.tolerance,
        standard_size_m=float(np.abs(corners - corners.mean(axis=0)).max()),
        seat_position_m=standard.seat_position_m,
        seat_angle_rad=float(np.deg2rad(standard.seat_angle_deg)),
    )
