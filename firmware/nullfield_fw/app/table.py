"""Patient table: home, trapezoidal moves, hold-to-run, limits, emergency stop, motor off when told."""

from .. import wire
from ..bits import put_i32
from ..control.trapezoid import Trapezoid
from ..drivers.tmc2209 import OVER_TEMPERATURE, SHORT_LOW_SIDE, SHORT_TO_GROUND, Tmc2209
from ..settings import Setting
from .common import BoardApplication
from .table_place import TablePlace

_P = wire.HEADER_SIZE
_SPEED_MAX = 2
_ACCELERATION = 3
_HOME_SPEED = 4
_HOLD_TIMEOUT = 5
_HOLD_TO_RUN = 6
_STALL_THRESHOLD = 7
_KEEP_PLACE = 8
_UM_NUMERATOR = 16  # 640 microsteps/mm: one microstep is 25/16 um
_UM_DENOMINATOR = 25
# The home switch closes at 0. This far from it by the count, a closed one says that the table does not
# follow its motor.
_HOME_LEFT_UM = 5000
# DIAG is looked at once a block: so many in a row, and it is no spike on the wire.
_STALL_BLOCKS = 3
_SOURCE_HELD = 2
_SOURCE_DRIVER = 3
_DRIVER_TROUBLE = OVER_TEMPERATURE | SHORT_TO_GROUND | SHORT_LOW_SIDE


class TableApplication(BoardApplication):
    """The table board's application."""

    sample_message = wire.TABLE_SAMPLES
    row_size = wire.TABLE_SAMPLES_ROW_SIZE
    telemetry_message = wire.TABLE_TELEMETRY
    telemetry_size = wire.TABLE_TELEMETRY_SIZE
    channel_count = 1
    group_delay_us = 0

    def __init__(self, board, hal, boot):
        limits = board["limits"]
        self._travel_um = limits["table_travel_um"]
        speed_max = limits["table_speed_max_um_s"]
        super().__init__(
            board,
            hal,
            [
                Setting("speed_max", "m/s", -6, 1000, speed_max, speed_max),
                Setting(
                    "acceleration", "m/s^2", -6, 5000, limits["table_acceleration_max_um_s2"], 50000
                ),
                Setting("home_speed", "m/s", -6, 1000, 20000, 20000),
                Setting("hold_timeout", "s", -3, 100, 1000, 500),
                Setting("hold_to_run", "", 0, 0, 1 if "hold" in board["inputs"] else 0, 0),
                Setting("stall_threshold", "", 0, 0, 255, 45 if "diag" in board["inputs"] else 0),
                Setting("keep_place", "", 0, 0, 1, 1),
            ],
            boot,
        )
        self._energise = hal.output("motor_enable")
        self._home = hal.input("home")
        self._end = hal.input("end")
        self._stop_button = hal.input("estop")
        self._hold_button = hal.input("hold") if "hold" in board["inputs"] else None
        self._diag = hal.input("diag") if "diag" in board["inputs"] else None
        self._stalled_blocks = 0
        self._place = TablePlace()
        self._stepper = hal.stepper
        self.driver_chip = Tmc2209(hal.uart("driver"), board["chips"]["driver"]["address"])
        self._motion = Trapezoid(32000)
        self._table_state = wire.TABLE_STATE_NOT_HOMED
        self._homed = False
        self._target_um = 0
        self._energised = False
        self._flags = 0
        self._hold_left = 0  # blocks that a held move may still go on; 0: it is not a held one
        self._braking = False
        self.setting_changed(_ACCELERATION)

    def prepare(self):
        """Configure the stepper driver; a missing one latches a fault."""
        super().prepare()
        if not self.driver_chip.configure(self.board["limits"]["run_current_32nds"]):
            self.fault(wire.FAULT_CODE_CHIP_NOT_FOUND, 0)
        self.driver_chip.watch_stall(self.value[_STALL_THRESHOLD])
        if not self._place.load(self.hal.flash_root):
            self.log(wire.LOG_LEVEL_WARNING, "the table's place was damaged in flash: home it")

    def chips_answer(self):
        """The stepper driver answers on its line."""
        return self.driver_chip.probe()

    def trace_signals(self):
        """Motion, as it stands in the row, and where it goes."""
        kind = wire.TRACE_KIND_BLOCK
        return super().trace_signals() + (
            ("position", "m", -6, kind, self.row, wire.TABLE_SAMPLES_ROW_POSITION_UM // 4),
            ("speed", "m/s", -6, kind, self.row, wire.TABLE_SAMPLES_ROW_SPEED_UM_S // 4),
            ("flags", "", 0, kind, self.row, wire.TABLE_SAMPLES_ROW_FLAGS // 4),
            ("target", "m", -6, kind, self, "_target_um"),
        )

    def setting_changed(self, number):
        """Acceleration goes to the profile, the stall threshold to the driver."""
        if number == _STALL_THRESHOLD:
            self.driver_chip.watch_stall(self.value[_STALL_THRESHOLD])
        self._motion.acceleration = self.value[_ACCELERATION] * _UM_NUMERATOR // _UM_DENOMINATOR

    def safe_off(self):
        """Stop and de-energise."""
        self.hal.safe()
        if self._motion.speed:
            # The motor loses its current in motion: the count may not be true any more.
            self._homed = False
        self._stepper.set_rate(0)
        self._motion.halt()
        self._energised = False
        self._hold_left = 0
        if self._table_state == wire.TABLE_STATE_HOMING:
            self._homed = False
        if self._table_state != wire.TABLE_STATE_NOT_HOMED:
            self._table_state = wire.TABLE_STATE_IDLE if self._homed else wire.TABLE_STATE_NOT_HOMED

    def block(self):
        """Watch the switches and run the profile."""
        if self._place.is_found:
            self._take_place()
        position = self._stepper.position()
        if self._stop_button.get():
            self._homed = False
            if self.state != wire.BOARD_STATE_FAULT:
                self.fault(wire.FAULT_CODE_TABLE_EMERGENCY_STOP, 0, position)
                self._table_state = wire.TABLE_STATE_FAULT
        elif self._is_held_up():
            self._stop_held_up(position)
        elif self._table_state == wire.TABLE_STATE_MOVING:
            self._run_move(position)
        elif self._table_state == wire.TABLE_STATE_HOMING:
            self._run_home(position)
        self._fill_row(position)

    def _is_held_up(self):
        """The driver says by DIAG that its motor has too much to push, or that it is in trouble."""
        if self._diag is None or not self._motion.speed or not self._diag.get():
            self._stalled_blocks = 0
            return False
        self._stalled_blocks += 1
        return self._stalled_blocks >= _STALL_BLOCKS and self.value[_STALL_THRESHOLD]

    def _stop_held_up(self, position):
        self._stalled_blocks = 0
        self.safe_off()
        # Now there is time to ask which of the two it was.
        status = self.driver_chip.status()
        source = _SOURCE_DRIVER if status > 0 and status & _DRIVER_TROUBLE else _SOURCE_HELD
        self.fault(wire.FAULT_CODE_TABLE_STALL, source, position)
        self._homed = False
        self._table_state = wire.TABLE_STATE_FAULT

    def _watch_hold(self):
        """Brake when nobody holds any more: the host by its command, a person by the button."""
        if self._hold_left:
            self._hold_left -= 1
            if not self._hold_left:
                self._brake()
        if self._is_hold_open():
            self._brake()

    def _is_hold_open(self):
        return self.value[_HOLD_TO_RUN] and not self._hold_button.get()

    def _run_move(self, position):
        self._watch_hold()
        if self._home.get() and position * _UM_DENOMINATOR // _UM_NUMERATOR > _HOME_LEFT_UM:
            # Held up, or the count is wrong: either way the place is not known any more.
            self._homed = False
            self.fault(wire.FAULT_CODE_TABLE_STALL, 0, position)
            self._table_state = wire.TABLE_STATE_FAULT
            return
        speed = self._motion.step(position, 1)
        if speed > 0 and self._end.get():
            self.fault(wire.FAULT_CODE_TABLE_LIMIT, 1, position)
            self._table_state = wire.TABLE_STATE_FAULT
            return
        self._stepper.set_rate(speed)
        if self._motion.done(position):
            self._table_state = wire.TABLE_STATE_IDLE
            self._hold_left = 0

    def _run_home(self, position):
        if self._is_hold_open():
            self.safe_off()
            self.state = wire.BOARD_STATE_SAFE
            return
        if self._home.get():
            self._stepper.set_rate(0)
            self._stepper.zero()
            self._motion.halt()
            self._motion.target = 0
            self._homed = True
            self._table_state = wire.TABLE_STATE_IDLE
            return
        if self._motion.done(position):
            self.fault(wire.FAULT_CODE_TABLE_HOME_NOT_FOUND, 0, position)
            self._homed = False
            self._table_state = wire.TABLE_STATE_FAULT
            return
        self._stepper.set_rate(self._motion.step(position, 1))

    def _fill_row(self, position):
        row = self.row
        flags = 0
        if self._energised:
            flags |= wire.TABLE_FLAG_MOTOR_ENERGISED
        if self._homed:
            flags |= wire.TABLE_FLAG_HOMED
        if self._motion.speed:
            flags |= wire.TABLE_FLAG_MOVING
        if self._home.get():
            flags |= wire.TABLE_FLAG_AT_HOME
        if self._end.get():
            flags |= wire.TABLE_FLAG_AT_END
        if self._stop_button.get():
            flags |= wire.TABLE_FLAG_EMERGENCY_STOP
        self._flags = flags
        put_i32(row, wire.TABLE_SAMPLES_ROW_POSITION_UM, position * 25 // 16)
        put_i32(row, wire.TABLE_SAMPLES_ROW_SPEED_UM_S, self._motion.speed * 25 // 16)
        put_i32(row, wire.TABLE_SAMPLES_ROW_FLAGS, flags)

    def slow(self):
        """Keep the place in flash, or take it back: only with the motor off and the table still."""
        if self._energised or self._motion.speed:
            return
        place = self._place
        if self._homed and self.value[_KEEP_PLACE] and place.is_able and not place.is_kept:
            self._was_at_rest = True
            if not place.keep(self._stepper.position()):
                self.log(wire.LOG_LEVEL_WARNING, "the table's place could not be kept in flash")
        elif place.is_able and place.is_kept and not (self._homed and self.value[_KEEP_PLACE]):
            self._was_at_rest = True
            place.forget()

    def _take_place(self):
        """Trust the kept place if the switches do not speak against it."""
        place = self._place
        place.is_found = False
        um = place.microsteps * _UM_DENOMINATOR // _UM_NUMERATOR
        at_home, at_end = self._home.get(), self._end.get()
        if (
            not self.value[_KEEP_PLACE]
            or self._stop_button.get()
            or not -_HOME_LEFT_UM < um <= self._travel_um
            or (at_home and um > _HOME_LEFT_UM)
            or (at_end and um < self._travel_um - _HOME_LEFT_UM)
        ):
            # `slow` takes the file away.
            self.log(wire.LOG_LEVEL_WARNING, "the table's kept place cannot be: home it")
            return
        self._stepper.set_position(place.microsteps)
        self._homed = True
        self._table_state = wire.TABLE_STATE_IDLE
        self._target_um = um

    def fill_telemetry(self, raw):
        """Where the table is and where it goes."""
        put_i32(raw, _P + wire.TABLE_TELEMETRY_HEAP_FREE, self.heap_free)
        raw[_P + wire.TABLE_TELEMETRY_TABLE_STATE] = self._table_state
        raw[_P + wire.TABLE_TELEMETRY_SWITCHES] = self._flags
        position = self._stepper.position() * 25 // 16
        put_i32(raw, _P + wire.TABLE_TELEMETRY_POSITION_UM, position)
        put_i32(raw, _P + wire.TABLE_TELEMETRY_TARGET_UM, self._target_um)
        put_i32(raw, _P + wire.TABLE_TELEMETRY_SPEED_UM_S, self._motion.speed * 25 // 16)

    def _leave_place(self):
        """Before a motion: after a loss of power in it, nothing may tell where the table stands."""
        if not self._place.is_kept:
            return True
        # It was kept with the motor off, and nothing has switched it on since.
        self._was_at_rest = True
        return self._place.forget()

    def _power(self):
        self._energise.set(1)
        self._energised = True
        self.state = wire.BOARD_STATE_ACTIVE

    def command(self, command, first, second):
        """Commands of the table board."""
        if command == wire.COMMAND_TABLE_HOME:
            if self._is_hold_open():
                return wire.ERROR_CODE_HOLD_OPEN
            if not self._leave_place():
                return wire.ERROR_CODE_FLASH_FAILED
            self._power()
            self._hold_left = 0
            position = self._stepper.position()
            # Far enough to reach the switch from anywhere, and then it is a fault.
            reach = (self._travel_um + 50000) * _UM_NUMERATOR // _UM_DENOMINATOR
            speed = self.value[_HOME_SPEED] * _UM_NUMERATOR // _UM_DENOMINATOR
            self._motion.go(position - reach, speed)
            self._table_state = wire.TABLE_STATE_HOMING
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_TABLE_MOVE:
            code = self._move(first, second)
            if code == wire.ERROR_CODE_OK:
                self._hold_left = 0
            return code
        if command == wire.COMMAND_TABLE_HOLD:
            return self._hold(first, second)
        if command == wire.COMMAND_TABLE_STOP:
            if self._table_state == wire.TABLE_STATE_MOVING:
                self._brake()
            elif self._table_state == wire.TABLE_STATE_HOMING:
                self.safe_off()
            return wire.ERROR_CODE_OK
        if command == wire.COMMAND_TABLE_RELEASE:
            if self._motion.speed:
                return wire.ERROR_CODE_BUSY
            self.safe_off()
            self.state = wire.BOARD_STATE_SAFE
            return wire.ERROR_CODE_OK
        return wire.ERROR_CODE_UNKNOWN_COMMAND

    def _hold(self, direction, speed_um_s):
        """Go on for `hold_timeout` toward one end; 0 stops."""
        if not -1 <= direction <= 1:
            self._detail = 1
            return wire.ERROR_CODE_BAD_ARGUMENT
        is_moving = self._table_state == wire.TABLE_STATE_MOVING
        if direction == 0:
            if is_moving:
                self._brake()
            return wire.ERROR_CODE_OK
        if self._table_state == wire.TABLE_STATE_HOMING or (
            is_moving and not (self._hold_left or self._braking)
        ):
            return wire.ERROR_CODE_BUSY
        code = self._move(self._travel_um if direction > 0 else 0, speed_um_s)
        if code == wire.ERROR_CODE_OK:
            self._hold_left = self.value[_HOLD_TIMEOUT]
        return code

    def _move(self, target_um, speed_um_s):
        if not self._homed:
            self._detail = self._table_state
            return wire.ERROR_CODE_WRONG_STATE
        if target_um < 0 or speed_um_s < 1:
            self._detail = 0
            return wire.ERROR_CODE_BELOW_MINIMUM
        if target_um > self._travel_um:
            self._detail = self._travel_um
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        if speed_um_s > self.value[_SPEED_MAX]:
            self._detail = self.value[_SPEED_MAX]
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        if self._is_hold_open():
            return wire.ERROR_CODE_HOLD_OPEN
        if not self._leave_place():
            return wire.ERROR_CODE_FLASH_FAILED
        self._power()
        self._braking = False
        self._target_um = target_um
        self._motion.go(
            target_um * _UM_NUMERATOR // _UM_DENOMINATOR,
            max(speed_um_s * _UM_NUMERATOR // _UM_DENOMINATOR, 1),
        )
        self._table_state = wire.TABLE_STATE_MOVING
        return wire.ERROR_CODE_OK

    def _brake(self):
        """Decelerate from the present speed and hold there."""
        self._hold_left = 0
        if self._braking:
            return
        self._braking = True
        motion = self._motion
        position = self._stepper.position()
        ahead = motion.speed * motion.speed // (2 * motion.acceleration) + abs(motion.speed) // 500
        motion.go(position + ahead if motion.speed >= 0 else position - ahead, motion.cruise)
        self._target_um = motion.target * 25 // 16
