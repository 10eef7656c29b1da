"""What goes wrong around an examination of the console: plain words, a safe instrument, all kept."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from access_bench import CHEAP
from console_bench import NOON, PATIENCE_S, Opened
from small_rig import write_small_rig

from nullfield.console.access.user import User
from nullfield.console.build import build_console
from nullfield.console.context import ConsoleContext
from nullfield.console.engine import Engine
from nullfield.console.exam_job import begin_exam
from nullfield.console.job import Answer, Job
from nullfield.console.pages.explanations import EXPLANATIONS
from nullfield.console.store.exam import Exam
from nullfield.console.store.form import SubjectForm
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, move_table
from nullfield.recording import writer
from nullfield_protocol.catalogue import HeadState, TableFlag

pytestmark = [pytest.mark.micropython, pytest.mark.long]

ANN = User(1, "ann", "engineer")


class Console:
    """A console on four virtual heads with a table, without a browser before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.opened = Opened(write_small_rig(folder))
        self.built = build_console(
            folder / "data", "small", self.opened, None, self._clock, policy=CHEAP
        )
        self.context: ConsoleContext = self.built.context
        self.engine = self.context.engine
        self._answered: set[str] = set()

    def _clock(self) -> datetime:
        return self.now

    def start(self) -> None:
        self.engine.start()
        self.wait(lambda: self.engine.instrument is not None)

    def wait(self, is_met: Callable[[], bool]) -> None:
        """Wait for something that the engine's thread does; it does it as fast as it can."""
        until = time.monotonic() + 2 * PATIENCE_S
        while not is_met():
            assert time.monotonic() < until, self.texts()
            threading.Event().wait(0.1)

    @property
    def plant(self) -> Any:
        """The world below the boards that are connected now."""
        instrument: Any = self.engine.instrument
        return instrument.clock._inner._instrument.plant

    def texts(self) -> list[str]:
        return [event["text"] for event in self.context.events.newest()]

    def exam(self, **how: Any) -> tuple[Exam, Job]:
        """Run an examination, and look it up."""
        exam_id, job = self.run(**how)
        return self.context.studies.get(exam_id), job

    def run(
        self,
        beats: int = 10,
        on_step: dict[str, Callable[[], None]] | None = None,
        adjust: bool = False,
        answer: Answer | None = None,
    ) -> tuple[str, Job]:
        """Run an examination to its end; something may happen when a step begins to run."""
        todo = dict(on_step or {})
        exam_id = begin_exam(self.context, ANN, SubjectForm(subject_id="S-1"), beats, adjust=adjust)
        job = self.engine.job
        assert job is not None

        def look() -> bool:
            for step in job.to_json()["steps"]:
                if step["state"] == "running" and step["name"] in todo:
                    todo.pop(step["name"])()
            question = job.question
            if question is not None and answer is not None and question.id not in self._answered:
                self._answered.add(question.id)
                job.answer(question.id, answer)
            return job.state != "running"

        self.wait(look)
        assert not todo, f"never came to {list(todo)}"
        self.wait(lambda: not self.engine.is_busy)
        return exam_id, job

    def is_safe(self) -> bool:
        """The table stands without current."""

        def see(engine: Engine, instrument: Instrument) -> bool:
            table = instrument.the_table()
            seen = table.telemetry_count
            # Waits that raise for a fault would hide what is looked at here.
            instrument.clock.wait(lambda: table.telemetry_count > seen + 1, 2.0)
            told = table.telemetry
            assert told is not None
            return told.speed_m_s == 0.0 and not told.switches & TableFlag.MOTOR_ENERGISED

        return bool(self.engine.call(see, PATIENCE_S))

    def recorded(self, exam: Exam) -> int:
        """Bytes of the recording that are there."""
        folder = self.context.studies.folder_of(exam.id) / "recording"
        return sum(path.stat().st_size for path in folder.glob("*.mcap"))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    one = Console(tmp_path_factory.mktemp("console"))
    one.start()
    try:
        yield one
    finally:
        one.engine.stop()
        one.built.lock.close()


@pytest.fixture(autouse=True)
def as_it_was(console: Console) -> Iterator[None]:
    yield
    console.now = NOON
    world = console.plant
    world.table.obstruction_mm = None


def test_a_clock_that_jumps_spoils_no_examination(console: Console) -> None:
    def jump(hours: float) -> Callable[[], None]:
        def do() -> None:
            console.now += timedelta(hours=hours)

        return do

    exam, job = console.exam(on_step={"table": jump(30), "record": jump(-48)})
    assert (exam.state, exam.reason) == ("done", ""), job.to_json()
    # It cannot have ended before it began, whatever the clock said.
    assert exam.ended_at is not None
    assert exam.ended_at >= exam.begun_at
    assert console.context.studies.analyses.of(exam).average is not None
    still = console.context.studies.beat_of(exam.id)
    assert still is not None
    assert still["quality"]["lights"]["movement"] in {"good", "fair"}
    assert not any("may have moved" in text for text in console.texts())
    assert console.is_safe()


def test_a_full_disk_ends_the_examination_and_keeps_the_recording(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage
    room = [real("/").free]

    def usage(path: Any) -> Any:
        return real(path)._replace(free=room[0])

    monkeypatch.setattr(writer.shutil, "disk_usage", usage)

    def fill() -> None:
        console.engine.job.beats = 0  # type: ignore[union-attr]
        console.wait(lambda: (console.engine.job.beats or 0) >= 5)  # type: ignore[union-attr]
        room[0] = 10_000_000

    exam, job = console.exam(beats=200, on_step={"record": fill})
    assert exam.state == "failed"
    assert job.error is not None
    assert type(job.error).__name__ == "DiskFullError"
    assert "DiskFullError" in EXPLANATIONS
    assert console.recorded(exam) > 100_000
    assert console.is_safe()


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "locked"])
def test_a_database_that_fails_meanwhile_costs_nothing_but_its_entry(
    console: Console, is_gone: bool
) -> None:
    data = console.folder / "data"
    file, elsewhere = data / "studies.sqlite3", data / "elsewhere"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    def harm() -> None:
        if is_gone:
            file.rename(elsewhere)
        else:
            other.execute("BEGIN IMMEDIATE")

    stored = console.context.studies.search().total
    try:
        exam_id, job = console.run(on_step={"record": harm})
    finally:
        if is_gone:
            elsewhere.rename(file)
        else:
            other.execute("ROLLBACK")
        other.close()
    assert job.state == "done", job.to_json()
    assert any("the examination is kept in its folder" in text for text in console.texts())
    assert (console.context.studies.folder_of(exam_id) / "report.html").exists()
    console.context.studies.recover()
    assert console.context.studies.get(exam_id).state == "done"
    assert console.context.studies.search().total == stored + 1
    assert console.is_safe()


def test_a_subject_who_moves_is_recorded_and_said(console: Console) -> None:
    def turn_over() -> None:
        console.wait(lambda: (console.engine.job.beats or 0) >= 12)  # type: ignore[union-attr]
        world = console.plant
        x, y, z = world.scenario.heart_position_m
        world.scenario = replace(world.scenario, heart_position_m=(x + 0.04, y + 0.03, z))
        world._heart_at_mm = float("nan")
        world._place_heart()

    before = console.plant.scenario
    try:
        moved, job = console.exam(beats=24, on_step={"record": turn_over})
    finally:
        world = console.plant
        world.scenario, world._heart_at_mm = before, float("nan")
        world._place_heart()
    assert moved.state == "done", job.to_json()
    assert any(moved.exam_id in text and "may have moved" in text for text in console.texts())
    beat = console.context.studies.beat_of(moved.id)
    assert beat is not None
    assert beat["quality"]["lights"]["movement"] == "poor"


def test_a_move_beyond_the_table_is_refused_and_the_table_stays(console: Console) -> None:
    exam, job = console.exam(adjust=True, answer=Answer(True, 0.2))
    assert exam.state == "failed"
    assert job.error is not None
    assert "beyond the table's 0 to 600 mm" in job.error.message
    assert job.error.hint == "confirm a smaller move"
    assert console.is_safe()
    assert console.plant.table.position_mm == pytest.approx(550.0, abs=1.0)


def test_a_patient_out_of_range_is_told_what_to_do(console: Console) -> None:
    """The heart lies half a metre from the array: no beat is found, and no map is made up."""
    world = console.plant
    before = world.scenario
    world.scenario = replace(before, heart_position_m=(0.01, -0.5, -0.08))
    world._heart_at_mm = float("nan")
    world._place_heart()
    try:
        exam, job = console.exam(adjust=True, answer=Answer(False))
    finally:
        world.scenario, world._heart_at_mm = before, float("nan")
        world._place_heart()
    assert exam.state == "failed"
    assert job.error is not None
    assert job.error.hint
    assert [s["name"] for s in job.to_json()["steps"] if s["state"] == "failed"] == ["adjust"]
    assert console.is_safe()


def test_a_table_held_up_ends_the_examination_and_starts_again_when_free(console: Console) -> None:
    def out(engine: Engine, instrument: Instrument) -> None:
        move_table(instrument, 0.4)

    console.engine.call(out, PATIENCE_S)
    console.plant.table.obstruction_mm = 470.0
    exam, job = console.exam()
    assert exam.state == "failed"
    assert job.error is not None
    assert "table stall" in job.error.message
    assert "TABLE_STALL" in EXPLANATIONS
    assert console.is_safe()
    assert console.plant.table.position_mm < 475.0
    assert console.plant.table.pushed_n < 81.0
    assert HeadState.READY in set(console.engine.instrument.head_states().values())  # type: ignore[union-attr]
    console.plant.table.obstruction_mm = None

    def again(engine: Engine, instrument: Instrument) -> float:
        instrument.the_table().clear_faults()
        home_table(instrument)
        return move_table(instrument, 0.02).position_m

    assert console.engine.call(again, PATIENCE_S) == pytest.approx(0.02, abs=1e-4)
    assert console.plant.table.position_mm == pytest.approx(20.0, abs=1.0)
