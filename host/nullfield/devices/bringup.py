"""A bare module with the bring-up firmware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nullfield.devices.board import Board
from nullfield_protocol.catalogue import BoardState, Role
from nullfield_protocol.codec import parse
from nullfield_protocol.messages import MessageId


@dataclass(frozen=True)
class BringupTelemetry:
    """What a bare module tells of itself."""

    board_time_s: float
    board_state: BoardState
    is_led_on: bool
    load: float
    fault_code: int
    fault_source: int
    supply_v: float
    mcu_temperature_c: float
    block_late_s: float
    heap_free_bytes: int


class BringupBoard(Board[BringupTelemetry]):
    """Module with nothing attached: link, LED, supply and die temperature."""

    role: ClassVar[Role] = Role.BRINGUP
    sample_message: ClassVar[MessageId] = MessageId.BRINGUP_SAMPLES
    telemetry_message: ClassVar[MessageId] = MessageId.BRINGUP_TELEMETRY

    def _parse_telemetry(self, payload: bytes) -> BringupTelemetry:
        raw = parse(MessageId.BRINGUP_TELEMETRY, payload)
        return BringupTelemetry(
            board_time_s=raw.board_time_us / 1e6,
            board_state=BoardState(raw.board_state),
            is_led_on=bool(raw.led),
            load=raw.load_permille / 1e3,
            fault_code=int(raw.fault_code),
            fault_source=int(raw.fault_source),
            supply_v=raw.supply_mv / 1e3,
            mcu_temperature_c=raw.mcu_temperature_mc / 1e3,
            block_late_s=raw.block_late_us / 1e6,
            heap_free_bytes=int(raw.heap_free),
        )
