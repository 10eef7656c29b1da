"""``trace``: internal signals of a board, like a scope."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nullfield.cli.board_access import BoardArgument, RigForBoardOption, board_access, leave_safe
from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors, print_json
from nullfield.errors import InputError
from nullfield.shell.session import Shell
from nullfield.shell.trace_words import (
    decimation_for,
    list_lines,
    result_json,
    show_result,
    take_signals,
)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield trace C01 --list[/]    "
        "[bold]nullfield trace C01 --signals coil0_command,coil0_current "
        '--trigger rising:coil0_command:0.1mA --do "start; coil_set 0 1 mA" --plot step.png[/]'
    )(trace)


def trace(
    board: BoardArgument,
    signals: Annotated[
        str | None, typer.Option("--signals", help="One to four, by commas; see --list.")
    ] = None,
    trigger: Annotated[
        str,
        typer.Option("--trigger", help="now, fault, rising:SIGNAL:LEVEL or falling:SIGNAL:LEVEL."),
    ] = "now",
    samples: Annotated[
        int | None, typer.Option("--samples", help="How many; by default what fits.")
    ] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Samples a second, in Hz.")] = None,
    decimation: Annotated[
        int | None, typer.Option("--decimation", help="Every how many-th value, 1 to 1000.")
    ] = None,
    before: Annotated[
        float, typer.Option("--pre", help="Share of the samples from before the trigger.")
    ] = 0.25,
    do: Annotated[
        str | None, typer.Option("--do", help="Shell commands to run once the trace is armed.")
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the whole trace.")
    ] = 10.0,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the values here.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a figure here (png, svg, pdf).")
    ] = None,
    is_listing: Annotated[bool, typer.Option("--list", help="List the board's signals.")] = False,
    rig: RigForBoardOption = None,
    is_json: JsonOption = False,
) -> None:
    """Capture internal signals around a trigger; without a file, plotted in the terminal.

    Signals of converters have a value every 62.5 us, all others every block (1 ms).
    """
    if signals is None and not is_listing:
        raise InputError("trace: no signals", "give --signals NAME,NAME; --list shows them")
    if rate is not None and decimation is not None:
        raise InputError("--rate and --decimation are the same thing", "give one of them")
    for path in (csv, plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{path}: its folder is not there", "make it first")
    with board_access(board, rig) as access, ExitStack() as stack:
        # What the commands say belongs beside the result, not into it.
        session = Shell(access.connect(), access, lambda line: errors.print(line, markup=False))
        stack.callback(session.board.close)
        if do is not None:
            stack.callback(leave_safe, session.board)
        if is_listing:
            _list(session, is_json)
            return
        chosen, start = take_signals(session.scope, signals or "", trigger)
        if rate is not None:
            decimation = decimation_for(session.scope, chosen, rate)
        session.scope.arm(chosen, start, samples, before, decimation or 1)
        if do is not None:
            session.scope.wait_ready(timeout_s)
            session.run(do)
        session.scope.wait(timeout_s)
        result = session.scope.read(chosen)
        session.tell_news()
        lines = show_result(session.board, result, csv, plot) if not is_json or csv or plot else []
        if is_json:
            print_json(result_json(session.board, result))
        else:
            for line in lines:
                typer.echo(line)


def _list(session: Shell, is_json: bool) -> None:
    if is_json:
        print_json(
            [
                {"name": one.name, "unit": one.unit, "kind": one.kind.name.lower()}
                for one in session.scope.signals().values()
            ]
        )
        return
    for line in list_lines(session.scope):
        typer.echo(line)
