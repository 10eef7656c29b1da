"""Start of the instrument: table homed, heads ready, room nulled. It then stands by."""

from __future__ import annotations

from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, is_homed
from nullfield.instrument.null_room import null_room
from nullfield.instrument.progress import Progress
from nullfield.instrument.start_up import start_up

STEPS = ("table", "ready", "null")
_STEP_OF = {"start": "ready"}


def progress_of(engine: Engine, job: Job, step_of: dict[str, str]) -> Progress:
    """Progress of a procedure as steps of a job; it is also where an abort meets long work."""

    def tell(step: str, fraction: float, detail: str) -> None:
        engine.check()
        job.progress(step_of.get(step, step), fraction, detail)

    return tell


def start_instrument(engine: Engine, instrument: Instrument) -> None:
    """Bring the instrument to standby.

    Raises
    ------
    NullfieldError
        From the step that failed.
    """
    job = engine.job
    assert job is not None
    progress = progress_of(engine, job, _STEP_OF)
    engine.null = None
    engine.phase_error = None
    for board in instrument.boards.values():
        # What the operator has looked after; a fault whose cause is still there comes back at once.
        if board.link.faults:
            board.clear_faults()
            engine.recorders[board.uid].arm()
    instrument.stream(True)
    if instrument.table is not None:
        _find_home(instrument, progress)
    start_up(instrument, progress)
    if instrument.rig.coils:
        engine.null = null_room(instrument, progress)
        engine.null_at_s = instrument.clock.now_s()


def _find_home(instrument: Instrument, progress: Progress) -> None:
    """A table that knows its place, over a restart too, stays where it is: somebody may lie on it."""
    instrument.the_table().wait_telemetry(lambda telemetry: True, 2.0, "the table's telemetry")
    if is_homed(instrument):
        progress("table", 1.0, "knows its place")
    else:
        home_table(instrument, progress)


def switch_off(engine: Engine, instrument: Instrument) -> None:
    """Every output off; the boards stay connected."""
    engine.null = None
    for board in instrument.boards.values():
        board.safe_off()
    engine.events.add("switched off")
