"""Jobs that die or wait in a worker, for the tests of a batch; loaded there by name."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from nullfield.batch.task import Job, Outcome, run_job
from nullfield.files import analysis_folder


def run_or_stop(job: Job) -> Outcome:
    """The job itself, but for two recordings.

    ``waits`` tells its process id in the middle of the first analysis, by the pipe ``told`` beside
    the recordings, and then waits for good. ``kills`` ends its process in each analysis.
    """
    name = Path(job.recording).name
    draw = analysis_folder.write_plots

    def stop(*arguments: Any, **named: Any) -> dict[str, Path]:
        if name.startswith("kills"):
            with (job.out / "tries.txt").open("a") as tries:
                tries.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        first = job.out / "waited"
        if name.startswith("waits") and not first.exists():
            first.touch()
            with (job.folder / "told").open("w") as pipe:
                pipe.write(str(os.getpid()))
            with (job.folder / "never").open() as pipe:
                pipe.read()
        return draw(*arguments, **named)

    analysis_folder.write_plots = stop
    try:
        return run_job(job)
    finally:
        analysis_folder.write_plots = draw
