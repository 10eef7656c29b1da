"""From what a user calls a board to the connected board, real or virtual."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from nullfield.cli.session import make_scenario, take_defects
from nullfield.cli.terminal import errors
from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.devices.find import FoundBoard, PortState, find_board, is_port
from nullfield.errors import BoardNotFoundError, NullfieldError
from nullfield.rig import Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.transport.base import Transport
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import Clock, WallClock

BoardArgument = Annotated[
    str,
    typer.Argument(metavar="BOARD", help="Uid (or 4 digits of its start or end), unit, or port."),
]
RigForBoardOption = Annotated[
    str | None,
    typer.Option("--rig", help="Rig file to look in; by default all USB ports."),
]
_RESTART_ATTEMPTS = 10
_SHORTEST_PART = 4


@dataclass
class BoardAccess:
    """A way to one board, which can be gone again.

    Attributes
    ----------
    port : str
    clock : Clock
    is_virtual : bool
        A process of this program: time passes only while something waits.
    """

    port: str
    uid: str
    clock: Clock
    is_virtual: bool
    _make_transport: Callable[[], Transport]

    def connect(self) -> Board[Any]:
        """Open the port and shake hands."""
        return connect(self._make_transport(), self.clock, expected_uid=self.uid)

    def reconnect(self) -> Board[Any]:
        """Connect to a board that was just reset: it takes a moment to answer.

        Raises
        ------
        NullfieldError
            Of the last attempt.
        """
        attempt = 1
        while True:
            try:
                return self.connect()
            except NullfieldError:
                if attempt == _RESTART_ATTEMPTS:
                    raise
            attempt += 1
            # A USB port vanishes for about a second.
            self.clock.wait(lambda: False, 0.5)


@contextmanager
def board_access(
    wanted: str,
    rig: str | None,
    *,
    is_realtime: bool = False,
    world: Mapping[str, Any] | None = None,
) -> Iterator[BoardAccess]:
    """Find a board.

    Parameters
    ----------
    wanted : str
        Uid or its beginning or end, unit name, or port.
    rig : str, optional
        Rig file whose boards come into question. On a virtual rig all boards are started, and end
        with the context.
    is_realtime : bool
        Virtual time is held back to the wall clock.
    world : mapping, optional
        Keys of a virtual rig's world in place of what its file says.

    Raises
    ------
    BoardNotFoundError
    """
    with accesses([wanted], rig, is_realtime=is_realtime, world=world) as found:
        yield found[0]


@contextmanager
def accesses(
    wanted: list[str],
    rig: str | None,
    *,
    is_realtime: bool = False,
    world: Mapping[str, Any] | None = None,
) -> Iterator[list[BoardAccess]]:
    """Find several boards, all of a rig where none is named; see `board_access`."""
    described, scenario = load_rig(rig) if rig is not None else (None, {})
    if described is not None and described.is_virtual:
        with _virtual(described, {**scenario, **(world or {})}, is_realtime) as make:
            uids = [_virtual_uid(one, described) for one in wanted]
            yield [make(uid) for uid in uids or [b.uid for b in described.boards]]
        return
    clock = WallClock()
    ports = None if described is None else {b.port: b.uid for b in described.boards}
    names = wanted or ([] if described is None else [b.uid for b in described.boards])
    found = [_ready(find_board(one, clock, ports)) for one in names]
    yield [BoardAccess(f.port, f.uid, clock, False, _serial(f.port)) for f in found]


@contextmanager
def open_board(
    wanted: str, rig: str | None, *, is_kept: bool = False, is_realtime: bool = False
) -> Iterator[Board[Any]]:
    """Connect to a board; on every way out its outputs go off, unless they are to be kept."""
    with board_access(wanted, rig, is_realtime=is_realtime) as access, ExitStack() as stack:
        board = stack.enter_context(access.connect())
        if not is_kept:
            stack.callback(leave_safe, board)
        yield board


def leave_safe(board: Board[Any]) -> None:
    """Outputs off and stream stopped, if the board is still there to hear it."""
    if board.link.lost_reason is None:
        # Without heartbeats it goes off by itself, so a lost answer is no reason to complain.
        with contextlib.suppress(NullfieldError):
            board.safe_off()
            board.stream_stop()


def _ready(found: FoundBoard) -> FoundBoard:
    if found.state is not PortState.READY and found.error is not None:
        raise found.error
    return found


def _serial(port: str) -> Callable[[], Transport]:
    return lambda: SerialTransport(port)


def _virtual_uid(wanted: str, rig: Rig) -> str:
    word = wanted.lower().removeprefix("virtual:")
    exact = [b.uid for b in rig.boards if word == b.uid]
    parts = [
        b.uid
        for b in rig.boards
        if len(word) >= _SHORTEST_PART and (b.uid.startswith(word) or b.uid.endswith(word))
    ]
    matches = exact or parts
    if len(matches) == 1:
        return matches[0]
    there = ", ".join(f"{b.uid} ({b.role})" for b in rig.boards)
    if is_port(wanted):
        raise BoardNotFoundError(
            f"{wanted}: the boards of a virtual rig have no ports", f"give a uid: {there}"
        )
    what = f"{len(matches)} boards answer to it" if matches else "no such board"
    raise BoardNotFoundError(f"{wanted}: {what} in rig {rig.name}", f"its boards: {there}")


@contextmanager
def _virtual(
    rig: Rig, scenario: dict[str, Any], is_realtime: bool
) -> Iterator[Callable[[str], BoardAccess]]:
    scenario, defects = take_defects(scenario)
    interpreter = ensure_micropython(lambda text: errors.print(f"[dim]{text}[/]"))
    # The plant takes a second to load: only those who need it wait.
    from nullfield.virtual.clock import VirtualClock
    from nullfield.virtual.instrument import VirtualInstrument
    from nullfield.virtual.transport import VirtualTransport

    with VirtualInstrument(
        rig, make_scenario(scenario, None), 1, interpreter, defects=defects
    ) as world:
        clock = VirtualClock(world, realtime=is_realtime)

        def make(uid: str) -> BoardAccess:
            return BoardAccess(
                f"virtual:{uid}", uid, clock, True, lambda: VirtualTransport(world, uid)
            )

        yield make
