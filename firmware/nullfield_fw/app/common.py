"""What every board does: the block loop, periodic messages, the watch on the host.

The running state allocates nothing: messages live in buffers made at start, counters in byte
buffers, and the garbage collector is off.
"""

import gc

from .. import wire
from ..bits import add_u32, add_u64, copy, put_i32, put_u16
from ..boot_state import TRIAL_LIMIT_BLOCKS
from ..faults import Faults
from ..link import Link, new_message
from ..schedule import Divider
from ..settings import Setting, Settings
from .requests import BLOCK_US, RequestHandling
from .trace_requests import TraceRequests

_P = wire.HEADER_SIZE
_WATCHDOG_MS = 2000
_MISSED_BLOCKS_MAX = 20
# After so long the firmware counts as running: crashes before it are forgotten.
_SETTLED_BLOCKS = 30000
_SUPPLY_LOW_CHECKS = 3
_UPKEEP_BLOCKS = 10
_COUNT_END = 0x3FFF0000  # above it, an integer would be a heap object
_BLINK_BLOCKS = 128
_LOG_MAX = 120

# Indices of the settings that every board has.
HOST_TIMEOUT_MS = 0
ROWS_PER_FRAME = 1


def common_settings():
    """Settings of every board; they come first in its list."""
    return [
        Setting("host_timeout", "s", -3, 200, 60000, 2000),
        Setting("rows_per_frame", "", 0, 1, 16, 10),
    ]


class BoardApplication(RequestHandling):
    """Base of the three applications.

    A subclass brings ``sample_message``, ``row_size``, ``telemetry_message``, ``telemetry_size``
    and the methods ``block``, ``slow``, ``fill_telemetry``, ``command``, ``safe_off``.

    Parameters
    ----------
    board : dict
        The board definition.
    hal : Hal
    settings : list of Setting
        Those of the role, behind the common ones.
    boot : Boot
        Slot, trial and unit name.
    """

    # What a role brings; the fields of a subclass take these places.
    sample_message = 0
    row_size = 4
    telemetry_message = 0
    telemetry_size = 0
    channel_count = 0
    group_delay_us = 0

    def __init__(self, board, hal, settings, boot):
        self.board = board
        self.hal = hal
        self.boot = boot
        self.settings = Settings(common_settings() + settings)
        self.value = self.settings.value
        self.faults = Faults(self.safe_off)
        self.state = wire.BOARD_STATE_SAFE
        self.streaming = False
        self.stopped = False
        self._host_age_blocks = 0
        self.link = Link(hal, self)
        self.heap_free = 0
        self._time = bytearray(8)
        self._block_index = bytearray(4)
        self._dropped_rows = bytearray(4)
        self._missed_blocks = 0
        self._rows = 0
        # Room for the largest block of rows; `_row_at` walks through it.
        self._samples = new_message(self.sample_message, 24 + 16 * self.row_size)
        self._row_at = _P + 24
        # A wide row fills a payload before `rows_per_frame` does.
        self._rows_max = (wire.MAX_PAYLOAD - 24) // self.row_size
        self.telemetry = new_message(self.telemetry_message, self.telemetry_size)
        self._heartbeat = new_message(wire.BOARD_HEARTBEAT, wire.BOARD_HEARTBEAT_SIZE)
        self._time_reply = new_message(wire.TIME_REPLY, wire.TIME_REPLY_SIZE)
        self._acknowledge = new_message(wire.ACKNOWLEDGE, wire.ACKNOWLEDGE_SIZE)
        self._setting_value = new_message(wire.SETTING_VALUE, wire.SETTING_VALUE_SIZE)
        self._fault = new_message(wire.FAULT, wire.FAULT_SIZE)
        self._descriptions = None
        self._identity = None
        self._log = new_message(wire.LOG, wire.LOG_SIZE + _LOG_MAX)
        self._telemetry_divider = Divider(100, 7)
        self._heartbeat_divider = Divider(250, 13)
        self._was_at_rest = False
        self._is_telemetry_owed = False
        self._is_heartbeat_owed = False
        self._since_upkeep = 0
        self._served_blocks = 0
        self._supply_minimum_mv = board["supply"]["minimum_mv"] if "supply" in board else 0
        self._supply_low = 0
        self.supply_mv = 0
        self.mcu_temperature_mc = 0
        self._led = hal.output("led") if "led" in board["outputs"] else None
        self._blink_blocks = 0
        self._age_blocks = 0
        self.row = bytearray(self.row_size)
        self.load_permille = 0
        # Made here: a new attribute in the running state would let the instance's table grow.
        self._detail = 0
        self.elapsed = 1

    # ------------------------------------------------------------------ start and loop

    def prepare(self):
        """Everything that allocates: file system, settings, fixed messages."""
        self.hal.safe()
        # First, while the heap is in one piece: reading settings leaves holes in it.
        gc.collect()
        self.tracing = TraceRequests(self)
        self.trace = self.tracing.trace
        try:
            self.hal.file_system()
            self.settings.load(self.hal.flash_root)
        except (OSError, ValueError):
            self.faults.latch(wire.FAULT_CODE_SETTINGS_CORRUPT)
            self.state = wire.BOARD_STATE_FAULT
        self._settings_changed()
        self._make_identity()
        self._make_descriptions()
        self.hal.watchdog_start(_WATCHDOG_MS)

    def run(self):
        """Serve blocks until stopped."""
        gc.collect()
        gc.disable()
        # Nothing is allocated from here on, so this stays true; walking the heap takes milliseconds.
        self.heap_free = gc.mem_free()
        hal = self.hal
        while not self.stopped:
            self.step(hal.wait_block())

    def step(self, missed):
        """Everything that belongs to one block. Allocates nothing."""
        elapsed = 1 + missed
        self.elapsed = elapsed
        add_u64(self._time, 0, elapsed * BLOCK_US)
        add_u32(self._block_index, 0, elapsed)
        if missed:
            # A job at rest holds the loop up on purpose.
            if not self._was_at_rest:
                self._missed_blocks += missed
            if missed >= _MISSED_BLOCKS_MAX and self.state == wire.BOARD_STATE_ACTIVE:
                # Loops that stood still this long, or a dead ADC clock, control nothing.
                self.fault(wire.FAULT_CODE_BLOCK_OVERRUN, 0, missed)
            # The rows of a frame follow one another without a gap.
            if self._rows:
                self._flush_rows()
        self._was_at_rest = False
        self.block()
        has_flushed = self.streaming and self._push_row()
        self.slow()
        self._since_upkeep += elapsed
        if self._since_upkeep >= _UPKEEP_BLOCKS:
            # Each of these costs some ten microseconds: once in ten blocks is often enough.
            self._upkeep(self._since_upkeep)
            self._since_upkeep = 0
        if self.trace.running:
            self.load_permille = self.hal.load_permille()
            self.trace.block(self.hal.adc, self._time, missed, self.faults.count)
        if self._telemetry_divider.due():
            self._is_telemetry_owed = True
        if self._heartbeat_divider.due():
            self._is_heartbeat_owed = True
        # One long message a block, or the block would take longer than its time on an RP2040.
        if not has_flushed or self.value[ROWS_PER_FRAME] == 1:
            if self._is_telemetry_owed:
                self._is_telemetry_owed = False
                self._send_telemetry()
            elif self._is_heartbeat_owed:
                self._is_heartbeat_owed = False
                self._send_heartbeat()
        if self.faults.unsent:
            self._send_fault()
        self.link.poll()
        self.hal.watchdog_feed()

    def _upkeep(self, elapsed):
        """What need not be done in every block; `elapsed` are the blocks since the last time."""
        if self._served_blocks < _COUNT_END:
            self._served_blocks += elapsed
        self._watch_host(elapsed)
        self._watch_supply()
        self.mcu_temperature_mc = self.hal.mcu_temperature_mc()
        if self._blink_blocks:
            self._blink(elapsed)
        if self._age_blocks <= TRIAL_LIMIT_BLOCKS:
            self._grow_older(elapsed)

    def _watch_supply(self):
        """Brown-out: the chips would go wrong before the processor notices."""
        supply_mv = self.hal.supply_mv()
        self.supply_mv = supply_mv
        if supply_mv >= self._supply_minimum_mv:
            self._supply_low = 0
        else:
            if self._supply_low < _SUPPLY_LOW_CHECKS:
                self._supply_low += 1
            # Again and again while it lasts: clearing the fault does not mend the supply.
            if self._supply_low == _SUPPLY_LOW_CHECKS and self.state != wire.BOARD_STATE_FAULT:
                self.fault(wire.FAULT_CODE_SUPPLY_LOW, 0, supply_mv)

    def _blink(self, elapsed):
        self._blink_blocks = max(self._blink_blocks - elapsed, 0)
        self._led.set(1 if self._blink_blocks & _BLINK_BLOCKS else 0)

    def _grow_older(self, elapsed):
        """What happens once, some time after the start."""
        before = self._age_blocks
        self._age_blocks = before + elapsed
        if before < _SETTLED_BLOCKS <= self._age_blocks:
            self.hal.settled()
        if self._age_blocks > TRIAL_LIMIT_BLOCKS and self.boot.is_trial:
            # Nobody confirmed: `main.py` counts the start and goes back to the old firmware.
            self.log(wire.LOG_LEVEL_WARNING, "firmware on trial was not confirmed: restart")
            self._leave(wire.COMMAND_RESET)

    # ------------------------------------------------------------------ for the subclasses

    def safe_off(self):
        """Switch every output of the role off, at once."""
        raise NotImplementedError

    def block(self):
        """The fast path: take the ADC block, fill `row`, make the DAC block."""
        raise NotImplementedError

    def slow(self):
        """Slower work, called once a block; it keeps its own divisors."""
        raise NotImplementedError

    def fill_telemetry(self, raw):
        """Put the role's fields into the telemetry message."""
        raise NotImplementedError

    def command(self, command, first, second):
        """Run a command of the role; returns an error code, detail in `_detail`."""
        raise NotImplementedError

    def chips_answer(self):
        """True if the role's chips still answer; the self-test asks, with outputs off."""
        return True

    def trace_signals(self):
        """Signals of the role for the trace, behind those that every board has; see `trace`."""
        return (
            ("block_load", "", -3, wire.TRACE_KIND_BLOCK, self, "load_permille"),
            ("supply", "V", -3, wire.TRACE_KIND_BLOCK, self, "supply_mv"),
            ("mcu_temperature", "degC", -3, wire.TRACE_KIND_BLOCK, self, "mcu_temperature_mc"),
        )

    def fault(self, code, source=0, value=0):
        """Latch a fault of the whole board: outputs off, state FAULT."""
        self.faults.latch(code, source, value)
        self.state = wire.BOARD_STATE_FAULT

    def log(self, level, text):
        """Send a line of ASCII text of at most 120 characters; a constant, so nothing is allocated."""
        raw = self._log
        self._put_time(raw, wire.LOG_BOARD_TIME_US)
        raw[_P + wire.LOG_LEVEL] = level
        count = min(len(text), _LOG_MAX)
        copy(raw, (_P + wire.LOG_SIZE) << 16, text, count)
        self.link.send(raw, wire.LOG_SIZE + count)

    # ------------------------------------------------------------------ periodic messages

    def _put_time(self, raw, offset):
        copy(raw, (_P + offset) << 16, self._time, 8)

    def _push_row(self):
        """Put the row into the frame; True if the frame was full and went out."""
        raw = self._samples
        if self._rows == 0:
            self._put_time(raw, wire.SENSOR_SAMPLES_BOARD_TIME_US)
            copy(raw, (_P + wire.SENSOR_SAMPLES_SAMPLE_INDEX) << 16, self._block_index, 4)
            self._row_at = _P + wire.SENSOR_SAMPLES_SIZE
        copy(raw, self._row_at << 16, self.row, self.row_size)
        self._row_at += self.row_size
        self._rows += 1
        if self._rows >= self.value[ROWS_PER_FRAME] or self._rows >= self._rows_max:
            self._flush_rows()
            return True
        return False

    def _flush_rows(self):
        raw = self._samples
        copy(raw, (_P + wire.SENSOR_SAMPLES_DROPPED_ROWS) << 16, self._dropped_rows, 4)
        put_i32(raw, _P + wire.SENSOR_SAMPLES_ROW_PERIOD_US, BLOCK_US)
        put_u16(raw, _P + wire.SENSOR_SAMPLES_ROW_COUNT, self._rows)
        size = wire.SENSOR_SAMPLES_SIZE + self._rows * self.row_size
        if not self.link.send(raw, size):
            add_u32(self._dropped_rows, 0, self._rows)
        self._rows = 0

    def _send_telemetry(self):
        raw = self.telemetry
        # The first fields are the same in all three telemetry messages.
        self._put_time(raw, wire.SENSOR_TELEMETRY_BOARD_TIME_US)
        raw[_P + wire.SENSOR_TELEMETRY_BOARD_STATE] = self.state
        put_u16(raw, _P + wire.SENSOR_TELEMETRY_LOAD_PERMILLE, self.hal.load_permille())
        put_u16(raw, _P + wire.SENSOR_TELEMETRY_FAULT_CODE, self.faults.code)
        raw[_P + wire.SENSOR_TELEMETRY_FAULT_SOURCE] = self.faults.source
        self.fill_telemetry(raw)
        self.link.send(raw, self.telemetry_size)

    def _send_heartbeat(self):
        raw = self._heartbeat
        self._put_time(raw, wire.BOARD_HEARTBEAT_BOARD_TIME_US)
        raw[_P + wire.BOARD_HEARTBEAT_STATE] = self.state
        raw[_P + wire.BOARD_HEARTBEAT_STREAMING] = 1 if self.streaming else 0
        put_u16(raw, _P + wire.BOARD_HEARTBEAT_FAULT_CODE, self.faults.code)
        copy(raw, (_P + wire.BOARD_HEARTBEAT_DROPPED_ROWS) << 16, self._dropped_rows, 4)
        put_i32(raw, _P + wire.BOARD_HEARTBEAT_DROPPED_FRAMES, self.link.dropped_frames)
        put_i32(raw, _P + wire.BOARD_HEARTBEAT_RECEIVE_ERRORS, self.link.receive_errors)
        put_i32(raw, _P + wire.BOARD_HEARTBEAT_MISSED_BLOCKS, self._missed_blocks)
        put_i32(raw, _P + wire.BOARD_HEARTBEAT_SUPPLY_MV, self.supply_mv)
        put_i32(raw, _P + wire.BOARD_HEARTBEAT_MCU_TEMPERATURE_MC, self.mcu_temperature_mc)
        self.link.send(raw, wire.BOARD_HEARTBEAT_SIZE)

    def _send_fault(self):
        faults = self.faults
        faults.unsent = False
        raw = self._fault
        self._put_time(raw, wire.FAULT_BOARD_TIME_US)
        put_u16(raw, _P + wire.FAULT_CODE, faults.code)
        raw[_P + wire.FAULT_SOURCE] = faults.source
        raw[_P + wire.FAULT_BOARD_STATE] = self.state
        put_i32(raw, _P + wire.FAULT_VALUE, faults.value)
        self.link.send(raw, wire.FAULT_SIZE)

    # ------------------------------------------------------------------ host watch

    def heartbeat(self, raw):
        """The host lives."""
        self._host_age_blocks = 0
        copy(self._heartbeat, (_P + wire.BOARD_HEARTBEAT_HOST_BEAT) << 16 | _P, raw, 4)

    def _watch_host(self, elapsed):
        if self.state != wire.BOARD_STATE_ACTIVE:
            self._host_age_blocks = 0
            return
        self._host_age_blocks += elapsed
        if self._host_age_blocks > self.value[HOST_TIMEOUT_MS]:
            # Streaming into silence helps nobody; a new host starts it again.
            self.streaming = False
            self.host_is_silent(self._host_age_blocks)

    def host_is_silent(self, age_blocks):
        """Nobody has been there for so long: outputs off."""
        self.fault(wire.FAULT_CODE_HOST_SILENT, 0, age_blocks)
