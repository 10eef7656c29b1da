"""A board in the test's own process: answers by the protocol, on a line that may be bad.

Clock and line are deterministic: time moves only in `StepClock.wait`, from event to event.
"""

import heapq
import itertools
from collections import Counter

import numpy as np

from nullfield_protocol.catalogue import (
    BoardState,
    Command,
    ErrorCode,
    FaultCode,
    Mcu,
    ResetCause,
    Role,
    SettingFlag,
    SettingKind,
    Slot,
)
from nullfield_protocol.codec import build, message_layout, parse, row_dtype
from nullfield_protocol.fingerprint import fingerprint
from nullfield_protocol.frame import FrameDecoder, encode_frame
from nullfield_protocol.messages import MessageId

ROLE_MESSAGES = {
    Role.SENSOR: (MessageId.SENSOR_SAMPLES, MessageId.SENSOR_TELEMETRY),
    Role.COIL: (MessageId.COIL_SAMPLES, MessageId.COIL_TELEMETRY),
    Role.TABLE: (MessageId.TABLE_SAMPLES, MessageId.TABLE_TELEMETRY),
}


class StepClock:
    def __init__(self, start_s=100.0):
        self.now = start_s
        self.events = []
        self.numbers = itertools.count()

    def now_s(self):
        return self.now

    def at(self, time_s, action):
        heapq.heappush(self.events, (time_s, next(self.numbers), action))

    def wait(self, predicate, timeout_s):
        end = self.now + timeout_s
        while not predicate():
            if not self.events or self.events[0][0] > end:
                self.now = end
                return bool(predicate())
            time_s, _, action = heapq.heappop(self.events)
            self.now = max(self.now, time_s)
            action()
        return True

    def run(self, seconds):
        self.wait(lambda: False, seconds)

    def wake(self):
        pass

    def call_every(self, period_s, callback):
        state = {"on": True}

        def tick():
            if state["on"]:
                self.at(self.now + period_s, tick)
                callback()

        self.at(self.now + period_s, tick)
        return lambda: state.update(on=False)


def default_settings(role):
    def setting(name, value, unit="", exponent=0, low=0, high=100, flags=0, kind=0):
        return {
            "name": name.encode(), "unit": unit.encode(), "exponent": exponent, "minimum": low,
            "maximum": high, "default": value, "value": value, "flags": flags, "kind": kind,
        }  # fmt: skip

    out = [
        setting("heater_power_limit", 300, "W", -3, 0, 600, SettingFlag.PERSISTENT),
        setting("serial_number", 7, flags=SettingFlag.READ_ONLY),
        setting("closed_loop", 1, kind=SettingKind.BOOLEAN, high=1),
    ]
    if role == Role.SENSOR:
        out += [
            setting(f"head{h}_coil_scale_{a}", 1862645 + 10 * h, "T", -21, 1, 2**31 - 1)
            for h in range(4)
            for a in "xyb"
        ]
    return out


class FakeBoard:
    """Board and line in one; satisfies Transport.

    `to_board` and `to_host` map a frame's wire bytes to the list of wires that arrive.
    """

    def __init__(self, clock, role=Role.SENSOR, uid=b"\x01\x02\x03\x04\x05\x06\x07\x08"):
        self.clock = clock
        self.role, self.uid = role, uid
        self.port = f"fake:{uid.hex()}"
        self.version, self.catalogue = 1, fingerprint()
        self.delay_s = 0.002
        self.to_board = lambda wire: [wire]
        self.to_host = lambda wire: [wire]
        self.settings = default_settings(role)
        self.commands = []
        self.beats = 0
        self.heard = FrameDecoder()
        self.sequence = Counter()
        self.last_id = None
        self.last_answer = None
        self.errors = {}
        self.state = BoardState.SAFE
        self.is_mute = False
        self.is_open = False
        self.is_streaming = False
        self.sample_index = 0
        self.dropped_rows = 0
        self.block_rows = 4
        self.boot_s = clock.now - 5.0
        self.receiver = self.lost = None
        clock.call_every(0.25, self._beat)

    def set_receiver(self, callback):
        self.receiver = callback

    def set_lost(self, callback):
        self.lost = callback

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False

    def write(self, data):
        if data == b"\0":
            self._hear(data)
            return
        for wire in self.to_board(data):
            self.clock.at(self.clock.now + self.delay_s, lambda w=wire: self._hear(w))

    def time_us(self):
        return round((self.clock.now - self.boot_s) * 1e6)

    def raw(self, data):
        if self.is_open:
            self.receiver(data)

    def send(self, message, payload=None, **values):
        payload = build(message, **values) if payload is None else payload
        wire = encode_frame(message, self.sequence[message], payload)
        self.sequence[message] += 1
        if self.is_mute:
            return
        for one in self.to_host(wire):
            self.clock.at(self.clock.now + self.delay_s, lambda w=one: self.raw(w))

    def stream(self):
        self.is_streaming = True
        self.clock.at(self.clock.now + self.block_rows * 1e-3, self._stream_block)

    def fault(self, code=FaultCode.INTERLOCK_OPEN, state=BoardState.FAULT, source=0):
        self.state = state
        self.send(MessageId.FAULT, board_time_us=self.time_us(), code=int(code), source=source,
                  board_state=int(state), value=12)  # fmt: skip

    def skip_rows(self, count, counted=True):
        """Rows lost on the board, with or without its counting them."""
        self.sample_index = (self.sample_index + count) % 2**32
        self.dropped_rows += count if counted else 0

    def telemetry(self, **changes):
        message = ROLE_MESSAGES[self.role][1]
        values = {}
        for field in message_layout(message).fields:
            values[field.name] = [0] * field.count if field.count > 1 else 0
        values["board_time_us"] = self.time_us()
        self.send(message, **{**values, **changes})

    def block(self):
        """One sample block; the rows tell their own index."""
        message = ROLE_MESSAGES[self.role][0]
        index = (self.sample_index + np.arange(self.block_rows)).astype(np.int64)
        rows = np.zeros(self.block_rows, row_dtype(message))
        if self.role == Role.SENSOR:
            rows["field_count"] = ((index[:, None] % 100000) * 10 + np.arange(12)).astype(np.int32)
        elif self.role == Role.COIL:
            rows["current_na"] = (index[:, None] % 100000 + np.arange(8)).astype(np.int32)
        else:
            rows["position_um"] = (index % 100000).astype(np.int32)
        header = build(
            message, board_time_us=self.time_us() - self.block_rows * 1000,
            sample_index=self.sample_index, dropped_rows=self.dropped_rows, row_period_us=1000,
            row_count=self.block_rows, rows=[],
        )  # fmt: skip
        self.sample_index = (self.sample_index + self.block_rows) % 2**32
        return message, header + rows.tobytes()

    def _stream_block(self):
        if self.is_streaming:
            message, payload = self.block()
            self.clock.at(self.clock.now + self.block_rows * 1e-3, self._stream_block)
            self.send(message, payload)

    def _beat(self):
        self.send(
            MessageId.BOARD_HEARTBEAT, board_time_us=self.time_us(), host_beat=self.beats,
            state=int(self.state), streaming=int(self.is_streaming),
            fault_code=int(FaultCode.INTERLOCK_OPEN) if self.state == BoardState.FAULT else 0,
            dropped_rows=self.dropped_rows, dropped_frames=0, receive_errors=0, missed_blocks=0,
            supply_mv=5000, mcu_temperature_mc=31000,
        )  # fmt: skip

    def _hear(self, data):
        for frame in list(self.heard.feed(data)):
            request = parse(frame.message, frame.payload)
            if frame.message == MessageId.HEARTBEAT:
                self.beats = request.host_beat
                continue
            if request.request_id != self.last_id:
                self.last_id = request.request_id
                self.last_answer = self._do(frame.message, request)
            message, values = self.last_answer
            self.send(message, request_id=request.request_id, **values)

    def _do(self, message, request):
        if message == MessageId.IDENTIFY_REQUEST:
            return MessageId.IDENTITY, {
                "protocol_version": self.version, "role": int(self.role),
                "reset_cause": int(ResetCause.POWER_ON), "board_uid": self.uid,
                "catalogue_fingerprint": self.catalogue, "firmware_version": b"0.1.0",
                "board_name": b"fake", "setting_count": len(self.settings), "channel_count": 12,
                "state": int(self.state), "block_period_us": 1000, "row_period_us": 1000,
                "group_delay_us": 1500, "firmware_revision": b"source", "unit_name": b"",
                "mcu": int(Mcu.VIRTUAL), "slot": int(Slot.BUILT_IN), "trial": 0,
            }  # fmt: skip
        if message == MessageId.TIME_REQUEST:
            return MessageId.TIME_REPLY, {"hold_time_us": 0, "board_time_us": self.time_us()}
        if message == MessageId.COMMAND_REQUEST:
            return MessageId.ACKNOWLEDGE, self._command(request)
        if request.index >= len(self.settings):
            return MessageId.ACKNOWLEDGE, {
                "command": 0, "error": int(ErrorCode.UNKNOWN_SETTING), "detail": request.index,
            }  # fmt: skip
        setting = self.settings[request.index]
        if message == MessageId.SETTING_DESCRIBE_REQUEST:
            return MessageId.SETTING_DESCRIPTION, {"index": request.index, **setting}
        error = ErrorCode.OK
        if message == MessageId.SETTING_WRITE_REQUEST:
            if setting["flags"] & SettingFlag.READ_ONLY:
                error = ErrorCode.READ_ONLY
            elif request.value < setting["minimum"]:
                error = ErrorCode.BELOW_MINIMUM
            elif request.value > setting["maximum"]:
                error = ErrorCode.ABOVE_MAXIMUM
            else:
                setting["value"] = request.value
        return MessageId.SETTING_VALUE, {
            "index": request.index, "error": int(error), "value": setting["value"],
        }  # fmt: skip

    def _command(self, request):
        error, detail = self.errors.get(request.command, (ErrorCode.OK, 0))
        if error == ErrorCode.OK:
            self.commands.append((Command(request.command), list(request.argument)))
            if request.command == Command.STREAM_START and not self.is_streaming:
                self.stream()
            elif request.command == Command.STREAM_STOP:
                self.is_streaming = False
            elif request.command == Command.CLEAR_FAULTS:
                self.state = BoardState.SAFE
        return {"command": request.command, "error": int(error), "detail": detail}
