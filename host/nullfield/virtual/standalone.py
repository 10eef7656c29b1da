"""A virtual instrument standing alone: one pty a board, any serial client may connect.

What comes depends on when a client's bytes arrive, so such a run is *not* deterministic; an
examination with ``--pace max`` is.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import select
import signal
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from nullfield.errors import InputError, NullfieldError
from nullfield.virtual.conditions import apply_condition
from nullfield.virtual.instrument import BLOCK_S, VirtualBoard, VirtualInstrument

Pace = Literal["realtime", "max"]

_BACKLOG_BYTES = 1 << 22
"""Bytes kept for a client that reads slowly, as a USB driver would; what is more is lost."""

_READ_BYTES = 4096
_QUEUE_BYTES = 8192
"""Bytes kept for a board; a client that writes more has to wait, as it would on USB."""

_SLACK_S = 4e-3
_RESTART_S = 1.0


class _Port:
    """Master side of one pty, and what waits to go out."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.backlog = bytearray()
        self.discarded_bytes = 0
        self.lost_bytes = 0
        self.is_attached = False
        self.master, slave = os.openpty()
        # Raw, or the line discipline would echo frames back before a client has set its own mode.
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.set_blocking(self.master, False)
        # From here on the master reports a hang-up whenever no client has the slave open.
        os.close(slave)

    def take(self, data: bytes) -> None:
        """Receiver of the board's bytes."""
        if not self.is_attached:
            self.discarded_bytes += len(data)
            return
        room = _BACKLOG_BYTES - len(self.backlog)
        self.backlog += data[:room]
        self.lost_bytes += max(0, len(data) - room)

    def serve(self, events: int) -> None:
        """Move bytes both ways, as many as go without waiting."""
        attached = not events & (select.POLLHUP | select.POLLERR)
        if self.is_attached and not attached:
            self.discarded_bytes += len(self.backlog)
            self.backlog.clear()
        self.is_attached = attached
        if events & select.POLLIN and len(self.board.to_board) < _QUEUE_BYTES:
            try:
                self.board.to_board += os.read(self.master, _READ_BYTES)
            except OSError:
                self.is_attached = False
        if self.backlog and events & select.POLLOUT:
            try:
                del self.backlog[: os.write(self.master, self.backlog)]
            except BlockingIOError:
                return
            except OSError:
                self.is_attached = False

    def close(self) -> None:
        """Hang up; a client sees its port vanish."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


class StandingInstrument:
    """Ports of a running virtual instrument, and the loop that serves them.

    Parameters
    ----------
    instrument : VirtualInstrument
        Powered on and off by this class.
    uids : iterable of str, optional
        Boards that get a port, by default all; the others run without one.

    Attributes
    ----------
    ports : dict of str to str
        Device path by board uid, while it is open.
    lost : dict of str to str
        Boards that ended, with the reason; their ports are gone.
    conditions : queue.SimpleQueue
        What another thread wants brought about between two blocks, see `virtual.conditions`.
    """

    def __init__(self, instrument: VirtualInstrument, uids: Iterable[str] | None = None) -> None:
        self.instrument = instrument
        self.ports: dict[str, str] = {}
        self.lost: dict[str, str] = {}
        wanted = [b.uid for b in instrument.boards] if uids is None else list(uids)
        unknown = [uid for uid in wanted if uid not in instrument.by_uid]
        if unknown:
            raise InputError(
                f"rig {instrument.rig.name} has no board {unknown[0]}",
                f"its boards: {', '.join(sorted(instrument.by_uid))}",
            )
        self._wanted = wanted
        self._open: dict[str, _Port] = {}
        self._counted: dict[str, tuple[int, int]] = {}
        self._poll = select.poll()
        self.conditions: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def __enter__(self) -> StandingInstrument:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def discarded_bytes(self) -> dict[str, int]:
        """Bytes of each board that came while no client was attached."""
        return {uid: one[0] for uid, one in self._counts().items()}

    @property
    def lost_bytes(self) -> dict[str, int]:
        """Bytes that an attached client was too slow for."""
        return {uid: one[1] for uid, one in self._counts().items()}

    def open(self) -> None:
        """Make the ports, then switch the boards on."""
        for uid in self._wanted:
            board = self.instrument.by_uid[uid]
            port = _Port(board)
            self._open[uid] = port
            self.ports[uid] = port.path
            self._poll.register(port.master, select.POLLIN | select.POLLOUT)
            board.receiver = port.take
            board.on_lost = self._hang_up(uid)
        self.instrument.power_on()

    def close(self) -> None:
        """Switch the boards off and release the ports."""
        self.instrument.close()
        for uid in list(self._open):
            self._release(uid)

    def step(self) -> None:
        """One block: bytes in, plant and boards, bytes out."""
        events = dict(self._poll.poll(0)) if self._open else {}
        for port in list(self._open.values()):
            port.serve(events.get(port.master, 0))
        while not self.conditions.empty():
            try:
                apply_condition(self.instrument, self.conditions.get())
            except InputError as error:
                print(f"condition refused: {error.message}", file=sys.stderr)
        self.instrument.step()

    def run(self, stop: threading.Event | Callable[[], bool], pace: Pace = "realtime") -> None:
        """Serve until told to stop.

        Parameters
        ----------
        stop : threading.Event or callable
            Looked at once a block.
        pace : {'realtime', 'max'}
            ``max`` runs as fast as the machine does; a client on the wall clock then finds a board
            whose time runs ahead of its own, its host watch included.
        """
        is_over = stop.is_set if isinstance(stop, threading.Event) else stop
        rest: Callable[[float], object] = (
            stop.wait if isinstance(stop, threading.Event) else time.sleep
        )
        start_s = time.monotonic() - self.instrument.now_s()
        while not is_over():
            self.step()
            if pace == "max":
                continue
            ahead_s = self.instrument.now_s() - (time.monotonic() - start_s)
            # A few blocks at a time: each wait costs more than a block's work.
            if ahead_s > _SLACK_S:
                rest(ahead_s - BLOCK_S)
            elif ahead_s < -_RESTART_S:
                # A machine too slow for real time counts anew instead of racing later.
                start_s -= ahead_s

    def _counts(self) -> dict[str, tuple[int, int]]:
        now = {u: (p.discarded_bytes, p.lost_bytes) for u, p in self._open.items()}
        return {**self._counted, **now}

    def _hang_up(self, uid: str) -> Callable[[str], None]:
        def on_lost(reason: str) -> None:
            self.lost[uid] = reason
            self._release(uid)

        return on_lost

    def _release(self, uid: str) -> None:
        port = self._open.pop(uid, None)
        if port is None:
            return
        self._counted[uid] = (port.discarded_bytes, port.lost_bytes)
        self.ports.pop(uid, None)
        self._poll.unregister(port.master)
        port.board.receiver = None
        port.board.on_lost = None
        port.close()


def make_standing(
    rig_path: Path | str,
    seed: int = 1,
    uids: Iterable[str] | None = None,
    flash_directory: Path | None = None,
) -> StandingInstrument:
    """Standing instrument of a rig file, with the MicroPython that the toolchain provides."""
    from pydantic import TypeAdapter, ValidationError

    from nullfield.rig import load_rig
    from nullfield.toolchain import ensure_micropython
    from nullfield.virtual.plant import Scenario

    rig, table = load_rig(rig_path)
    for key in set(table) - set(Scenario.__dataclass_fields__):
        raise InputError(f"{rig_path}: [virtual]: unknown key '{key}'", "docs/rigs.md lists them")
    try:
        scenario = TypeAdapter(Scenario).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{rig_path}: [virtual] {where}: {first['msg']}") from error
    instrument = VirtualInstrument(rig, scenario, seed, ensure_micropython(), flash_directory)
    return StandingInstrument(instrument, uids)


def main(arguments: list[str] | None = None) -> int:
    """Run a rig until interrupted; the first line printed is a JSON object of ports by uid."""
    parser = argparse.ArgumentParser(prog="nullfield.virtual.standalone", description=main.__doc__)
    parser.add_argument("rig")
    parser.add_argument("--boards", help="uids that get a port, by commas; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", choices=("realtime", "max"), default="realtime")
    parser.add_argument("--flash", type=Path, help="directory that keeps the boards' flash")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end with the program that started this; its lines are conditions (JSON)",
    )
    given = parser.parse_args(arguments)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        uids = given.boards.split(",") if given.boards else None
        with make_standing(given.rig, given.seed, uids, given.flash) as standing:
            print(json.dumps({"ports": standing.ports}), flush=True)
            if given.until_stdin_closes:
                threading.Thread(
                    target=_watch_stdin, args=(stop, standing.conditions), daemon=True
                ).start()
            standing.run(stop, given.pace)
    except NullfieldError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code
    return 0


def _watch_stdin(stop: threading.Event, conditions: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        for line in sys.stdin:
            try:
                conditions.put(json.loads(line))
            except ValueError:
                print(f"no condition: {line.strip()[:80]}", file=sys.stderr)
    finally:
        # Whatever came, the boards end with the program that started them.
        stop.set()


if __name__ == "__main__":
    sys.exit(main())
