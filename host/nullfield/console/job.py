"""A long work on the instrument: its steps, how far each is, and the question it may wait on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from nullfield.errors import ControlError, NullfieldError

StepState = Literal["waiting", "running", "done", "failed", "skipped"]
JobState = Literal["running", "done", "failed", "aborted"]

_LEAST_FRACTION = 0.05
"""Below it, the time left cannot be told from the time taken."""


@dataclass
class Step:
    """One step; times by the job's clock."""

    name: str
    state: StepState = "waiting"
    fraction: float = 0.0
    detail: str = ""
    began_s: float | None = None
    ended_s: float | None = None

    def to_json(self, now_s: float) -> dict[str, Any]:
        """The step as the snapshot shows it."""
        elapsed_s = 0.0
        if self.began_s is not None:
            elapsed_s = (self.ended_s if self.ended_s is not None else now_s) - self.began_s
        left_s = None
        if self.state == "running" and self.fraction >= _LEAST_FRACTION:
            left_s = round(elapsed_s * (1.0 - self.fraction) / self.fraction, 1)
        return {
            "name": self.name,
            "state": self.state,
            "fraction": round(self.fraction, 4),
            "detail": self.detail,
            "elapsed_s": round(elapsed_s, 1),
            "left_s": left_s,
        }


@dataclass(frozen=True)
class Answer:
    """What somebody answered to a question.

    Attributes
    ----------
    accept : bool
    move_m : float or None
        Instead of what was proposed.
    """

    accept: bool
    move_m: float | None = None


@dataclass
class Question:
    """What a job waits on."""

    id: str
    kind: str
    content: dict[str, Any]
    answer: Answer | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """The question as the snapshot shows it."""
        return {"id": self.id, "kind": self.kind, **self.content}


class Job:
    """A work of several steps; the engine's thread drives it, others read it.

    Parameters
    ----------
    name : str
    steps : tuple of str
    now_s : callable
        Seconds, for elapsed times.
    exam_id : str, optional
    beats_wanted : int
    """

    def __init__(
        self,
        name: str,
        steps: tuple[str, ...],
        now_s: Callable[[], float],
        exam_id: str | None = None,
        beats_wanted: int = 0,
    ) -> None:
        self.name = name
        self.exam_id = exam_id
        self.state: JobState = "running"
        self.beats = 0
        self.beats_wanted = beats_wanted
        self.error: NullfieldError | None = None
        self._now_s = now_s
        self._lock = threading.RLock()
        self._steps = [Step(one) for one in steps]
        self._question: Question | None = None
        self._asked = 0
        self._is_told = False

    def progress(self, name: str, fraction: float, detail: str) -> None:
        """Tell how far a step is; the first word of it ends the steps before.

        Parameters
        ----------
        name : str
            Of a step; another name only changes the running step's detail, and so does a step that
            does not run where the procedure tells its steps itself.
        fraction : float
            0 to 1.
        detail : str
        """
        with self._lock:
            step = self._find(name)
            if step is None or (self._is_told and step.state != "running"):
                for running in self._steps:
                    if running.state == "running":
                        running.detail = detail
                return
            self._advance(step, fraction, detail)

    def step(self, name: str, state: StepState, detail: str) -> None:
        """Tell a step's state by name, where the procedure tells its steps itself."""
        with self._lock:
            self._is_told = True
            step = self._find(name)
            if step is None or state == "waiting":
                return
            if state == "running":
                self._advance(step, 0.0, detail)
                return
            if step.began_s is not None and step.ended_s is None:
                step.ended_s = self._now_s()
            step.state = state
            step.detail = detail or step.detail
            if state == "done":
                step.fraction = 1.0

    def end(self) -> None:
        """All steps are done; those that never began were not needed."""
        with self._lock:
            self._end_before(None)
            self.state = "done"

    def fail(self, error: NullfieldError, *, is_aborted: bool) -> None:
        """The running step failed, and the job with it."""
        with self._lock:
            for step in self._steps:
                if step.state == "running":
                    step.state = "failed"
                    step.ended_s = self._now_s()
            self._question = None
            self.error = error
            self.state = "aborted" if is_aborted else "failed"

    def ask(self, kind: str, content: dict[str, Any]) -> Question:
        """Put a question; the caller waits until its ``answer`` is there."""
        with self._lock:
            self._asked += 1
            self._question = Question(f"{self.exam_id or self.name}-{self._asked}", kind, content)
            return self._question

    def answer(self, question_id: str, answer: Answer) -> None:
        """Answer the question.

        Raises
        ------
        ControlError
            If this question is not, or no longer, open.
        """
        with self._lock:
            if self._question is None or self._question.id != question_id:
                raise ControlError("this question is not open", "look at what the screen asks now")
            self._question.answer = answer
            self._question = None

    @property
    def question(self) -> Question | None:
        """What the job waits on."""
        return self._question

    def to_json(self) -> dict[str, Any]:
        """The job as the snapshot shows it."""
        with self._lock:
            now_s = self._now_s()
            error = self.error
            return {
                "name": self.name,
                "exam_id": self.exam_id,
                "state": self.state,
                "steps": [step.to_json(now_s) for step in self._steps],
                "error": None
                if error is None
                else {
                    "error": error.message,
                    "hint": error.hint,
                    "code": type(error).__name__,
                },
                "question": None if self._question is None else self._question.to_json(),
                "beats": self.beats,
                "beats_wanted": self.beats_wanted,
            }

    def _find(self, name: str) -> Step | None:
        return next((one for one in self._steps if one.name == name), None)

    def _advance(self, step: Step, fraction: float, detail: str) -> None:
        if step.state in ("waiting", "skipped"):
            self._end_before(step)
            step.began_s = self._now_s()
        step.state = "running"
        step.ended_s = None
        step.fraction = min(max(fraction, 0.0), 1.0)
        step.detail = detail

    def _end_before(self, last: Step | None) -> None:
        now_s = self._now_s()
        for step in self._steps:
            if step is last:
                return
            if step.state == "running":
                step.state, step.fraction, step.ended_s = "done", 1.0, now_s
            elif step.state == "waiting":
                step.state = "skipped"
