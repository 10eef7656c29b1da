"""Flight recorder: what a board saw in the last second before it latched a fault.

The boards' own trace does it, armed for a fault. It holds four signals; those chosen tell the most
about the faults of each role.
"""

from __future__ import annotations

from typing import Any

from nullfield.devices.board import Board
from nullfield.devices.trace import MOST_SIGNALS, Scope, TraceResult, TraceSignal, Trigger
from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield_protocol.catalogue import Role, TraceState, TraceTrigger

SPAN_S = 1.0
BEFORE_SHARE = 0.9


class FlightRecorder:
    """The recorder of one board.

    Parameters
    ----------
    board : Board
    names : tuple of str
        Up to four signals.
    """

    def __init__(self, board: Board[Any], names: tuple[str, ...]) -> None:
        self.board = board
        self._names = names
        self._scope = Scope(board)
        self._signals: list[TraceSignal] = []

    def arm(self) -> None:
        """Begin to keep the last second; an older trace of the board is dropped."""
        self._signals = self._scope.find(self._names)
        samples = self._scope.buffer_words // len(self._signals)
        period_s = self._scope.period_s(self._signals)
        decimation = max(round(SPAN_S / (samples * period_s)), 1)
        self._scope.arm(
            self._signals,
            Trigger(TraceTrigger.FAULT),
            before_share=BEFORE_SHARE,
            decimation=decimation,
        )

    def read(self) -> TraceResult | None:
        """What was kept at the newest fault; None while there was none since `arm`.

        Raises
        ------
        ProcedureError
            If it was never armed.
        """
        if not self._signals:
            raise ProcedureError(f"{self.board}: its flight recorder was not armed")
        if self._scope.state() != TraceState.DONE:
            return None
        return self._scope.read(self._signals)


def arm_recorders(instrument: Instrument) -> dict[str, FlightRecorder]:
    """Arm the recorder of every board of the instrument.

    Returns
    -------
    dict of str to FlightRecorder
        By uid.
    """
    recorders = {}
    for uid, board in instrument.boards.items():
        names = _names(instrument, board)
        if names:
            recorders[uid] = FlightRecorder(board, names)
            recorders[uid].arm()
    return recorders


def _names(instrument: Instrument, board: Board[Any]) -> tuple[str, ...]:
    role = board.identity.role
    if role == Role.SENSOR:
        # The light goes with laser, lock, cell and cable alike.
        slots = sorted(head.slot for head in instrument.rig.heads_of(board.uid))
        return tuple(f"head{slot}_light" for slot in slots[:MOST_SIGNALS])
    if role == Role.COIL:
        channels = [coil.channel for coil in instrument.rig.coils if coil.board == board.uid]
        return ("supply", *(f"coil{one}_current" for one in sorted(channels)))[:MOST_SIGNALS]
    if role == Role.TABLE:
        return ("position", "speed", "target", "supply")
    return ()
