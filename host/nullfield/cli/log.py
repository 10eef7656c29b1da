"""``log``: what boards have to say, as they say it."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from nullfield.cli.board_access import BoardAccess, RigForBoardOption, accesses
from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors
from nullfield.devices.board import Board
from nullfield.errors import BoardNotFoundError, InputError
from nullfield.link_answers import member_text
from nullfield_protocol.catalogue import BoardState, FaultCode, LogLevel
from nullfield_protocol.codec import parse
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

_EXCHANGES = 8
_LOOK_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield log S01 C01[/]    [bold]nullfield log --rig my.toml --json[/]"
    )(log)


@dataclass(frozen=True)
class _Entry:
    """A log line or a fault."""

    board: Board[Any]
    board_time_us: int
    level: LogLevel
    text: str
    fault: dict[str, Any] | None = None


class _Follower:
    """Listens to one board and puts its lines into a queue."""

    def __init__(self, access: BoardAccess, queue: deque[_Entry]) -> None:
        self.board = access.connect()
        self.board.exchange_time(_EXCHANGES)
        self._queue = queue
        self._is_told = False
        self._cancel = self.board.link.subscribe(self._take)

    def close(self) -> None:
        self._cancel()
        self.board.close()

    def look(self) -> None:
        """Keep the board's time known, and tell of a fault that was latched before.

        Raises
        ------
        BoardLostError
            If the board is gone.
        """
        link = self.board.link
        fault = link.fault
        if fault is not None and not self._is_told:
            self._is_told = True
            self._put_fault(fault.board_time_us, fault.code, fault.source, fault.value, "latched")
        if link.lost_reason is not None:
            self.board.check()
        self.board.exchange_time(1)

    def _take(self, frame: Frame, host_time_s: float) -> None:
        try:
            if frame.message == MessageId.LOG:
                one = parse(MessageId.LOG, frame.payload)
                words = bytes(one.text).decode("utf-8", "replace")
                level = LogLevel(one.level)
                self._queue.append(_Entry(self.board, int(one.board_time_us), level, words))
            elif frame.message == MessageId.FAULT:
                one = parse(MessageId.FAULT, frame.payload)
                self._is_told = True
                state = member_text(BoardState, int(one.board_state))
                self._put_fault(one.board_time_us, one.code, one.source, one.value, state)
        except ValueError:
            # Counted by the board's own listener; a log shows what can be read.
            return

    def _put_fault(self, time_us: int, code: int, source: int, value: int, state: str) -> None:
        name = member_text(FaultCode, int(code))
        fault = {"code": name, "source": int(source), "value": int(value)}
        words = f"fault: {name} (source {source}, value {value}), {state}"
        self._queue.append(_Entry(self.board, int(time_us), LogLevel.ERROR, words, fault))


def log(
    boards: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BOARD]...", help="Uids, units or ports; all of --rig if none."),
    ] = None,
    rig: RigForBoardOption = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")] = None,
    duration_s: Annotated[
        float | None, typer.Option("--for", min=0.0, help="End after so many seconds.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Follow log lines and faults of boards until Ctrl-C, with the host's time.

    A board's time is mapped to the host's by time exchanges at the start and every half second.
    """
    if not boards and rig is None:
        raise InputError("log: no board", "name one or more, or give --rig")
    queue: deque[_Entry] = deque()
    with accesses(boards or [], rig, is_realtime=True) as found, ExitStack() as stack:
        if len({one.uid for one in found}) < len(found):
            raise BoardNotFoundError("log: one board is named twice", "name each board once")
        clock = found[0].clock
        followers = []
        for one in found:
            follower = _Follower(one, queue)
            stack.callback(follower.close)
            followers.append(follower)
            errors.print(f"[dim]following {follower.board}[/]", highlight=False)
        # Unix time at zero of the clock, so that lines of all boards carry the time of day.
        epoch_s = time.time() - clock.now_s()
        end_s = None if duration_s is None else clock.now_s() + duration_s
        left = count
        while left is None or left > 0:
            clock.wait(lambda: bool(queue), _LOOK_S)
            while queue and (left is None or left > 0):
                _show(queue.popleft(), epoch_s, is_json)
                left = None if left is None else left - 1
            if end_s is not None and clock.now_s() >= end_s:
                return
            for follower in followers:
                follower.look()


def _show(entry: _Entry, epoch_s: float, is_json: bool) -> None:
    host_s = entry.board.clock_regression.host_time_s(entry.board_time_us) + epoch_s
    who = entry.board.identity
    if is_json:
        content = {
            "host_time_s": host_s,
            "board_time_us": entry.board_time_us,
            "board": who.uid,
            "unit": who.unit_name,
            "role": who.role.name.lower(),
            "level": entry.level.name.lower(),
            "text": entry.text,
            "fault": entry.fault,
        }
        sys.stdout.write(json.dumps(content) + "\n")
    else:
        clock = datetime.fromtimestamp(host_s, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        name = who.unit_name or who.uid
        text = "".join(c if c.isprintable() else "·" for c in entry.text)
        sys.stdout.write(
            f"{clock} [{entry.board_time_us / 1e6:.3f} s] {who.role.name.lower()} {name} "
            f"{entry.level.name.lower()}: {text}\n"
        )
    sys.stdout.flush()
