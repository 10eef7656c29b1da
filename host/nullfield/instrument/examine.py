"""A complete examination: start, patient in, null, record, analyse, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nullfield.instrument.exam_run import Examination, ExamRun, write_content
from nullfield.instrument.exam_steps import NO_HOOKS, STEPS, ExamHooks
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.progress import Progress, silent

__all__ = ["NO_HOOKS", "STEPS", "ExamHooks", "Examination", "examine"]


def examine(
    instrument: Instrument,
    directory: Path,
    beats: int = 60,
    progress: Progress = silent,
    notes: dict[str, Any] | None = None,
    wall_s: Callable[[], float] | None = None,
    hooks: ExamHooks = NO_HOOKS,
) -> Examination:
    """Run the whole examination into a folder.

    Parameters
    ----------
    instrument : Instrument
        Connected.
    directory : Path
        Gets ``recording/``, ``exam.json``, plots and ``report.html``.
    beats : int
        Heartbeats to record.
    progress : Progress
    notes : dict, optional
        Subject and other notes for the recording's header.
    wall_s : callable, optional
        A wall clock for the timings; without it only the instrument's own are given.
    hooks : ExamHooks
        What a console wants to hear and to decide.

    Raises
    ------
    NullfieldError
        From the step that failed. Outputs go off when the instrument is closed; ``exam.json`` then
        names the step, and what was recorded stays readable.
    """
    directory.mkdir(parents=True, exist_ok=True)
    exam = ExamRun(instrument, directory, beats, progress, notes or {}, wall_s, hooks)
    exam.mark("begin")
    with _failure_noted(directory, exam.content):
        return exam.run()


@contextmanager
def _failure_noted(directory: Path, content: dict[str, Any]) -> Iterator[None]:
    """Have ``exam.json`` say that the examination failed, and why, an interrupt included."""
    try:
        yield
    except BaseException as error:
        content["state"] = "failed"
        content["error"] = str(error) or type(error).__name__
        # A full disk must not take the place of the error that the user has to see.
        with suppress(OSError):
            write_content(directory, content)
        raise
