"""THE definition of every message on the wire, with construct.

Everything else is derived from here: the host's parsing and building, numpy's sample rows, the
firmware's generated wire module, the reference page. All integers are little-endian; every field is
aligned to its size (to 4 for 64-bit ones), because the board reads them in place.

Units stand in the names: `_us` microseconds, `_mc` milli degrees Celsius, `_na` nanoamperes, `_pa`
picoamperes, `_uv` microvolts, `_um` micrometres, `_count` coil counts (2^-12 of a coil DAC step,
scaled to tesla by the board's `coil_scale_*` settings).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from construct import (
    Array,
    Bytes,
    Construct,
    GreedyRange,
    Int8sl,
    Int8ul,
    Int16ul,
    Int32sl,
    Int32ul,
    Int64ul,
    Struct,
)

HEADS_PER_BOARD = 4
AXES_PER_HEAD = 3
COILS_PER_BOARD = 8


class MessageId(IntEnum):
    """First byte of every frame. Host to board below 0x80, board to host from 0x80 on."""

    IDENTIFY_REQUEST = 0x01
    SETTING_DESCRIBE_REQUEST = 0x02
    SETTING_READ_REQUEST = 0x03
    SETTING_WRITE_REQUEST = 0x04
    COMMAND_REQUEST = 0x05
    TIME_REQUEST = 0x06
    HEARTBEAT = 0x07
    TRACE_DESCRIBE_REQUEST = 0x08
    TRACE_ARM_REQUEST = 0x09
    TRACE_READ_REQUEST = 0x0A
    COIL_COMPENSATION = 0x0B
    COIL_WAVEFORM_REQUEST = 0x0C
    IDENTITY = 0x81
    SETTING_DESCRIPTION = 0x82
    SETTING_VALUE = 0x83
    ACKNOWLEDGE = 0x84
    TIME_REPLY = 0x85
    TRACE_DESCRIPTION = 0x86
    TRACE_DATA = 0x87
    SENSOR_SAMPLES = 0x88
    COIL_SAMPLES = 0x89
    TABLE_SAMPLES = 0x8A
    BRINGUP_SAMPLES = 0x8B
    SENSOR_TELEMETRY = 0x90
    COIL_TELEMETRY = 0x91
    TABLE_TELEMETRY = 0x92
    FAULT = 0x93
    LOG = 0x94
    BOARD_HEARTBEAT = 0x95
    BRINGUP_TELEMETRY = 0x96


HEADER = Struct(
    "message" / Int8ul,
    "flags" / Int8ul,
    "length" / Int16ul,
    "sequence" / Int32ul,
)

IDENTIFY_REQUEST = Struct(
    "request_id" / Int32ul,
    "protocol_version" / Int16ul,
    "reserved" / Int16ul,
)
SETTING_DESCRIBE_REQUEST = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "reserved" / Int16ul,
)
SETTING_READ_REQUEST = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "reserved" / Int16ul,
)
SETTING_WRITE_REQUEST = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "reserved" / Int16ul,
    "value" / Int32sl,
)
COMMAND_REQUEST = Struct(
    "request_id" / Int32ul,
    "command" / Int16ul,
    "reserved" / Int16ul,
    "argument" / Array(4, Int32sl),
)
TIME_REQUEST = Struct("request_id" / Int32ul)
HEARTBEAT = Struct("host_beat" / Int32ul)
TRACE_DESCRIBE_REQUEST = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "reserved" / Int16ul,
)
TRACE_ARM_REQUEST = Struct(
    "request_id" / Int32ul,
    "signal" / Array(4, Int8ul),
    "decimation" / Int16ul,
    "sample_count" / Int16ul,
    "before_count" / Int16ul,
    "trigger" / Int8ul,
    "reserved" / Int8ul,
    "level" / Int32sl,
)
TRACE_READ_REQUEST = Struct(
    "request_id" / Int32ul,
    "offset" / Int16ul,
    "count" / Int16ul,
)
COIL_COMPENSATION = Struct(
    "sequence" / Int32ul,
    "hold_ms" / Int16ul,
    "reserved" / Int16ul,
    "offset_na" / Array(COILS_PER_BOARD, Int32sl),
)
COIL_WAVEFORM_REQUEST = Struct(
    "request_id" / Int32ul,
    "channel" / Int8ul,
    "shape" / Int8ul,
    "cycles" / Int16ul,
    "amplitude_na" / Int32sl,
    "increment" / Int32ul,
    "phase" / Int32ul,
    "decay" / Int16ul,
    "reserved" / Int16ul,
)

IDENTITY = Struct(
    "request_id" / Int32ul,
    "protocol_version" / Int16ul,
    "role" / Int8ul,
    "reset_cause" / Int8ul,
    "board_uid" / Bytes(8),
    "catalogue_fingerprint" / Bytes(8),
    "firmware_version" / Bytes(16),
    "board_name" / Bytes(24),
    "setting_count" / Int16ul,
    "channel_count" / Int8ul,
    "state" / Int8ul,
    "block_period_us" / Int32ul,
    "row_period_us" / Int32ul,
    "group_delay_us" / Int32sl,
    "firmware_revision" / Bytes(16),
    "unit_name" / Bytes(16),
    "mcu" / Int8ul,
    "slot" / Int8ul,
    "trial" / Int8ul,
    "reserved" / Int8ul,
)
SETTING_DESCRIPTION = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "kind" / Int8ul,
    "flags" / Int8ul,
    "name" / Bytes(32),
    "unit" / Bytes(8),
    "exponent" / Int8sl,
    "reserved" / Array(3, Int8ul),
    "minimum" / Int32sl,
    "maximum" / Int32sl,
    "default" / Int32sl,
    "value" / Int32sl,
)
SETTING_VALUE = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "error" / Int16ul,
    "value" / Int32sl,
)
ACKNOWLEDGE = Struct(
    "request_id" / Int32ul,
    "command" / Int16ul,
    "error" / Int16ul,
    "detail" / Int32sl,
)
TIME_REPLY = Struct(
    "request_id" / Int32ul,
    "hold_time_us" / Int32ul,
    "board_time_us" / Int64ul,
)

TRACE_DESCRIPTION = Struct(
    "request_id" / Int32ul,
    "index" / Int16ul,
    "signal_count" / Int16ul,
    "kind" / Int8ul,
    "exponent" / Int8sl,
    "buffer_words" / Int16ul,
    "name" / Bytes(32),
    "unit" / Bytes(8),
)
TRACE_DATA = Struct(
    "request_id" / Int32ul,
    "state" / Int8ul,
    "signal_count" / Int8ul,
    "offset" / Int16ul,
    "sample_count" / Int16ul,
    "before_count" / Int16ul,
    "period_ns" / Int32ul,
    "trigger_time_us" / Int64ul,
    "missed_blocks" / Int32ul,
    "words" / GreedyRange(Struct("value" / Int32sl)),
)

SENSOR_ROW = Struct(
    "field_count" / Array(HEADS_PER_BOARD * AXES_PER_HEAD, Int32sl),
    "flags" / Array(HEADS_PER_BOARD, Int8ul),
)
COIL_ROW = Struct(
    "current_na" / Array(COILS_PER_BOARD, Int32sl),
    "flags" / Int32ul,
    "command_na" / Array(COILS_PER_BOARD, Int32sl),
    "compensation_sequence" / Int32ul,
)
TABLE_ROW = Struct(
    "position_um" / Int32sl,
    "speed_um_s" / Int32sl,
    "flags" / Int32ul,
)
BRINGUP_ROW = Struct(
    "supply_mv" / Int32sl,
    "mcu_temperature_mc" / Int32sl,
    "flags" / Int32ul,
)


def _samples(row: Construct[Any, Any]) -> Construct[Any, Any]:
    return Struct(
        "board_time_us" / Int64ul,
        "sample_index" / Int32ul,
        "dropped_rows" / Int32ul,
        "row_period_us" / Int32ul,
        "row_count" / Int16ul,
        "reserved" / Int16ul,
        "rows" / GreedyRange(row),
    )


SENSOR_SAMPLES = _samples(SENSOR_ROW)
COIL_SAMPLES = _samples(COIL_ROW)
TABLE_SAMPLES = _samples(TABLE_ROW)
BRINGUP_SAMPLES = _samples(BRINGUP_ROW)

SENSOR_TELEMETRY = Struct(
    "board_time_us" / Int64ul,
    "board_state" / Int8ul,
    "interlock_closed" / Int8ul,
    "load_permille" / Int16ul,
    "fault_code" / Int16ul,
    "fault_source" / Int8ul,
    "reserved" / Int8ul,
    "head_state" / Array(HEADS_PER_BOARD, Int8ul),
    "head_fault" / Array(HEADS_PER_BOARD, Int8ul),
    "laser_locked" / Array(HEADS_PER_BOARD, Int8ul),
    "loop_closed" / Array(HEADS_PER_BOARD, Int8ul),
    "zero_count" / Array(HEADS_PER_BOARD, Int16ul),
    "cell_temperature_mc" / Array(HEADS_PER_BOARD, Int32sl),
    "laser_temperature_mc" / Array(HEADS_PER_BOARD, Int32sl),
    "heater_power_uw" / Array(HEADS_PER_BOARD, Int32sl),
    "laser_current_na" / Array(HEADS_PER_BOARD, Int32sl),
    "tec_current_ua" / Array(HEADS_PER_BOARD, Int32sl),
    "photocurrent_pa" / Array(HEADS_PER_BOARD, Int32sl),
    "lock_residual_pa" / Array(HEADS_PER_BOARD, Int32sl),
    "coil_offset_count" / Array(HEADS_PER_BOARD * AXES_PER_HEAD, Int32sl),
    "response" / Array(HEADS_PER_BOARD * 2, Int32sl),
    "heap_free" / Int32ul,
)
COIL_TELEMETRY = Struct(
    "board_time_us" / Int64ul,
    "board_state" / Int8ul,
    "enabled" / Int8ul,
    "load_permille" / Int16ul,
    "fault_code" / Int16ul,
    "fault_source" / Int8ul,
    "reserved" / Int8ul,
    "setpoint_na" / Array(COILS_PER_BOARD, Int32sl),
    "current_na" / Array(COILS_PER_BOARD, Int32sl),
    "heap_free" / Int32ul,
    "voltage_uv" / Array(COILS_PER_BOARD, Int32sl),
    "trim_na" / Array(COILS_PER_BOARD, Int32sl),
    "stage_temperature_mc" / Int32sl,
)
TABLE_TELEMETRY = Struct(
    "board_time_us" / Int64ul,
    "board_state" / Int8ul,
    "table_state" / Int8ul,
    "load_permille" / Int16ul,
    "fault_code" / Int16ul,
    "fault_source" / Int8ul,
    "switches" / Int8ul,
    "position_um" / Int32sl,
    "target_um" / Int32sl,
    "speed_um_s" / Int32sl,
    "heap_free" / Int32ul,
)
BRINGUP_TELEMETRY = Struct(
    "board_time_us" / Int64ul,
    "board_state" / Int8ul,
    "led" / Int8ul,
    "load_permille" / Int16ul,
    "fault_code" / Int16ul,
    "fault_source" / Int8ul,
    "reserved" / Int8ul,
    "supply_mv" / Int32sl,
    "mcu_temperature_mc" / Int32sl,
    "block_late_us" / Int32sl,
    "heap_free" / Int32ul,
)
FAULT = Struct(
    "board_time_us" / Int64ul,
    "code" / Int16ul,
    "source" / Int8ul,
    "board_state" / Int8ul,
    "value" / Int32sl,
)
LOG = Struct(
    "board_time_us" / Int64ul,
    "level" / Int8ul,
    "reserved" / Array(3, Int8ul),
    "text" / GreedyRange(Int8ul),
)
BOARD_HEARTBEAT = Struct(
    "board_time_us" / Int64ul,
    "host_beat" / Int32ul,
    "state" / Int8ul,
    "streaming" / Int8ul,
    "fault_code" / Int16ul,
    "dropped_rows" / Int32ul,
    "dropped_frames" / Int32ul,
    "receive_errors" / Int32ul,
    "missed_blocks" / Int32ul,
    "supply_mv" / Int32sl,
    "mcu_temperature_mc" / Int32sl,
)


@dataclass(frozen=True)
class Message:
    """One message of the catalogue.

    Attributes
    ----------
    id : MessageId
        First byte of the frame.
    layout : construct.Struct
        The payload.
    summary : str
        One line for the reference page.
    """

    id: MessageId
    layout: Construct[Any, Any]
    summary: str

    @property
    def name(self) -> str:
        """Name in snake case, for instance ``sensor_samples``."""
        return self.id.name.lower()


_SUMMARIES: dict[MessageId, tuple[Any, str]] = {
    MessageId.IDENTIFY_REQUEST: (IDENTIFY_REQUEST, "Asks who is there."),
    MessageId.SETTING_DESCRIBE_REQUEST: (
        SETTING_DESCRIBE_REQUEST,
        "Asks for name, unit, limits, default and value of the setting with this index.",
    ),
    MessageId.SETTING_READ_REQUEST: (SETTING_READ_REQUEST, "Asks for the value of a setting."),
    MessageId.SETTING_WRITE_REQUEST: (
        SETTING_WRITE_REQUEST,
        "Changes a setting; the answer holds the value in force afterwards.",
    ),
    MessageId.COMMAND_REQUEST: (
        COMMAND_REQUEST,
        "Runs a command once: a repeat of a request id is answered, not done twice.",
    ),
    MessageId.TIME_REQUEST: (TIME_REQUEST, "Half of a two-way time exchange."),
    MessageId.HEARTBEAT: (
        HEARTBEAT,
        "Says that the host lives; without it the board makes its outputs safe.",
    ),
    MessageId.TRACE_DESCRIBE_REQUEST: (
        TRACE_DESCRIBE_REQUEST,
        "Asks for the internal signal with this index.",
    ),
    MessageId.TRACE_ARM_REQUEST: (
        TRACE_ARM_REQUEST,
        "Arms the trace: up to four signals (255 is none), samples in all and before the trigger.",
    ),
    MessageId.TRACE_READ_REQUEST: (
        TRACE_READ_REQUEST,
        "Asks for the trace's state and for samples of it, oldest first.",
    ),
    MessageId.COIL_COMPENSATION: (
        COIL_COMPENSATION,
        "Currents to add to the setpoints for `hold_ms`; not answered. The row shows the sequence "
        "in force. Hold 0 ends it: the offsets ramp to zero.",
    ),
    MessageId.COIL_WAVEFORM_REQUEST: (
        COIL_WAVEFORM_REQUEST,
        "Arms a waveform on a coil channel; COIL_WAVEFORM_START starts all that are armed. The "
        "increment is the cycle a block in 2^-32, or blocks a chip; a shape of 0 disarms.",
    ),
    MessageId.IDENTITY: (IDENTITY, "Who the board is and what it speaks."),
    MessageId.SETTING_DESCRIPTION: (SETTING_DESCRIPTION, "Self-description of one setting."),
    MessageId.SETTING_VALUE: (SETTING_VALUE, "Value of a setting after a read or write."),
    MessageId.ACKNOWLEDGE: (ACKNOWLEDGE, "Result of a command."),
    MessageId.TIME_REPLY: (TIME_REPLY, "The other half of a time exchange."),
    MessageId.TRACE_DESCRIPTION: (
        TRACE_DESCRIPTION,
        "Self-description of one internal signal: value times ten to the exponent is in the unit.",
    ),
    MessageId.TRACE_DATA: (
        TRACE_DATA,
        "State of the trace; with samples, each as one word a signal, oldest first.",
    ),
    MessageId.SENSOR_SAMPLES: (
        SENSOR_SAMPLES,
        "Field at each head: applied on-head field plus loop error, sign of the ambient field.",
    ),
    MessageId.COIL_SAMPLES: (
        COIL_SAMPLES,
        "Sensed coil currents, and what the sources are told to make two blocks later.",
    ),
    MessageId.TABLE_SAMPLES: (TABLE_SAMPLES, "Table motion."),
    MessageId.BRINGUP_SAMPLES: (BRINGUP_SAMPLES, "What a bare module can measure of itself."),
    MessageId.SENSOR_TELEMETRY: (SENSOR_TELEMETRY, "Slow state of a sensor board, 10 a second."),
    MessageId.COIL_TELEMETRY: (COIL_TELEMETRY, "Slow state of a coil board, 10 a second."),
    MessageId.TABLE_TELEMETRY: (TABLE_TELEMETRY, "Slow state of a table board, 10 a second."),
    MessageId.BRINGUP_TELEMETRY: (
        BRINGUP_TELEMETRY,
        "Slow state of a bring-up board, 10 a second.",
    ),
    MessageId.FAULT: (FAULT, "A fault latched; outputs are off."),
    MessageId.LOG: (LOG, "A line of text, UTF-8."),
    MessageId.BOARD_HEARTBEAT: (
        BOARD_HEARTBEAT,
        "Board alive, with its loss counters, 4 a second.",
    ),
}

MESSAGES: dict[MessageId, Message] = {
    key: Message(key, layout, summary) for key, (layout, summary) in _SUMMARIES.items()
}
"""Every message by its id."""
