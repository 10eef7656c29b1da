"""Move the patient: home, in, out; afterwards the motor carries no current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nullfield.definitions.load import load_definition
from nullfield.devices.table import TableTelemetry
from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.progress import Progress, silent
from nullfield_protocol.catalogue import TableFlag, TableState

_HOME_TIMEOUT_S = 60.0
_STANDS_M = 1e-4
"""The board counts microsteps of 1.6 um; more than this is another place."""


@dataclass(frozen=True)
class MoveResult:
    """Where the table came to stand and how long it took."""

    position_m: float
    duration_s: float


def move_in(instrument: Instrument, progress: Progress = silent) -> None:
    """Home the table and move it to where the rig file has the patient; nothing without a table.

    Raises
    ------
    ProcedureError
    """
    entry = instrument.rig.table
    if instrument.table is None or entry is None:
        return
    home_table(instrument, progress)
    move_table(instrument, entry.in_position_mm * 1e-3, progress)


def home_table(instrument: Instrument, progress: Progress = silent) -> MoveResult:
    """Find the home switch."""
    table = instrument.the_table()
    began_s = instrument.clock.now_s()
    progress("table", 0.0, "homing")
    table.home()
    seen = table.telemetry_count

    def is_over(telemetry: TableTelemetry) -> bool:
        state = telemetry.table_state
        # The first telemetry may be of before the command.
        is_given_up = state != TableState.HOMING and table.telemetry_count > seen + 1
        return state == TableState.IDLE or is_given_up

    telemetry = table.wait_telemetry(is_over, _HOME_TIMEOUT_S, "homing the table")
    if telemetry.table_state != TableState.IDLE:
        raise ProcedureError("the table was stopped before it found its home", "home it again")
    return MoveResult(telemetry.position_m, instrument.clock.now_s() - began_s)


def move_table(
    instrument: Instrument, position_m: float, progress: Progress = silent
) -> MoveResult:
    """Move to a position by the board's profile and de-energise the motor.

    Parameters
    ----------
    instrument : Instrument
    position_m : float
        From the home switch, metres.
    progress : Progress

    Raises
    ------
    ProcedureError
        If the table stands elsewhere in the end: somebody stopped it, or let its button go.
    """
    table = instrument.the_table()
    entry = instrument.rig.table
    speed_m_s = (entry.speed_mm_s if entry is not None else 20.0) * 1e-3
    began_s = instrument.clock.now_s()
    start_m = table.telemetry.position_m if table.telemetry is not None else 0.0
    way_m = max(abs(position_m - start_m), 1e-6)
    table.move_to(position_m, speed_m_s)
    seen = table.telemetry_count

    def has_arrived() -> bool:
        telemetry = table.telemetry
        if telemetry is None or table.telemetry_count <= seen + 1:
            return False
        done = 1.0 - abs(position_m - telemetry.position_m) / way_m
        progress("table", min(max(done, 0.0), 0.99), f"{telemetry.position_m * 1e3:.0f} mm")
        return telemetry.table_state == TableState.IDLE

    table.wait_until(has_arrived, 10.0 + 3.0 * way_m / speed_m_s, "moving the table")
    telemetry = release_table(instrument)
    if abs(telemetry.position_m - position_m) > _STANDS_M:
        raise ProcedureError(
            f"the table was stopped at {telemetry.position_m * 1e3:.0f} mm, "
            f"on its way to {position_m * 1e3:.0f} mm",
            "see why it was stopped, then move it again",
        )
    progress("table", 1.0, f"at {telemetry.position_m * 1e3:.1f} mm, motor off")
    return MoveResult(telemetry.position_m, instrument.clock.now_s() - began_s)


def table_travel_m(instrument: Instrument) -> tuple[float, float]:
    """Least and largest position of the table, as its board's definition limits it."""
    uid = instrument.the_table().identity.uid
    entry = next(b for b in instrument.rig.boards if b.uid == uid)
    limits = load_definition(entry.definition)["limits"]
    return 0.0, float(limits["table_travel_um"]) * 1e-6


def is_homed(instrument: Instrument) -> bool:
    """Whether the table's board knows where the table stands."""
    telemetry = instrument.the_table().telemetry
    return telemetry is not None and bool(telemetry.switches & TableFlag.HOMED)


def table_position_m(instrument: Instrument) -> float | None:
    """Where the table stands; None until it is homed, for the count alone tells nothing."""
    telemetry = instrument.the_table().telemetry
    return telemetry.position_m if telemetry is not None and is_homed(instrument) else None


def jog_table(instrument: Instrument, distance_m: float, progress: Progress = silent) -> MoveResult:
    """Move by a distance, within the table's travel, and de-energise the motor.

    Raises
    ------
    ProcedureError
        If the table is not homed, or the way leaves its travel.
    """
    position_m = table_position_m(instrument)
    if position_m is None:
        raise ProcedureError("the table's place is not known", "home it: 'nullfield table home'")
    low_m, high_m = table_travel_m(instrument)
    to_m = position_m + distance_m
    if not low_m <= to_m <= high_m:
        raise ProcedureError(
            f"the table cannot go to {to_m * 1e3:.0f} mm",
            f"it goes from {low_m * 1e3:.0f} to {high_m * 1e3:.0f} mm",
        )
    return move_table(instrument, to_m, progress)


def hold_table(
    instrument: Instrument, direction: Literal[-1, 0, 1], speed_m_s: float | None = None
) -> None:
    """Keep the table going while somebody holds a button: to be repeated every 200 ms.

    The board brakes by its ramp when nothing came for its `hold_timeout` (0.5 s by default), and at
    the ends of the travel; the motor stays energised until `release_table`.

    Parameters
    ----------
    instrument : Instrument
        The table homed.
    direction : int
        1 moves in, -1 out, 0 stops at once.
    speed_m_s : float, optional
        The rig's own by default; the board refuses more than its `speed_max`.
    """
    entry = instrument.rig.table
    usual_m_s = (entry.speed_mm_s if entry is not None else 20.0) * 1e-3
    instrument.the_table().hold(direction, usual_m_s if speed_m_s is None else speed_m_s)


def stop_table(instrument: Instrument) -> TableTelemetry:
    """Slow down and wait for standstill; the motor holds."""
    table = instrument.the_table()
    table.stop()
    return table.wait_telemetry(
        lambda t: t.table_state not in (TableState.MOVING, TableState.HOMING), 5.0, "stopping"
    )


def release_table(instrument: Instrument) -> TableTelemetry:
    """Switch the motor off: its field would be seen."""
    table = instrument.the_table()
    table.release()
    return table.wait_telemetry(lambda t: True, 2.0, "the table's telemetry")


def quiet_table(instrument: Instrument) -> None:
    """See that no motor current disturbs a measurement that is about to begin.

    Raises
    ------
    ProcedureError
        If the table is moving.
    """
    table = instrument.table
    if table is None or table.telemetry is None:
        return
    if table.telemetry.table_state in (TableState.MOVING, TableState.HOMING):
        raise ProcedureError("the table is moving", "wait until it stands, or stop it")
    if table.telemetry.switches & TableFlag.MOTOR_ENERGISED:
        release_table(instrument)
