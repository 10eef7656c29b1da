"""``tune``: identify what hangs at a board and set its loops by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from nullfield.cli.board_access import BoardArgument, RigForBoardOption, open_board
from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.devices.coil import CoilBoard
from nullfield.errors import InputError
from nullfield.instrument.tune_coil import CROSSOVER_HZ, ChannelTuning, tune_coils


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield tune C01 coil --plot steps.png[/]    "
        "[bold]nullfield tune e66138528351b001 coil --rig bench4 --channel 0 --json[/]"
    )(tune)


def tune(
    board: BoardArgument,
    what: Annotated[
        Literal["coil"], typer.Argument(help="coil: the loops of a coil board's channels.")
    ],
    rig: RigForBoardOption = None,
    channel: Annotated[
        list[int] | None,
        typer.Option("--channel", help="0 to 7, several times; all eight by default."),
    ] = None,
    crossover: Annotated[
        float, typer.Option("--crossover", help="Of the loop on the sensed current, Hz.")
    ] = CROSSOVER_HZ,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the step responses: .png, .svg or .pdf.")
    ] = None,
    is_saved: Annotated[
        bool, typer.Option("--save/--no-save", help="Write the loops to flash, or only set them.")
    ] = True,
    is_json: JsonOption = False,
) -> None:
    """Identify resistance, inductance and gain of each coil, and set its loop by them.

    Moves every chosen channel by up to 1 mA. Outputs must be off, and are off afterwards.
    """
    if plot is not None:
        # The figures' library takes a while to load: only those who ask for one wait.
        from nullfield.analysis.plots.write_figure import check_picture

        check_picture(plot)
    with progress_bars(is_json) as progress, open_board(board, rig) as found:
        if not isinstance(found, CoilBoard):
            raise InputError(
                f"{found}: not a coil board", "give the uid, unit or port of a coil board"
            )
        results = tune_coils(found, channel, crossover, is_saved, progress)
    if plot is not None:
        from nullfield.cli.tune_plot import draw_steps

        draw_steps(results, plot)
    if is_json:
        print_json({"channels": [_json(one) for one in results]})
        return
    table = Table("channel", "R", "L", "gain", "lag", "loop gain", "crossover", "margins", "noise")
    for one in results:
        fit, found_margins = one.fit, one.margins
        table.add_row(
            str(one.channel),
            f"{fit.resistance_ohm:.1f} Ω",
            f"{fit.inductance_h * 1e3:.1f} mH",
            f"{fit.gain:.5f}",
            f"{fit.lag_s * 1e3:.2f} ms",
            f"{one.loop_gain_per_s:.3f} /s",
            f"{found_margins.crossover_hz:.3f} Hz",
            f"{found_margins.phase_deg:.0f}°, {found_margins.gain_db:.0f} dB",
            f"{one.noise_a * 1e9:.1f} nA",
        )
    output.print(table)


def _json(one: ChannelTuning) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "resistance_ohm": one.fit.resistance_ohm,
        "inductance_h": one.fit.inductance_h,
        "gain": one.fit.gain,
        "lag_s": one.fit.lag_s,
        "fit_residual": one.fit.residual,
        "loop_gain_per_s": one.loop_gain_per_s,
        "crossover_hz": one.margins.crossover_hz,
        "phase_margin_deg": one.margins.phase_deg,
        "gain_margin_db": one.margins.gain_db,
        "readback_noise_a": one.noise_a,
    }
