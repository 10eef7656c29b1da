"""``degauss`` and ``watch``: the shield's magnetisation, and what happens to the room."""

from __future__ import annotations

import json
import math
from typing import Annotated

import typer

from nullfield.cli.exam import JsonOption, PaceOption, RigOption, SeedOption, check_pace
from nullfield.cli.procedures import start_heads
from nullfield.cli.session import open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.instrument.degauss import CYCLES, FREQUENCY_HZ, check_degauss
from nullfield.instrument.degauss import degauss as run_degauss
from nullfield.instrument.watch_room import SeenEvent, watch_room


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog="Example: [bold]nullfield degauss --rig degauss4[/]    "
        "[bold]nullfield degauss --rig myrig.toml --cycles 400 --json[/]"
    )(degauss)
    app.command(
        epilog="Example: [bold]nullfield watch --rig bench4 --seconds 60[/]    "
        "[bold]nullfield watch --rig myrig.toml --seconds 3600 --json[/]"
    )(watch)


def degauss(
    rig: RigOption,
    peak: Annotated[
        float | None,
        typer.Option("--peak", help="First amplitude into the amplifier, mA; the rig's largest."),
    ] = None,
    frequency: Annotated[float, typer.Option("--frequency", help="1 to 50 Hz.")] = FREQUENCY_HZ,
    cycles: Annotated[
        int, typer.Option("--cycles", help="Over which the amplitude falls to zero, 10 to 2000.")
    ] = CYCLES,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    is_json: JsonOption = False,
) -> None:
    """Degauss the shield and compare the residual field before and after.

    Starts the heads first. The room coils go to zero: null the room afterwards.
    """
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace)) as session,
    ):
        # Before a minute of heating, not after it.
        check_degauss(session.instrument.rig, peak, frequency, cycles)
        start_heads(session, progress)
        result = run_degauss(session.instrument, peak, frequency, cycles, progress)
    if is_json:
        print_json(
            {
                "heads": list(result.heads),
                "before_nt": result.before_nt,
                "after_nt": result.after_nt,
                "before_pt": result.before_pt.tolist(),
                "after_pt": result.after_pt.tolist(),
                "peak_ma": result.peak_ma,
                "frequency_hz": result.frequency_hz,
                "cycles": result.cycles,
                "duration_s": result.duration_s,
                "advice": result.advice,
            }
        )
        return
    output.print(
        f"{result.before_nt:.1f} -> {result.after_nt:.1f} nT at {len(result.heads)} heads, "
        f"{result.cycles} cycles of {result.frequency_hz:g} Hz from {result.peak_ma:g} mA, "
        f"{result.duration_s:.0f} s"
    )
    if result.advice:
        output.print(f"[yellow]{result.advice}[/]")
    output.print("null the room anew: its field has changed")


def watch(
    rig: RigOption,
    seconds: Annotated[
        float, typer.Option("--seconds", help="How long, of the instrument's time.")
    ] = 60.0,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    is_json: JsonOption = False,
) -> None:
    """Watch the room and tell what happens to it: door, vehicles, lifts, failing heads.

    Starts the heads first. With --json one object a line, as soon as an event is clear.
    """
    if not 0.1 <= seconds <= 1e6:
        raise InputError(f"{seconds:g} seconds are out of range", "give 0.1 to 1000000")

    def tell(seen: SeenEvent) -> None:
        event = seen.event
        if not is_json:
            output.print(seen.text)
            return
        size = None if math.isnan(event.size_pt) else event.size_pt
        line = {
            "kind": str(event.kind),
            "head": seen.head or None,
            "begin_s": event.begin_s,
            "seen_s": event.seen_s,
            "size_pt": size,
            "advice": event.advice,
        }
        # One line each, so that a program can read while it runs.
        typer.echo(json.dumps(line))

    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace)) as session,
    ):
        start_heads(session, progress)
        events = watch_room(session.instrument, seconds, tell, progress)
    if not is_json and not events:
        output.print(f"nothing happened in {seconds:g} s")
