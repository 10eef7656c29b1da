"""``start`` and ``record``: single procedures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from nullfield.cli.exam import (
    BeatsOption,
    CalibrationOption,
    CompensateOption,
    HeartOption,
    JsonOption,
    PaceOption,
    RigOption,
    SeedOption,
    check_out,
    check_pace,
)
from nullfield.cli.session import Session, open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.instrument.compensate import BANDWIDTH_HZ, Compensation
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import move_in
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.null_room import null_room
from nullfield.instrument.progress import Progress
from nullfield.instrument.record import record
from nullfield.instrument.set_up_compensation import need_references, set_up_compensation
from nullfield.instrument.start_up import StartUpResult, start_up
from nullfield.instrument.use_calibration import calibration_for, check_temperature
from nullfield.recording.store import FILE_PATTERN
from nullfield.rig import load_rig

HoldOption = Annotated[
    bool, typer.Option("--hold", help="Keep the outputs on until Ctrl-C, instead of leaving safe.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: [bold]nullfield start --rig bench4[/]")(start)
    app.command("record", epilog="Example: [bold]nullfield record --rig bench4 --out runs/r1[/]")(
        record_command
    )


def hold_outputs(session: Session, is_held: bool) -> None:
    """Keep the outputs on until somebody interrupts, if that is asked for."""
    while is_held:
        session.instrument.wait_s(1.0)


def start_heads(session: Session, progress: Progress) -> StartUpResult:
    """Streams on, heads from whatever state to ready."""
    session.instrument.stream(True)
    return start_up(session.instrument, progress)


def start_json(result: StartUpResult) -> dict[str, Any]:
    """What ``--json`` tells of a start."""
    return {"ready": list(result.ready), "failed": result.failed, "duration_s": result.duration_s}


def start(
    rig: RigOption,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    hold: HoldOption = False,
    clear_faults: Annotated[
        bool,
        typer.Option("--clear-faults", help="Forget latched faults of boards and heads first."),
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Bring all heads from cold to ready: heat, lock, zero."""
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace)) as session,
    ):
        if clear_faults:
            for board in session.instrument.boards.values():
                board.clear_faults()
        result = start_heads(session, progress)
        if is_json:
            print_json(start_json(result))
        hold_outputs(session, hold)
    if not is_json:
        output.print(f"{len(result.ready)} heads ready in {result.duration_s:.0f} s")
        for name, reason in result.failed.items():
            output.print(f"[red]{name}[/]: {reason}")


def _compensation(
    instrument: Instrument, nulled: NullResult | None, progress: Progress
) -> Compensation:
    need_references(instrument.rig)
    assert nulled is not None  # a rig with coils was nulled
    plan = set_up_compensation(instrument, nulled, progress=progress)
    return Compensation(instrument, plan)


def record_command(
    rig: RigOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for the recording.")],
    beats: BeatsOption = 60,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="Record this long instead.")
    ] = None,
    heart: HeartOption = None,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    calibration: CalibrationOption = None,
    compensate: CompensateOption = False,
    is_json: JsonOption = False,
) -> None:
    """Record heartbeats; starts the heads, moves the patient in and nulls the room first."""
    check_out(out, FILE_PATTERN, "a recording")
    in_force = calibration_for(load_rig(rig)[0], calibration)
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace), heart=heart) as session,
    ):
        instrument = session.instrument
        instrument.calibration = in_force
        if compensate:
            need_references(instrument.rig)
        start_heads(session, progress)
        check_temperature(instrument)
        move_in(instrument, progress)
        nulled = null_room(instrument, progress) if instrument.rig.coils else None
        with ExitStack() as stack:
            running = None
            if compensate:
                running = stack.enter_context(_compensation(instrument, nulled, progress))
                running.wait(1.0 / BANDWIDTH_HZ)
            result = record(
                instrument, out, beats, progress, duration_s=seconds, compensation=running
            )
    summary = {
        "recording": str(result.path),
        "beats": result.beats,
        "duration_s": result.duration_s,
        "rows_received": result.received,
        "rows_lost": result.lost,
    }
    if is_json:
        print_json(summary)
    else:
        lost = sum(result.lost.values())
        output.print(f"{result.beats} beats in {result.duration_s:.0f} s, {lost} rows lost")
        output.print(f"recording  {result.path}")
