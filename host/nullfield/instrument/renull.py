"""Null the room again with the coils' effect known from before.

What takes a full null its time is to measure coil by coil. Shield, coils and heads stand where they
stood, so their response holds, and only the field has drifted: measure, solve, ramp, balance. The
coils stay energised all the while.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nullfield.errors import ProcedureError
from nullfield.instrument.coil_currents import set_currents
from nullfield.instrument.excite_coils import SAMPLES
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import FieldMeasurement, measure_field, zero_heads
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.null_target import gradient_of
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import HeadEntry
from nullfield.room.solve_null import solve_null

WORST_RMS_PT = 500.0
"""More than this and the response is not what it was: heads are linear well below 1 nT."""
WORST_SHARE = 2.0
"""Of the full null's own rest, where that was larger."""
_LARGEST_CHANGE_MA = 3.0
"""A field that has changed by tens of nT is another room: its door is open, or the shield moved."""
_SAME_MA = 1e-3
"""Setpoints are kept in nA; more than this is another current."""


def renull(instrument: Instrument, previous: NullResult, progress: Progress = silent) -> NullResult:
    """Null the field with a response that was measured before.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on, coils at the currents of the null before.
    previous : NullResult
        From `null_room` or from here.
    progress : Progress

    Returns
    -------
    NullResult
        ``before_rms_pt`` is the field as it had become, coils on.

    Raises
    ------
    ProcedureError
        If heads or coils are not those of before, or the rest is too large: `null_room` measures
        everything anew.
    """
    rig = instrument.rig
    began_s = instrument.clock.now_s()
    chest = _the_same(instrument, previous)
    limit = np.array([c.current_max_ma for c in rig.coils])
    present = np.array([previous.current_ma[c.name] for c in rig.coils])
    quiet_table(instrument)
    progress("null", 0.0, "field as it has become")
    before = _measured(instrument, chest)
    matrix = previous.coil_response_pt_per_ma.reshape(-1, len(rig.coils))
    solution = solve_null(before.field_pt.reshape(-1), matrix, limit, present)
    change = np.abs(solution.current_ma - present)
    if change.max() > _LARGEST_CHANGE_MA:
        worst = rig.coils[int(change.argmax())].name
        raise _stale(f"coil {worst} would have to change by {change.max():.1f} mA")
    progress("null", 0.4, "ramping the currents")
    set_currents(instrument, rig.coils, solution.current_ma)
    progress("null", 0.6, "balancing the heads")
    measured = _measured(instrument, chest)
    bound_pt = max(WORST_RMS_PT, WORST_SHARE * previous.after_rms_pt)
    if measured.rms_pt > bound_pt:
        raise _stale(f"{measured.rms_pt:.0f} pT rms are left, more than {bound_pt:.0f} pT")
    progress("null", 1.0, f"{before.rms_pt:.0f} -> {measured.rms_pt:.0f} pT rms")
    names = tuple(previous.current_ma)
    return replace(
        previous,
        before_rms_pt=before.rms_pt,
        after_rms_pt=measured.rms_pt,
        current_ma=dict(zip(names, map(float, solution.current_ma), strict=True)),
        limited=tuple(n for n, at in zip(names, solution.limited, strict=True) if at),
        duration_s=instrument.clock.now_s() - began_s,
        before_pt=before.field_pt,
        after_pt=measured.field_pt,
        gradient_before=gradient_of(chest, before.field_pt),
        gradient_after=gradient_of(chest, measured.field_pt),
        cell_rms_pt=float(np.sqrt(np.mean(measured.residual_pt**2))),
        left_pt=solution.left_pt,
        wanted_ma=dict(zip(names, map(float, solution.wanted_ma), strict=True)),
    )


def _the_same(instrument: Instrument, previous: NullResult) -> tuple[HeadEntry, ...]:
    """The heads of before, if they and the coils are what they were."""
    names = tuple(c.name for c in instrument.rig.coils)
    if names != tuple(previous.current_ma):
        raise _stale("the rig's coils are not those of before")
    ready = {h.name: h for h in instrument.ready_heads()}
    lost = [name for name in previous.heads if name not in ready]
    if lost:
        raise _stale(f"head {lost[0]} is not ready any more")
    for number, coil in enumerate(instrument.rig.coils):
        telemetry = instrument.coils[coil.board].telemetry
        wanted_ma = tuple(previous.current_ma.values())[number]
        if (
            telemetry is None
            or abs(telemetry.setpoint_a[coil.channel] * 1e3 - wanted_ma) > _SAME_MA
        ):
            raise _stale(f"coil {coil.name} does not carry the current of before")
    return tuple(ready[name] for name in previous.heads)


def _measured(instrument: Instrument, chest: tuple[HeadEntry, ...]) -> FieldMeasurement:
    names = {h.name for h in chest}
    kept = zero_heads(instrument, instrument.ready_heads(), beam_only=True)
    if names - {h.name for h in kept}:
        raise _stale("a head was lost while the room was nulled")
    measured = measure_field(instrument, chest, SAMPLES)
    if not measured.is_valid.all():
        raise _stale(f"head {chest[int(measured.is_valid.argmin())].name} has no valid reading")
    return measured


def _stale(why: str) -> ProcedureError:
    return ProcedureError(
        f"the null of before cannot be taken up: {why}", "null the room in full ('nullfield null')"
    )
