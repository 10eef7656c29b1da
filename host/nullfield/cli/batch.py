"""``batch``: many recordings at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from nullfield.analysis.settings import AnalysisSettings
from nullfield.cli.analysis_options import (
    PositionsOption,
    RateOption,
    UnitOption,
    takes_analysis,
)
from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors, output, print_json, progress_bars
from nullfield.errors import AnalysisError


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: [bold]nullfield batch recordings --out runs/batch[/]")(batch)


@takes_analysis()
def batch(
    folder: Annotated[Path, typer.Argument(help="Folder with recordings, at any depth.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for results.")],
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="Dask scheduler, like tcp://host:8786; else this machine."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=1024, help="Processes on this machine.")
    ] = 2,
    pattern: Annotated[
        str, typer.Option("--pattern", help="Only these, like '*_rest*.fif' or 'sub-01/*'.")
    ] = "*",
    tries: Annotated[
        int, typer.Option("--tries", min=1, max=100, help="For a file that kills its worker.")
    ] = 3,
    is_forced: Annotated[bool, typer.Option("--force", help="Do again what is done.")] = False,
    positions: PositionsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    *,
    settings: AnalysisSettings,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 14 if any recording failed.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Analyse every recording of a folder, several at a time.

    A second run does what is new, changed or failed. The results are a folder for each recording,
    one Parquet table and an index page.
    """
    from nullfield.batch.run import BatchSettings, run_batch
    from nullfield.batch.task import Reading

    chosen = BatchSettings(
        analysis=settings,
        reading=Reading(positions, rate, unit),
        pattern=pattern,
        workers=workers,
        scheduler=scheduler,
        tries=tries,
        is_forced=is_forced,
    )
    with progress_bars(is_json) as progress:
        progress("batch", 0.0, "starting workers")
        result = run_batch(
            folder, out, chosen, lambda text, share: progress("batch", share, escape(text))
        )
    failed = result.failed
    if is_json:
        print_json(
            {
                "recordings": len(result.rows),
                "done": result.n_done,
                "new": result.n_new,
                "failed": [
                    {key: row[key] for key in ("recording", "error", "hint")} for row in failed
                ],
                "lost_workers": result.n_lost,
                "table": str(result.table),
                "page": str(result.page),
            }
        )
    else:
        output.print(
            f"{result.n_done} of {len(result.rows)} recordings done ({result.n_new} now), "
            f"{len(failed)} failed"
        )
        for row in failed:
            errors.print(f"[yellow]{escape(row['recording'])}[/]: {escape(row['error'])}")
            if row["hint"]:
                errors.print(f"  fix: {escape(row['hint'])}")
        output.print(f"table  {result.table}\npage   {result.page}")
    if is_strict and failed:
        raise AnalysisError(
            f"{len(failed)} of {len(result.rows)} recordings failed",
            "mend what is listed and run it again: what is done is not done twice",
        )
