"""The board's scope: internal signals around a trigger, in SI units."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.settings import scaled
from nullfield.errors import InputError, ProcedureError
from nullfield.link_answers import Subject
from nullfield_protocol.catalogue import TraceKind, TraceState, TraceTrigger
from nullfield_protocol.codec import text
from nullfield_protocol.messages import MessageId

MOST_SIGNALS = 4
MOST_DECIMATION = 1000
SAMPLE_PERIOD_S = 62.5e-6
_NO_SIGNAL = 255
_POLL_S = 0.05
_LEVEL_LIMIT = (1 << 30) - 1

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TraceSignal:
    """One internal signal as the board describes it.

    Attributes
    ----------
    unit : str
        SI unit; ``count`` for raw numbers of a converter or of the fast path.
    exponent : int
        The raw 32-bit value times ten to this power is in the unit.
    kind : TraceKind
        Whether it has a value a block or with every conversion.
    """

    index: int
    name: str
    unit: str
    exponent: int
    kind: TraceKind


@dataclass(frozen=True)
class Trigger:
    """What starts a trace; ``level`` in the first signal's unit."""

    kind: TraceTrigger = TraceTrigger.NOW
    level: float = 0.0


@dataclass(frozen=True)
class TraceResult:
    """A finished trace.

    Attributes
    ----------
    time_s : numpy.ndarray
        Shape ``(n_samples,)``; zero at the sample that met the trigger.
    values : dict of str to numpy.ndarray
        Each of shape ``(n_samples,)``, in the signal's unit.
    trigger_board_time_us : int
    missed_blocks : int
        Blocks that the board missed meanwhile: the time axis is too short by them.
    """

    signals: tuple[TraceSignal, ...]
    time_s: FloatArray
    values: dict[str, FloatArray]
    period_s: float
    before_count: int
    trigger_board_time_us: int
    missed_blocks: int


class Scope:
    """Trace of the board behind an open link.

    Parameters
    ----------
    board : Board

    Attributes
    ----------
    buffer_words : int
        Samples times signals that fit; known after `signals`.
    """

    def __init__(self, board: Board[Any]) -> None:
        self.buffer_words = 0
        self._board = board
        self._signals: dict[str, TraceSignal] = {}
        self._before = 0
        self._duration_s = 0.0

    def signals(self) -> dict[str, TraceSignal]:
        """Every signal by name; asked from the board once."""
        count = None if not self._signals else len(self._signals)
        while count is None or len(self._signals) < count:
            index = len(self._signals)
            reply = self._board.link.request(
                MessageId.TRACE_DESCRIBE_REQUEST,
                MessageId.TRACE_DESCRIPTION,
                Subject(f"description of signal {index}"),
                index=index,
            )
            count = int(reply.signal_count)
            self.buffer_words = int(reply.buffer_words)
            name = text(reply.name)
            self._signals[name] = TraceSignal(
                index, name, text(reply.unit), int(reply.exponent), TraceKind(reply.kind)
            )
        return self._signals

    def find(self, names: Sequence[str]) -> list[TraceSignal]:
        """Signals by their names.

        Raises
        ------
        InputError
            If there is no such signal, or too many are named.
        """
        known = self.signals()
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                raise InputError(
                    f"{self._board}: there is no signal {name}",
                    f"did you mean {close[0]}?" if close else "nullfield trace BOARD --list",
                )
        if not 1 <= len(names) <= MOST_SIGNALS:
            raise InputError(
                f"{len(names)} signals to trace", f"name one to {MOST_SIGNALS}, by commas"
            )
        return [known[name] for name in names]

    def period_s(self, signals: Sequence[TraceSignal]) -> float:
        """Time from sample to sample without decimation."""
        if any(one.kind is TraceKind.SAMPLE for one in signals):
            return SAMPLE_PERIOD_S
        return self._board.identity.block_period_us * 1e-6

    def arm(
        self,
        signals: Sequence[TraceSignal],
        trigger: Trigger,
        samples: int | None = None,
        before_share: float = 0.25,
        decimation: int = 1,
    ) -> None:
        """Arm the trace.

        Parameters
        ----------
        signals : sequence of TraceSignal
            One to four; the first one is what a level is compared with.
        trigger : Trigger
        samples : int, optional
            By default as many as fit.
        before_share : float
            Share of the samples from before the trigger; without effect on ``NOW``.
        decimation : int
            Every how many-th value is kept, 1 to 1000.

        Raises
        ------
        InputError
            If more is asked for than the board can hold.
        """
        most = self.buffer_words // len(signals)
        count = most if samples is None else samples
        if not 2 <= count <= most:
            raise InputError(
                f"{count} samples of {len(signals)} signals",
                f"the board holds 2 to {most} samples of so many signals",
            )
        if not 1 <= decimation <= MOST_DECIMATION:
            raise InputError(
                f"every {decimation}. value", f"the decimation goes from 1 to {MOST_DECIMATION}"
            )
        if not 0 <= before_share < 1:
            raise InputError(f"a share of {before_share:g} before the trigger", "give 0 to 0.99")
        before = (
            0 if trigger.kind is TraceTrigger.NOW else min(count - 1, int(before_share * count))
        )
        exponent = signals[0].exponent
        level = round(trigger.level / scaled(1, exponent))
        if abs(level) > _LEVEL_LIMIT:
            raise InputError(
                f"trigger level {trigger.level:g} {signals[0].unit}".rstrip(),
                f"{signals[0].name} never gets there; give a smaller level",
            )
        numbers = [one.index for one in signals]
        self._board.link.request(
            MessageId.TRACE_ARM_REQUEST,
            MessageId.ACKNOWLEDGE,
            Subject("trace"),
            signal=numbers + [_NO_SIGNAL] * (MOST_SIGNALS - len(numbers)),
            decimation=decimation,
            sample_count=count,
            before_count=before,
            trigger=int(trigger.kind),
            level=level,
        )
        self._before = before
        self._duration_s = count * decimation * self.period_s(signals)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the part before the trigger is full, so that a level is looked for.

        The timeout comes on top of the time that the trace itself takes.

        Raises
        ------
        ProcedureError
            If that takes too long; the trace is disarmed.
        """

        def is_ready() -> bool:
            reply = self._ask(0, 0)
            return reply.state != TraceState.ARMED or int(reply.before_count) >= self._before

        limit_s = timeout_s + self._duration_s
        self._poll(is_ready, limit_s, "the part before the trigger was not full")

    def stop(self) -> None:
        """Disarm."""
        self._board.link.request(
            MessageId.TRACE_ARM_REQUEST,
            MessageId.ACKNOWLEDGE,
            Subject("trace"),
            signal=[_NO_SIGNAL] * MOST_SIGNALS,
            decimation=1,
            sample_count=1,
            before_count=0,
            trigger=0,
            level=0,
        )

    def state(self) -> TraceState:
        """Where the trace stands."""
        return TraceState(self._ask(0, 0).state)

    def wait(self, timeout_s: float) -> None:
        """Wait until the trace is whole; a fault of the board does not end it.

        The timeout comes on top of the time that the trace itself takes, once for the trigger and
        once for the rest: a board may run slower than the clock.

        Raises
        ------
        ProcedureError
            If the trigger does not come in time; the trace is disarmed.
        BoardLostError
            If the board is gone.
        """
        limit_s = timeout_s + self._duration_s
        self._poll(
            lambda: self.state() is not TraceState.ARMED, limit_s, "the trigger did not come"
        )
        self._poll(lambda: self.state() is TraceState.DONE, limit_s, "the trace is not whole")

    def _poll(self, is_met: Callable[[], bool], timeout_s: float, trouble: str) -> None:
        clock = self._board.clock
        end_s = clock.now_s() + timeout_s
        while not is_met():
            if clock.now_s() >= end_s:
                self.stop()
                raise ProcedureError(
                    f"{self._board}: {trouble} within {timeout_s:g} s",
                    "look at the signal with the trigger 'now', or give a longer --timeout",
                )
            clock.wait(lambda: self._board.link.lost_reason is not None, _POLL_S)

    def read(self, signals: Sequence[TraceSignal]) -> TraceResult:
        """Fetch a whole trace.

        Raises
        ------
        ProcedureError
            If there is none.
        """
        reply = self._ask(0, 0xFFFF)
        if reply.state != TraceState.DONE or reply.signal_count != len(signals):
            raise ProcedureError(f"{self._board}: there is no whole trace to read", "arm it again")
        count = int(reply.sample_count)
        words = [int(word.value) for word in reply.words]
        while len(words) < count * len(signals):
            part = self._ask(len(words) // len(signals), 0xFFFF)
            if not part.words:
                raise ProcedureError(f"{self._board}: the trace ended early", "arm it again")
            words += [int(word.value) for word in part.words]
        table = np.array(words, dtype=np.float64).reshape(count, len(signals))
        period_s = int(reply.period_ns) * 1e-9
        return TraceResult(
            signals=tuple(signals),
            time_s=(np.arange(count, dtype=np.float64) - int(reply.before_count)) * period_s,
            values={
                one.name: table[:, column] / 10.0**-one.exponent
                for column, one in enumerate(signals)
            },
            period_s=period_s,
            before_count=int(reply.before_count),
            trigger_board_time_us=int(reply.trigger_time_us),
            missed_blocks=int(reply.missed_blocks),
        )

    def _ask(self, offset: int, count: int) -> Any:
        return self._board.link.request(
            MessageId.TRACE_READ_REQUEST,
            MessageId.TRACE_DATA,
            Subject("trace"),
            offset=offset,
            count=count,
        )
