"""What keeps a null from being tried: coils that do not do what they should, heads at wrong places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.errors import BoardFaultError, NullfieldError, ProcedureError
from nullfield.instrument.excite_coils import CoilResponse
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.windings import windings_of
from nullfield.rig import CoilEntry, Rig
from nullfield.room.solve_null import NullSolution
from nullfield.room.windings import nominal_field_pt_per_ma
from nullfield.room.wiring_check import WiringFault, check_wiring
from nullfield_protocol.catalogue import FaultCode

FloatArray = npt.NDArray[np.float64]

OPEN_SHARE = 0.5
"""Of the current asked for; a sound channel is within a percent."""
TOLERABLE_LEFT_PT = 1000.0
"""Rest that coils at their limits may leave: the heads' own coils carry it."""
WORSE = 1.5
"""Times the rest that unlimited currents would leave, from where on the limits are to blame."""


def check_response(rig: Rig, response: CoilResponse) -> None:
    """Refuse to null with coils or heads that are not what the rig file says.

    Raises
    ------
    ProcedureError
        Names each coil with its channel, or each head, and what to do.
    """
    for coil, share in zip(response.coils, response.sensed_share, strict=True):
        if share < OPEN_SHARE:
            raise ProcedureError(
                f"coil {place(coil)} is open: it carries {max(float(share), 0.0):.0%} of its current",
                "check the coil's plug and winding, or take it out of the rig file",
            )
    faults = wiring_faults(rig, response, [coil.name for coil in response.coils])
    if not faults:
        return
    channels = {coil.name: place(coil) for coil in response.coils}
    first = faults[0]
    words = [
        f"{fault.text} [{', '.join(channels[name] for name in fault.names)}]"
        if all(name in channels for name in fault.names)
        else fault.text
        for fault in faults
    ]
    if first.kind == "open":
        # The board senses its current: what is missing is the field.
        words[0] += "; it carries its current, so it is shorted or leads elsewhere"
    raise ProcedureError("; ".join(words), first.hint)


def wiring_faults(rig: Rig, response: CoilResponse, names: list[str]) -> tuple[WiringFault, ...]:
    """Windings and heads whose response is not what the rig file draws.

    Parameters
    ----------
    rig : Rig
    response : CoilResponse
    names : list of str
        Of the windings that were driven: the coils, and behind them a standard's loops, if any.
    """
    position_m = rig.positions_m(response.heads)
    return check_wiring(
        response.response_pt_per_ma,
        response.uncertainty_pt_per_ma,
        nominal_field_pt_per_ma(windings_of(rig)[: len(names)], position_m),
        position_m,
        np.array([head.axes for head in response.heads]),
        [head.name for head in response.heads],
        names,
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


def named_fault(instrument: Instrument, error: NullfieldError) -> NullfieldError:
    """A coil board's fault with the name of the coil it is about, if it is about one."""
    for uid, board in instrument.coils.items():
        fault = board.link.fault
        if fault is None or not FaultCode(fault.code).name.startswith("COIL_"):
            continue
        for coil in instrument.rig.coils:
            if coil.board == uid and coil.channel == fault.source:
                words = FaultCode(fault.code).name.removeprefix("COIL_").lower().replace("_", " ")
                return BoardFaultError(
                    f"coil {place(coil)}: {words}, found by its board; its outputs are off",
                    "check the coil's plug, winding and wires, then clear the faults",
                )
    return error


def place(coil: CoilEntry) -> str:
    """A coil by its name, channel and board."""
    return f"{coil.name} (channel {coil.channel} of board {coil.board})"
