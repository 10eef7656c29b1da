"""An abort, or an emergency stop, is not a failure that another procedure makes up for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nullfield.errors import AbortedError, EmergencyStopError, ProcedureError
from nullfield.instrument import exam_run
from nullfield.instrument.exam_run import ExamRun
from nullfield.instrument.exam_steps import ExamHooks
from nullfield.instrument.progress import silent


def run_of(
    tmp_path: Path, done: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> Any:
    def renull(*_: object) -> None:
        raise error

    def null_room(*_: object) -> str:
        done.append("null in full")
        return "nulled"

    monkeypatch.setattr(exam_run, "renull", renull)
    monkeypatch.setattr(exam_run, "null_room", null_room)
    monkeypatch.setattr(exam_run, "null_json", lambda null: {})
    instrument: Any = SimpleNamespace(
        rig=SimpleNamespace(name="bench", is_virtual=True), calibration=None
    )
    previous: Any = "the null before"
    return ExamRun(instrument, tmp_path, 1, silent, {}, None, ExamHooks(previous_null=previous))


@pytest.mark.parametrize("error", [AbortedError("enough"), EmergencyStopError("stop")])
def test_an_abort_while_nulling_again_ends_the_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: AbortedError
) -> None:
    done: list[str] = []
    run = run_of(tmp_path, done, monkeypatch, error)
    with pytest.raises(AbortedError) as raised:
        run._null()
    assert raised.value is error
    assert done == []


def test_a_null_that_does_not_hold_is_made_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    run = run_of(tmp_path, done, monkeypatch, ProcedureError("the field moved"))
    run._null()
    assert done == ["null in full"]
