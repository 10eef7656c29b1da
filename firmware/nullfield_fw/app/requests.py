"""Requests of the host: identity, settings, commands, each answered once.

A part of every application (`common.BoardApplication`), kept by itself for its size. It allocates
nothing but for saving settings and leaving the application.
"""

import gc

from array import array

from .. import REVISION, VERSION, wire
from ..bits import add_u64, copy, get_small, get_u16, put_i32, put_u16
from ..boot_state import Boot
from ..faults import Faults
from ..link import Link, new_message
from ..settings import Settings
from .self_test import self_test
from .trace_requests import TraceRequests

_P = wire.HEADER_SIZE
BLOCK_US = 1000
_ROLES = {
    "sensor": wire.ROLE_SENSOR,
    "coil": wire.ROLE_COIL,
    "table": wire.ROLE_TABLE,
    "bringup": wire.ROLE_BRINGUP,
}
_LAST_REQUEST = 0x0A
_BLINK_MAX_S = 60
_AT_REST = (
    wire.COMMAND_SAVE_SETTINGS,
    wire.COMMAND_CONFIRM_FIRMWARE,
    wire.COMMAND_SELF_TEST,
)


class RequestHandling:
    """Answers what the link hands over; the application brings state, settings and outputs."""

    # What the application brings; for the type check, MicroPython passes annotations over.
    board: "dict"
    hal: "Any"  # type: ignore[name-defined]  # whichever main picked
    link: "Link"
    settings: "Settings"
    value: "array"
    faults: "Faults"
    state: "int"
    streaming: "bool"
    stopped: "bool"
    channel_count: "int"
    group_delay_us: "int"
    _rows: "int"
    _missed_blocks: "int"
    _served_blocks: "int"
    _was_at_rest: "bool"
    _supply_minimum_mv: "int"
    _blink_blocks: "int"
    _led: "Any"  # type: ignore[name-defined]  # an output of the hal
    boot: "Boot"
    tracing: "TraceRequests"
    _acknowledge: "bytearray"
    _setting_value: "bytearray"
    _time_reply: "bytearray"

    def safe_off(self):
        """Switch every output of the role off, at once."""
        raise NotImplementedError

    def command(self, command, first, second):
        """Run a command of the role; returns an error code, detail in `_detail`."""
        raise NotImplementedError

    def block(self):
        """The fast path: take the ADC block, fill `row`, make the DAC block."""
        raise NotImplementedError

    def log(self, level, text):
        """Send a line of text."""
        raise NotImplementedError

    def _flush_rows(self):
        raise NotImplementedError

    def _put_time(self, raw, offset):
        raise NotImplementedError

    def request(self, message, raw, size):
        """Answer one request (called by the link)."""
        if message == wire.TIME_REQUEST and size == wire.TIME_REQUEST_SIZE:
            reply = self._time_reply
            copy(reply, _P << 16 | _P, raw, 4)
            self._put_time(reply, wire.TIME_REPLY_BOARD_TIME_US)
            add_u64(reply, _P + wire.TIME_REPLY_BOARD_TIME_US, self.hal.block_phase_us())
            self.link.send(reply, wire.TIME_REPLY_SIZE)
        elif message == wire.COMMAND_REQUEST and size == wire.COMMAND_REQUEST_SIZE:
            self._command(raw)
        elif message == wire.SETTING_READ_REQUEST and size == wire.SETTING_READ_REQUEST_SIZE:
            self._setting_reply(raw, wire.ERROR_CODE_OK)
        elif message == wire.SETTING_WRITE_REQUEST and size == wire.SETTING_WRITE_REQUEST_SIZE:
            number = get_u16(raw, _P + wire.SETTING_WRITE_REQUEST_INDEX)
            value = get_small(raw, _P + wire.SETTING_WRITE_REQUEST_VALUE)
            error = self.settings.write(number, value)
            if error == wire.ERROR_CODE_OK:
                self.setting_changed(number)
            self._setting_reply(raw, error)
        elif (
            message == wire.SETTING_DESCRIBE_REQUEST and size == wire.SETTING_DESCRIBE_REQUEST_SIZE
        ):
            self._describe(raw)
        elif message == wire.IDENTIFY_REQUEST and size == wire.IDENTIFY_REQUEST_SIZE:
            identity = self._identity
            copy(identity, _P << 16 | _P, raw, 4)
            identity[_P + wire.IDENTITY_STATE] = self.state
            identity[_P + wire.IDENTITY_TRIAL] = 1 if self.boot.is_trial else 0
            self.link.reply(identity, wire.IDENTITY_SIZE)
        elif not self.role_request(message, raw, size) and not self.tracing.request(
            message, raw, size
        ):
            self.answer(
                raw, 0, wire.ERROR_CODE_BAD_LENGTH if message <= _LAST_REQUEST else 1, message
            )

    def _settings_changed(self):
        for number in range(len(self.value)):
            self.setting_changed(number)

    def role_request(self, message, raw, size):
        """Answer a request that only some roles know; False if this one does not."""
        return False

    def compensation(self, raw):
        """Offsets for the coils came; other roles have none."""

    def faults_cleared(self):
        """The host cleared the faults; subclasses forget those of their parts."""

    def setting_changed(self, number):
        """A setting was written; subclasses recompute what follows from it."""

    def answer(self, raw, command, error, detail):
        """Acknowledge a request."""
        reply = self._acknowledge
        copy(reply, _P << 16 | _P, raw, 4)
        put_u16(reply, _P + wire.ACKNOWLEDGE_COMMAND, command)
        put_u16(reply, _P + wire.ACKNOWLEDGE_ERROR, error)
        put_i32(reply, _P + wire.ACKNOWLEDGE_DETAIL, detail)
        self.link.reply(reply, wire.ACKNOWLEDGE_SIZE)

    def _setting_reply(self, raw, error):
        number = get_u16(raw, _P + wire.SETTING_READ_REQUEST_INDEX)
        reply = self._setting_value
        value = 0
        if number < len(self.settings.items):
            item = self.settings.items[number]
            value = self.value[number]
            # On a refused write the limit that was passed is the useful answer.
            if error == wire.ERROR_CODE_BELOW_MINIMUM:
                value = item.minimum
            elif error == wire.ERROR_CODE_ABOVE_MAXIMUM:
                value = item.maximum
        else:
            error = wire.ERROR_CODE_UNKNOWN_SETTING
        copy(reply, _P << 16 | _P, raw, 4)
        put_u16(reply, _P + wire.SETTING_VALUE_INDEX, number)
        put_u16(reply, _P + wire.SETTING_VALUE_ERROR, error)
        put_i32(reply, _P + wire.SETTING_VALUE_VALUE, value)
        self.link.reply(reply, wire.SETTING_VALUE_SIZE)

    def _describe(self, raw):
        number = get_u16(raw, _P + wire.SETTING_DESCRIBE_REQUEST_INDEX)
        if number >= len(self._descriptions):
            self.answer(raw, 0, wire.ERROR_CODE_UNKNOWN_SETTING, number)
            return
        reply = self._descriptions[number]
        copy(reply, _P << 16 | _P, raw, 4)
        put_i32(reply, _P + wire.SETTING_DESCRIPTION_VALUE, self.value[number])
        self.link.reply(reply, wire.SETTING_DESCRIPTION_SIZE)

    def _command(self, raw):
        command = get_u16(raw, _P + wire.COMMAND_REQUEST_COMMAND)
        first = get_small(raw, _P + wire.COMMAND_REQUEST_ARGUMENT)
        second = get_small(raw, _P + wire.COMMAND_REQUEST_ARGUMENT + 4)
        if command == wire.COMMAND_RESET or command == wire.COMMAND_ENTER_REPL:
            self.safe_off()
            self.answer(raw, command, wire.ERROR_CODE_OK, 0)
            self._leave(command)
            return
        if command == wire.COMMAND_WATCHDOG_TEST:
            self.safe_off()
            self.answer(raw, command, wire.ERROR_CODE_OK, 0)
            self._leave(command)
            return
        self._detail = 0
        error = self._common_command(command, first)
        if error < 0:
            if self.state == wire.BOARD_STATE_FAULT:
                error = wire.ERROR_CODE_FAULT_LATCHED
                self._detail = self.faults.code
            else:
                self._detail = 0
                error = self.command(command, first, second)
        self.answer(raw, command, error, self._detail)

    def _common_command(self, command, first):
        """Run a command that all boards know; -1 if it is not one."""
        if command == wire.COMMAND_PING:
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_STREAM_START:
            # A host that joins a running stream must not cost it rows.
            if not self.streaming:
                self._rows = 0
                self.streaming = True
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_STREAM_STOP:
            if self._rows:
                self._flush_rows()
            self.streaming = False
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_SAFE_OFF:
            self.safe_off()
            if self.state == wire.BOARD_STATE_ACTIVE:
                self.state = wire.BOARD_STATE_SAFE
                self.log(wire.LOG_LEVEL_INFO, "outputs off: the host asked for it")
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_CLEAR_FAULTS:
            if self.faults.is_permanent:
                self._detail = wire.FAULT_CODE_CHIP_NOT_FOUND
                return wire.ERROR_CODE_FAULT_LATCHED
            if self.faults.code:
                self.log(wire.LOG_LEVEL_INFO, "faults cleared")
            self.faults.clear()
            self.faults_cleared()
            if self.state == wire.BOARD_STATE_FAULT:
                self.state = wire.BOARD_STATE_SAFE
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_DEFAULT_SETTINGS:
            if self.state == wire.BOARD_STATE_ACTIVE:
                return wire.ERROR_CODE_WRONG_STATE
            self.settings.defaults()
            self._settings_changed()
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_BLINK:
            if self._led is None or not 0 <= first <= _BLINK_MAX_S:
                self._detail = _BLINK_MAX_S
                return wire.ERROR_CODE_BAD_ARGUMENT
            self._blink_blocks = first * 1000
            self._led.set(0)
            return wire.ERROR_CODE_OK
        if command in _AT_REST:
            return self._at_rest(command)
        return -1

    def _at_rest(self, command):
        """Do what stops the machine for a while or allocates: never with outputs on or rows due."""
        if self.state == wire.BOARD_STATE_ACTIVE:
            return wire.ERROR_CODE_WRONG_STATE
        if self.streaming:
            return wire.ERROR_CODE_STREAMING
        # File work allocates more than a heap may have left; at rest there is time to collect.
        gc.enable()
        try:
            if command == wire.COMMAND_SAVE_SETTINGS:
                self.settings.save(self.hal.flash_root)
                self.log(wire.LOG_LEVEL_INFO, "settings saved")
            elif command == wire.COMMAND_CONFIRM_FIRMWARE:
                self.boot.confirm(self.hal.flash_root)
                self.log(wire.LOG_LEVEL_INFO, "firmware confirmed")
            else:
                self._detail = self_test(self)
        except OSError as error:
            self._detail = error.args[0] if error.args else 0
            return wire.ERROR_CODE_FLASH_FAILED
        finally:
            gc.collect()
            gc.disable()
            self._was_at_rest = True
        return wire.ERROR_CODE_OK

    def _leave(self, command):
        """Send what is queued, then reset, stop, or hang on purpose."""
        self.stopped = True
        self.safe_off()
        for _ in range(4):
            # The DAC stream goes on from what this makes: codes at zero, not the last modulation.
            self.block()
            self.link.pump()
            self.hal.wait_block()
        gc.enable()
        if command == wire.COMMAND_RESET:
            self.hal.reset()
        elif command == wire.COMMAND_WATCHDOG_TEST:
            self.hal.hang()
        else:
            self.hal.enter_repl()

    # ------------------------------------------------------------------ fixed messages

    def _make_identity(self):
        raw = new_message(wire.IDENTITY, wire.IDENTITY_SIZE)
        put_u16(raw, _P + wire.IDENTITY_PROTOCOL_VERSION, wire.PROTOCOL_VERSION)
        raw[_P + wire.IDENTITY_ROLE] = _ROLES[self.board["role"]]
        raw[_P + wire.IDENTITY_RESET_CAUSE] = self.hal.reset_cause
        _put_bytes(raw, wire.IDENTITY_BOARD_UID, self.hal.uid, 8)
        _put_bytes(raw, wire.IDENTITY_CATALOGUE_FINGERPRINT, wire.FINGERPRINT, 8)
        _put_bytes(raw, wire.IDENTITY_FIRMWARE_VERSION, VERSION.encode(), 16)
        _put_bytes(raw, wire.IDENTITY_BOARD_NAME, self.board["name"].encode(), 24)
        put_u16(raw, _P + wire.IDENTITY_SETTING_COUNT, len(self.settings.items))
        raw[_P + wire.IDENTITY_CHANNEL_COUNT] = self.channel_count
        put_i32(raw, _P + wire.IDENTITY_BLOCK_PERIOD_US, BLOCK_US)
        put_i32(raw, _P + wire.IDENTITY_ROW_PERIOD_US, BLOCK_US)
        put_i32(raw, _P + wire.IDENTITY_GROUP_DELAY_US, self.group_delay_us)
        _put_bytes(raw, wire.IDENTITY_FIRMWARE_REVISION, REVISION.encode(), 16)
        _put_bytes(raw, wire.IDENTITY_UNIT_NAME, self.boot.unit.encode(), 16)
        raw[_P + wire.IDENTITY_MCU] = self.hal.mcu
        raw[_P + wire.IDENTITY_SLOT] = self.boot.number
        self._identity = raw

    def _make_descriptions(self):
        self._descriptions = []
        for number, item in enumerate(self.settings.items):
            raw = new_message(wire.SETTING_DESCRIPTION, wire.SETTING_DESCRIPTION_SIZE)
            put_u16(raw, _P + wire.SETTING_DESCRIPTION_INDEX, number)
            raw[_P + wire.SETTING_DESCRIPTION_KIND] = item.kind
            raw[_P + wire.SETTING_DESCRIPTION_FLAGS] = item.flags
            _put_bytes(raw, wire.SETTING_DESCRIPTION_NAME, item.name, 32)
            _put_bytes(raw, wire.SETTING_DESCRIPTION_UNIT, item.unit, 8)
            raw[_P + wire.SETTING_DESCRIPTION_EXPONENT] = item.exponent & 0xFF
            put_i32(raw, _P + wire.SETTING_DESCRIPTION_MINIMUM, item.minimum)
            put_i32(raw, _P + wire.SETTING_DESCRIPTION_MAXIMUM, item.maximum)
            put_i32(raw, _P + wire.SETTING_DESCRIPTION_DEFAULT, item.default)
            self._descriptions.append(raw)


def _put_bytes(raw, offset, data, size):
    copy(raw, (_P + offset) << 16, data, min(len(data), size))
