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
    BRINGUP = 4


class Mcu(IntEnum):
    """What the firmware runs on; it decides which bundle fits."""

    VIRTUAL = 1
    RP2040 = 2
    RP2350 = 3


class Slot(IntEnum):
    """Where the running firmware came from."""

    BUILT_IN = 0  # frozen in the image
    A = 1
    B = 2


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
    HOLD_OPEN = 15  # the hold-to-run button is not pressed


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
    SELF_TEST = 10  # outputs off, not streaming; the detail holds what failed (SelfTestFlag)
    CONFIRM_FIRMWARE = 11  # the firmware on trial becomes the one that boots; outputs off
    BLINK = 12  # (seconds) the LED blinks, so that a person finds the board
    WATCHDOG_TEST = 13  # outputs off, then the program hangs on purpose until the watchdog resets
    SENSOR_START = 16  # (head mask) heater, laser, lock, field zero
    SENSOR_ZERO = 17  # (head mask, 1: calibration kept) null the effective field, on-head coils
    SENSOR_LOOP = 18  # (head mask, 0 open / 1 closed)
    SENSOR_MEASURE_BEAM = 19  # (head mask, 1: one cycle) re-null near zero, the beam axis too
    COIL_ENABLE = 32  # (0 off / 1 on) output stage, at zero current
    COIL_SET = 33  # (channel, current in nA) ramped setpoint
    COIL_RAMP_TO_ZERO = 34  # all setpoints to zero by the ramp
    COIL_WAVEFORM_START = 35  # all armed waveforms start in the same block
    COIL_WAVEFORM_STOP = 36  # waveforms end; what they stood at ramps to zero
    TABLE_HOME = 48  # find the home switch
    TABLE_MOVE = 49  # (position in um, speed in um/s) trapezoidal move
    TABLE_STOP = 50  # decelerate and hold
    TABLE_RELEASE = 51  # de-energise the motor
    TABLE_HOLD = 52  # (direction -1 / 0 / 1, speed in um/s) moves while it is repeated


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
    SUPPLY_LOW = 22
    TABLE_STALL = 23
    COIL_SHORT = 24
    COIL_COMPLIANCE = 25
    COIL_OVER_TEMPERATURE = 26


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
    COMPENSATING = 16  # offsets of COIL_COMPENSATION are in force
    COMPENSATION_STALE = 32  # no new ones came in time; they ramp, or have ramped, to zero
    WAVEFORM = 64  # a waveform runs; the first row of them is block 0 of the waveform
    COMPLIANCE = 128  # a source is at the end of its voltage
    RAMP_DOWN = 256  # the host fell silent: all currents ramp to zero, then the outputs go off


class WaveformShape(IntEnum):
    """Shape of a coil waveform."""

    NONE = 0
    SINE = 1
    SQUARE = 2
    PSEUDO_RANDOM = 3
    DEGAUSS = 4


class TableFlag(IntFlag):
    """Bits of a table sample row (uint32)."""

    MOTOR_ENERGISED = 1
    HOMED = 2
    MOVING = 4
    AT_HOME = 8
    AT_END = 16
    EMERGENCY_STOP = 32


class BringupFlag(IntFlag):
    """Bits of a bring-up sample row (uint32)."""

    LED = 1


class SelfTestFlag(IntFlag):
    """What a self-test found wrong; no bit set means good."""

    CHIPS = 1  # a chip of the board does not answer, or lost its configuration
    FLASH = 2  # the file system cannot be written and read back
    SETTINGS = 4  # the settings file is damaged
    SUPPLY = 8  # the supply is below the board's minimum
    OUTPUTS = 16  # an output is not at its safe level
    FILES = 32  # a file of the running firmware differs from its manifest
    HEAP = 64  # too little memory is left
    BLOCKS = 128  # more than one block in a hundred was missed since the start


class TraceState(IntEnum):
    """State of the trace buffer."""

    IDLE = 0
    ARMED = 1  # filling the part before the trigger, or waiting for it
    TRIGGERED = 2  # filling the rest
    DONE = 3


class TraceTrigger(IntEnum):
    """What starts a trace."""

    NOW = 0
    RISING = 1  # the first signal passes the level upwards
    FALLING = 2  # the first signal passes the level downwards
    FAULT = 3  # the board latches a fault


class TraceKind(IntEnum):
    """How often a signal has a new value."""

    BLOCK = 0  # once a block
    SAMPLE = 1  # with every conversion of the block


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
    Mcu,
    Slot,
    ResetCause,
    ErrorCode,
    Command,
    BoardState,
    HeadState,
    TableState,
    FaultCode,
    SampleFlag,
    CoilFlag,
    WaveformShape,
    TableFlag,
    BringupFlag,
    SelfTestFlag,
    TraceState,
    TraceTrigger,
    TraceKind,
    SettingKind,
    SettingFlag,
    LogLevel,
)
