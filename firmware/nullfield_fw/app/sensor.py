"""Sensor board: four heads from cold to a field stream."""

from .. import wire
from ..bits import put_i32, put_u16
from ..control import lockin
from ..control.fixed import muldiv
from ..drivers.ads131m08 import Ads131m08
from ..drivers.ads1220 import Ads1220
from ..drivers.ltc2688 import SPAN_0_5, SPAN_5, SPAN_10, Ltc2688
from ..settings import Setting
from .common import BoardApplication
from .head import MODULATION_AMPLITUDE, Head

_P = wire.HEADER_SIZE
_AXES = ("x", "y", "b")

# What of a head can be traced: words of the fast path, and attributes with unit and exponent.
_TRACED_WORDS = (
    ("in_phase", lockin.IN_PHASE),
    ("quadrature", lockin.QUADRATURE),
    ("error_x", lockin.ERROR_X),
    ("error_y", lockin.ERROR_Y),
    ("coil_x", lockin.U_X),
    ("coil_y", lockin.U_Y),
    ("coil_b", lockin.U_B),
)
_TRACED_VALUES = (
    ("cell_temperature", "degC", -3, "cell", "cell_mc"),
    ("laser_temperature", "degC", -3, "laser", "laser_mc"),
    ("heater_power", "W", -6, "cell", "heater_uw"),
    ("laser_current", "A", -9, "laser", "laser_na"),
    ("tec_current", "A", -6, "laser", "tec_ua"),
    ("light", "A", -12, "laser", "light_pa"),
)

# One count is 2**-12 of a DAC step of +-250 nT: 1.862645 fT.
_COUNTS_PER_1024_PT = 549756


def _role_settings(limits):
    items = [
        Setting("cell_setpoint", "degC", -3, 20000, limits["cell_setpoint_max_mc"], 150000),
        Setting("cell_ramp", "degC/s", -3, 100, 10000, 5000),
        Setting("laser_temperature", "degC", -3, 20000, 60000, 45000),
        Setting("laser_scan_span", "degC", -3, 1000, 10000, 4500),
        Setting("laser_current", "A", -9, 500000, limits["laser_current_max_na"], 1500000),
        Setting("modulation_amplitude", "T", -12, 10000, 100000, 70000),
        Setting("loop_gain", "", 0, 0, 4000, 1300),
        Setting("loop_closed", "", 0, 0, 1, 1, wire.SETTING_KIND_BOOLEAN),
    ]
    for head in range(lockin.HEADS):
        for axis in _AXES:
            items.append(
                Setting("head%d_coil_scale_%s" % (head, axis), "T", -21, 1000000, 3000000, 1862645)
            )
    return items


class SensorApplication(BoardApplication):
    """The sensor board's application."""

    sample_message = wire.SENSOR_SAMPLES
    row_size = wire.SENSOR_SAMPLES_ROW_SIZE
    telemetry_message = wire.SENSOR_TELEMETRY
    telemetry_size = wire.SENSOR_TELEMETRY_SIZE
    channel_count = lockin.HEADS
    # The middle of a block lies half a block before the time that its row carries.
    group_delay_us = 500

    def __init__(self, board, hal, boot):
        limits = board["limits"]
        super().__init__(board, hal, _role_settings(limits), boot)
        self.control = lockin.new_state()
        self._laser_enable = hal.output("laser_enable")
        self._heater_enable = hal.output("heater_enable")
        self._interlock = hal.input("interlock")
        self.adc_chip = Ads131m08(hal.spi("adc"))
        self.coil_dac = Ltc2688(hal.spi("stream_dac"))
        self.slow_dac = Ltc2688(hal.spi("slow_dac"))
        self.cell_adc = Ads1220(hal.spi("cell_adc"))
        self.laser_adc = Ads1220(hal.spi("laser_adc"))
        self.heads = [Head(self, number, board) for number in range(lockin.HEADS)]
        self._turn = 0
        self._tens = 0
        self._apply_settings()

    def prepare(self):
        """Configure the chips; a missing one latches a fault."""
        super().prepare()
        found = (
            self.adc_chip.start(),
            self.coil_dac.probe(),
            self.slow_dac.probe(),
            self.cell_adc.configure("pt1000"),
            self.laser_adc.configure("divider"),
        )
        # The DACs kept their codes through a reset of the processor: those that answer go to zero
        # first, whatever else is missing.
        if found[2]:
            for channel in range(16):
                bipolar = 4 <= channel < 8
                self.slow_dac.configure(
                    channel, SPAN_5 if bipolar else SPAN_0_5, 32768 if bipolar else 0
                )
        if found[1]:
            for channel in range(12):
                self.coil_dac.configure(channel, SPAN_10, 32768)
        if not all(found):
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, found.index(False))
            return
        self.cell_adc.select(0)
        self.laser_adc.select(0)

    def chips_answer(self):
        """Slow chips by their registers, the converter by its frames; the coil DAC is streamed to."""
        return (
            self.hal.adc[0] != 0
            and self.slow_dac.probe()
            and self.cell_adc.probe()
            and self.laser_adc.probe()
        )

    def trace_signals(self):
        """Lock-in, loop, temperatures, light and raw channels of each head."""
        signals = list(super().trace_signals())
        block = wire.TRACE_KIND_BLOCK
        sample = wire.TRACE_KIND_SAMPLE
        for head in self.heads:
            number = head.number
            start = "head%d_" % number
            for name, word in _TRACED_WORDS:
                place = number * lockin.STRIDE + word
                signals.append((start + name, "count", 0, block, self.control, place))
            for name, unit, exponent, part, attribute in _TRACED_VALUES:
                signals.append(
                    (start + name, unit, exponent, block, getattr(head, part), attribute)
                )
            signals.append((start + "state", "", 0, block, head, "state"))
            signals.append((start + "light_adc", "count", 0, sample, None, 1 + number))
            signals.append((start + "modulation_adc", "count", 0, sample, None, 5 + number))
        return tuple(signals)

    def faults_cleared(self):
        """Heads with a latched fault go to OFF."""
        for head in self.heads:
            head.clear_fault()

    def setting_changed(self, number):
        """What follows from settings is computed when they change, not in the block."""
        self._apply_settings()

    def _apply_settings(self):
        value = self.value
        amplitude = muldiv(value[MODULATION_AMPLITUDE], _COUNTS_PER_1024_PT, 1024)
        lockin.set_modulation(self.control, amplitude)
        for head in self.heads:
            head.apply_settings(value)

    def safe_off(self):
        """Laser and heaters off, coils to zero. The order: light, heat, field."""
        self.hal.safe()
        for head in self.heads:
            head.switch_off(wire.HEAD_STATE_OFF)

    # ------------------------------------------------------------------ block

    def block(self):
        """The fast path."""
        lockin.demodulate(self.hal.adc, self.control)
        lockin.close_loops(self.control, self.row)
        lockin.fill_dac(self.control, self.hal.dac)

    def slow(self):
        """Every 10 blocks one head's temperatures; zeroing looks in between, one head a block."""
        tens = self._tens
        self._tens = tens + 1 if tens < 9 else 0
        if tens & 1:
            self.heads[tens >> 1 & 3].poll_zero()
        elif tens == 0:
            self._temperatures()
        elif tens == 4:
            if self.state == wire.BOARD_STATE_ACTIVE and not self._interlock.get():
                self.fault(wire.FAULT_CODE_INTERLOCK_OPEN)

    def _temperatures(self):
        turn = self._turn
        head = self.heads[turn]
        head.temperatures(self.cell_adc.read(), self.laser_adc.read(), 40)
        turn = (turn + 1) & 3
        self._turn = turn
        self.cell_adc.select(turn)
        self.laser_adc.select(turn)

    # ------------------------------------------------------------------ requests

    def command(self, command, first, second):
        """Commands of the sensor board; the first argument is a mask of heads."""
        if command not in _SENSOR_COMMANDS:
            return wire.ERROR_CODE_UNKNOWN_COMMAND
        if not 0 < first < 1 << lockin.HEADS:
            self._detail = (1 << lockin.HEADS) - 1
            return wire.ERROR_CODE_BAD_ARGUMENT
        if command == wire.COMMAND_SENSOR_START:
            if not self._interlock.get():
                self._detail = wire.FAULT_CODE_INTERLOCK_OPEN
                return wire.ERROR_CODE_WRONG_STATE
            self.state = wire.BOARD_STATE_ACTIVE
            self._heater_enable.set(1)
            self._laser_enable.set(1)
        elif not 0 <= second <= 1:
            return wire.ERROR_CODE_BAD_ARGUMENT
        for head in self.heads:
            if not first >> head.number & 1:
                continue
            if command == wire.COMMAND_SENSOR_START:
                head.start()
            elif head.state != wire.HEAD_STATE_READY:
                self._detail = head.number << 8 | head.state
                return wire.ERROR_CODE_WRONG_STATE
        if command == wire.COMMAND_SENSOR_START:
            return wire.ERROR_CODE_OK
        for head in self.heads:
            if first >> head.number & 1:
                if command == wire.COMMAND_SENSOR_LOOP:
                    head.set_loop(second)
                else:
                    head.zero(command == wire.COMMAND_SENSOR_ZERO, second == 1)
        return wire.ERROR_CODE_OK

    def fill_telemetry(self, raw):
        """State of the four heads."""
        put_i32(raw, _P + wire.SENSOR_TELEMETRY_HEAP_FREE, self.heap_free)
        raw[_P + wire.SENSOR_TELEMETRY_INTERLOCK_CLOSED] = self._interlock.get()
        control = self.control
        for head in self.heads:
            number = head.number
            base = number * lockin.STRIDE
            raw[_P + wire.SENSOR_TELEMETRY_HEAD_STATE + number] = head.state
            raw[_P + wire.SENSOR_TELEMETRY_HEAD_FAULT + number] = head.fault
            raw[_P + wire.SENSOR_TELEMETRY_LASER_LOCKED + number] = 1 if head.laser.locked else 0
            raw[_P + wire.SENSOR_TELEMETRY_LOOP_CLOSED + number] = control[
                base + lockin.LOOP_CLOSED
            ]
            put_u16(raw, _P + wire.SENSOR_TELEMETRY_ZERO_COUNT + 2 * number, head.zero_count)
            at = _P + 4 * number
            put_i32(raw, at + wire.SENSOR_TELEMETRY_CELL_TEMPERATURE_MC, head.cell.cell_mc)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_LASER_TEMPERATURE_MC, head.laser.laser_mc)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_HEATER_POWER_UW, head.cell.heater_uw)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_LASER_CURRENT_NA, head.laser.laser_na)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_TEC_CURRENT_UA, head.laser.tec_ua)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_PHOTOCURRENT_PA, head.laser.light_pa)
            put_i32(raw, at + wire.SENSOR_TELEMETRY_LOCK_RESIDUAL_PA, head.laser.lock_residual_pa)
            put_i32(raw, at + 4 * number + wire.SENSOR_TELEMETRY_RESPONSE, head.response_x)
            put_i32(raw, at + 4 * number + wire.SENSOR_TELEMETRY_RESPONSE + 4, head.response_y)
            for axis in range(3):
                put_i32(
                    raw,
                    _P + wire.SENSOR_TELEMETRY_COIL_OFFSET_COUNT + 12 * number + 4 * axis,
                    control[base + lockin.U_X + axis],
                )


_SENSOR_COMMANDS = (
    wire.COMMAND_SENSOR_START,
    wire.COMMAND_SENSOR_ZERO,
    wire.COMMAND_SENSOR_LOOP,
    wire.COMMAND_SENSOR_MEASURE_BEAM,
)
