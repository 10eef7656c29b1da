"""``noise``: amplitude spectral density of a sensor board's heads with its shares."""

from __future__ import annotations

from typing import Annotated

import typer

from nullfield.analysis.plots.noise_shares import noise_shares_figure
from nullfield.analysis.plots.write_figure import check_picture, write_figure
from nullfield.cli.board_access import BoardArgument, RigForBoardOption
from nullfield.cli.exam import JsonOption
from nullfield.cli.noise_view import PUBLISHED_FT, noise_json, panel, show_noise
from nullfield.cli.sensor_access import (
    NOBODY,
    QUIET_WORLD,
    HeadOption,
    PlotOption,
    open_sensor,
    slots_of,
)
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.instrument.measure_noise import BAND_HZ, measure_noise


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield noise 8350b001 --rig bench4 --plot noise.png[/]    "
        "[bold]nullfield noise e66138528350b001 --head 2 --duration 60 --json[/]"
    )(noise)


def noise(
    board: BoardArgument,
    head: HeadOption = None,
    duration_s: Annotated[
        float, typer.Option("--duration", min=3, max=600, help="Seconds of data.")
    ] = 30.0,
    loop: Annotated[
        str, typer.Option("--loop", help="Field loops while measuring: as-found, open, closed.")
    ] = "as-found",
    is_digital: Annotated[
        bool,
        typer.Option(
            "--digital-chain",
            help="On a virtual rig: with all noise of the world off, what the digital chain adds.",
        ),
    ] = False,
    plot: PlotOption = None,
    rig: RigForBoardOption = None,
    is_json: JsonOption = False,
) -> None:
    """Measure the noise of a sensor board's heads, and of what it is made.

    Starts the heads that are off; all outputs go off at the end. Nobody may lie in the device (on a
    virtual rig the heart is left out). Electronics are measured with the light off, so only on heads
    that were off.
    """
    is_closed = _loop(loop)
    check_picture(plot)
    with (
        progress_bars(is_json) as progress,
        open_sensor(board, rig, QUIET_WORLD if is_digital else NOBODY) as opened,
    ):
        if is_digital and not opened.access.is_virtual:
            raise InputError(
                "--digital-chain: a real cell's noise cannot be switched off",
                "use a virtual rig, or compare the shares that are printed without it",
            )
        label = str(opened.board)
        result = measure_noise(
            opened.board, opened.scales, slots_of(head), duration_s, progress, is_closed
        )
    if plot is not None:
        write_figure(
            noise_shares_figure(
                [panel(one, is_digital) for one in result.heads],
                BAND_HZ,
                {} if is_digital else {f"{k} (Wang 2022)": v for k, v in PUBLISHED_FT.items()},
            ),
            plot,
        )
    if is_json:
        print_json(noise_json(label, result, is_digital))
        return
    show_noise(label, result, is_digital)
    if plot is not None:
        output.print(f"figure  {plot}")


def _loop(word: str) -> bool | None:
    choices: dict[str, bool | None] = {"as-found": None, "open": False, "closed": True}
    if word not in choices:
        raise InputError(f"--loop {word}", f"give one of {', '.join(choices)}")
    return choices[word]
