"""Currents of the room's coils: give them, wait for them, read them, paced by the boards' rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.rig import WindingEntry
from nullfield_protocol.catalogue import CoilFlag

FloatArray = npt.NDArray[np.float64]

SETTLED_ROWS = 20
"""Rows without a ramp after which the field stands: L/R of a coil is some ms, a head follows in 10."""
_RAMP_TIMEOUT_S = 10.0


def energise(instrument: Instrument) -> None:
    """Switch the coils' output stages on, at zero current, and wait until they are there."""
    for board in instrument.coils.values():
        board.enable(True)
        board.ramp_to_zero()
    settle(instrument)


def set_current(instrument: Instrument, coil: WindingEntry, current_ma: float) -> None:
    """Have a coil's board ramp to a current."""
    instrument.coils[coil.board].set_current_a(coil.channel, current_ma * 1e-3)


def set_currents(
    instrument: Instrument, coils: Sequence[WindingEntry], current_ma: FloatArray
) -> None:
    """Have all coils ramp to currents, shape ``(n_coils,)``, and wait until the field stands."""
    for coil, value in zip(coils, current_ma, strict=True):
        set_current(instrument, coil, float(value))
    settle(instrument)


def settle(instrument: Instrument) -> None:
    """Wait until no coil ramps any more, and as long again as coil and heads take to follow.

    Raises
    ------
    ProcedureError
        If it takes longer than any ramp can.
    """
    boards = list(instrument.coils.values())
    starts = [board.samples.next_index for board in boards]

    def is_settled() -> bool:
        for number, board in enumerate(boards):
            following, start = board.samples.next_index, starts[number]
            if following is None:
                return False
            if start is None:
                starts[number] = start = following
            # One row more: the one under way when the setpoint came does not know of it.
            if following < start + SETTLED_ROWS + 1:
                return False
            flags = board.flags(board.samples.window(SETTLED_ROWS))
            if not len(flags) or np.any(flags & CoilFlag.RAMPING):
                return False
        return True

    instrument.wait_until(is_settled, _RAMP_TIMEOUT_S, "ramping the coil currents")


def sensed_ma(
    instrument: Instrument, coils: Sequence[WindingEntry], rows: int = SETTLED_ROWS
) -> FloatArray:
    """Mean sensed current of each coil over the newest rows, shape ``(n_coils,)``, in mA.

    Raises
    ------
    ProcedureError
        If a board sends no rows.
    """
    mean: dict[str, FloatArray] = {}
    for uid in {coil.board for coil in coils}:
        board = instrument.coils[uid]
        window = board.samples.window(rows)
        if not len(window):
            raise ProcedureError(f"{board}: no sample rows", "switch the streams on")
        mean[uid] = board.current_a(window).mean(axis=1) * 1e3
    return np.array([mean[coil.board][coil.channel] for coil in coils])


def present_ma(instrument: Instrument) -> FloatArray:
    """Sensed currents of the rig's coils, shape ``(n_coils,)``; zero where no rows came yet."""
    mean = []
    for coil in instrument.rig.coils:
        board = instrument.coils[coil.board]
        window = board.samples.window(SETTLED_ROWS)
        mean.append(board.current_a(window)[coil.channel].mean() * 1e3 if len(window) else 0.0)
    return np.array(mean)
