"""Null the room: measure what all coils do at all heads at once, then solve for the currents.

The response is measured on the instrument as it stands, so neither coil geometry nor the shield's image
effect needs to be known. Currents that null the field over the array follow by bounded least squares
(`room.solve_null`) and are corrected by what the heads read afterwards; heads that are not ready are
stood in for by what the others say of their place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.errors import BoardFaultError, NullfieldError, ProcedureError, RequestError
from nullfield.instrument.coil_currents import energise, set_currents
from nullfield.instrument.excite_coils import SAMPLES, excite_coils
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import (
    FieldMeasurement,
    alive_heads,
    balance_heads,
    measure_field,
)
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.null_checks import check_reach, check_response, named_fault
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.null_target import aim, enough_heads, gradient_of, left_out, model_of
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import CoilEntry, HeadEntry

__all__ = ["NullResult", "null_room"]

FloatArray = npt.NDArray[np.float64]

_EXCITE_SHARE = 0.7
"""Of the time: most of a null is the excitation."""
_MOVED_MA = 0.6
"""Of a coil: more than a pattern of the excitation, and the head's field is some 10 nT off."""


def null_room(
    instrument: Instrument,
    progress: Progress = silent,
    rounds: int = 3,
) -> NullResult:
    """Null the field over the array with the room coils, then at each head with its own.

    If it fails or is interrupted, the coils are ramped to zero.

    Parameters
    ----------
    instrument : Instrument
        Started up, streams on.
    progress : Progress
    rounds : int
        Corrections after the coils' effect is known. The first brings tens of nT down, but what the
        heads read after it is off by 0.1 nT, for they were all searching at once; the second is
        judged by balanced heads, and the third corrects by them.

    Raises
    ------
    ProcedureError
        If there are no coils, too few ready heads, a coil or head that is not what the rig file
        says, or a field beyond the coils' reach.
    """
    try:
        return _null(instrument, progress, rounds)
    except (BoardFaultError, RequestError) as error:
        _let_go(instrument)
        raise named_fault(instrument, error) from error
    except BaseException:
        _let_go(instrument)
        raise


def _null(instrument: Instrument, progress: Progress, rounds: int) -> NullResult:
    coils = instrument.rig.coils
    if not coils:
        raise ProcedureError(f"rig {instrument.rig.name} has no coils")
    began_s = instrument.clock.now_s()
    ready = instrument.ready_heads()
    enough_heads(ready, coils)
    quiet_table(instrument)
    energise(instrument)
    progress("null", 0.0, "field of the room")
    if _is_far_off(instrument, ready):
        ready = balance_heads(instrument, ready, is_full=True, is_quick=True)
    response = excite_coils(
        instrument,
        ready,
        is_quick=True,
        progress=lambda _, part, words: progress("null", _EXCITE_SHARE * part, words),
    )
    check_response(instrument.rig, response)
    model = model_of(response)
    target, before_pt = aim(instrument, response, model)
    current = response.current_ma
    field_pt = before_pt
    for turn in range(rounds):
        done = _EXCITE_SHARE + (1.0 - _EXCITE_SHARE) * turn / rounds
        progress("null", done, "solving and ramping the currents")
        solution = target.solve(coils, field_pt, current)
        check_reach(coils, solution)
        current = solution.current_ma
        set_currents(instrument, coils, current)
        # The field has moved by tens of nT in the first turn: search anew.
        measured = read_after(instrument, target.heads, is_full=turn == 0)
        field_pt = measured.field_pt
    result = NullResult(
        heads=tuple(h.name for h in target.heads),
        before_rms_pt=_rms(before_pt),
        after_rms_pt=measured.rms_pt,
        current_ma=_by_coil(coils, current),
        coil_response_pt_per_ma=target.response_pt_per_ma,
        limited=tuple(c.name for c, at in zip(coils, solution.limited, strict=True) if at),
        duration_s=instrument.clock.now_s() - began_s,
        before_pt=before_pt,
        after_pt=measured.field_pt,
        gradient_before=gradient_of(target.heads, before_pt),
        gradient_after=gradient_of(target.heads, measured.field_pt),
        cell_rms_pt=_rms(measured.residual_pt),
        left_pt=solution.left_pt,
        wanted_ma=_by_coil(coils, solution.wanted_ma),
        left_out=left_out(instrument, target.heads, response, model),
        model=model,
        excitation=response,
    )
    progress("null", 1.0, f"{result.before_rms_pt:.0f} -> {result.after_rms_pt:.0f} pT rms")
    return result


def read_after(
    instrument: Instrument, heads: tuple[HeadEntry, ...], is_full: bool
) -> FieldMeasurement:
    """Zero every ready head, for coils of neighbours reach over, and read some of them.

    Raises
    ------
    ProcedureError
        If a head was lost.
    """
    kept = balance_heads(instrument, alive_heads(instrument), is_full, is_quick=is_full)
    names = {h.name for h in kept}
    lost = [h.name for h in heads if h.name not in names]
    measured = measure_field(instrument, heads, 2 * SAMPLES)
    lost += [h.name for h, good in zip(heads, measured.is_valid, strict=True) if not good]
    if lost:
        raise ProcedureError(
            f"head {lost[0]} was lost while the room was nulled",
            "see 'nullfield boards'; null again, it will be left out",
        )
    return measured


def _is_far_off(instrument: Instrument, heads: tuple[HeadEntry, ...]) -> bool:
    """Whether a head was zeroed with other currents in the coils: its beam axis finds no zero then."""
    return any(
        np.abs(instrument.zeroed_at_ma[head.name]).max() > _MOVED_MA
        for head in heads
        if head.name in instrument.zeroed_at_ma
    )


def _let_go(instrument: Instrument) -> None:
    """Ramp the coils to zero, whatever the boards say: what went wrong is told by another."""
    for board in instrument.coils.values():
        try:
            board.ramp_to_zero()
        except NullfieldError:
            continue


def _by_coil(coils: tuple[CoilEntry, ...], values: FloatArray) -> dict[str, float]:
    return {c.name: float(v) for c, v in zip(coils, values, strict=True)}


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
