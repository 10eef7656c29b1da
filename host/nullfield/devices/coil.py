"""Coil boards: eight regulated currents for the room coils."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.samples import SampleWindow
from nullfield_protocol.catalogue import BoardState, Command, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import MessageId


@dataclass(frozen=True)
class CoilTelemetry:
    """Slow state of a coil board.

    Attributes
    ----------
    setpoint_a, current_a : numpy.ndarray, shape ``(8,)``
        Where the ramp stands, and what is sensed.
    """

    board_time_s: float
    board_state: BoardState
    is_enabled: bool
    load: float
    fault_code: int
    fault_source: int
    setpoint_a: npt.NDArray[np.float64]
    current_a: npt.NDArray[np.float64]
    heap_free_bytes: int


class CoilBoard(Board[CoilTelemetry]):
    """Eight coil currents."""

    role: ClassVar[Role] = Role.COIL
    sample_message: ClassVar[MessageId] = MessageId.COIL_SAMPLES
    telemetry_message: ClassVar[MessageId] = MessageId.COIL_TELEMETRY

    def enable(self, is_on: bool = True) -> None:
        """Switch the output stage on, at zero current, or off."""
        self.link.command(Command.COIL_ENABLE, int(is_on))

    def set_current_a(self, channel: int, current_a: float) -> None:
        """Give a channel a new setpoint, which the board approaches by its ramp."""
        self.link.command(Command.COIL_SET, channel, round(current_a * 1e9))

    def ramp_to_zero(self) -> None:
        """All setpoints to zero by the ramp."""
        self.link.command(Command.COIL_RAMP_TO_ZERO)

    def current_a(self, window: SampleWindow) -> npt.NDArray[np.float64]:
        """Sensed currents, shape ``(8, n)``."""
        return np.asarray(window.rows["current_na"].T * 1e-9, dtype=np.float64)

    def flags(self, window: SampleWindow) -> npt.NDArray[np.uint32]:
        """Bits of `catalogue.CoilFlag`, shape ``(n,)``."""
        return np.ascontiguousarray(window.rows["flags"])

    def _parse_telemetry(self, payload: bytes) -> CoilTelemetry:
        raw = parse(MessageId.COIL_TELEMETRY, payload)
        return CoilTelemetry(
            board_time_s=raw.board_time_us / 1e6,
            board_state=BoardState(raw.board_state),
            is_enabled=bool(raw.enabled),
            load=raw.load_permille / 1e3,
            fault_code=int(raw.fault_code),
            fault_source=int(raw.fault_source),
            setpoint_a=np.array(raw.setpoint_na, dtype=np.float64) / 1e9,
            current_a=np.array(raw.current_na, dtype=np.float64) / 1e9,
            heap_free_bytes=int(raw.heap_free),
        )
