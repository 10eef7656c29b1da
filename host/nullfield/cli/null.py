"""``null``: null the room over the chest, and show what it took."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nullfield.cli.exam import JsonOption, PaceOption, RigOption, SeedOption, check_pace
from nullfield.cli.procedures import HoldOption, hold_outputs, start_heads, start_json
from nullfield.cli.session import open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.instrument.null_result import NullResult, null_json
from nullfield.instrument.null_room import null_room
from nullfield.rig import Rig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: [bold]nullfield null --rig bench4 --plot null.png[/] · "
        "[bold]nullfield null --rig myrig.toml --hold[/]"
    )(null)


def null(
    rig: RigOption,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    hold: HoldOption = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw field before and after, and currents, to this PNG file."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Null the room over the chest; starts the heads first if they are not ready."""
    # Before minutes of a start, not after them.
    if plot is not None and (plot.suffix.lower() != ".png" or not plot.parent.is_dir()):
        raise InputError(
            f"{plot}: cannot be drawn to",
            "give a file name that ends in .png, in a folder that exists",
        )
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace)) as session,
    ):
        started = start_heads(session, progress)
        result = null_room(session.instrument, progress)
        if plot is not None:
            from nullfield.analysis.plots import save_png
            from nullfield.instrument.null_plot import null_figure

            save_png(null_figure(session.instrument.rig, result), plot)
        if is_json:
            print_json({"start_up": start_json(started), "null": null_json(result)})
        else:
            _show(session.instrument.rig, result)
            if plot is not None:
                output.print(f"plot  {plot}")
        hold_outputs(session, hold)


def _show(rig: Rig, result: NullResult) -> None:
    output.print(
        f"{result.before_rms_pt:.0f} -> {result.after_rms_pt:.0f} pT rms as {len(result.heads)} heads "
        f"tell it, {result.duration_s:.1f} s"
    )
    before, after = result.gradient_before, result.gradient_after
    if before is not None and after is not None:
        output.print(
            f"mean gradient {before.size_pt_per_m:.0f} -> {after.size_pt_per_m:.0f} pT/m "
            f"(± {after.size_uncertainty_pt_per_m:.0f})"
        )
    for name, why in result.left_out.items():
        output.print(f"[yellow]{name}[/] left out: {why}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("coil", "mA", "limit", ""):
        table.add_column(title, justify="left" if title in ("coil", "") else "right")
    limit = {coil.name: coil.current_max_ma for coil in rig.coils}
    for name, current in result.current_ma.items():
        remark = ""
        if name in result.limited:
            remark = f"[red]at its limit[/]; would take {result.wanted_ma[name]:+.2f} mA"
        table.add_row(name, f"{current:+.4f}", f"{limit[name]:g}", remark)
    output.print(table)
