"""The one thread that owns the instrument; everybody else asks it.

A virtual instrument runs in one thread only, and a real one has one operator: all procedures run
here, one after another. Between them the thread keeps the boards' watch on the host fed and looks
for faults. Leaving it, by whatever way, leaves the instrument's context, which switches all off.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from nullfield.console.control import Control
from nullfield.console.event_log import EventLog
from nullfield.console.job import Job
from nullfield.console.live.follow import Follower
from nullfield.console.task import Opener, Task
from nullfield.console.watched_clock import WatchedClock
from nullfield.devices.board import Board
from nullfield.errors import (
    AbortedError,
    BoardFaultError,
    BoardLostError,
    ControlError,
    EmergencyStopError,
    NullfieldError,
    ProcedureError,
)
from nullfield.instrument.flight_recorder import FlightRecorder, arm_recorders
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_result import NullResult
from nullfield.transport.timing import Clock

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.25
_AGAIN_S = 3.0
_STOP_S = 60.0
"""Longest that closing waits for what runs; the boards' own watch switches them off after 2 s."""


class Engine:
    """Owns the instrument.

    Parameters
    ----------
    opener : callable
    control : Control
    events : EventLog
    again_s : float
        Wait before a lost instrument is connected anew.
    """

    def __init__(
        self, opener: Opener, control: Control, events: EventLog, again_s: float = _AGAIN_S
    ) -> None:
        self.control = control
        self.events = events
        self.follower = Follower(lambda text: events.add(text, "warning"))
        self.job: Job | None = None
        self.recorders: dict[str, FlightRecorder] = {}
        self.null: NullResult | None = None
        self.null_at_s = 0.0
        self.phase_error: NullfieldError | None = None
        self.is_virtual = False
        self._opener = opener
        self._again_s = again_s
        self._tasks: queue.Queue[Task] = queue.Queue()
        self._submitting = threading.Lock()
        self._clock: WatchedClock | None = None
        self._instrument: Instrument | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def instrument(self) -> Instrument | None:
        """The connected instrument, to look at; None while there is none."""
        return self._instrument

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()
        self.follower.start()

    def stop(self, timeout_s: float = _STOP_S) -> None:
        """End what runs, switch all outputs off, and let go of the boards.

        Raises
        ------
        ControlError
            If what runs does not end; closing must not wait for ever on a part that hangs.
        """
        self._stopping.set()
        self._interrupt(AbortedError("the console is being closed"))
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self.follower.stop()
        if self._thread.is_alive():
            doing = self.job.name if self.is_busy and self.job is not None else "no job"
            raise ControlError(
                f"the instrument's thread did not end within {timeout_s:g} s ({doing})",
                "its boards switch off by themselves; end the program and report it",
            )

    @property
    def is_running(self) -> bool:
        """Whether the thread that owns the instrument lives."""
        return self._thread.is_alive()

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self.job is not None and self.job.state == "running"

    def begin(
        self,
        job: Job,
        run: Callable[[Engine, Instrument], Any],
        prepare: Callable[[], None] = lambda: None,
    ) -> Task:
        """Start a job; it runs on while the caller returns.

        Parameters
        ----------
        job : Job
        run : callable
        prepare : callable
            Called when nothing is in the way any more, before the job stands; what it raises
            leaves all as it was.

        Raises
        ------
        ControlError
            If another job runs, or no instrument is connected.
        """
        with self._submitting:
            if self.is_busy:
                assert self.job is not None
                raise ControlError(
                    f"the instrument is busy: {self.job.name}", "wait for its end, or abort it"
                )
            self._require_instrument()
            prepare()
            self.job = job
            task = Task(run, job, threading.Event())
            self._tasks.put(task)
        self._wake()
        return task

    def call(self, run: Callable[[Engine, Instrument], Any], timeout_s: float = 10.0) -> Any:
        """Do something short on the instrument and wait for what it gives.

        Raises
        ------
        ControlError
            If a job runs, or no instrument is connected.
        NullfieldError
            What it raised.
        """
        with self._submitting:
            if self.is_busy:
                raise ControlError("the instrument is busy", "wait for the end of what runs")
            self._require_instrument()
            task = Task(run, None, threading.Event())
            self._tasks.put(task)
        self._wake()
        if not task.done.wait(timeout_s):
            # A command that comes late is another command than the one that was given.
            task.is_given_up = True
            raise ControlError("the instrument did not get to it in time", "try again")
        if task.error is not None:
            raise task.error
        return task.result

    def abort(self, who: str) -> None:
        """End the job that runs; the instrument stays on and safe.

        Raises
        ------
        ControlError
            If none runs.
        """
        if not self.is_busy:
            raise ControlError("nothing runs that could be aborted")
        self.events.add(f"{who} aborted", "warning")
        self._interrupt(AbortedError(f"aborted by {who}", "start again when ready"))

    def emergency_stop(self, who: str) -> None:
        """Everything off, now, whatever runs."""
        self.events.add(f"{who} pressed the emergency stop", "error")
        self._interrupt(
            EmergencyStopError(
                f"emergency stop by {who}", "look after the patient, then start again"
            )
        )

    def ask(self, instrument: Instrument, job: Job, kind: str, content: dict[str, Any]) -> Any:
        """Put a question and wait for its answer, watching the boards; engine's thread only."""
        question = job.ask(kind, content)
        while question.answer is None:
            if self._stopping.is_set():
                # Nobody will answer any more, whatever became of the interrupt.
                raise AbortedError("the console is being closed")
            instrument.check()
            instrument.clock.wait(lambda: question.answer is not None, _LOOK_S)
        return question.answer

    def check(self) -> None:
        """Raise the abort that somebody asked for; for long work without waits."""
        if self._clock is not None:
            self._clock.check()

    def _require_instrument(self) -> None:
        if self._instrument is None:
            error = self.phase_error
            raise ControlError(
                "the instrument is not connected" + (f": {error.message}" if error else ""),
                error.hint if error and error.hint else "wait until it is",
            )

    def _interrupt(self, error: AbortedError) -> None:
        clock = self._clock
        if clock is not None:
            clock.interrupt(error)

    def _wake(self) -> None:
        clock = self._clock
        if clock is not None:
            clock.wake()

    def _wrap(self, clock: Clock) -> Clock:
        self._clock = WatchedClock(clock)
        self._clock.watch_this_thread()
        return self._clock

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._opener(self._wrap) as session:
                    self.is_virtual = session.is_virtual
                    session.instrument.stream(True)
                    self.recorders = arm_recorders(session.instrument)
                    self._instrument = session.instrument
                    self.phase_error = None
                    self.events.add("connected")
                    self.follower.follow(session.instrument)
                    assert self._clock is not None
                    self._serve(session.instrument, self._clock)
            except AbortedError as error:
                # Where nothing else would have taken it: while connecting.
                self.phase_error = error
            except NullfieldError as error:
                self.phase_error = error
                self.events.add(error.message, "error")
            finally:
                self._let_go()
            self._stopping.wait(self._again_s)

    def _let_go(self) -> None:
        self.follower.follow(None)
        self._instrument = None
        self._clock = None
        self.recorders = {}
        self.null = None
        error = self.phase_error or ControlError("the instrument was let go")
        if self.is_busy and self.job is not None:
            self.job.fail(error, is_aborted=False)
        with self._submitting:
            while not self._tasks.empty():
                task = self._tasks.get()
                task.error = error
                task.done.set()

    def _serve(self, instrument: Instrument, clock: WatchedClock) -> None:
        clock.armed = False
        while not self._stopping.is_set():
            task = self._next(instrument, clock)
            emergency = clock.take_emergency() if task is None else None
            if emergency is not None:
                self._all_off(instrument, emergency)
            elif task is not None:
                self._do(task, instrument, clock)
            else:
                self._watch(instrument)
                if not self.is_busy:
                    # It came when what it was for had just ended.
                    clock.forget()

    def _next(self, instrument: Instrument, clock: WatchedClock) -> Task | None:
        instrument.clock.wait(
            lambda: self._stopping.is_set() or not self._tasks.empty() or clock.has_emergency,
            _LOOK_S,
        )
        try:
            task = self._tasks.get_nowait()
        except queue.Empty:
            return None
        return None if task.is_given_up else task

    def _watch(self, instrument: Instrument) -> None:
        """Between jobs: a fault is shown and waits for somebody; a lost board is connected anew."""
        try:
            instrument.check()
        except BoardFaultError as error:
            if self.phase_error is None or self.phase_error.message != error.message:
                self.events.add(error.message, "error")
            self.phase_error = error
        else:
            if isinstance(self.phase_error, BoardFaultError):
                self.phase_error = None

    def _do(self, task: Task, instrument: Instrument, clock: WatchedClock) -> None:
        clock.armed = True
        try:
            clock.check()
            task.result = task.run(self, instrument)
        except EmergencyStopError as error:
            clock.armed = False
            self._failed(task, error)
            self._all_off(instrument, error)
        except NullfieldError as error:
            clock.armed = False
            self._failed(task, error)
            self._hold_still(instrument, task)
            if isinstance(error, BoardLostError):
                raise
        except Exception as error:
            # A defect of ours ends this job, not the watch over the instrument.
            clock.armed = False
            _LOG.exception("a job failed by a defect")
            self._failed(
                task,
                ProcedureError(
                    f"internal: {type(error).__name__}: {error}",
                    "the server's log has the details; please report it",
                ),
            )
            self._hold_still(instrument, task)
        else:
            if task.job is not None:
                task.job.end()
                self.events.add(f"{task.job.name}: done")
        finally:
            clock.armed = False
            task.done.set()

    def _failed(self, task: Task, error: NullfieldError) -> None:
        task.error = error
        if task.job is not None:
            is_aborted = isinstance(error, AbortedError)
            task.job.fail(error, is_aborted=is_aborted)
            self.events.add(
                f"{task.job.name}: {error.message}", "warning" if is_aborted else "error"
            )

    def _hold_still(self, instrument: Instrument, task: Task) -> None:
        """After a job that did not end well nothing moves; heat and light stay for the next try."""
        if task.job is None:
            return
        if instrument.table is not None and instrument.table.link.lost_reason is None:
            try:
                instrument.table.stop()
            except NullfieldError as error:
                self.events.add(f"stopping the table: {error.message}", "error")

    def _all_off(self, instrument: Instrument, error: NullfieldError) -> None:
        self.null = None
        self.phase_error = error
        # What moves first, as on closing.
        boards: list[Board[Any]] = [
            *([instrument.table] if instrument.table is not None else []),
            *instrument.coils.values(),
            *instrument.sensors.values(),
        ]
        for board in boards:
            try:
                board.safe_off()
            except NullfieldError as trouble:
                self.events.add(f"switching off: {trouble.message}", "error")
        self.events.add("all outputs are off", "warning")
