"""Coil boards: eight regulated currents for the room coils."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.samples import SampleWindow
from nullfield.errors import InputError
from nullfield.link_answers import Subject
from nullfield.room.waveforms import Shape, Waveform, waveform_of
from nullfield_protocol.catalogue import BoardState, CoilFlag, Command, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import COILS_PER_BOARD, MessageId

_HOLD_MAX_S = 65.535


@dataclass(frozen=True)
class CoilTelemetry:
    """Slow state of a coil board.

    Attributes
    ----------
    setpoint_a, current_a : numpy.ndarray, shape ``(8,)``
        Where the ramp goes, and what is sensed.
    voltage_v : numpy.ndarray, shape ``(8,)``
        Across the coils; each is looked at once in 90 ms.
    trim_a : numpy.ndarray, shape ``(8,)``
        What the slow loop adds to each command.
    stage_temperature_c : float
        Heat sink of the output stages.
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
    voltage_v: npt.NDArray[np.float64]
    trim_a: npt.NDArray[np.float64]
    stage_temperature_c: float


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

    def waveform(
        self,
        channel: int,
        shape: Shape,
        amplitude_a: float,
        frequency_hz: float,
        phase_rad: float = 0.0,
        cycles: int = 0,
        decay: float = 0.0,
    ) -> Waveform:
        """Arm a waveform on a channel, added to its setpoint; `waveform_start` starts it.

        Parameters
        ----------
        amplitude_a, frequency_hz, phase_rad, cycles, decay
            As of `nullfield.room.waveforms.waveform_of`.

        Returns
        -------
        Waveform
            What the board makes of it; `samples_na` of it is equal to the bit.

        Raises
        ------
        InputError
            For a number out of range.
        RequestError
            If the board refuses: output stage off, amplitude above its limit, channel busy.
        """
        try:
            made = waveform_of(shape, amplitude_a, frequency_hz, phase_rad, cycles, decay)
        except ValueError as error:
            raise InputError(
                f"waveform: {error}", "see docs/coil-board.md for the ranges"
            ) from None
        self._request_waveform(
            channel,
            shape=int(made.shape),
            cycles=made.cycles,
            amplitude_na=made.amplitude_na,
            increment=made.increment,
            phase=made.phase,
            decay=made.decay,
        )
        return made

    def waveform_disarm(self, channel: int) -> None:
        """Take back an armed waveform that has not started."""
        self._request_waveform(
            channel, shape=0, cycles=0, amplitude_na=0, increment=0, phase=0, decay=0
        )

    def waveform_start(self) -> None:
        """Start all armed waveforms in one block: the first row with the flag WAVEFORM."""
        self.link.command(Command.COIL_WAVEFORM_START)

    def waveform_stop(self) -> None:
        """End all waveforms; what they stood at ramps to zero."""
        self.link.command(Command.COIL_WAVEFORM_STOP)

    def waveform_begin(self, window: SampleWindow) -> int | None:
        """Sample index of the first row with a waveform, None without one.

        A window that begins in the middle of a waveform cannot tell, and gives None, too.
        """
        on = (window.rows["flags"] & int(CoilFlag.WAVEFORM)) != 0
        begins = np.flatnonzero(on[1:] & ~on[:-1])
        return int(window.index[begins[-1] + 1]) if len(begins) else None

    def _request_waveform(self, channel: int, **values: int) -> None:
        self.link.request(
            MessageId.COIL_WAVEFORM_REQUEST,
            MessageId.ACKNOWLEDGE,
            Subject(f"waveform on channel {channel}"),
            channel=channel,
            **values,
        )

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
            voltage_v=np.array(raw.voltage_uv, dtype=np.float64) / 1e6,
            trim_a=np.array(raw.trim_na, dtype=np.float64) / 1e9,
            stage_temperature_c=raw.stage_temperature_mc / 1e3,
        )
