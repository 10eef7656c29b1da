"""Named numbers of the wire: roles, commands, states, errors, faults and flag bits.

They are part of the catalogue's fingerprint, so a board and a host that disagree on one of them
find out when they shake hands. Numbers are never reused; a new meaning takes a new number.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

PROTOCOL_VERSION = 1
"""Raised when a frame or a message changes in a way that an older side cannot read."""

MAX_PAYLOAD = 1024
"""Largest payload in bytes; a longer frame is refused as oversized."""


class Role(IntEnum):
    """What a board is for."""

    SENSOR = 1
    COIL = 2
    TABLE = 3


class ResetCause(IntEnum):
    """Why the board started. The RP2 series tells only these two apart."""

    POWER_ON = 1
    WATCHDOG = 2


class ErrorCode(IntEnum):
    """Result of a request; everything but OK leaves the board unchanged."""

    OK = 0
    UNKNOWN_MESSAGE = 1
    UNKNOWN_COMMAND = 2
    UNKNOWN_SETTING = 3
    BELOW_MINIMUM = 4
    ABOVE_MAXIMUM = 5
    READ_ONLY = 6
    WRONG_STATE = 7
    BAD_ARGUMENT = 8
    FAULT_LATCHED = 9
    STREAMING = 10
    FLASH_FAILED = 11
    BUSY = 12
    BAD_LENGTH = 13
    VERSION_MISMATCH = 14


class Command(IntEnum):
    """Commands; arguments and units stand beside each.

    The acknowledgement says that the board accepted the command. Progress and end of a longer job
    show in the telemetry.
    """

    PING = 1  # no argument
    STREAM_START = 2  # no argument
    STREAM_STOP = 3  # no argument
    SAFE_OFF = 4  # all outputs off, now
    CLEAR_FAULTS = 5  # latched faults are forgotten if their cause is gone
    SAVE_SETTINGS = 6  # write persistent settings to flash; outputs must be off
    DEFAULT_SETTINGS = 7  # every setting to its default, not saved
    ENTER_REPL = 8  # outputs off, application stops, Ctrl-C works again
    RESET = 9  # outputs off, then a hard reset
    SENSOR_START = 16  # (head mask) heater, laser, lock, field zero
    SENSOR_ZERO = 17  # (head mask) null the effective field with the on-head coils
    SENSOR_LOOP = 18  # (head mask, 0 open / 1 closed)
    SENSOR_MEASURE_BEAM = 19  # (head mask) re-null the beam axis only
    COIL_ENABLE = 32  # (0 off / 1 on) output stage, at zero current
    COIL_SET = 33  # (channel, current in nA) ramped setpoint
    COIL_RAMP_TO_ZERO = 34  # all setpoints to zero by the ramp
    TABLE_HOME = 48  # find the home switch
    TABLE_MOVE = 49  # (position in um, speed in um/s) trapezoidal move
    TABLE_STOP = 50  # decelerate and hold
    TABLE_RELEASE = 51  # de-energise the motor


class BoardState(IntEnum):
    """State of a board as a whole."""

    SAFE = 0  # outputs off
    ACTIVE = 1  # outputs may be on
    FAULT = 2  # a fault is latched, outputs off
    REPL = 3  # application stopped


class HeadState(IntEnum):
    """State of one sensor head."""

    OFF = 0
    WARM_UP = 1
    LASER_ON = 2
    LOCK = 3
    FIELD_ZERO = 4
    READY = 5
    FAULT = 6


class TableState(IntEnum):
    """State of the patient table."""

    OFF = 0
    NOT_HOMED = 1
    HOMING = 2
    IDLE = 3
    MOVING = 4
    FAULT = 5


class FaultCode(IntEnum):
    """Why a board made its outputs safe. Faults latch until CLEAR_FAULTS."""

    NONE = 0
    HOST_SILENT = 1
    WATCHDOG = 2
    BLOCK_OVERRUN = 3
    INTERLOCK_OPEN = 4
    CELL_OVER_TEMPERATURE = 5
    CELL_SENSOR = 6
    HEATER_INEFFECTIVE = 7
    HEATER_STUCK_ON = 8
    LASER_SENSOR = 9
    LASER_OVER_CURRENT = 10
    LASER_LOCK_LOST = 11
    FIELD_ZERO_FAILED = 12
    COIL_OPEN = 13
    COIL_OVER_CURRENT = 14
    COIL_READBACK = 15
    TABLE_EMERGENCY_STOP = 16
    TABLE_LIMIT = 17
    TABLE_HOME_NOT_FOUND = 18
    SETTINGS_CORRUPT = 19
    CHIP_NOT_FOUND = 20
    ADC_FRAME = 21


class SampleFlag(IntFlag):
    """Validity bits of one head (uint8) in one sample row; no bit set means good."""

    UNLOCKED = 1
    SATURATED = 2
    UNCALIBRATED = 4
    OVERRANGE = 8
    SETTLING = 16
    OPEN_LOOP = 32


class CoilFlag(IntFlag):
    """Bits of a coil sample row (uint32)."""

    ENABLED = 1
    RAMPING = 2
    LIMITED = 4
    FAULT = 8


class TableFlag(IntFlag):
    """Bits of a table sample row (uint32)."""

    MOTOR_ENERGISED = 1
    HOMED = 2
    MOVING = 4
    AT_HOME = 8
    AT_END = 16
    EMERGENCY_STOP = 32


class SettingKind(IntEnum):
    """How a setting's 32-bit value is meant."""

    INTEGER = 0
    BOOLEAN = 1


class SettingFlag(IntFlag):
    """Properties of a setting."""

    PERSISTENT = 1
    READ_ONLY = 2


class LogLevel(IntEnum):
    """Severity of a board's log line."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


ENUMERATIONS: tuple[type[IntEnum] | type[IntFlag], ...] = (
    Role,
    ResetCause,
    ErrorCode,
    Command,
    BoardState,
    HeadState,
    TableState,
    FaultCode,
    SampleFlag,
    CoilFlag,
    TableFlag,
    SettingKind,
    SettingFlag,
    LogLevel,
)
