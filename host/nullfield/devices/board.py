"""What all boards have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from nullfield.clock import ClockRegression
from nullfield.devices.fault_advice import fault_advice
from nullfield.devices.samples import SampleStream, SampleWindow
from nullfield.devices.settings import Settings
from nullfield.errors import BoardFaultError, BoardLostError, NullfieldError, ProcedureError
from nullfield.link import Link
from nullfield.link_answers import Identity
from nullfield_protocol.catalogue import Command, LogLevel, Role, SelfTestFlag
from nullfield_protocol.codec import parse
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

SILENCE_LIMIT_S = 1.5
"""A board beats four times a second even when nothing streams, so this silence is no accident."""

_FLASH_TIMEOUT_S = 3.0
_CHECK_PERIOD_S = 0.25
_LOG_LINES = 200

Telemetry = TypeVar("Telemetry")


@dataclass(frozen=True)
class LogLine:
    """A line of text from the board."""

    board_time_us: int
    level: LogLevel
    text: str


class Board(Generic[Telemetry]):
    """A board behind an open link; the subclasses know the roles.

    Parameters
    ----------
    link : Link
        Open.
    name : str
        The rig's name for the board; by default its uid.
    capacity_rows : int, optional
        Sample rows kept in memory, by default two minutes at 1 kHz; None keeps all.

    Attributes
    ----------
    telemetry : object or None
        Newest telemetry, in SI.
    samples : SampleStream
    settings : Settings
    clock_regression : ClockRegression
        Fed by `exchange_time`.
    """

    role: ClassVar[Role]
    sample_message: ClassVar[MessageId]
    telemetry_message: ClassVar[MessageId]

    def __init__(self, link: Link, name: str = "", capacity_rows: int | None = 120_000) -> None:
        self.link = link
        self.clock = link.clock
        self.name = name or link.identity.uid
        self.settings = Settings(link)
        self.samples = SampleStream(self.sample_message, capacity_rows)
        self.telemetry: Telemetry | None = None
        self.telemetry_count = 0
        self.malformed_frames = 0
        self._restarts = link.statistics.sequence_restarts
        self.logs: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self.clock_regression = ClockRegression()
        self.settings.read_all()
        # Telemetry is scaled by settings, so listening begins when they are known.
        self._cancel = link.subscribe(self._take)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        # The link's label has role and uid already; a rig's entry often has no other name.
        return self.link.label if self.uid in self.name else f"{self.name} ({self.link.label})"

    @property
    def identity(self) -> Identity:
        """Who the board is."""
        return self.link.identity

    @property
    def uid(self) -> str:
        """Board uid, 16 hex digits."""
        return self.link.identity.uid

    @property
    def sampling_rate_hz(self) -> float:
        """Sample rows a second."""
        return 1e6 / self.identity.row_period_us

    def close(self) -> None:
        """Let go of the board, which makes itself safe without the host's heartbeat."""
        self._cancel()
        self.link.close()

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.link.command(Command.PING)

    def stream_start(self) -> None:
        """Start the sample stream."""
        self.link.command(Command.STREAM_START)

    def stream_stop(self) -> None:
        """Stop the sample stream."""
        self.link.command(Command.STREAM_STOP)

    def safe_off(self) -> None:
        """All outputs off, now."""
        self.link.command(Command.SAFE_OFF)

    def clear_faults(self) -> None:
        """Forget latched faults whose cause is gone."""
        self.link.command(Command.CLEAR_FAULTS)
        self.link.forget_faults()

    def save_settings(self) -> None:
        """Write the persistent settings to flash; outputs off and stream stopped."""
        self.link.command(Command.SAVE_SETTINGS, timeout_s=_FLASH_TIMEOUT_S)

    def default_settings(self) -> None:
        """Every setting to its default, not saved."""
        self.link.command(Command.DEFAULT_SETTINGS)
        self.settings.read_all()

    def self_test(self) -> SelfTestFlag:
        """What the board finds wrong with itself, at rest; no flag set means good.

        Checks chips, flash, settings file, supply, outputs, files of the firmware, memory, blocks.
        """
        return SelfTestFlag(self.link.command(Command.SELF_TEST, timeout_s=_FLASH_TIMEOUT_S))

    def confirm_firmware(self) -> None:
        """The firmware that runs on trial becomes the one that boots; no trial: nothing changes."""
        self.link.command(Command.CONFIRM_FIRMWARE, timeout_s=_FLASH_TIMEOUT_S)

    def blink(self, seconds: int = 10) -> None:
        """Let the LED blink, so that a person finds the board; 0 ends it."""
        self.link.command(Command.BLINK, seconds)

    def watchdog_test(self) -> None:
        """Outputs off, then the board's program hangs until its watchdog resets it (2 s)."""
        self.link.command(Command.WATCHDOG_TEST)

    def reset(self) -> None:
        """Outputs off, then a hard reset; the link is of no use afterwards."""
        self.link.command(Command.RESET)

    def enter_repl(self) -> None:
        """Outputs off, application stopped, MicroPython's prompt on the port."""
        self.link.command(Command.ENTER_REPL)

    def exchange_time(self, count: int = 8) -> ClockRegression:
        """Exchange times with the board and return the regression over all so far."""
        for exchange in self.link.exchange_time(count):
            self.clock_regression.add(exchange)
        return self.clock_regression

    def description(self) -> dict[str, Any]:
        """Identity and all settings as JSON, for a recording's header."""
        who = self.identity
        return {
            "name": self.name,
            "uid": who.uid,
            "role": who.role.name.lower(),
            "identity": {
                "board_name": who.board_name,
                "firmware_version": who.firmware_version,
                "protocol_version": who.protocol_version,
                "catalogue_fingerprint": who.catalogue_fingerprint,
                "reset_cause": who.reset_cause.name.lower(),
                "setting_count": who.setting_count,
                "channel_count": who.channel_count,
                "block_period_us": who.block_period_us,
                "row_period_us": who.row_period_us,
                "group_delay_us": who.group_delay_us,
                "state": who.state.name.lower(),
                "firmware_revision": who.firmware_revision,
                "unit_name": who.unit_name,
                "mcu": who.mcu.name.lower(),
                "slot": who.slot.name.lower(),
                "is_trial": who.is_trial,
            },
            "settings": self.settings.raw_descriptions(),
        }

    def check(self) -> None:
        """Raise if the board has a fault or is gone.

        Raises
        ------
        BoardFaultError
            Names the fault.
        BoardLostError
            If the port is lost, or nothing came for `SILENCE_LIMIT_S`.
        """
        fault = self.link.fault
        if fault is not None:
            raise BoardFaultError(
                f"{self}: fault {fault}; its outputs are off",
                fault_advice(fault.code),
            )
        if self.link.lost_reason is not None:
            raise BoardLostError(
                f"{self}: the board is gone ({self.link.lost_reason})",
                "check its cable and power, then connect again",
            )
        if self.link.statistics.sequence_restarts > self._restarts:
            raise BoardLostError(
                f"{self}: the board restarted; its outputs went off and rows are missing",
                "see its reset cause with 'nullfield boards', then start again",
            )
        # After a stall of the host itself the reader gets one more chance to deliver.
        if self._is_silent() and not self.clock.wait(
            lambda: not self._is_silent() or self.link.lost_reason is not None, _CHECK_PERIOD_S
        ):
            raise BoardLostError(
                f"{self}: nothing came for {self.link.silent_for_s:.1f} s",
                "check its cable and power; its log may tell after a restart",
            )

    def wait_until(self, predicate: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for something that the board's data show.

        Parameters
        ----------
        predicate : callable
        timeout_s : float
            By the clock.
        what : str
            What is waited for, for the error.

        Raises
        ------
        BoardFaultError, BoardLostError
            As soon as the board reports a fault or is gone.
        ProcedureError
            If the time is over.
        """
        end_s = self.clock.now_s() + timeout_s
        while True:
            if predicate():
                return
            self.check()
            remaining_s = end_s - self.clock.now_s()
            if remaining_s <= 0:
                raise ProcedureError(f"{self}: {what} took longer than {timeout_s:g} s")
            self.clock.wait(
                lambda: (
                    predicate() or self.link.fault is not None or self.link.lost_reason is not None
                ),
                min(remaining_s, _CHECK_PERIOD_S),
            )

    def wait_samples(self, count: int, timeout_s: float | None = None) -> SampleWindow:
        """Wait until ``count`` more sample rows are past and return those that came.

        Missing rows count as past: time goes on over a gap.
        """
        if timeout_s is None:
            timeout_s = 2.0 + 2e-6 * count * self.identity.row_period_us
        start = self.samples.next_index

        def is_past() -> bool:
            nonlocal start
            following = self.samples.next_index
            if following is None:
                return False
            if start is None or following < start:
                blocks = self.samples.blocks()
                start = blocks[0].start if blocks else following
            return following >= start + count

        self.wait_until(is_past, timeout_s, f"receiving {count} samples")
        assert start is not None
        window = self.samples.since(start)
        keep = int((window.index < start + count).sum())
        return SampleWindow(window.index[:keep], window.board_time_us[:keep], window.rows[:keep])

    def wait_telemetry(
        self,
        predicate: Callable[[Telemetry], bool],
        timeout_s: float,
        what: str = "waiting for the telemetry",
    ) -> Telemetry:
        """Wait for new telemetry that meets the predicate and return it.

        Telemetry from before the call does not count: it may be older than a command just given.
        """
        seen = self.telemetry_count
        met: list[Telemetry] = []

        def is_met() -> bool:
            newest = self.telemetry
            if not met and newest is not None and self.telemetry_count > seen and predicate(newest):
                met.append(newest)
            return bool(met)

        self.wait_until(is_met, timeout_s, what)
        return met[0]

    def _parse_telemetry(self, payload: bytes) -> Telemetry:
        raise NotImplementedError

    def _is_silent(self) -> bool:
        return self.link.silent_for_s > SILENCE_LIMIT_S

    def _take(self, frame: Frame, host_time_s: float) -> None:
        message = frame.message
        if message == self.sample_message:
            self.samples.take(frame, host_time_s)
            return
        try:
            if message == self.telemetry_message:
                self.telemetry = self._parse_telemetry(frame.payload)
                self.telemetry_count += 1
            elif message == MessageId.SETTING_VALUE:
                self.settings.follow(frame, host_time_s)
            elif message == MessageId.LOG:
                line = parse(MessageId.LOG, frame.payload)
                words = bytes(line.text).decode("utf-8", "replace")
                self.logs.append(LogLine(int(line.board_time_us), LogLevel(line.level), words))
        except (ValueError, NullfieldError):
            # Whole by its checksum but not as defined: counted, never fatal in a reader thread.
            self.malformed_frames += 1
