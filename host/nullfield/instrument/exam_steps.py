"""Steps of an examination, and what somebody who runs it may hear and decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from nullfield.analysis.data import FieldRecording
from nullfield.instrument.adjust_position import Confirm
from nullfield.instrument.null_result import NullResult

StepState = Literal["running", "done", "skipped", "failed"]
STEPS = ("ready", "table", "adjust", "null", "record", "map")
"""In their order."""


@dataclass(frozen=True)
class ExamHooks:
    """What a console hears and decides; by default nothing, as from the command line.

    Attributes
    ----------
    on_step : callable or None
        ``on_step(step, state, detail)`` when a step of `STEPS` begins, ends or is passed over.
    on_live : callable or None
        Gets the newest stretch of field of the heads that count beats, while recording.
    confirm : callable or None
        Asked before the table moves to centre the heart; without it the position is not adjusted.
    previous_null : NullResult or None
        Taken up by `renull`; if that is refused, the room is nulled in full.
    on_null : callable or None
        Gets the null, so that the next examination can take it up.
    is_warm : bool
        Heads that are ready stay so, and a homed table is not homed again.
    adjust_beats : int
        Heartbeats to look at for the position.
    compensation_hz : float or None
        Record with the field held from references, with this bandwidth; None: without.
    """

    on_step: Callable[[str, StepState, str], None] | None = None
    on_live: Callable[[FieldRecording], None] | None = None
    confirm: Confirm | None = None
    previous_null: NullResult | None = None
    on_null: Callable[[NullResult], None] | None = None
    is_warm: bool = False
    adjust_beats: int = 6
    compensation_hz: float | None = None

    def tell(self, step: str, state: StepState, detail: str = "") -> None:
        """Pass on how a step stands."""
        if self.on_step is not None:
            self.on_step(step, state, detail)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Have a step begin and end; the last word put in the list goes with its end."""
        words: list[str] = [""]
        self.tell(name, "running")
        try:
            yield words
        except BaseException as error:
            self.tell(name, "failed", str(error) or type(error).__name__)
            raise
        self.tell(name, "done", words[-1])


NO_HOOKS = ExamHooks()
