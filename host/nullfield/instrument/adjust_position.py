"""Adjust the patient's position by the heart itself.

The heart is located from a few beats, the table's move that centres it below the array is proposed,
and made once it is confirmed; then the heart is located again. Where it lies so far off that no
dipole explains the field, the table goes by steps toward the side with more field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError, ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.live_field import live_field
from nullfield.instrument.locate_heart import FEWEST_BEATS, Location, leans, locate_heart
from nullfield.instrument.measure_field import zero_heads
from nullfield.instrument.move_table import move_table, table_travel_m
from nullfield.instrument.progress import Progress, silent

STEP_M = 0.06
"""A step toward a heart beyond the array's edge: less than half of the array, so none is passed."""
STEPS_AT_MOST = 4
LEAST_MOVE_M = 0.003
"""Below this the table stays: heads are placed to 1 mm, and maps do not change."""
_LOOK_EVERY_S = 0.5
_SLOWEST_BPM = 30.0
_EDGE_S = 1.5
"""Part of a beat at either end of the stretch is lost."""


@dataclass(frozen=True)
class Proposal:
    """A move of the table that is up for confirmation.

    Attributes
    ----------
    offset_m : numpy.ndarray, shape ``(2,)``
        Of the heart from the array's centre: x (across the table) and y (along it).
    uncertainty_m : float
        One standard deviation of the offset along y.
    move_m : float
        Of the table, along y; 0 if it had better stay.
    to_m : float
        Where the table would stand.
    beats : int
        Heartbeats that were averaged.
    reason : str
        What is to be known of the move, for instance that it is a step only; else empty.
    """

    offset_m: FloatArray
    uncertainty_m: float
    move_m: float
    to_m: float
    beats: int
    reason: str = ""


@dataclass(frozen=True)
class AdjustResult:
    """What adjusting came to.

    Attributes
    ----------
    before : Proposal
        Of the first look.
    moved_m : float
        Sum of the moves.
    after : Proposal or None
        Of the last look, behind the last move; None if the table did not move.
    """

    before: Proposal
    moved_m: float
    after: Proposal | None


Confirm = Callable[[Proposal], "float | None"]
"""Gives the move that is accepted, metres; None leaves the table where it is."""


def propose(location: Location, table_m: float, travel_m: tuple[float, float]) -> Proposal:
    """Work out the move that centres the heart.

    Parameters
    ----------
    location : Location
    table_m : float
        Where the table stands.
    travel_m : (float, float)
        Least and largest position.

    Raises
    ------
    ProcedureError
        If the centre is out of the table's reach, or the field tells no side to step to.
    """
    reason = ""
    if location.is_believed:
        # The table carries the heart along y: a heart too far toward the head must go back.
        move_m = -float(location.offset_m[1])
        if abs(move_m) < LEAST_MOVE_M:
            move_m, reason = 0.0, f"within {LEAST_MOVE_M * 1e3:.0f} mm of the centre already"
    else:
        side = leans(location)
        if side == 0:
            raise ProcedureError(
                f"the heart cannot be located: {location.reason}",
                "check that the heads are ready and the patient lies still and centred; "
                "then adjust again, or move the table by hand",
            )
        move_m = -side * STEP_M
        reason = f"a step only: {location.reason}"
    to_m = table_m + move_m
    if not travel_m[0] <= to_m <= travel_m[1]:
        raise ProcedureError(
            f"centring the heart needs the table at {to_m * 1e3:.0f} mm; "
            f"it goes from {travel_m[0] * 1e3:.0f} to {travel_m[1] * 1e3:.0f} mm",
            f"move the patient by {abs(move_m) * 1e3:.0f} mm toward the "
            f"{'head' if move_m > 0 else 'feet'} on the table, then adjust again",
        )
    return Proposal(location.offset_m, location.uncertainty_m, move_m, to_m, location.beats, reason)


def adjust_position(
    instrument: Instrument,
    confirm: Confirm,
    progress: Progress = silent,
    beats: int = 6,
) -> AdjustResult:
    """Centre the heart below the array.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on, the patient in, the table homed.
    confirm : callable
        Asked before each move; may wait for somebody's answer.
    progress : Progress
    beats : int
        Heartbeats to look at each time.

    Raises
    ------
    ProcedureError
        If there are too few beats, the heart cannot be located, or is out of the table's reach.
    """
    table = instrument.the_table()
    travel_m = table_travel_m(instrument)
    before: Proposal | None = None
    was_believed = False
    moved_m = 0.0
    for step in range(STEPS_AT_MOST):
        progress("adjust", 0.0, "locating the heart" if step == 0 else "locating it again")
        location = look(instrument, progress, beats)
        table_m = table.telemetry.position_m if table.telemetry is not None else 0.0
        proposal = propose(location, table_m, travel_m)
        first = before is None
        if before is None:
            before = proposal
        is_over = proposal.move_m == 0.0 or (not first and location.is_believed and was_believed)
        accepted = None if is_over else confirm(proposal)
        if accepted is None or accepted == 0.0:
            progress("adjust", 1.0, _words(proposal))
            return AdjustResult(before, moved_m, None if first else proposal)
        to_m = table_m + accepted
        if not travel_m[0] <= to_m <= travel_m[1]:
            raise ProcedureError(
                f"a move by {accepted * 1e3:.0f} mm ends at {to_m * 1e3:.0f} mm, beyond the "
                f"table's {travel_m[0] * 1e3:.0f} to {travel_m[1] * 1e3:.0f} mm",
                "confirm a smaller move",
            )
        was_believed = location.is_believed
        moved_m += move_table(instrument, to_m, progress).position_m - table_m
        rebalance(instrument)
    raise ProcedureError(
        f"the heart is not found after {STEPS_AT_MOST} steps of the table",
        "check that the patient lies on the table as its marks say, then adjust again",
    )


def look(instrument: Instrument, progress: Progress = silent, beats: int = 6) -> Location:
    """Watch the live field until enough beats are in, and locate the heart.

    Raises
    ------
    ProcedureError
        If the beats do not come, or cannot be used.
    """
    heads = tuple(h for h in instrument.ready_heads() if h.kind == "array")
    if not heads:
        raise ProcedureError("no head over the chest is ready", "run 'nullfield start'")
    wanted = max(beats, FEWEST_BEATS)
    clock = instrument.clock
    began_s = clock.now_s()
    limit_s = _EDGE_S + wanted * 60.0 / _SLOWEST_BPM
    # Earlier than this no heart has that many beats to show: the look is not worth its work.
    earliest_s = _EDGE_S + wanted * 60.0 / 150.0
    while True:
        instrument.wait_s(_LOOK_EVERY_S)
        elapsed_s = clock.now_s() - began_s
        is_last = elapsed_s >= limit_s
        if elapsed_s < earliest_s:
            continue
        live = live_field(instrument, heads, elapsed_s, "transverse")
        try:
            if live is None:
                raise AnalysisError("the heads' samples do not come", "see 'nullfield boards'")
            location = locate_heart(live)
        except AnalysisError as error:
            if is_last:
                raise ProcedureError(error.message, error.hint) from error
            continue
        progress("adjust", min(location.beats / wanted, 1.0), f"{location.beats}/{wanted} beats")
        if location.beats >= wanted or is_last:
            return location


def rebalance(instrument: Instrument) -> None:
    """Balance the heads again: the motor's field was at them, and is gone."""
    zero_heads(instrument, instrument.ready_heads(), beam_only=True)


def _words(proposal: Proposal) -> str:
    x_mm, y_mm = (1e3 * float(v) for v in proposal.offset_m)
    return (
        f"heart {y_mm:+.0f} mm along and {x_mm:+.0f} mm across the table, "
        f"±{proposal.uncertainty_m * 1e3:.0f} mm"
    )
