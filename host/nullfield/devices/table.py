"""The patient table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.samples import SampleWindow
from nullfield_protocol.catalogue import BoardState, Command, Role, TableState
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import MessageId


@dataclass(frozen=True)
class TableTelemetry:
    """Slow state of the table; `switches` as the board sends it."""

    board_time_s: float
    board_state: BoardState
    table_state: TableState
    load: float
    fault_code: int
    fault_source: int
    switches: int
    position_m: float
    target_m: float
    speed_m_s: float
    heap_free_bytes: int


class TableBoard(Board[TableTelemetry]):
    """Table drive with home and end switches."""

    role: ClassVar[Role] = Role.TABLE
    sample_message: ClassVar[MessageId] = MessageId.TABLE_SAMPLES
    telemetry_message: ClassVar[MessageId] = MessageId.TABLE_TELEMETRY

    def home(self) -> None:
        """Find the home switch; telemetry shows when it is done."""
        self.link.command(Command.TABLE_HOME)

    def move_to(self, position_m: float, speed_m_s: float) -> None:
        """Move by a trapezoidal profile; telemetry shows when it is done."""
        self.link.command(Command.TABLE_MOVE, round(position_m * 1e6), round(speed_m_s * 1e6))

    def hold(self, direction: int, speed_m_s: float) -> None:
        """Go on toward one end (-1 or 1) for the board's `hold_timeout`, or stop (0).

        The board brakes by itself unless this is repeated in time; it asks no host for that.
        """
        self.link.command(Command.TABLE_HOLD, direction, round(speed_m_s * 1e6))

    def stop(self) -> None:
        """Slow down and hold."""
        self.link.command(Command.TABLE_STOP)

    def release(self) -> None:
        """De-energise the motor."""
        self.link.command(Command.TABLE_RELEASE)

    def position_m(self, window: SampleWindow) -> npt.NDArray[np.float64]:
        """Positions, shape ``(n,)``."""
        return np.asarray(window.rows["position_um"] * 1e-6, dtype=np.float64)

    def _parse_telemetry(self, payload: bytes) -> TableTelemetry:
        raw = parse(MessageId.TABLE_TELEMETRY, payload)
        return TableTelemetry(
            board_time_s=raw.board_time_us / 1e6,
            board_state=BoardState(raw.board_state),
            table_state=TableState(raw.table_state),
            load=raw.load_permille / 1e3,
            fault_code=int(raw.fault_code),
            fault_source=int(raw.fault_source),
            switches=int(raw.switches),
            position_m=raw.position_um / 1e6,
            target_m=raw.target_um / 1e6,
            speed_m_s=raw.speed_um_s / 1e6,
            heap_free_bytes=int(raw.heap_free),
        )
