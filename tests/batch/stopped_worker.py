"""Jobs without the slow plots, and jobs that die or wait in a worker; loaded there by name."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from matplotlib.image import imsave

from nullfield.analysis.result import Analysis
from nullfield.batch.task import Job, Outcome, run_job
from nullfield.files import analysis_folder


def run_without_plots(job: Job) -> Outcome:
    """The job with bare maps instead of plots and report, which take ten times the analysis."""
    with (
        mock.patch.object(analysis_folder, "write_plots", _draw_maps),
        mock.patch.object(analysis_folder, "write_reports", _list_plots),
    ):
        return run_job(job)


def run_or_stop(job: Job) -> Outcome:
    """The same, but for two recordings.

    ``waits`` tells its process id in the middle of the first analysis, by the pipe ``told`` beside
    the recordings, and then waits for good. ``kills`` ends its process in each analysis.
    """
    name = Path(job.recording).name
    find_landmarks = analysis_folder.analyze_source

    def analyze_or_stop(*arguments: Any) -> Analysis:
        analysis = find_landmarks(*arguments)
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
        return analysis

    with mock.patch.object(analysis_folder, "analyze_source", analyze_or_stop):
        return run_without_plots(job)


def _draw_maps(analysis: Analysis, directory: Path) -> dict[str, Path]:
    paths = {}
    for name, landmark in analysis.landmarks.items():
        if name in ("R", "T") and landmark is not None and landmark.field_map is not None:
            paths[f"map_{name}"] = directory / f"map_{name}.png"
            imsave(paths[f"map_{name}"], landmark.field_map.bz_pt)
    return paths


def _list_plots(
    directory: Path, analysis: Analysis, plots: Mapping[str, Path], facts: Mapping[str, Any]
) -> None:
    (directory / "report.html").write_text("\n".join(plots))
