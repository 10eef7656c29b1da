"""A bare module: link, LED, supply and die temperature. Nothing is driven."""

from .. import wire
from ..bits import put_i32
from ..settings import Setting
from .common import BoardApplication

_P = wire.HEADER_SIZE
_LED_PERIOD = 2


class BringupApplication(BoardApplication):
    """First firmware of a new board; what it shows needs the module alone."""

    sample_message = wire.BRINGUP_SAMPLES
    row_size = wire.BRINGUP_SAMPLES_ROW_SIZE
    telemetry_message = wire.BRINGUP_TELEMETRY
    telemetry_size = wire.BRINGUP_TELEMETRY_SIZE
    channel_count = 2
    group_delay_us = 0

    def __init__(self, board, hal, boot):
        super().__init__(board, hal, [Setting("led_period", "s", -3, 0, 10000, 1000)], boot)
        self._on = 0
        self._left = self.value[_LED_PERIOD] // 2

    def safe_off(self):
        """The LED is all there is."""
        self.hal.safe()
        self._on = 0

    def block(self):
        """Supply of this block and temperature of the last ten blocks into the row."""
        row = self.row
        put_i32(row, wire.BRINGUP_SAMPLES_ROW_SUPPLY_MV, self.hal.supply_mv())
        put_i32(row, wire.BRINGUP_SAMPLES_ROW_MCU_TEMPERATURE_MC, self.mcu_temperature_mc)
        put_i32(row, wire.BRINGUP_SAMPLES_ROW_FLAGS, wire.BRINGUP_FLAG_LED if self._on else 0)

    def slow(self):
        """The LED shows that blocks are served; a BLINK command has it for itself."""
        if self._blink_blocks:
            return
        if self._left:
            self._left -= 1
            return
        self._left = self.value[_LED_PERIOD] // 2
        self._on = 0 if self._on or not self.value[_LED_PERIOD] else 1
        self._led.set(self._on)

    def trace_signals(self):
        """The LED; a module measures what every board does."""
        return super().trace_signals() + (("led", "", 0, wire.TRACE_KIND_BLOCK, self, "_on"),)

    def fill_telemetry(self, raw):
        """What the module tells of itself."""
        raw[_P + wire.BRINGUP_TELEMETRY_LED] = self._on
        put_i32(raw, _P + wire.BRINGUP_TELEMETRY_SUPPLY_MV, self.supply_mv)
        put_i32(raw, _P + wire.BRINGUP_TELEMETRY_MCU_TEMPERATURE_MC, self.mcu_temperature_mc)
        put_i32(raw, _P + wire.BRINGUP_TELEMETRY_BLOCK_LATE_US, self.hal.block_phase_us())
        put_i32(raw, _P + wire.BRINGUP_TELEMETRY_HEAP_FREE, self.heap_free)

    def command(self, command, first, second):
        """A bare module has no commands of its own."""
        return wire.ERROR_CODE_UNKNOWN_COMMAND
