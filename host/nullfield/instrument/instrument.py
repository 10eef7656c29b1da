"""The instrument: a rig whose boards are connected, and whose exit paths all end safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.coil import CoilBoard
from nullfield.devices.connect import connect
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.errors import BoardNotFoundError, NullfieldError, ProcedureError
from nullfield.rig import BoardEntry, HeadEntry, Rig
from nullfield.room.calibration import Calibration
from nullfield.transport.base import Transport
from nullfield.transport.timing import Clock
from nullfield_protocol.catalogue import HeadState, Role

_ROLES = {
    "sensor": Role.SENSOR,
    "coil": Role.COIL,
    "table": Role.TABLE,
    "bringup": Role.BRINGUP,
}

TransportFactory = Callable[[BoardEntry], Transport]


class Instrument:
    """Boards of a rig, by uid. Use it as a context: leaving it switches every output off.

    Parameters
    ----------
    rig : Rig
    clock : Clock
    transport_for : callable
        Gives the transport of a board entry; the composition root knows which kind.
    session : int, optional
        First request id of the links; a fixed one makes a run reproducible.

    Attributes
    ----------
    calibration : Calibration or None
        Of the array, if one is in force: it goes into every recording.
    zeroed_at_ma : dict of str to numpy.ndarray
        Currents of the rig's coils, shape ``(n_coils,)``, when each head was zeroed last; a head
        that is not named was zeroed with the coils off.
    """

    def __init__(
        self,
        rig: Rig,
        clock: Clock,
        transport_for: TransportFactory,
        session: int | None = None,
    ) -> None:
        self.rig = rig
        self.clock = clock
        self._transport_for = transport_for
        self._session = session
        self.boards: dict[str, Board[Any]] = {}
        self.sensors: dict[str, SensorBoard] = {}
        self.coils: dict[str, CoilBoard] = {}
        self.table: TableBoard | None = None
        self.calibration: Calibration | None = None
        self.cleanup_errors: list[NullfieldError] = []
        self.zeroed_at_ma: dict[str, npt.NDArray[np.float64]] = {}

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect every board of the rig, in order of uid.

        Raises
        ------
        BoardNotFoundError, WrongRoleError, ProtocolMismatchError
            Naming the rig's entry.
        """
        for entry in sorted(self.rig.boards, key=lambda b: b.uid):
            board = connect(
                self._transport_for(entry),
                self.clock,
                _ROLES[entry.role],
                entry.uid,
                name=f"{entry.role} board {entry.uid}",
                session=self._session,
            )
            self.boards[entry.uid] = board
            if isinstance(board, SensorBoard):
                self.sensors[entry.uid] = board
            elif isinstance(board, CoilBoard):
                self.coils[entry.uid] = board
            elif isinstance(board, TableBoard):
                self.table = board

    def close(self) -> None:
        """Switch all outputs off and let go of the boards, whatever state they are in.

        A board that cannot be reached any more is safe by its own watch on the host; what went
        wrong is kept in `cleanup_errors`.
        """
        # What moves first, then currents, then heat and light.
        order = {Role.TABLE: 0, Role.COIL: 1, Role.SENSOR: 2, Role.BRINGUP: 3}
        boards = sorted(self.boards.values(), key=lambda b: order[b.identity.role])
        interrupt: BaseException | None = None
        for board in boards:
            if board.link.lost_reason is not None:
                continue
            try:
                board.safe_off()
            except NullfieldError as error:
                self.cleanup_errors.append(error)
            except BaseException as error:
                # A second Ctrl-C must not keep the other boards on.
                interrupt = error
        for board in boards:
            try:
                board.close()
            except NullfieldError as error:
                self.cleanup_errors.append(error)
            except BaseException as error:
                interrupt = error
        self.boards = {}
        self.sensors = {}
        self.coils = {}
        self.table = None
        if interrupt is not None:
            raise interrupt

    def check(self) -> None:
        """Raise if any board reports a fault or is gone."""
        for board in self.boards.values():
            board.check()

    def stream(self, is_on: bool) -> None:
        """Start or stop the sample streams of all boards."""
        for board in self.boards.values():
            if is_on:
                board.stream_start()
            else:
                board.stream_stop()

    def head_states(self) -> dict[str, HeadState]:
        """State of each head by name, from the newest telemetry; OFF before the first."""
        states: dict[str, HeadState] = {}
        for uid, board in self.sensors.items():
            telemetry = board.telemetry
            for head in self.rig.heads_of(uid):
                states[head.name] = (
                    telemetry.head_state[head.slot] if telemetry is not None else HeadState.OFF
                )
        return states

    def ready_heads(self) -> tuple[HeadEntry, ...]:
        """Heads that are ready, in the rig's order."""
        states = self.head_states()
        return tuple(h for h in self.rig.heads if states[h.name] == HeadState.READY)

    def slots_of(self, uid: str, heads: Iterable[HeadEntry]) -> tuple[int, ...]:
        """Slots that some heads have on one board."""
        return tuple(h.slot for h in heads if h.board == uid)

    def the_table(self) -> TableBoard:
        """The table board.

        Raises
        ------
        BoardNotFoundError
            If the rig has none.
        """
        if self.table is None:
            raise BoardNotFoundError(f"rig {self.rig.name} has no table board")
        return self.table

    def wait_until(self, predicate: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for something that any boards' data show, watching all of them.

        Raises
        ------
        ProcedureError
            If the time is over.
        """
        end_s = self.clock.now_s() + timeout_s
        while not predicate():
            self.check()
            left_s = end_s - self.clock.now_s()
            if left_s <= 0:
                raise ProcedureError(f"{what} took longer than {timeout_s:g} s")
            self.clock.wait(predicate, min(left_s, 0.25))

    def wait_s(self, duration_s: float) -> None:
        """Let the instrument's time pass, watching the boards."""
        end_s = self.clock.now_s() + duration_s
        self.wait_until(lambda: self.clock.now_s() >= end_s, duration_s + 1.0, "waiting")
