"""A complete examination: start, patient in, null, record, analyse, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.analysis.chain import analyze
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import REPORT, write_reports
from nullfield.analysis.result import Analysis
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, move_table
from nullfield.instrument.null_room import NullResult, null_room
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.record import RecordResult, record
from nullfield.instrument.start_up import StartUpResult, start_up
from nullfield.recording.load import load_field_recording

SCHEMA = 1


@dataclass(frozen=True)
class Examination:
    """What an examination came to; ``content`` is what ``exam.json`` holds."""

    directory: Path
    content: dict[str, Any]
    analysis: Analysis


def examine(
    instrument: Instrument,
    directory: Path,
    beats: int = 60,
    progress: Progress = silent,
    notes: dict[str, Any] | None = None,
    wall_s: Callable[[], float] | None = None,
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

    Raises
    ------
    NullfieldError
        From the step that failed. Outputs go off when the instrument is closed; ``exam.json`` then
        names the step, and what was recorded stays readable.
    """
    directory.mkdir(parents=True, exist_ok=True)
    clock = instrument.clock
    marks: dict[str, float] = {}
    wall: dict[str, float] = {}
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "software": __version__,
        "rig": instrument.rig.name,
        "beats_wanted": beats,
        "state": "running",
        "notes": notes or {},
        "marks_s": marks,
    }

    def mark(name: str) -> None:
        marks[name] = round(clock.now_s(), 3)
        if wall_s is not None:
            wall[name] = wall_s()
        content["step"] = name
        _write(directory, content)

    mark("begin")
    with _failure_noted(directory, content):
        instrument.stream(True)
        if instrument.table is not None:
            home_table(instrument, progress)
        started = start_up(instrument, progress)
        content["start_up"] = _start_up_json(started)
        mark("ready")
        table_m: float | None = None
        if instrument.rig.table is not None:
            table_m = move_table(
                instrument, instrument.rig.table.in_position_mm * 1e-3, progress
            ).position_m
        content["table_position_m"] = table_m
        mark("patient_in")
        nulled = null_room(instrument, progress)
        content["null"] = _null_json(nulled)
        mark("nulled")
        recorded = record(instrument, directory / "recording", beats, progress, notes=notes)
        content["record"] = _record_json(recorded)
        mark("recorded")
        progress("analyse", 0.0, "reading the recording")
        recording = load_field_recording(directory / "recording")
        # By its name in this folder: two runs of one seed say the same wherever they were written.
        recording = replace(recording, metadata={**recording.metadata, "source": "recording"})
        analysis = analyze(
            recording,
            progress=lambda detail, fraction: progress("analyse", fraction, detail),
        )
        mark("analysed")
        content.update(
            analysis=analysis.to_json(),
            timings_s=_durations(marks),
            wall_timings_s=_durations(wall),
        )
        progress("report", 0.0, "drawing")
        residual_pt = {"before": nulled.before_rms_pt, "after": nulled.after_rms_pt}
        plots = write_plots(analysis, directory, residual_pt)
        facts = {
            "title": "Magnetocardiogram",
            "subject": str((notes or {}).get("subject", "")),
            "residual_pt": residual_pt,
            "losses": recorded.lost,
            "dead_heads": [f"{name} ({why})" for name, why in started.failed.items()],
            "timings_s": content["timings_s"],
            "settings": _settings(instrument),
        }
        write_reports(directory, analysis, plots, facts)
    content["state"] = "done"
    content.pop("step", None)
    _write(directory, content)
    progress("report", 1.0, str(directory / REPORT))
    return Examination(directory, content, analysis)


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
            _write(directory, content)
        raise


def _settings(instrument: Instrument) -> dict[str, Any]:
    """Settings in force, one board a role: the boards of a role share them."""
    shown: dict[str, Any] = {"rig": instrument.rig.name}
    for board in instrument.boards.values():
        role = board.identity.role.name.lower()
        if role not in shown:
            shown[role] = {
                name: f"{value.value:g} {value.unit}".strip()
                for name, value in board.settings.all().items()
            }
    return shown


def _durations(marks: dict[str, float]) -> dict[str, float]:
    names = list(marks)
    steps = {b: round(marks[b] - marks[a], 3) for a, b in pairwise(names)}
    if len(names) > 1:
        steps["total"] = round(marks[names[-1]] - marks[names[0]], 3)
    return steps


def _write(directory: Path, content: dict[str, Any]) -> None:
    # By way of a second file: a kill leaves the old one or the new one.
    temporary = directory / "exam.json.new"
    temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(directory / "exam.json")


def _start_up_json(result: StartUpResult) -> dict[str, Any]:
    return {
        "ready": list(result.ready),
        "failed": result.failed,
        "duration_s": round(result.duration_s, 3),
    }


def _null_json(result: NullResult) -> dict[str, Any]:
    return {
        "heads": list(result.heads),
        "measured_before_rms_pt": round(result.before_rms_pt, 1),
        "measured_after_rms_pt": round(result.after_rms_pt, 1),
        "current_ma": {name: round(i, 5) for name, i in result.current_ma.items()},
        "limited": list(result.limited),
        "duration_s": round(result.duration_s, 3),
    }


def _record_json(result: RecordResult) -> dict[str, Any]:
    return {
        "beats": result.beats,
        "duration_s": round(result.duration_s, 3),
        "rows_expected": result.expected,
        "rows_received": result.received,
        "rows_lost": result.lost,
    }
