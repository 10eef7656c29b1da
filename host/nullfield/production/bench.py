"""The board under test with everything a test of the plan needs, and the way to safety."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from nullfield.clock import ClockRegression
from nullfield.definitions.load import load_definition
from nullfield.devices.board import Board
from nullfield.devices.coil import CoilBoard
from nullfield.errors import NullfieldError, ProcedureError, RequestError
from nullfield.instrument.progress import Progress, silent
from nullfield.production.fixture import Fixture
from nullfield.transport.timing import Clock
from nullfield_protocol.catalogue import Command

_RESTART_ATTEMPTS = 10
"""Each takes a second without an answer: a port must come back, too."""

Acquired = TypeVar("Acquired")


class Bench:
    """A board, its fixture, and data that several tests share.

    Parameters
    ----------
    connect : callable
        Opens the link to the board; called again after a restart.
    clock : Clock
    fixture : Fixture
    connect_field : callable, optional
        Opens the coil board of the fixture's field coils.
    ask : callable, optional
        Asks the operator to do something; without it there is no operator.
    progress : Progress

    Attributes
    ----------
    has_own_crystal : bool
        False for a board whose time a simulator paces by the machine's load: its clock tells nothing.
    """

    def __init__(
        self,
        connect: Callable[[], Board[Any]],
        clock: Clock,
        fixture: Fixture,
        connect_field: Callable[[], CoilBoard] | None = None,
        ask: Callable[[str], None] | None = None,
        progress: Progress = silent,
    ) -> None:
        self._connect = connect
        self._connect_field = connect_field
        self._field: CoilBoard | None = None
        self.clock = clock
        self.fixture = fixture
        self.ask = ask
        self.has_own_crystal = True
        self.board = connect()
        try:
            self.definition = load_definition(self.board.identity.board_name)
        except BaseException:
            self.board.close()
            raise
        self.clock_regression = ClockRegression()
        self._restart_s = clock.now_s()
        self._settings_before = {
            name: setting.value
            for name, setting in self.board.settings.all().items()
            if not setting.is_read_only
        }
        self._acquired: dict[str, Any] = {}
        self._failed: dict[str, NullfieldError] = {}
        self._progress = progress
        self._step = ("", 0.0)

    # ------------------------------------------------------------------ progress

    def begin(self, title: str, fraction: float) -> None:
        """Say which test begins."""
        self._step = (title, fraction)
        self._progress("bench", fraction, title)

    def tell(self, detail: str) -> None:
        """Say what the test is doing."""
        self._progress("bench", self._step[1], f"{self._step[0]}: {detail}")

    # ------------------------------------------------------------------ link

    def field(self) -> CoilBoard:
        """The coil board of the fixture's field coils, switched on at zero current."""
        if self._field is None:
            if self._connect_field is None:
                raise ProcedureError("the fixture's field coils have no port")
            self._field = self._connect_field()
        return self._field

    def restart(self) -> None:
        """Reset the board by command and connect to it again.

        Raises
        ------
        ProcedureError
            If it does not come back.
        """
        with suppress(NullfieldError):
            self.board.link.command(Command.RESET)
        self.board.close()
        for _ in range(_RESTART_ATTEMPTS):
            self.clock.wait(lambda: False, 0.5)
            try:
                self.board = self._connect()
            except NullfieldError as error:
                last = error
                continue
            # A new count of the board's time.
            self.clock_regression = ClockRegression()
            self._restart_s = self.clock.now_s()
            return
        raise ProcedureError(f"the board did not come back from a reset: {last.message}")

    def exchange_time(self) -> None:
        """Take the board's time for the test of its clock."""
        for exchange in self.board.link.exchange_time(4):
            self.clock_regression.add(exchange)

    @property
    def clock_span_s(self) -> float:
        """Time since the first exchange could be taken."""
        return self.clock.now_s() - self._restart_s

    # ------------------------------------------------------------------ data

    def once(self, name: str, acquire: Callable[[Bench], Acquired]) -> Acquired:
        """Data that several tests look at, taken by the first of them.

        What went wrong then goes wrong for the others as well: nothing is taken twice.
        """
        if name in self._failed:
            raise self._failed[name]
        if name not in self._acquired:
            try:
                self._acquired[name] = acquire(self)
            except NullfieldError as error:
                self._failed[name] = error
                raise
        found: Acquired = self._acquired[name]
        return found

    def watch(
        self,
        duration_s: float,
        until: Callable[[Any], bool] = lambda telemetry: False,
        *,
        check: bool = True,
    ) -> list[Any]:
        """Every telemetry message for some time, or until one meets a condition, that one included.

        Parameters
        ----------
        duration_s : float
        until : callable
        check : bool
            Raise on a fault of the board, as a rule; otherwise a new fault ends the watch.
        """
        seen: list[Any] = []
        old_fault = self.board.link.fault
        count = self.board.telemetry_count
        end_s = self.clock.now_s() + duration_s

        def has_new_fault() -> bool:
            return self.board.link.fault is not None and self.board.link.fault is not old_fault

        def is_over() -> bool:
            nonlocal count
            if self.board.telemetry_count != count:
                count = self.board.telemetry_count
                seen.append(self.board.telemetry)
                if until(seen[-1]):
                    return True
            return has_new_fault() or self.clock.now_s() >= end_s

        while not is_over():
            self.clock.wait(is_over, min(0.5, max(end_s - self.clock.now_s(), 1e-3)))
            if seen and until(seen[-1]):
                break
            if check:
                self.board.check()
            elif has_new_fault():
                break
        return seen

    def start_stream(self) -> None:
        """Switch the sample stream on and wait for its first rows.

        The board counts rows while it does not stream, so the first ones that come jump.
        """
        self.board.stream_start()
        self.board.wait_samples(50)

    # ------------------------------------------------------------------ safety

    def make_safe(self) -> None:
        """Outputs off, stream off, faults cleared, settings as they were before the first test.

        Errors are for the caller: a board that cannot be made safe ends the plan.
        """
        board = self.board
        board.link.resume_heartbeat()
        board.safe_off()
        board.stream_stop()
        if self._field is not None:
            self._field.safe_off()
        # A fault whose cause is still there stays latched, with outputs off: the next test meets it.
        with suppress(RequestError):
            board.clear_faults()
        for name, value in self._settings_before.items():
            if board.settings.get(name) != value:
                board.settings.set(name, value)

    def close(self) -> None:
        """Make safe what still answers and let go of it; never raises an error of a board."""
        for board in (self._field, self.board):
            if board is None:
                continue
            with suppress(NullfieldError):
                board.safe_off()
            with suppress(NullfieldError):
                board.stream_stop()
            board.close()
