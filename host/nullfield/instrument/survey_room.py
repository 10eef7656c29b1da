"""Survey a room with nobody in it: maps, a record at rest, a record with an excitation.

Room coils are off, so what is surveyed is what the shield leaves. The heads work in closed loop about
their own zero. Along their beams they read the field at each zero only: spectra are those of the
transverse axes, and the beam axis is told by the maps and, while the excitation is slow, by readings
one behind the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nullfield import __version__
from nullfield.errors import NullfieldError, ProcedureError
from nullfield.instrument.beam_samples import BeamSampler
from nullfield.instrument.gather_rows import RowGatherer
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import measure_field, zero_heads
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import HeadEntry
from nullfield.room.excitation_coil import Excitation
from nullfield.room.survey_data import RowRecord, StaticMap, SurveyData, SurveyedHead

REPEATS = 3
"""Zeros of a map: their scatter is the map's repeatability."""
_ROWS = 400
_LOOK_EVERY_S = 1.0
_TAIL_S = 2.0
_LEAST_VALID = 0.5

StartExcitation = Callable[[Excitation], float]
"""Has somebody switch the excitation on; returns the instrument's time at which it began."""


@dataclass(frozen=True)
class SurveyPlan:
    """What is surveyed.

    Attributes
    ----------
    duration_s : float
        Of the record at rest.
    excitation : Excitation or None
        Settings of the coil outside; none leaves the shielding out.
    """

    duration_s: float
    excitation: Excitation | None = None


def survey_room(
    instrument: Instrument,
    plan: SurveyPlan,
    failed: dict[str, str],
    start_excitation: StartExcitation | None = None,
    progress: Progress = silent,
) -> tuple[SurveyData, BaseException | None]:
    """Survey the room.

    Parameters
    ----------
    instrument : Instrument
        Started up, streams on, room coils off.
    plan : SurveyPlan
    failed : dict of str to str
        Heads that did not come up, with the reason; they are told in the report.
    start_excitation : callable, optional
        Needed for a plan with an excitation.
    progress : Progress

    Returns
    -------
    data : SurveyData
        All that was measured, whatever happened.
    trouble : BaseException or None
        What ended the survey early: to be raised again once the data are safe.

    Raises
    ------
    ProcedureError
        If no head is ready, a room coil is driven, or nobody can start the excitation.
    """
    heads = instrument.ready_heads()
    if not heads:
        raise ProcedureError("no head is ready", "see 'nullfield start' for the reasons")
    if plan.excitation is not None and start_excitation is None:
        raise ProcedureError("nobody can start the excitation", "leave --excitation out")
    _check_coils(instrument)
    quiet_table(instrument)
    began_s = instrument.clock.now_s()
    data = SurveyData(
        instrument.rig.name,
        tuple(SurveyedHead(h.name, h.position_m, h.axes, h.kind == "reference") for h in heads),
        dict(failed),
        planned_s=plan.duration_s,
        conditions=_conditions(instrument),
    )
    try:
        _survey(instrument, plan, heads, data, start_excitation, progress, began_s)
    except (NullfieldError, KeyboardInterrupt) as trouble:
        what = trouble.message if isinstance(trouble, NullfieldError) else "stopped by the operator"
        data.ended_early = f"after {instrument.clock.now_s() - began_s:.0f} s: {what}"
        _name_saturated(data)
        return data, trouble
    _name_saturated(data)
    return data, None


def _survey(
    instrument: Instrument,
    plan: SurveyPlan,
    heads: tuple[HeadEntry, ...],
    data: SurveyData,
    start_excitation: StartExcitation | None,
    progress: Progress,
    began_s: float,
) -> None:
    progress("map", 0.0, "field at the heads")
    data.maps.append(_map(instrument, heads, data, began_s))
    progress("map", 0.5, f"{data.maps[0].time_s:.0f} s")
    data.quiet = _gather(
        instrument, heads, plan.duration_s, began_s, "rest", progress, keep=_keep_quiet(data)
    )
    data.maps.append(_map(instrument, heads, data, began_s))
    progress("map", 1.0, "")
    if plan.excitation is not None and start_excitation is not None:
        start_s = start_excitation(plan.excitation)
        data.excitation = replace(plan.excitation, start_s=start_s)
        sampler = BeamSampler(instrument, heads, data.excitation)
        wait_s = max(start_s - instrument.clock.now_s(), 0.0)
        try:
            data.excited = _gather(
                instrument,
                heads,
                wait_s + plan.excitation.duration_s + _TAIL_S,
                start_s,
                "excite",
                progress,
                keep=_keep_excited(data),
                read=sampler.read,
            )
        finally:
            data.beams = sampler.series()


def _keep_quiet(data: SurveyData) -> Callable[[RowRecord], None]:
    def keep(record: RowRecord) -> None:
        data.quiet = record

    return keep


def _keep_excited(data: SurveyData) -> Callable[[RowRecord], None]:
    def keep(record: RowRecord) -> None:
        data.excited = record

    return keep


def _map(
    instrument: Instrument, heads: tuple[HeadEntry, ...], data: SurveyData, began_s: float
) -> StaticMap:
    """Zero and measure several times; a head that is lost on the way is named and goes on as NaN."""
    repeats = np.full((REPEATS, len(heads), 3), np.nan)
    first_s = instrument.clock.now_s()
    order = {h.name: number for number, h in enumerate(heads)}
    for repeat in range(REPEATS):
        left = tuple(h for h in heads if h in instrument.ready_heads())
        if not left:
            raise ProcedureError("no head is ready any more", "see the boards' log")
        kept = zero_heads(instrument, left)
        for head in heads:
            if head not in kept and head.name not in data.dead:
                data.dead[head.name] = f"lost {instrument.clock.now_s() - began_s:.0f} s into it"
        if kept:
            measured = measure_field(instrument, kept, _ROWS)
            for number, head in enumerate(kept):
                repeats[repeat, order[head.name]] = measured.field_pt[number]
    middle_s = 0.5 * (first_s + instrument.clock.now_s()) - began_s
    return StaticMap(middle_s, repeats)


def _gather(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    duration_s: float,
    since_s: float,
    step: str,
    progress: Progress,
    keep: Callable[[RowRecord], None],
    read: Callable[[], bool] = lambda: False,
) -> RowRecord:
    """Gather rows; `keep` gets what there is if it ends early. `read` may use the time otherwise."""
    gatherer = RowGatherer(instrument, heads)
    end_s = gatherer.start_s + duration_s
    try:
        while (left_s := end_s - instrument.clock.now_s()) > 1e-6:
            if not read():
                instrument.wait_s(min(_LOOK_EVERY_S, left_s))
            gatherer.take()
            done_s = instrument.clock.now_s() - gatherer.start_s
            progress(step, min(done_s / duration_s, 1.0), f"{done_s:.0f} of {duration_s:.0f} s")
    except BaseException:
        gatherer.take()
        keep(gatherer.record(since_s))
        raise
    return gatherer.record(since_s)


def _name_saturated(data: SurveyData) -> None:
    """Heads whose rows are mostly not good: their channels are in no figure, and the report says so."""
    for record in (data.quiet, data.excited):
        if record is None or not record.field_pt.shape[1]:
            continue
        for number, head in enumerate(data.heads):
            if record.valid_share[number] < _LEAST_VALID and head.name not in data.dead:
                share = record.saturated_share[number]
                why = "saturated or out of range" if share > 0 else "not valid"
                bad = 100 * (1 - record.valid_share[number])
                data.dead[head.name] = f"{why} in {bad:.0f} % of its rows"


def _check_coils(instrument: Instrument) -> None:
    for coil in instrument.rig.coils:
        telemetry = instrument.coils[coil.board].telemetry
        if telemetry is not None and abs(telemetry.setpoint_a[coil.channel]) > 0.0:
            raise ProcedureError(
                f"coil {coil.name} carries a current", "switch the room coils off for a survey"
            )


def _conditions(instrument: Instrument) -> dict[str, str]:
    cells = [
        board.telemetry.cell_temperature_c[head.slot]
        for uid, board in instrument.sensors.items()
        for head in instrument.rig.heads_of(uid)
        if board.telemetry is not None
    ]
    firmware = sorted({b.identity.firmware_version for b in instrument.boards.values()})
    out = {
        "Software": f"nullfield {__version__}, firmware {', '.join(firmware)}",
        "Boards": ", ".join(sorted(instrument.boards)),
        "Room coils": "off",
        "Patient table": "out, motor off" if instrument.table is not None else "none",
    }
    if cells:
        out["Cell temperatures"] = f"{min(cells):.1f} to {max(cells):.1f} °C"
    return out
