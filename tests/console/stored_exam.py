"""Studies in a data folder, and a small exam with a real recording of a made-up heart."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from simulated_heart import make_array, simulate

sys.path.insert(0, str(Path(__file__).parents[1] / "link"))
from fake_board import FakeBoard, StepClock

from nullfield.console.store.database import Database, default_url
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.studies import Studies
from nullfield.devices.connect import connect
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.catalogue import Role
from nullfield_protocol.codec import row_dtype

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NAME = "Zebedee Quillfeather"
FORM = SubjectForm(subject_id="S-01", name=NAME, sex="F", year_of_birth=1960, notes="at rest")
HEART_S = 10.0
_AXES = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


class SetClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def step(self, **by: float) -> None:
        self.now += timedelta(**by)


def open_studies(
    folder: Path, clock: Callable[[], datetime] | None = None, busy_timeout_s: float = 5.0
) -> Studies:
    """Studies as a start of the console opens them, before `recover`."""
    database = Database(default_url(folder), busy_timeout_s=busy_timeout_s)
    database.migrate()
    return Studies(database, folder, clock or SetClock())


class _HeartBoard(FakeBoard):
    """A sensor board whose four heads lie over a heart."""

    field_pt: np.ndarray

    def block(self) -> tuple[int, bytes]:
        message, payload = super().block()
        first = self.sample_index - self.block_rows
        scale_pt = np.repeat([(1862645 + 10 * head) * 1e-9 for head in range(4)], 3)
        index = (first + np.arange(self.block_rows)) % self.field_pt.shape[1]
        counts = np.round(self.field_pt[:, index].T / scale_pt).astype("<i4")
        kind = row_dtype(message)
        header = len(payload) - self.block_rows * kind.itemsize
        rows = np.frombuffer(payload, dtype=kind, offset=header).copy()
        rows["field_count"] = counts
        return message, payload[:header] + rows.tobytes()


def record_heart(path: Path, seconds: float = HEART_S, notes: dict | None = None) -> None:
    """Record four boards of four heads over a beating heart, the way the instrument does."""
    array = make_array(4, (0, 1, 2))
    heart = simulate(array, duration_s=HEART_S + 1.0).recording.field_pt
    clock = StepClock()
    fakes = [_HeartBoard(clock, Role.SENSOR, bytes([n + 1]) * 8) for n in range(4)]
    for number, fake in enumerate(fakes):
        fake.field_pt = heart[12 * number : 12 * number + 12]
    boards = [connect(fake, clock, name=f"b{n}") for n, fake in enumerate(fakes)]
    heads = [
        {
            "name": array.head_names[3 * n], "board": fakes[n // 4].uid.hex(), "slot": n % 4,
            "position_m": array.positions_m[3 * n].tolist(), "axes": _AXES, "kind": "array",
        }
        for n in range(16)
    ]  # fmt: skip
    header = {
        "rig": {"name": "made-up", "heads": heads},
        "boards": [one.description() for one in boards],
        "software": {"nullfield": "0"},
        "notes": notes or {},
    }
    with RecordingWriter(path, header) as writer:
        for board in boards:
            board.link.subscribe(writer.frame_sink(board.uid))
        for fake in fakes:
            fake.stream()
        clock.run(seconds)


def cut_short(recording: Path) -> None:
    """Take the end off a recording's only file, as a loss of power does."""
    (file,) = recording.glob("*.mcap")
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.truncate(size - size // 20 - 1)


_MADE: dict[str, tuple[Path, str]] = {}
"""Made once a run of the tests: a recording takes a second, its analysis several."""


def _recorded(factory: pytest.TempPathFactory) -> tuple[Path, str]:
    if "recorded" in _MADE:
        return _MADE["recorded"]
    folder = factory.mktemp("studies")
    studies = open_studies(folder)
    exam_id = studies.begin(FORM, "made-up", "olga").id
    record_heart(studies.folder_of(exam_id) / "recording", notes={"subject": "S-01"})
    cut_short(studies.folder_of(exam_id) / "recording")
    # Nobody ends it: that is what a loss of power leaves.
    _MADE["recorded"] = (folder, exam_id)
    return folder, exam_id


def _analysed(factory: pytest.TempPathFactory) -> tuple[Path, str]:
    if "analysed" in _MADE:
        return _MADE["analysed"]
    source, exam_id = _recorded(factory)
    folder = factory.mktemp("analysed") / "data"
    shutil.copytree(source, folder)
    studies = open_studies(folder)
    studies.recover()
    studies.reanalyse(exam_id, "olga")
    _MADE["analysed"] = (folder, exam_id)
    return folder, exam_id


def copy_of_recorded(factory: pytest.TempPathFactory, target: Path) -> str:
    """A data folder whose one exam was recorded when the power went; gives the exam's id."""
    source, exam_id = _recorded(factory)
    shutil.copytree(source, target, dirs_exist_ok=True)
    return exam_id


def copy_of_analysed(factory: pytest.TempPathFactory, target: Path) -> str:
    """The same after the next start, analysed again; gives the exam's id."""
    source, exam_id = _analysed(factory)
    shutil.copytree(source, target, dirs_exist_ok=True)
    return exam_id


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Another program that holds the database's write lock."""
    other = sqlite3.connect(folder / "studies.sqlite3", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
