"""Sensor boards: four heads, telemetry and fields in SI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nullfield.devices.board import Board
from nullfield.devices.samples import SampleWindow
from nullfield_protocol.catalogue import BoardState, Command, HeadState, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import AXES_PER_HEAD, HEADS_PER_BOARD, MessageId

AXIS_NAMES = ("x", "y", "b")
"""Local axes of a head: two transverse to the light, then the beam."""
ALL_HEADS = (1 << HEADS_PER_BOARD) - 1

FloatArray = npt.NDArray[np.float64]


def head_mask(heads: Iterable[int] | None) -> int:
    """Bit mask of slot numbers 0..3; None means all."""
    if heads is None:
        return ALL_HEADS
    mask = 0
    for head in heads:
        if not 0 <= head < HEADS_PER_BOARD:
            raise ValueError(f"there is no head slot {head}")
        mask |= 1 << head
    return mask


def coil_scale_name(slot: int, axis: int) -> str:
    """Name of the setting that holds the tesla of one coil count."""
    return f"head{slot}_coil_scale_{AXIS_NAMES[axis]}"


@dataclass(frozen=True)
class SensorTelemetry:
    """Slow state of a sensor board; arrays have one element a head.

    Attributes
    ----------
    load : float
        Share of the block time in use.
    coil_offset_t : numpy.ndarray, shape ``(4, 3)``
        Static on-head field by head and local axis.
    response : numpy.ndarray of int, shape ``(4, 2)``
        Lock-in response of the transverse axes, in the firmware's units.
    """

    board_time_s: float
    board_state: BoardState
    is_interlock_closed: bool
    load: float
    fault_code: int
    fault_source: int
    head_state: tuple[HeadState, ...]
    head_fault: tuple[int, ...]
    is_laser_locked: tuple[bool, ...]
    is_loop_closed: tuple[bool, ...]
    zero_count: tuple[int, ...]
    cell_temperature_c: FloatArray
    laser_temperature_c: FloatArray
    heater_power_w: FloatArray
    laser_current_a: FloatArray
    tec_current_a: FloatArray
    photocurrent_a: FloatArray
    lock_residual_a: FloatArray
    coil_offset_t: FloatArray
    response: npt.NDArray[np.int64]
    heap_free_bytes: int


class SensorBoard(Board[SensorTelemetry]):
    """Four sensor heads."""

    role: ClassVar[Role] = Role.SENSOR
    sample_message: ClassVar[MessageId] = MessageId.SENSOR_SAMPLES
    telemetry_message: ClassVar[MessageId] = MessageId.SENSOR_TELEMETRY

    def start(self, heads: Iterable[int] | None = None) -> None:
        """Begin the cold start: heater, laser, lock, field zero; telemetry shows the progress."""
        self.link.command(Command.SENSOR_START, head_mask(heads))

    def zero(self, heads: Iterable[int] | None = None, is_quick: bool = False) -> None:
        """Null the effective field at the cells with the on-head coils.

        ``is_quick`` keeps the calibration of heads that were zeroed before: only the field has moved.
        """
        self.link.command(Command.SENSOR_ZERO, head_mask(heads), int(is_quick))

    def loop(self, is_closed: bool, heads: Iterable[int] | None = None) -> None:
        """Close or open the field loops."""
        self.link.command(Command.SENSOR_LOOP, head_mask(heads), int(is_closed))

    def measure_beam(self, heads: Iterable[int] | None = None, is_quick: bool = False) -> None:
        """Null the field near zero again, the beam axis too, which the lock-in does not see.

        ``is_quick`` takes what one cycle shows, a third of the time, and leaves the loop's weights.
        """
        self.link.command(Command.SENSOR_MEASURE_BEAM, head_mask(heads), int(is_quick))

    def coil_scale_t(self) -> FloatArray:
        """Tesla of one field count, shape ``(4, 3)``, from the board's settings."""
        return np.array(
            [
                [self.settings.get(coil_scale_name(slot, axis)) for axis in range(AXES_PER_HEAD)]
                for slot in range(HEADS_PER_BOARD)
            ]
        )

    def field_t(self, window: SampleWindow) -> FloatArray:
        """Field at each head along its local axes, shape ``(12, n)``, head by head, in tesla."""
        return field_t(window.rows, self.coil_scale_t())

    def flags(self, window: SampleWindow) -> npt.NDArray[np.uint8]:
        """Validity bits of each head, shape ``(4, n)``; see `catalogue.SampleFlag`."""
        return np.ascontiguousarray(window.rows["flags"].T)

    def _parse_telemetry(self, payload: bytes) -> SensorTelemetry:
        raw = parse(MessageId.SENSOR_TELEMETRY, payload)
        scale_t = self.coil_scale_t()
        offset_count = np.array(raw.coil_offset_count, dtype=np.float64)
        return SensorTelemetry(
            board_time_s=raw.board_time_us / 1e6,
            board_state=BoardState(raw.board_state),
            is_interlock_closed=bool(raw.interlock_closed),
            load=raw.load_permille / 1e3,
            fault_code=int(raw.fault_code),
            fault_source=int(raw.fault_source),
            head_state=tuple(HeadState(state) for state in raw.head_state),
            head_fault=tuple(int(code) for code in raw.head_fault),
            is_laser_locked=tuple(bool(bit) for bit in raw.laser_locked),
            is_loop_closed=tuple(bool(bit) for bit in raw.loop_closed),
            zero_count=tuple(int(count) for count in raw.zero_count),
            cell_temperature_c=_si(raw.cell_temperature_mc, 1e3),
            laser_temperature_c=_si(raw.laser_temperature_mc, 1e3),
            heater_power_w=_si(raw.heater_power_uw, 1e6),
            laser_current_a=_si(raw.laser_current_na, 1e9),
            tec_current_a=_si(raw.tec_current_ua, 1e6),
            photocurrent_a=_si(raw.photocurrent_pa, 1e12),
            lock_residual_a=_si(raw.lock_residual_pa, 1e12),
            coil_offset_t=offset_count.reshape(HEADS_PER_BOARD, AXES_PER_HEAD) * scale_t,
            response=np.array(raw.response, dtype=np.int64).reshape(HEADS_PER_BOARD, 2),
            heap_free_bytes=int(raw.heap_free),
        )


def field_t(rows: npt.NDArray[Any], coil_scale_t: FloatArray) -> FloatArray:
    """Scale sensor rows to tesla.

    Parameters
    ----------
    rows : numpy.ndarray
        Structured sensor rows, shape ``(n,)``.
    coil_scale_t : numpy.ndarray
        Shape ``(4, 3)``.

    Returns
    -------
    numpy.ndarray
        Shape ``(12, n)``: channel ``3 * slot + axis``.
    """
    return np.asarray(rows["field_count"].T * coil_scale_t.reshape(-1, 1), dtype=np.float64)


def _si(values: Iterable[int], divisor: float) -> FloatArray:
    return np.array(list(values), dtype=np.float64) / divisor
