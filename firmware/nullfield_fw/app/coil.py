"""Coil board: eight regulated currents with ramp limit and readback."""

from .. import wire
from ..bits import copy, get_small, get_u16, put_i32
from ..control import coil_loop
from ..drivers.ads131m08 import Ads131m08
from ..drivers.ltc2688 import SPAN_10, Ltc2688
from ..settings import Setting
from .common import BoardApplication

_P = wire.HEADER_SIZE
_RAMP_NA_PER_S = 2
_TOLERANCE_NA = 3
_OFFSET_MAX_NA = 4
_OFFSET_SLEW_NA_PER_S = 5
_MISMATCH_BLOCKS = 200
_OVER_CURRENT_MARGIN_NA = 500000


class CoilApplication(BoardApplication):
    """The coil board's application."""

    sample_message = wire.COIL_SAMPLES
    row_size = wire.COIL_SAMPLES_ROW_SIZE
    telemetry_message = wire.COIL_TELEMETRY
    telemetry_size = wire.COIL_TELEMETRY_SIZE
    channel_count = coil_loop.CHANNELS
    group_delay_us = 500

    def __init__(self, board, hal, boot):
        limits = board["limits"]
        self._max_na = limits["coil_current_max_na"]
        super().__init__(
            board,
            hal,
            [
                Setting("ramp_rate", "A/s", -9, 100000, 100000000, 20000000),
                Setting("readback_tolerance", "A", -9, 50000, 1000000, 200000),
                Setting("compensation_limit", "A", -9, 0, self._max_na, min(self._max_na, 3000000)),
                Setting("compensation_slew", "A/s", -9, 100000, 1000000000, 100000000),
            ],
            boot,
        )
        self._enable = hal.output("coil_enable")
        self._control = coil_loop.new_state()
        self._control[coil_loop.CURRENT_MAX] = self._max_na
        self._is_offset_cut = False
        self.adc_chip = Ads131m08(hal.spi("adc"))
        self.dac_chip = Ltc2688(hal.spi("stream_dac"))
        self.setting_changed(_RAMP_NA_PER_S)

    def prepare(self):
        """Configure the chips; a missing one latches a fault."""
        super().prepare()
        if not self.adc_chip.start():
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 0)
        if not self.dac_chip.probe():
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 1)
        for channel in range(16):
            self.dac_chip.configure(channel, SPAN_10, 32768)

    def chips_answer(self):
        """The converter sends frames; the DAC is write-only once its stream runs."""
        return self.hal.adc[0] != 0

    def trace_signals(self):
        """Each channel's way from the setpoint to the sensed current."""
        signals = list(super().trace_signals())
        for channel in range(coil_loop.CHANNELS):
            base = channel * coil_loop.STRIDE
            for name, exponent, word in (
                ("setpoint", -9, coil_loop.TARGET),
                ("command", -9, coil_loop.COMMAND),
                ("current", -9, coil_loop.READBACK),
            ):
                signals.append(
                    (
                        "coil%d_%s" % (channel, name),
                        "A",
                        exponent,
                        wire.TRACE_KIND_BLOCK,
                        self._control,
                        base + word,
                    )
                )
            signals.append(
                (
                    "coil%d_trim" % channel,
                    "count",
                    0,
                    wire.TRACE_KIND_BLOCK,
                    self._control,
                    base + coil_loop.TRIM,
                )
            )
            signals.append(
                ("coil%d_adc" % channel, "count", 0, wire.TRACE_KIND_SAMPLE, None, 1 + channel)
            )
        return tuple(signals)

    def setting_changed(self, number):
        """Rates and tolerance go to the loop."""
        control = self._control
        control[coil_loop.RAMP_STEP] = self.value[_RAMP_NA_PER_S] // 1000
        control[coil_loop.MISMATCH_FLOOR] = self.value[_TOLERANCE_NA]
        control[coil_loop.OFFSET_STEP] = self.value[_OFFSET_SLEW_NA_PER_S] // 1000

    def safe_off(self):
        """Open the output stage and forget all setpoints."""
        self.hal.safe()
        control = self._control
        control[coil_loop.ENABLED] = 0
        for channel in range(coil_loop.CHANNELS):
            control[channel * coil_loop.STRIDE + coil_loop.TARGET] = 0

    def block(self):
        """Loop, row, flags."""
        control = self._control
        coil_loop.coil_block(self.hal.adc, control, self.hal.dac, self.row)
        flags = 0
        if control[coil_loop.ENABLED]:
            flags = wire.COIL_FLAG_ENABLED
            if control[coil_loop.ANY_RAMPING]:
                flags |= wire.COIL_FLAG_RAMPING
            if control[coil_loop.HOLD_BLOCKS]:
                flags |= wire.COIL_FLAG_COMPENSATING
                if self._is_offset_cut:
                    flags |= wire.COIL_FLAG_LIMITED
            elif control[coil_loop.STALE]:
                flags |= wire.COIL_FLAG_COMPENSATION_STALE
            if control[coil_loop.ANY_LIMITED]:
                flags |= wire.COIL_FLAG_LIMITED
        if self.state == wire.BOARD_STATE_FAULT:
            flags |= wire.COIL_FLAG_FAULT
        put_i32(self.row, wire.COIL_SAMPLES_ROW_FLAGS, flags)

    def slow(self):
        """Trip on a channel whose current does not follow its command."""
        control = self._control
        if not control[coil_loop.ENABLED]:
            return
        if control[coil_loop.STALE] == 1:
            control[coil_loop.STALE] = 2
            self.log(wire.LOG_LEVEL_WARNING, "compensation stale: its currents ramp to zero")
        for channel in range(coil_loop.CHANNELS):
            base = channel * coil_loop.STRIDE
            readback = control[base + coil_loop.READBACK]
            # Whatever the settings say; the margin is for noise and the gain of the readback.
            if abs(readback) > self._max_na + _OVER_CURRENT_MARGIN_NA:
                self.fault(wire.FAULT_CODE_COIL_OVER_CURRENT, channel, readback)
                return
            if control[base + coil_loop.MISMATCH_BLOCKS] > _MISMATCH_BLOCKS:
                command = control[base + coil_loop.COMMAND]
                if abs(readback) * 8 < abs(command):
                    code = wire.FAULT_CODE_COIL_OPEN
                else:
                    code = wire.FAULT_CODE_COIL_READBACK
                self.fault(code, channel, readback)
                return

    def compensation(self, raw):
        """Take over what the host wants added to the setpoints; cut to the limit, never refused."""
        control = self._control
        if not control[coil_loop.ENABLED]:
            return
        copy(
            self.row,
            wire.COIL_SAMPLES_ROW_COMPENSATION_SEQUENCE << 16
            | (_P + wire.COIL_COMPENSATION_SEQUENCE),
            raw,
            4,
        )
        control[coil_loop.HOLD_BLOCKS] = get_u16(raw, _P + wire.COIL_COMPENSATION_HOLD_MS)
        control[coil_loop.OFFSET_AGE] = 0
        control[coil_loop.STALE] = 0
        most = self.value[_OFFSET_MAX_NA]
        self._is_offset_cut = False
        for channel in range(coil_loop.CHANNELS):
            offset = get_small(raw, _P + wire.COIL_COMPENSATION_OFFSET_NA + 4 * channel)
            if offset > most:
                offset = most
                self._is_offset_cut = True
            if offset < -most:
                offset = -most
                self._is_offset_cut = True
            control[channel * coil_loop.STRIDE + coil_loop.OFFSET_TARGET] = offset

    def fill_telemetry(self, raw):
        """Setpoints and sensed currents."""
        put_i32(raw, _P + wire.COIL_TELEMETRY_HEAP_FREE, self.heap_free)
        control = self._control
        raw[_P + wire.COIL_TELEMETRY_ENABLED] = control[coil_loop.ENABLED]
        for channel in range(coil_loop.CHANNELS):
            base = channel * coil_loop.STRIDE
            at = _P + 4 * channel
            put_i32(raw, at + wire.COIL_TELEMETRY_SETPOINT_NA, control[base + coil_loop.TARGET])
            put_i32(raw, at + wire.COIL_TELEMETRY_CURRENT_NA, control[base + coil_loop.READBACK])

    def command(self, command, first, second):
        """Commands of the coil board."""
        control = self._control
        if command == wire.COMMAND_COIL_ENABLE:
            if first == 1:
                self._enable.set(1)
                control[coil_loop.ENABLED] = 1
                self.state = wire.BOARD_STATE_ACTIVE
            elif first == 0:
                self.safe_off()
                self.state = wire.BOARD_STATE_SAFE
            else:
                return wire.ERROR_CODE_BAD_ARGUMENT
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_COIL_SET:
            if not 0 <= first < coil_loop.CHANNELS:
                self._detail = coil_loop.CHANNELS - 1
                return wire.ERROR_CODE_BAD_ARGUMENT
            if self.state != wire.BOARD_STATE_ACTIVE:
                self._detail = self.state
                return wire.ERROR_CODE_WRONG_STATE
            if second > self._max_na:
                self._detail = self._max_na
                return wire.ERROR_CODE_ABOVE_MAXIMUM
            if second < -self._max_na:
                self._detail = -self._max_na
                return wire.ERROR_CODE_BELOW_MINIMUM
            control[first * coil_loop.STRIDE + coil_loop.TARGET] = second
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_COIL_RAMP_TO_ZERO:
            for channel in range(coil_loop.CHANNELS):
                control[channel * coil_loop.STRIDE + coil_loop.TARGET] = 0
            return wire.ERROR_CODE_OK
        return wire.ERROR_CODE_UNKNOWN_COMMAND
