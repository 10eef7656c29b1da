"""One examination while it runs: its steps, one after the other, and what ``exam.json`` says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.analysis.chain import analyze
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import REPORT, write_reports
from nullfield.analysis.result import Analysis
from nullfield.errors import ProcedureError
from nullfield.instrument.adjust_position import adjust_position
from nullfield.instrument.compensate import Compensation
from nullfield.instrument.exam_json import (
    adjust_json,
    record_json,
    settings_in_force,
    start_up_json,
)
from nullfield.instrument.exam_steps import ExamHooks
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, is_homed, move_table
from nullfield.instrument.null_result import NullResult, null_json
from nullfield.instrument.null_room import null_room
from nullfield.instrument.progress import Progress
from nullfield.instrument.record import RecordResult, record
from nullfield.instrument.renull import renull
from nullfield.instrument.set_up_compensation import (
    compensation_json,
    need_references,
    set_up_compensation,
)
from nullfield.instrument.start_up import StartUpResult, start_up, started_already
from nullfield.instrument.use_calibration import (
    changed_since,
    check_temperature,
    in_force_json,
)
from nullfield.recording.load import load_field_recording

SCHEMA = 1


@dataclass(frozen=True)
class Examination:
    """What an examination came to; ``content`` is what ``exam.json`` holds."""

    directory: Path
    content: dict[str, Any]
    analysis: Analysis


@dataclass
class ExamRun:
    """Everything that the steps share; parameters as for `examine`."""

    instrument: Instrument
    directory: Path
    beats: int
    progress: Progress
    notes: dict[str, Any]
    wall_s: Callable[[], float] | None
    hooks: ExamHooks
    content: dict[str, Any] = field(init=False)
    _marks: dict[str, float] = field(default_factory=dict)
    _wall: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.content = {
            "schema": SCHEMA,
            "software": __version__,
            "rig": self.instrument.rig.name,
            # For those who read it later: data of simulated boards must not pass for a patient's.
            "is_virtual": self.instrument.rig.is_virtual,
            "beats_wanted": self.beats,
            "state": "running",
            "notes": self.notes,
            "marks_s": self._marks,
        }

    def mark(self, name: str) -> None:
        """Note the time at which a step is over, in ``exam.json`` at once."""
        self._marks[name] = round(self.instrument.clock.now_s(), 3)
        if self.wall_s is not None:
            self._wall[name] = self.wall_s()
        self.content["step"] = name
        write_content(self.directory, self.content)

    def run(self) -> Examination:
        """Go through the steps."""
        if self.hooks.compensation_hz is not None:
            need_references(self.instrument.rig)
        self.instrument.stream(True)
        with self.hooks.step("ready") as words:
            started = self._get_ready()
            check_temperature(self.instrument)
            words.append(f"{len(started.ready)} heads ready")
        self.mark("ready")
        self._move_in()
        self.mark("patient_in")
        self._adjust()
        with self.hooks.step("null") as words:
            nulled = self._null()
            words.append(f"{nulled.before_rms_pt:.0f} -> {nulled.after_rms_pt:.0f} pT rms")
        self.mark("nulled")
        with self.hooks.step("record") as words, self._compensated(nulled) as compensation:
            recorded = record(
                self.instrument,
                self.directory / "recording",
                self.beats,
                self.progress,
                notes=self.notes,
                on_live=self.hooks.on_live,
                compensation=compensation,
            )
            if compensation is not None:
                self.content["compensation"] = compensation_json(compensation)
            words.append(f"{recorded.beats} beats")
        self.content["record"] = record_json(recorded)
        self.mark("recorded")
        with self.hooks.step("map"):
            analysis = self._analyse()
            self._report(analysis, started, nulled, recorded)
        self.content["state"] = "done"
        self.content.pop("step", None)
        write_content(self.directory, self.content)
        self.progress("report", 1.0, str(self.directory / REPORT))
        return Examination(self.directory, self.content, analysis)

    def _get_ready(self) -> StartUpResult:
        instrument, is_warm = self.instrument, self.hooks.is_warm
        if instrument.table is not None and not (is_warm and is_homed(instrument)):
            home_table(instrument, self.progress)
        started = started_already(instrument) if is_warm else None
        if started is None:
            started = start_up(instrument, self.progress)
        self.content["start_up"] = start_up_json(started)
        return started

    def _move_in(self) -> None:
        entry = self.instrument.rig.table
        table_m: float | None = None
        if entry is None:
            self.hooks.tell("table", "skipped", "the rig has no table")
        else:
            with self.hooks.step("table") as words:
                table_m = move_table(
                    self.instrument, entry.in_position_mm * 1e-3, self.progress
                ).position_m
                words.append(f"at {table_m * 1e3:.1f} mm")
        self.content["table_position_m"] = table_m

    def _adjust(self) -> None:
        confirm = self.hooks.confirm
        if confirm is None or self.instrument.rig.table is None:
            self.hooks.tell("adjust", "skipped", "" if confirm is None else "the rig has no table")
            return
        with self.hooks.step("adjust") as words:
            result = adjust_position(
                self.instrument, confirm, self.progress, self.hooks.adjust_beats
            )
            words.append(f"moved by {result.moved_m * 1e3:.0f} mm")
        self.content["adjust"] = adjust_json(result)
        self.content["table_position_m"] += result.moved_m
        self.mark("adjusted")

    def _null(self) -> NullResult:
        nulled: NullResult | None = None
        if self.hooks.previous_null is not None:
            try:
                nulled = renull(self.instrument, self.hooks.previous_null, self.progress)
            except ProcedureError as error:
                self.progress("null", 0.0, f"in full: {error.message}")
                self.content["null_in_full"] = error.message
        if nulled is None:
            nulled = null_room(self.instrument, self.progress)
        if self.hooks.on_null is not None:
            self.hooks.on_null(nulled)
        self.content["null"] = null_json(nulled)
        changes = changed_since(self.instrument, nulled)
        for change in changes:
            self.progress("null", 1.0, change.text)
        calibration = in_force_json(self.instrument, changes)
        if calibration is not None:
            self.content["calibration"] = calibration
        return nulled

    @contextmanager
    def _compensated(self, nulled: NullResult) -> Iterator[Compensation | None]:
        """Have the field held while recording, if that is wanted."""
        if self.hooks.compensation_hz is None:
            yield None
            return
        try:
            plan = set_up_compensation(
                self.instrument, nulled, self.hooks.compensation_hz, progress=self.progress
            )
        except ProcedureError as error:
            # Somebody lies under the array: a recording as it is says more than none.
            self.progress("compensate", 1.0, f"left out: {error.message}")
            self.content["compensation"] = {"left_out": error.message, "hint": error.hint}
            yield None
            return
        with Compensation(self.instrument, plan) as compensation:
            # The loop has to be in before the first beat counts.
            compensation.wait(1.0 / self.hooks.compensation_hz)
            self.mark("compensated")
            yield compensation

    def _analyse(self) -> Analysis:
        self.progress("analyse", 0.0, "reading the recording")
        recording = load_field_recording(self.directory / "recording")
        # By its name in this folder: two runs of one seed say the same wherever they were written.
        recording = replace(recording, metadata={**recording.metadata, "source": "recording"})
        analysis = analyze(
            recording,
            progress=lambda detail, fraction: self.progress("analyse", fraction, detail),
        )
        self.mark("analysed")
        self.content.update(
            analysis=analysis.to_json(),
            timings_s=_durations(self._marks),
            wall_timings_s=_durations(self._wall),
        )
        return analysis

    def _report(
        self,
        analysis: Analysis,
        started: StartUpResult,
        nulled: NullResult,
        recorded: RecordResult,
    ) -> None:
        self.progress("report", 0.0, "drawing")
        residual_pt = {"before": nulled.before_rms_pt, "after": nulled.after_rms_pt}
        plots = write_plots(analysis, self.directory, residual_pt)
        facts = {
            "title": "Magnetocardiogram",
            "subject": str(self.notes.get("subject", "")),
            "residual_pt": residual_pt,
            "losses": recorded.lost,
            "dead_heads": [f"{name} ({why})" for name, why in started.failed.items()],
            "timings_s": self.content["timings_s"],
            "settings": settings_in_force(self.instrument),
        }
        write_reports(self.directory, analysis, plots, facts)


def _durations(marks: dict[str, float]) -> dict[str, float]:
    names = list(marks)
    steps = {b: round(marks[b] - marks[a], 3) for a, b in pairwise(names)}
    if len(names) > 1:
        steps["total"] = round(marks[names[-1]] - marks[names[0]], 3)
    return steps


def write_content(directory: Path, content: dict[str, Any]) -> None:
    """Write ``exam.json``."""
    # By way of a second file: a kill leaves the old one or the new one.
    temporary = directory / "exam.json.new"
    temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(directory / "exam.json")
