"""One sensor head: heater, laser, lock, field zero, step by step."""

from .. import wire
from ..control import field_zero, lockin
from . import head_laser
from .head_heat import CellHeater

# Indices of the sensor board's settings, behind the common ones; the list is made in `sensor`.
CELL_SETPOINT = 2
CELL_RAMP = 3
LASER_TEMPERATURE = 4
LASER_SCAN_SPAN = 5
LASER_CURRENT = 6
MODULATION_AMPLITUDE = 7
LOOP_GAIN = 8
LOOP_CLOSED = 9

# A head's states run OFF, WARM_UP, LASER_ON, LOCK, FIELD_ZERO, READY; FAULT from anywhere.
_WARM_TOLERANCE_MC = 300
_STABLE_TURNS = 25  # one second of turns of 40 ms
_WARM_LIMIT_TURNS = 4500  # 180 s
_READY_TEXT = ("head 0 is ready", "head 1 is ready", "head 2 is ready", "head 3 is ready")


class Head:
    """State and sequence of one head.

    Parameters
    ----------
    application : SensorApplication
        Brings hal, chips and the fast path's state.
    number : int
        Head 0..3.
    board : dict
        Board definition.
    """

    def __init__(self, application, number, board):
        self._application = application
        self.number = number
        self._control = application.control
        self._base = number * lockin.STRIDE
        self.cell = CellHeater(application, number, board)
        self.laser = head_laser.HeadLaser(application, number, board)
        # Reach of 25 nT, steps of 3 nT, first width of 18 nT, in counts of 1.86 fT.
        self._zero = field_zero.FieldZero(self._control, number, 13420000, 1610000, 9800000)
        self.state = wire.HEAD_STATE_OFF
        self.fault = wire.FAULT_CODE_NONE
        self.zero_count = 0
        self.response_x = 0
        self.response_y = 0
        self._turns = 0
        self._stable = 0
        self._loop_wanted = 1
        self._set_flags()

    def apply_settings(self, value):
        """Take over settings; called when one changes."""
        self.cell.setpoint_mc = value[CELL_SETPOINT]
        self.cell.ramp.rate = value[CELL_RAMP]
        self.laser.set_line(value[LASER_TEMPERATURE], value[LASER_SCAN_SPAN])
        self.laser.target_na = value[LASER_CURRENT]
        self._control[self._base + lockin.GAIN] = value[LOOP_GAIN]
        self._loop_wanted = value[LOOP_CLOSED]

    # ------------------------------------------------------------------ commands

    def start(self):
        """Begin the way to READY, unless it is under way or a fault is latched."""
        if self.state != wire.HEAD_STATE_OFF:
            return
        self.cell.start()
        self.laser.start()
        self._enter(wire.HEAD_STATE_WARM_UP)

    def clear_fault(self):
        """Forget the head's fault; only then can it be started again."""
        if self.state == wire.HEAD_STATE_FAULT:
            self.fault = wire.FAULT_CODE_NONE
            self.state = wire.HEAD_STATE_OFF

    def zero(self, full, quick=False):
        """Null the field on all axes; `full` searches it from far out and calibrates anew."""
        self.state = wire.HEAD_STATE_FIELD_ZERO
        self._control[self._base + lockin.FLAGS] |= wire.SAMPLE_FLAG_SETTLING
        self._zero.start(full, quick)

    def set_loop(self, closed):
        """Open or close the transverse loops; the stream goes on without a gap."""
        self._control[self._base + lockin.LOOP_CLOSED] = closed
        self._set_flags()

    def switch_off(self, state):
        """Everything of this head off, at once."""
        self.cell.switch_off()
        self.laser.switch_off()
        self._zero.stop()
        control = self._control
        base = self._base
        control[base + lockin.LOOP_CLOSED] = 0
        control[base + lockin.MODULATION_ON] = 0
        control[base + lockin.U_X] = 0
        control[base + lockin.U_Y] = 0
        control[base + lockin.U_B] = 0
        self.state = state
        self._zero.calibrated = False
        self._set_flags()

    def _fail(self, code):
        self.fault = code
        self.switch_off(wire.HEAD_STATE_FAULT)

    def _set_flags(self):
        flags = 0
        if not self.laser.locked:
            flags |= wire.SAMPLE_FLAG_UNLOCKED
        if not self._zero.calibrated:
            flags |= wire.SAMPLE_FLAG_UNCALIBRATED
        if self.state != wire.HEAD_STATE_READY:
            flags |= wire.SAMPLE_FLAG_SETTLING
        if not self._control[self._base + lockin.LOOP_CLOSED]:
            flags |= wire.SAMPLE_FLAG_OPEN_LOOP
        self._control[self._base + lockin.FLAGS] = flags

    # ------------------------------------------------------------------ sequence

    def temperatures(self, cell_code, laser_code, dt_ms):
        """One turn of the thermal loops and of the head's sequence."""
        cell = self.cell
        laser = self.laser
        is_on = self.state != wire.HEAD_STATE_OFF and self.state != wire.HEAD_STATE_FAULT
        cell.read(cell_code)
        laser.read(laser_code, is_on)
        if not is_on:
            cell.watch_off(self.fault)
            return
        code = cell.sensor_fault() or laser.sensor_fault() or cell.heat(dt_ms)
        if code:
            # A fault of the board has switched this head off already.
            if self.state != wire.HEAD_STATE_OFF:
                self._fail(code)
            return
        laser.cool(dt_ms)
        self._turns += 1
        self._advance(dt_ms)

    def _is_stable(self):
        """Count turns within tolerance; True after a second of them."""
        cell = self.cell
        if abs(cell.cell_mc - cell.setpoint_mc) < _WARM_TOLERANCE_MC and self.laser.is_near():
            self._stable += 1
        else:
            self._stable = 0
        return self._stable >= _STABLE_TURNS

    def _enter(self, state):
        self.state = state
        self._turns = 0
        self._stable = 0

    def _advance(self, dt_ms):
        state = self.state
        laser = self.laser
        if state == wire.HEAD_STATE_WARM_UP:
            if self._is_stable():
                self._enter(wire.HEAD_STATE_LASER_ON)
            elif self._turns > _WARM_LIMIT_TURNS:
                self._fail(wire.FAULT_CODE_HEATER_INEFFECTIVE)
        elif state == wire.HEAD_STATE_LASER_ON:
            if laser.rise(self._turns):
                laser.scan()
                self._enter(wire.HEAD_STATE_LOCK)
        elif state == wire.HEAD_STATE_LOCK:
            laser.track_light()
            self._lock(dt_ms)
        elif state >= wire.HEAD_STATE_FIELD_ZERO:
            laser.track_light()
            if laser.is_fine and laser.watch_lock():
                self._set_flags()

    def _lock(self, dt_ms):
        came_to = self.laser.lock(self._is_stable(), self._turns, dt_ms)
        if came_to == head_laser.LINE_FOUND:
            self._enter(wire.HEAD_STATE_LOCK)
        elif came_to == head_laser.ON_LINE:
            self._enter(wire.HEAD_STATE_FIELD_ZERO)
            self.zero(not self.laser.is_fine)
        elif came_to == head_laser.MISSED:
            if self.laser.retry():
                self._enter(wire.HEAD_STATE_WARM_UP)
            else:
                self._fail(wire.FAULT_CODE_LASER_LOCK_LOST)

    # ------------------------------------------------------------------ field zero

    def poll_zero(self):
        """Let the zeroing go on; called every 10 blocks."""
        if self.state != wire.HEAD_STATE_FIELD_ZERO:
            return
        zero = self._zero
        laser = self.laser
        zero.poll()
        if zero.phase == field_zero.DONE and not laser.is_fine:
            laser.scan_finely()
            self._enter(wire.HEAD_STATE_LOCK)
        elif zero.phase == field_zero.DONE:
            self.response_x = zero.response_x
            self.response_y = zero.response_y
            self.zero_count = (self.zero_count + 1) & 0xFFFF
            laser.lock_light_pa = laser.light_pa
            laser.watch_lock()
            self._control[self._base + lockin.LOOP_CLOSED] = self._loop_wanted
            self.state = wire.HEAD_STATE_READY
            self._application.log(wire.LOG_LEVEL_INFO, _READY_TEXT[self.number])
            self._set_flags()
        elif zero.phase == field_zero.FAILED:
            self._fail(wire.FAULT_CODE_FIELD_ZERO_FAILED)
