"""Entry point of the ``nullfield`` command."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape

from nullfield import __version__
from nullfield.cli import (
    analyze,
    batch,
    boards,
    bundle,
    calibration,
    coil_design,
    compare,
    compensate,
    exam,
    export,
    flash,
    log,
    monitor,
    noise,
    null,
    procedures,
    production,
    recordings,
    room_care,
    serve,
    shell,
    sniff,
    survey,
    sweep,
    trace,
    tune,
    users,
)
from nullfield.cli.terminal import errors
from nullfield.errors import NullfieldError

app = typer.Typer(
    name="nullfield",
    help="Control and imaging stack for zero-field magnetocardiography. Research use only.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
exam.register(app)
boards.register(app)
flash.register(app)
bundle.register(app)
procedures.register(app)
calibration.register(app)
null.register(app)
recordings.register(app)
room_care.register(app)
analyze.register(app)
export.register(app)
batch.register(app)
compare.register(app)
compensate.register(app)
coil_design.register(app)
sniff.register(app)
survey.register(app)
shell.register(app)
trace.register(app)
monitor.register(app)
noise.register(app)
sweep.register(app)
tune.register(app)
log.register(app)
production.register(app)
serve.register(app)
users.register(app)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"nullfield {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; one line and a hint for what a user can mend, exit code by its kind."""
    is_debug = "--debug" in sys.argv
    # A group option is only taken before the command; users put it anywhere.
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    # Ended by a service manager or a closed terminal: the same safe way out as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        app(args=arguments, prog_name="nullfield", standalone_mode=True)
    except NullfieldError as error:
        if is_debug:
            raise
        errors.print(f"[bold red]error:[/] {escape(error.message)}")
        if error.hint:
            errors.print(f"[bold]fix:[/]   {escape(error.hint)}")
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        # Not one of ours: a mistake in the program. Outputs are off by now all the same.
        if is_debug:
            raise
        errors.print(f"[bold red]error:[/] internal: {escape(f'{type(error).__name__}: {error}')}")
        errors.print("[bold]fix:[/]   run it again with --debug and report what it prints")
        raise SystemExit(1) from None
    except SystemExit as end:
        # Typer turns Ctrl-C into this exit code and says nothing.
        if end.code == 130:
            errors.print("[bold]stopped:[/] outputs are off; what was recorded so far is readable")
        raise


if __name__ == "__main__":
    main()
