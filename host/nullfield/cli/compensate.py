"""``compensate``: hold the field over the array against the changes of the room's."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nullfield.cli.exam import (
    HeartOption,
    JsonOption,
    PaceOption,
    RigOption,
    SeedOption,
    check_folder,
    check_pace,
)
from nullfield.cli.procedures import start_heads
from nullfield.cli.session import open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.instrument.compensate import BANDWIDTH_HZ, Compensation
from nullfield.instrument.learn_array import check_learning
from nullfield.instrument.move_table import move_in
from nullfield.instrument.null_room import null_room
from nullfield.instrument.set_up_compensation import (
    compensation_json,
    need_references,
    set_up_compensation,
)

BandwidthOption = Annotated[
    float,
    typer.Option("--bandwidth", help="Hz at which the uniform field is shielded by 30 dB."),
]
LearnOption = Annotated[
    float,
    typer.Option(
        "--learn", help="Seconds (10 to 110) to learn how the array sees the references' field."
    ),
]
RESULT = "compensation.json"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples: [bold]nullfield compensate --rig room8 --duration 60[/]   "
        "[bold]nullfield compensate --rig myrig.toml --duration 7200 --learn 60 --out runs/c1[/]"
    )(compensate)


def compensate(
    rig: RigOption,
    duration: Annotated[float, typer.Option("--duration", help="Seconds.")] = 60.0,
    bandwidth: BandwidthOption = BANDWIDTH_HZ,
    learn: LearnOption = 0.0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the result.")] = None,
    heart: HeartOption = None,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    is_json: JsonOption = False,
) -> None:
    """Null the room, then hold it: reference heads far from the heart drive the room's coils.

    Ctrl-C ends it; the offsets then ramp to zero.
    """
    if duration <= 0:
        raise InputError(f"--duration {duration:g}: must be positive", "give seconds")
    check_bandwidth(bandwidth)
    # Nought is: do not learn. Anything else is found out before the start, not after it.
    if learn:
        check_learning(learn)
    if out is not None:
        check_folder(out)
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace), heart=heart) as session,
    ):
        instrument = session.instrument
        need_references(instrument.rig)
        start_heads(session, progress)
        move_in(instrument, progress)
        nulled = null_room(instrument, progress)
        plan = set_up_compensation(instrument, nulled, bandwidth, learn, progress)
        with Compensation(instrument, plan, wall_s=time.perf_counter) as running:
            running.wait(duration, progress)
            content = compensation_json(running)
            words = running.words()
        progress("compensate", 1.0, words)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**content, "plan": plan.to_json()}, indent=1, allow_nan=False)
        (out / RESULT).write_text(text + "\n", encoding="utf-8")
    if is_json:
        print_json(content)
        return
    _show(content)
    if out is not None:
        output.print(f"\nresult  {out / RESULT}")


def check_bandwidth(bandwidth_hz: float) -> None:
    """Refuse what no path through a host can do.

    Raises
    ------
    InputError
    """
    if not 0.01 <= bandwidth_hz <= 5.0:
        raise InputError(
            f"--bandwidth {bandwidth_hz:g}: is out of range", "give 0.01 to 5 Hz; 1 is usual"
        )


def _show(content: dict[str, Any]) -> None:
    table = Table(title="latency, low frequencies", title_justify="left")
    table.add_column("stage")
    table.add_column("ms", justify="right")
    for name, value in content["latency_ms"].items():
        table.add_row(name, f"{value:.2f}")
    output.print(table)
    design = content["design"]
    bandwidth = content["bandwidth_hz"]
    output.print(
        f"design   {design['shielding_slow_db']:.0f} dB to {0.1 * bandwidth:g} Hz, "
        f"{design['shielding_at_bandwidth_db']:.0f} dB at {bandwidth:g} Hz, "
        f"never more than {design['largest_gain_db']:+.1f} dB up to 50 Hz"
    )
    steps = ", ".join(f"{count} {name}" for name, count in content["steps_by_state"].items())
    output.print(f"steps    {steps}; {content['limited_steps']} limited, "
                 f"{content['lost_rows']} rows lost")  # fmt: skip
    room, array = content["room_change_rms_pt"], content["array_change_rms_pt"]
    if room is not None and array is not None:
        output.print(f"field    moved by {room:.1f} pT rms, the array saw {array:.2f} pT rms")
    if content["dropped"]:
        output.print(f"[red]without[/]  {', '.join(content['dropped'])}")
