"""Composition root of the production bench: a board at a port or on a virtual rig, and its fixture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullfield.cli.session import make_scenario, take_defects
from nullfield.cli.terminal import errors
from nullfield.devices.board import Board
from nullfield.devices.coil import CoilBoard
from nullfield.devices.connect import connect
from nullfield.errors import InputError, RigError
from nullfield.instrument.progress import Progress, silent
from nullfield.production.bench import Bench
from nullfield.production.fixture import Fixture
from nullfield.production.record import Target
from nullfield.rig import BoardEntry, Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.transport.base import Transport
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import Clock, WallClock
from nullfield_protocol.catalogue import Mcu, Role

if TYPE_CHECKING:
    from nullfield.virtual.defects import Defect

_FIRST_REQUEST = 1000
_REQUESTS_A_LINK = 1_000_000
"""Request ids of one link to a virtual board, so that links in a row never share one."""


@dataclass(frozen=True)
class OpenBench:
    """A bench and what kind of board lies on it."""

    bench: Bench
    target: Target


def find_entry(rig: Rig, board: str) -> BoardEntry:
    """Entry of a rig by uid, definition, or a role that it has once.

    Raises
    ------
    RigError
        If there is none, or more than one.
    """
    found = [b for b in rig.boards if board in (b.uid, b.definition, b.role)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{b.role} {b.uid}" for b in rig.boards)
    trouble = "has no board" if not found else f"has {len(found)} boards"
    raise RigError(f"rig {rig.name} {trouble} '{board}'", f"boards of the rig: {listed}")


def reduced(rig: Rig, uids: set[str]) -> Rig:
    """The rig with these boards only, and what hangs on them."""
    table = rig.table if rig.table is not None and rig.table.board in uids else None
    return rig.model_copy(
        update={
            "boards": tuple(b for b in rig.boards if b.uid in uids),
            "heads": tuple(h for h in rig.heads if h.board in uids),
            "coils": tuple(c for c in rig.coils if c.board in uids),
            "table": table,
            "standard": None,
        }
    )


@contextmanager
def open_port_bench(
    port: str,
    board: str,
    fixture: Fixture,
    ask: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> Iterator[OpenBench]:
    """Bench of a real board at a port; `board` is its uid or role, ``any`` for whatever is there."""
    clock = WallClock()
    uid = board if len(board) == 16 and set(board) <= set("0123456789abcdef") else None
    role = None if uid or board == "any" else _role(board)

    def open_board() -> Board[Any]:
        return connect(SerialTransport(port), clock, expected_role=role, expected_uid=uid)

    coils = fixture.sensor.field_coils if fixture.sensor is not None else None
    open_field = None
    if coils is not None and coils.port:
        field_port, field_uid = coils.port, coils.board

        def open_field_board() -> CoilBoard:
            return _coil_board(SerialTransport(field_port), clock, field_uid, None)

        open_field = open_field_board
    bench = Bench(open_board, clock, fixture, open_field, ask, progress)
    target: Target = "emulated" if port.startswith("socket:") else "real"
    if bench.board.identity.mcu == Mcu.VIRTUAL:
        target = "virtual"
    bench.has_own_crystal = target == "real"
    try:
        yield OpenBench(bench, target)
    finally:
        bench.close()


@contextmanager
def open_rig_bench(
    rig_path: str,
    board: str,
    fixture: Fixture,
    *,
    seed: int = 1,
    defects: Sequence[Defect] = (),
    ask: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> Iterator[OpenBench]:
    """Bench of one board of a rig; of a virtual rig only what is needed is started.

    Parameters
    ----------
    rig_path : str
    board : str
        See `find_entry`.
    fixture : Fixture
    seed : int
        For a virtual rig.
    defects : sequence of Defect
        More of them than the rig's file says.
    """
    rig, table = load_rig(rig_path)
    entry = find_entry(rig, board)
    field = _field_entry(rig, fixture)
    with ExitStack() as stack:
        clock: Clock
        if rig.is_virtual:
            clock, open_link = _virtual(stack, rig, table, entry, field, seed, defects)
        else:
            clock = WallClock()
            open_link = _serial(clock)

        def open_board() -> Board[Any]:
            return connect(
                *open_link(entry), expected_uid=entry.uid, name=entry.uid, session=next(sessions)
            )

        def open_field_board() -> CoilBoard:
            assert field is not None
            transport, its_clock = open_link(field)
            return _coil_board(transport, its_clock, field.uid, next(sessions))

        sessions: Iterator[int | None] = (
            itertools.count(_FIRST_REQUEST, _REQUESTS_A_LINK)
            if rig.is_virtual
            else itertools.repeat(None)
        )
        bench = Bench(
            open_board, clock, fixture, open_field_board if field is not None else None, ask,
            progress,
        )  # fmt: skip
        stack.callback(bench.close)
        yield OpenBench(bench, "virtual" if rig.is_virtual else "real")


_Opener = Callable[[BoardEntry], tuple[Transport, Clock]]


def _serial(clock: Clock) -> _Opener:
    return lambda entry: (SerialTransport(entry.port), clock)


def _virtual(
    stack: ExitStack,
    rig: Rig,
    table: dict[str, Any],
    entry: BoardEntry,
    field: BoardEntry | None,
    seed: int,
    defects: Sequence[Defect],
) -> tuple[Clock, _Opener]:
    uids = {entry.uid} | ({field.uid} if field is not None else set())
    table, own = take_defects(table)
    scenario = make_scenario(table, None)
    interpreter = ensure_micropython(lambda text: errors.print(f"[dim]{text}[/]"))
    from nullfield.virtual.clock import VirtualClock
    from nullfield.virtual.instrument import VirtualInstrument
    from nullfield.virtual.transport import VirtualTransport

    world = stack.enter_context(
        VirtualInstrument(
            reduced(rig, uids), scenario, seed, interpreter,
            defects=[d for d in (*own, *defects) if d.board in uids],
        )
    )  # fmt: skip
    clock = VirtualClock(world)
    return clock, lambda one: (VirtualTransport(world, one.uid), clock)


def _field_entry(rig: Rig, fixture: Fixture) -> BoardEntry | None:
    coils = fixture.sensor.field_coils if fixture.sensor is not None else None
    if coils is None:
        return None
    found = [b for b in rig.boards if b.uid == coils.board]
    if not found:
        raise RigError(
            f"rig {rig.name} lacks the coil board {coils.board} of the fixture's field coils",
            "add it to the rig, or leave sensor.field_coils out of the fixture",
        )
    return found[0]


def _coil_board(transport: Transport, clock: Clock, uid: str, session: int | None) -> CoilBoard:
    board = connect(
        transport, clock, expected_role=Role.COIL, expected_uid=uid, name="field coils",
        session=session,
    )  # fmt: skip
    assert isinstance(board, CoilBoard)
    return board


def _role(name: str) -> Role:
    if name.upper() not in Role.__members__:
        raise InputError(
            f"'{name}' is no uid and no role",
            f"give a uid of 16 hex digits, or {', '.join(r.name.lower() for r in Role)}, or any",
        )
    return Role[name.upper()]
