"""Coil boards: eight regulated currents for the room coils."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.samples import SampleWindow
from nullfield.errors import InputError
from nullfield_protocol.catalogue import BoardState, Command, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import COILS_PER_BOARD, MessageId

_HOLD_MAX_S = 65.535


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
    _sequence = 0

    def enable(self, is_on: bool = True) -> None:
        """Switch the output stage on, at zero current, or off."""
        self.link.command(Command.COIL_ENABLE, int(is_on))

    def set_current_a(self, channel: int, current_a: float) -> None:
        """Give a channel a new setpoint, which the board approaches by its ramp."""
        self.link.command(Command.COIL_SET, channel, round(current_a * 1e9))

    def ramp_to_zero(self) -> None:
        """All setpoints to zero by the ramp."""
        self.link.command(Command.COIL_RAMP_TO_ZERO)

    def compensate(self, offset_a: npt.ArrayLike, hold_s: float) -> int:
        """Add currents to the setpoints for a while, by the board's own limit and slew.

        One way: nothing comes back but the rows, whose ``compensation_sequence`` becomes the number
        returned here, and whose flags say COMPENSATING. Without a successor within `hold_s` the
        board lets the offsets ramp to zero and says COMPENSATION_STALE. With the outputs off it is
        passed over.

        Parameters
        ----------
        offset_a : array_like, shape ``(8,)``
            A channel beyond the setting ``compensation_limit`` is cut to it (flag LIMITED).
        hold_s : float
            0 to 65.535 s; 0 ends the compensation in order, without the flag.

        Returns
        -------
        int
            Sequence number of this message, 32 bits.

        Raises
        ------
        InputError
            For other than eight finite currents, or a hold out of range.
        BoardLostError
            If the port went away.
        """
        offset = np.asarray(offset_a, dtype=np.float64)
        if offset.shape != (COILS_PER_BOARD,) or not np.isfinite(offset).all():
            raise InputError(
                f"compensation: {COILS_PER_BOARD} finite currents are needed, not {offset.tolist()}",
                "give one current a channel, 0 where none is wanted",
            )
        if not 0.0 <= hold_s <= _HOLD_MAX_S:
            raise InputError(
                f"compensation: hold of {hold_s} s is out of range", f"give 0 to {_HOLD_MAX_S} s"
            )
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self.link.post(
            MessageId.COIL_COMPENSATION,
            sequence=self._sequence,
            hold_ms=round(hold_s * 1e3),
            offset_na=np.clip(np.rint(offset * 1e9), -(2**31), 2**31 - 1).astype(int).tolist(),
        )
        return self._sequence

    def command_a(self, window: SampleWindow) -> npt.NDArray[np.float64]:
        """What the sources are told, shape ``(8, n)``: setpoint, compensation and waveform.

        Exact, without the readback's noise. It is made at the end of its row's block and acts two
        blocks later.
        """
        return np.asarray(window.rows["command_na"].T * 1e-9, dtype=np.float64)

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
