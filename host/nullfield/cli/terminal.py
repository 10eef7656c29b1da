"""What the user sees: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from nullfield.instrument.progress import Progress as ProgressCall

LABELS = {
    "start": "Sensor heads",
    "table": "Patient table",
    "null": "Room field",
    "calibrate": "Calibration",
    "compensate": "Compensation",
    "record": "Recording",
    "analyse": "Analysis",
    "report": "Report",
    "bench": "Bench",
    "batch": "Batch",
    "noise": "Noise",
    "sweep": "Sweep",
    "coils": "Windings",
    "figures": "Figures",
    "drawings": "Drawings",
    "map": "Field map",
    "rest": "Room at rest",
    "excite": "Excitation",
    "adjust": "Position",
    "degauss": "Degaussing",
    "watch": "Watch",
    "tune": "Tuning",
}

_PIPE_WIDTH = 160
"""Width where there is no terminal to ask: uids and ports must not be cut in a log."""

errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(
    highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH
)


def print_json(content: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(content, indent=1, allow_nan=False) + "\n")


@contextmanager
def progress_bars(is_quiet: bool) -> Iterator[ProgressCall]:
    """Progress of procedures as bars, one a step; plain lines where there is no terminal."""
    if is_quiet:
        yield lambda step, fraction, detail: None
        return
    if not errors.is_terminal:
        yield _plain_lines()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[detail]}[/]"),
    )
    with Progress(*columns, console=errors) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: str, fraction: float, detail: str) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(LABELS.get(step, step), total=1.0, detail="")
            bars.update(tasks[step], completed=min(fraction, 1.0), detail=detail)

        yield show


def _plain_lines() -> ProgressCall:
    """One line a step and quarter, for logs."""
    shown: dict[str, int] = {}

    def show(step: str, fraction: float, detail: str) -> None:
        quarter = int(fraction * 4)
        if shown.get(step) != quarter:
            shown[step] = quarter
            errors.print(f"{LABELS.get(step, step)}: {fraction * 100:3.0f} %  {detail}")

    return show
