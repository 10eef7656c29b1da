"""A rig's coils and its standard's loops as the room's models take them."""

from __future__ import annotations

import numpy as np

from nullfield.rig import Rig
from nullfield.room.array_model import Tolerances
from nullfield.room.windings import Winding


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


def tolerances_of(rig: Rig) -> Tolerances:
    """What is known beforehand; of a standard, what its file says."""
    standard = rig.standard
    if standard is None:
        return Tolerances()
    corners = np.concatenate([np.array(loop.corners_m) for loop in standard.loops])
    return Tolerances(
        standard=standard.tolerance,
        standard_size_m=float(np.abs(corners - corners.mean(axis=0)).max()),
        seat_position_m=standard.seat_position_m,
        seat_angle_rad=float(np.deg2rad(standard.seat_angle_deg)),
    )
