"""Coil board: eight regulated currents with ramp limit and readback."""

from .. import wire
from ..bits import copy, get_small, get_u16, put_i32
from ..control import coil_loop, waveform
from ..drivers.ads131m08 import Ads131m08
from ..drivers.ltc2688 import SPAN_10, Ltc2688
from ..settings import Setting
from .coil_health import CoilHealth
from .common import BoardApplication

_P = wire.HEADER_SIZE
_RAMP_NA_PER_S = 2
_TOLERANCE_NA = 3
_OFFSET_MAX_NA = 4
_OFFSET_SLEW_NA_PER_S = 5
_RESISTANCE_MIN_OHM = 6
_LOOP_GAIN = 7  # one a channel
_LAG_US = 15  # one a channel
# Without a host the currents reach zero within two seconds, whatever the setting says.
_RAMP_DOWN_MS = 2000
_CYCLES_MAX = 32767
_CHIP_BLOCKS_MAX = 65535
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
        settings = [
            Setting("ramp_rate", "A/s", -9, 100000, 100000000, 20000000),
            Setting("readback_tolerance", "A", -9, 50000, 1000000, 200000),
            Setting("compensation_limit", "A", -9, 0, self._max_na, min(self._max_na, 3000000)),
            Setting("compensation_slew", "A/s", -9, 100000, 1000000000, 100000000),
            Setting("coil_resistance_min", "Ohm", 0, 0, 500, 5),
        ]
        for channel in range(coil_loop.CHANNELS):
            settings.append(Setting("loop_gain_%d" % channel, "1/s", -3, 0, 3900, 2093))
        for channel in range(coil_loop.CHANNELS):
            settings.append(Setting("coil_lag_%d" % channel, "s", -6, 0, 20000, 1500))
        super().__init__(board, hal, settings, boot)
        self._enable = hal.output("coil_enable")
        self._control = coil_loop.new_state()
        self._control[coil_loop.CURRENT_MAX] = self._max_na
        self._is_offset_cut = False
        self._table = waveform.new_table()
        self._is_ramping_down = False
        self._silent_blocks = 0
        self.health = CoilHealth(board, hal, self._control)
        self.adc_chip = Ads131m08(hal.spi("adc"))
        self.dac_chip = Ltc2688(hal.spi("stream_dac"))

    def prepare(self):
        """Configure the chips; a missing one latches a fault."""
        super().prepare()
        if not self.adc_chip.start():
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 0)
        if not self.dac_chip.probe():
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 1)
        if not self.health.start():
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 2)
        for channel in range(16):
            self.dac_chip.configure(channel, SPAN_10, 32768)

    def chips_answer(self):
        """The converter sends frames; the DAC is write-only once its stream runs."""
        return self.hal.adc[0] != 0 and self.health.chip.probe()

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
        """What the loop and the watch take over."""
        control = self._control
        control[coil_loop.RAMP_STEP] = self.value[_RAMP_NA_PER_S] // 1000
        control[coil_loop.MISMATCH_FLOOR] = self.value[_TOLERANCE_NA]
        control[coil_loop.OFFSET_STEP] = self.value[_OFFSET_SLEW_NA_PER_S] // 1000
        self.health.resistance_min_ohm = self.value[_RESISTANCE_MIN_OHM]
        # An exponential takes a good part of a block: only of the channel that has changed.
        if number >= _LAG_US:
            base = (number - _LAG_US) * coil_loop.STRIDE
            control[base + coil_loop.LAG_SHARE] = coil_loop.lag_share(self.value[number])
        elif number >= _LOOP_GAIN:
            base = (number - _LOOP_GAIN) * coil_loop.STRIDE
            control[base + coil_loop.LOOP_GAIN] = coil_loop.loop_gain(self.value[number])

    def safe_off(self):
        """Open the output stage and forget all setpoints."""
        self.hal.safe()
        self._control[coil_loop.ENABLED] = 0
        self._targets_to_zero()
        self._is_ramping_down = False
        self.health.forget()

    def host_is_silent(self, age_blocks):
        """Take the currents down before the outputs go off: nobody gains by a field that jumps."""
        if self._is_ramping_down:
            return
        control = self._control
        self._is_ramping_down = True
        self._silent_blocks = age_blocks
        control[coil_loop.HOLD_BLOCKS] = 0
        control[coil_loop.RAMP_STEP] = max(
            control[coil_loop.RAMP_STEP], self._max_na // _RAMP_DOWN_MS
        )
        self._targets_to_zero()
        self.log(wire.LOG_LEVEL_WARNING, "host silent: currents ramp to zero, then outputs go off")

    def _targets_to_zero(self):
        control = self._control
        waveform.stop(control)
        for channel in range(coil_loop.CHANNELS):
            control[channel * coil_loop.STRIDE + coil_loop.TARGET] = 0

    def _has_current(self):
        control = self._control
        for channel in range(coil_loop.CHANNELS):
            base = channel * coil_loop.STRIDE
            if control[base + coil_loop.COMMAND] or control[base + coil_loop.OFFSET]:
                return True
        return False

    def block(self):
        """Loop, row, flags."""
        control = self._control
        control[coil_loop.ELAPSED] = self.elapsed
        waveform.wave_block(control, self._table)
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
            if control[waveform.ANY_RUNNING]:
                flags |= wire.COIL_FLAG_WAVEFORM
            if self.health.any_compliance:
                flags |= wire.COIL_FLAG_COMPLIANCE
            if self._is_ramping_down:
                flags |= wire.COIL_FLAG_RAMP_DOWN
            if control[coil_loop.ANY_LIMITED]:
                flags |= wire.COIL_FLAG_LIMITED
        if self.state == wire.BOARD_STATE_FAULT:
            flags |= wire.COIL_FLAG_FAULT
        put_i32(self.row, wire.COIL_SAMPLES_ROW_FLAGS, flags)

    def slow(self):
        """Trip on what is wrong with a current, a coil, or the heat."""
        control = self._control
        enabled = control[coil_loop.ENABLED]
        steady = not (control[coil_loop.ANY_RAMPING] or control[waveform.ANY_RUNNING])
        if self.health.step(self.mcu_temperature_mc, steady):
            # Heat shuts the board down with outputs off, too: it is not cool until it is.
            if self.state != wire.BOARD_STATE_FAULT:
                self.fault(self.health.code, self.health.source, self.health.value)
            return
        if not enabled:
            return
        if self._is_ramping_down and not self._has_current():
            self.fault(wire.FAULT_CODE_HOST_SILENT, 0, self._silent_blocks)
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
                self.fault(self.health.cause_of_mismatch(channel), channel, readback)
                return

    def compensation(self, raw):
        """Take over what the host wants added to the setpoints; cut to the limit, never refused."""
        control = self._control
        if not control[coil_loop.ENABLED] or self._is_ramping_down:
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
        """Setpoints, sensed currents, and what the watch sees."""
        put_i32(raw, _P + wire.COIL_TELEMETRY_STAGE_TEMPERATURE_MC, self.health.temperature_mc)
        put_i32(raw, _P + wire.COIL_TELEMETRY_HEAP_FREE, self.heap_free)
        control = self._control
        raw[_P + wire.COIL_TELEMETRY_ENABLED] = control[coil_loop.ENABLED]
        for channel in range(coil_loop.CHANNELS):
            base = channel * coil_loop.STRIDE
            at = _P + 4 * channel
            put_i32(raw, at + wire.COIL_TELEMETRY_SETPOINT_NA, control[base + coil_loop.TARGET])
            put_i32(raw, at + wire.COIL_TELEMETRY_CURRENT_NA, control[base + coil_loop.READBACK])
            put_i32(raw, at + wire.COIL_TELEMETRY_VOLTAGE_UV, self.health.voltage_uv[channel])
            trim_na = control[base + coil_loop.TRIM] // coil_loop.TRIM_PER_NA
            put_i32(raw, at + wire.COIL_TELEMETRY_TRIM_NA, trim_na)

    def command(self, command, first, second):
        """Commands of the coil board."""
        control = self._control
        if command == wire.COMMAND_COIL_ENABLE:
            if not 0 <= first <= 1:
                return wire.ERROR_CODE_BAD_ARGUMENT
            if first == 0:
                self.safe_off()
                self.state = wire.BOARD_STATE_SAFE
                return wire.ERROR_CODE_OK
            if self._is_ramping_down:
                self._detail = self.state
                return wire.ERROR_CODE_WRONG_STATE
            self._enable.set(1)
            control[coil_loop.ENABLED] = 1
            self.state = wire.BOARD_STATE_ACTIVE
            # A ramp-down may have made it steeper.
            self.setting_changed(_RAMP_NA_PER_S)
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_COIL_RAMP_TO_ZERO:
            self._targets_to_zero()
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_COIL_WAVEFORM_STOP:
            waveform.stop(control)
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_COIL_SET:
            return self._set(first, second)
        if command == wire.COMMAND_COIL_WAVEFORM_START:
            if not self._is_driving():
                return wire.ERROR_CODE_WRONG_STATE
            if control[waveform.ANY_RUNNING]:
                return wire.ERROR_CODE_BUSY
            return wire.ERROR_CODE_OK if waveform.start(control) else wire.ERROR_CODE_BAD_ARGUMENT
        return wire.ERROR_CODE_UNKNOWN_COMMAND

    def _is_driving(self):
        """Whether currents may be asked for; the refusal's detail is the state."""
        if self.state == wire.BOARD_STATE_ACTIVE and not self._is_ramping_down:
            return True
        self._detail = self.state
        return False

    def _set(self, channel, current_na):
        if not 0 <= channel < coil_loop.CHANNELS:
            self._detail = coil_loop.CHANNELS - 1
            return wire.ERROR_CODE_BAD_ARGUMENT
        if not self._is_driving():
            return wire.ERROR_CODE_WRONG_STATE
        if current_na > self._max_na:
            self._detail = self._max_na
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        if current_na < -self._max_na:
            self._detail = -self._max_na
            return wire.ERROR_CODE_BELOW_MINIMUM
        self._control[channel * coil_loop.STRIDE + coil_loop.TARGET] = current_na
        return wire.ERROR_CODE_OK

    def role_request(self, message, raw, size):
        """Arm a waveform."""
        if message != wire.COIL_WAVEFORM_REQUEST:
            return False
        if size != wire.COIL_WAVEFORM_REQUEST_SIZE:
            self.answer(raw, 0, wire.ERROR_CODE_BAD_LENGTH, message)
            return True
        self._detail = 0
        error = self._arm(raw)
        self.answer(raw, 0, error, self._detail)
        return True

    def _arm(self, raw):
        channel = raw[_P + wire.COIL_WAVEFORM_REQUEST_CHANNEL]
        shape = raw[_P + wire.COIL_WAVEFORM_REQUEST_SHAPE]
        cycles = get_u16(raw, _P + wire.COIL_WAVEFORM_REQUEST_CYCLES)
        amplitude = get_small(raw, _P + wire.COIL_WAVEFORM_REQUEST_AMPLITUDE_NA)
        increment = get_small(raw, _P + wire.COIL_WAVEFORM_REQUEST_INCREMENT)
        if channel >= coil_loop.CHANNELS:
            self._detail = coil_loop.CHANNELS - 1
            return wire.ERROR_CODE_BAD_ARGUMENT
        if not self._is_driving():
            return wire.ERROR_CODE_WRONG_STATE
        control = self._control
        base = channel * coil_loop.STRIDE
        if control[base + waveform.RUNNING]:
            return wire.ERROR_CODE_BUSY
        if shape == wire.WAVEFORM_SHAPE_NONE:
            control[base + waveform.ARMED] = 0
            return wire.ERROR_CODE_OK
        if amplitude < 0:
            return wire.ERROR_CODE_BELOW_MINIMUM
        if amplitude > self._max_na:
            self._detail = self._max_na
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        # A negative increment is half a cycle a block, or more.
        if shape > wire.WAVEFORM_SHAPE_DEGAUSS or increment <= 0 or cycles > _CYCLES_MAX:
            return wire.ERROR_CODE_BAD_ARGUMENT
        if shape == wire.WAVEFORM_SHAPE_PSEUDO_RANDOM and increment > _CHIP_BLOCKS_MAX:
            return wire.ERROR_CODE_BAD_ARGUMENT
        if shape == wire.WAVEFORM_SHAPE_DEGAUSS and cycles == 0:
            return wire.ERROR_CODE_BAD_ARGUMENT
        control[base + waveform.SHAPE] = shape
        control[base + waveform.AMPLITUDE] = amplitude
        control[base + waveform.CYCLES] = cycles
        control[base + waveform.DECAY] = get_u16(raw, _P + wire.COIL_WAVEFORM_REQUEST_DECAY)
        # Words of 32 bits, without a Python integer of that size.
        at = 4 * (base + waveform.INCREMENT) << 16
        copy(control, at | (_P + wire.COIL_WAVEFORM_REQUEST_INCREMENT), raw, 4)
        at = 4 * (base + waveform.PHASE_START) << 16
        copy(control, at | (_P + wire.COIL_WAVEFORM_REQUEST_PHASE), raw, 4)
        control[base + waveform.ARMED] = 1
        return wire.ERROR_CODE_OK
