"""What keeps a null from being tried: coils that do not do what they should, heads at wrong places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.excite_coils import CoilResponse
from nullfield.rig import CoilEntry, HeadEntry
from nullfield.room.head_order import nominal_shape, swapped_heads
from nullfield.room.solve_null import NullSolution

FloatArray = npt.NDArray[np.float64]

OPEN_SHARE = 0.5
"""Of the current asked for; a sound channel is within a percent."""
LEAST_EFFECT = 0.2
"""Of the coil's nominal field at the heads."""
TOLERABLE_LEFT_PT = 1000.0
"""Rest that coils at their limits may leave: the heads' own coils carry it."""
WORSE = 1.5
"""Times the rest that unlimited currents would leave, from where on the limits are to blame."""


def check_coils(response: CoilResponse) -> None:
    """Refuse to null with a coil that carries no current or makes no field.

    Raises
    ------
    ProcedureError
        Names the coil, its channel and what to do.
    """
    for number, coil in enumerate(response.coils):
        share = float(response.sensed_share[number])
        if share < OPEN_SHARE:
            raise ProcedureError(
                f"coil {_place(coil)} is open: it carries {max(share, 0.0):.0%} of its current",
                "check the coil's plug and winding, or take it out of the rig file",
            )
        effect = _rms(response.response_pt_per_ma[:, :, number])
        noise = _rms(response.uncertainty_pt_per_ma[:, :, number])
        nominal = _nominal_effect(coil, response.heads)
        if effect < max(LEAST_EFFECT * nominal, 2.0 * noise):
            raise ProcedureError(
                f"coil {_place(coil)} is shorted or not connected: it carries its current, but "
                f"changes the field at the heads by {effect:.0f} pT/mA of some {nominal:.0f} only",
                "check its wiring and the rig's channel, or take it out of the rig file",
            )


def check_heads(response: CoilResponse) -> None:
    """Refuse to null when two heads stand at each other's place in the rig file.

    Raises
    ------
    ProcedureError
        Names the pair.
    """
    near = [i for i, head in enumerate(response.heads) if head.kind == "array"]
    heads = [response.heads[i] for i in near]
    pairs = swapped_heads(
        np.array([h.position_m for h in heads]),
        np.array([h.axes for h in heads]),
        response.response_pt_per_ma[near],
        response.uncertainty_pt_per_ma[near],
        [coil.kind for coil in response.coils],
    )
    if not pairs:
        return
    names = ", ".join(f"{heads[i].name} and {heads[j].name}" for i, j in pairs)
    first, second = (heads[i] for i in pairs[0])
    raise ProcedureError(
        f"heads {names} are swapped: the coils act on each as the rig file says of the other",
        f"exchange board and slot of {first.name} and {second.name} in the rig file, or their plugs",
    )


def check_reach(coils: tuple[CoilEntry, ...], solution: NullSolution) -> None:
    """Refuse a null that the coils' limits spoil.

    Raises
    ------
    ProcedureError
        Names each coil at its limit and what it would take.
    """
    if not solution.limited.any() or solution.left_pt <= max(
        TOLERABLE_LEFT_PT, WORSE * solution.wanted_left_pt
    ):
        return
    words = [
        f"{coil.name} would need {wanted:+.2f} mA of {coil.current_max_ma:g} mA"
        for coil, wanted, at_limit in zip(coils, solution.wanted_ma, solution.limited, strict=True)
        if at_limit and abs(wanted) > coil.current_max_ma
    ]
    raise ProcedureError(
        f"the field is beyond the coils' reach: {'; '.join(words) or 'all limits together'}; "
        f"{solution.left_pt / 1e3:.1f} nT rms would be left instead of "
        f"{solution.wanted_left_pt / 1e3:.1f} nT",
        "close the door, degauss the room, take magnets away; or raise the coil's current_max_ma in "
        "the rig file if winding and board allow it",
    )


def _place(coil: CoilEntry) -> str:
    return f"{coil.name} (channel {coil.channel} of board {coil.board})"


def _nominal_effect(coil: CoilEntry, heads: tuple[HeadEntry, ...]) -> float:
    """Rms over heads and axes of what the coil should do, pT/mA."""
    shape = nominal_shape(coil.kind, np.array([h.position_m for h in heads]))
    return coil.nominal_nt_per_ma * 1e3 * _rms(shape)


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
