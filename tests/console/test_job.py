"""Steps of a job: what is done, how far, how long yet."""

from __future__ import annotations

from typing import Any

import pytest

from nullfield.console.job import Answer, Job
from nullfield.errors import AbortedError, ControlError, ProcedureError


class Seconds:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> Seconds:
    return Seconds()


def states(job: Job) -> dict[str, str]:
    return {step["name"]: step["state"] for step in job.to_json()["steps"]}


def step(job: Job, name: str) -> dict[str, Any]:
    return next(one for one in job.to_json()["steps"] if one["name"] == name)


def test_a_step_ends_those_before_it_and_its_time_left_follows_from_its_pace(now: Seconds) -> None:
    job = Job("exam", ("ready", "table", "null"), now, "20260304-001", 60)
    assert states(job) == {"ready": "waiting", "table": "waiting", "null": "waiting"}
    job.progress("ready", 0.0, "heating")
    now.now_s = 10.0
    job.progress("ready", 0.25, "heating")
    assert step(job, "ready")["elapsed_s"] == 10.0
    assert step(job, "ready")["left_s"] == 30.0
    job.progress("null", 0.5, "coil X")
    assert states(job) == {"ready": "done", "table": "skipped", "null": "running"}
    now.now_s = 14.0
    job.end()
    assert states(job)["null"] == "done"
    assert step(job, "null")["elapsed_s"] == 4.0
    now.now_s = 99.0
    assert step(job, "ready")["elapsed_s"] == 10.0
    assert job.to_json()["state"] == "done"


def test_no_time_left_before_it_can_be_told(now: Seconds) -> None:
    job = Job("start", ("ready",), now)
    job.progress("ready", 0.01, "")
    now.now_s = 5.0
    assert step(job, "ready")["left_s"] is None


def test_a_failure_marks_its_step_and_keeps_the_words(now: Seconds) -> None:
    job = Job("start", ("ready", "null"), now)
    job.progress("ready", 0.5, "")
    job.fail(ProcedureError("no light", "look at the laser"), is_aborted=False)
    shown = job.to_json()
    assert states(job) == {"ready": "failed", "null": "waiting"}
    assert shown["state"] == "failed"
    assert shown["error"] == {
        "error": "no light",
        "hint": "look at the laser",
        "code": "ProcedureError",
    }


def test_a_question_is_answered_once_and_by_its_id(now: Seconds) -> None:
    job = Job("exam", ("adjust",), now, "20260304-001")
    question = job.ask("move_table", {"move_mm": 12.0})
    assert job.to_json()["question"] == {
        "id": question.id,
        "kind": "move_table",
        "move_mm": 12.0,
    }
    with pytest.raises(ControlError):
        job.answer("another", Answer(True))
    assert question.answer is None
    job.answer(question.id, Answer(True, 0.012))
    assert question.answer == Answer(True, 0.012)
    with pytest.raises(ControlError):
        job.answer(question.id, Answer(False))
    assert job.ask("move_table", {}).id != question.id


def test_an_abort_takes_the_question_away(now: Seconds) -> None:
    job = Job("exam", ("adjust",), now)
    question = job.ask("move_table", {})
    job.fail(AbortedError("enough"), is_aborted=True)
    assert job.to_json()["question"] is None
    assert job.state == "aborted"
    with pytest.raises(ControlError):
        job.answer(question.id, Answer(True))


def test_where_steps_are_told_the_progress_of_parts_begins_none(now: Seconds) -> None:
    job = Job("exam", ("ready", "table", "adjust"), now)
    job.step("ready", "running", "")
    job.progress("table", 0.5, "homing")
    assert states(job) == {"ready": "running", "table": "waiting", "adjust": "waiting"}
    assert step(job, "ready")["detail"] == "homing"
    now.now_s = 4.0
    job.step("ready", "done", "4 heads")
    job.step("table", "running", "")
    job.progress("table", 0.5, "200 mm")
    assert step(job, "table")["fraction"] == 0.5
    job.step("table", "done", "")
    job.step("adjust", "skipped", "no table")
    assert states(job) == {"ready": "done", "table": "done", "adjust": "skipped"}
    assert step(job, "ready")["elapsed_s"] == 4.0
