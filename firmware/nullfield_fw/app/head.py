"""One sensor head: heater, laser, lock, field zero, step by step."""

from .. import wire
from ..control import field_zero, laser_scan, lockin, thermal
from ..control.fixed import muldiv

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
_LASER_TOLERANCE_MC = 150
_LASER_LOCK_TOLERANCE_MC = 20  # 0.5 GHz; what is left is the lag behind a body that warms up
_FINE_SPAN_MC = 1000  # 25 GHz each way
_STABLE_TURNS = 25  # one second of turns of 40 ms
_WARM_LIMIT_TURNS = 4500  # 180 s
_LOCK_LIMIT_TURNS = 750  # 30 s to settle on the line
_LASER_NOMINAL_MC = 45000
_JUMP_MC = 20000  # a cell cannot change by 20 K in 40 ms
_INEFFECTIVE_TURNS = 500  # 20 s at full power ...
_INEFFECTIVE_RISE_MC = 3000  # ... must heat by 3 K
_STUCK_RISE_MC = 5000
_STUCK_STEP_MC = 2000
_STUCK_FLOOR_MC = 45000  # above what a warm room or a neighbour makes
_CANCEL_DEADBAND_PA = 800000
_READY_TEXT = ("head 0 is ready", "head 1 is ready", "head 2 is ready", "head 3 is ready")


class Head:
    """State and slow loops of one head.

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
        scales = board["scales"]
        limits = board["limits"]
        self._control = application.control
        self._base = number * lockin.STRIDE
        self._heater = application.hal.pwm("heater%d" % number)
        self._full_power_uw = scales["heater_full_scale_uw"]
        self._cell_max_mc = limits["cell_temperature_max_mc"]
        self._tec_max_ua = limits["tec_current_max_ua"]
        self._cell_thermometer = thermal.pt1000_thermometer(scales["cell_reference_ohm"])
        self._laser_thermometer = thermal.ntc_thermometer(
            scales["laser_nominal_ohm"], scales["laser_beta_k"], scales["laser_divider_ohm"]
        )
        self._cell_ramp = thermal.Ramp(5000)
        self._cell_loop = thermal.Pi(60, 30, 0, limits["heater_power_max_uw"], 12000)
        self._laser_ramp = thermal.Ramp(2500)
        self._laser_loop = thermal.Pi(300, 120, -self._tec_max_ua, self._tec_max_ua, 6000)
        self._scan = laser_scan.LaserScan(1250)
        self._scan_low = 0
        self._scan_high = 0
        self._is_fine = False
        # Reach of 25 nT, steps of 3 nT, first width of 18 nT, in counts of 1.86 fT.
        self._zero = field_zero.FieldZero(self._control, number, 13420000, 1610000, 9800000)
        self.state = wire.HEAD_STATE_OFF
        self.fault = wire.FAULT_CODE_NONE
        self.locked = False
        self.cell_mc = 0
        self.laser_mc = 0
        self.heater_uw = 0
        self.laser_na = 0
        self.tec_ua = 0
        self.light_pa = 0
        self.lock_light_pa = 0
        self.lock_residual_pa = 0
        self.zero_count = 0
        self.response_x = 0
        self.response_y = 0
        self._cancel_pa = 0
        self._turns = 0
        self._stable = 0
        self._laser_setpoint = _LASER_NOMINAL_MC
        self._known = False
        self._lowest_mc = 300000
        self._retries = 0
        self._power_turns = 0
        self._power_start_mc = 0
        self._cell_setpoint = 0
        self._laser_target_na = 0
        self._loop_wanted = 1
        self._set_flags()

    def apply_settings(self, value):
        """Take over settings; called when one changes."""
        self._cell_setpoint = value[CELL_SETPOINT]
        self._cell_ramp.rate = value[CELL_RAMP]
        self._scan_low = value[LASER_TEMPERATURE] - value[LASER_SCAN_SPAN]
        self._scan_high = value[LASER_TEMPERATURE] + value[LASER_SCAN_SPAN]
        self._laser_target_na = value[LASER_CURRENT]
        self._control[self._base + lockin.GAIN] = value[LOOP_GAIN]
        self._loop_wanted = value[LOOP_CLOSED]

    # ------------------------------------------------------------------ commands

    def start(self):
        """Begin the way to READY, unless it is under way or a fault is latched."""
        if self.state != wire.HEAD_STATE_OFF:
            return
        self._cell_ramp.value = self.cell_mc
        self._cell_loop.reset(0)
        self._laser_loop.reset(0)
        self._laser_ramp.value = self.laser_mc
        # The laser waits at the low end of the scan while the cell heats.
        self._laser_setpoint = self._scan_low
        self._is_fine = False
        self._turns = 0
        self._stable = 0
        self._retries = 0
        self._power_turns = 0
        self.state = wire.HEAD_STATE_WARM_UP

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
        self._heater.duty_u16(0)
        self.heater_uw = 0
        self._set_laser(0)
        self._set_tec(0)
        self._zero.stop()
        control = self._control
        base = self._base
        control[base + lockin.LOOP_CLOSED] = 0
        control[base + lockin.MODULATION_ON] = 0
        control[base + lockin.U_X] = 0
        control[base + lockin.U_Y] = 0
        control[base + lockin.U_B] = 0
        self.locked = False
        self.state = state
        self._zero.calibrated = False
        self._set_flags()

    def _fail(self, code):
        self.fault = code
        self.switch_off(wire.HEAD_STATE_FAULT)

    def _set_flags(self):
        flags = 0
        if not self.locked:
            flags |= wire.SAMPLE_FLAG_UNLOCKED
        if not self._zero.calibrated:
            flags |= wire.SAMPLE_FLAG_UNCALIBRATED
        if self.state != wire.HEAD_STATE_READY:
            flags |= wire.SAMPLE_FLAG_SETTLING
        if not self._control[self._base + lockin.LOOP_CLOSED]:
            flags |= wire.SAMPLE_FLAG_OPEN_LOOP
        self._control[self._base + lockin.FLAGS] = flags

    # ------------------------------------------------------------------ actuators

    def _set_laser(self, current_na):
        self.laser_na = current_na
        # 0..5 V make 0..2.5 mA.
        self._application.slow_dac.write_code(self.number, muldiv(current_na, 65535, 2500000))

    def _set_tec(self, current_ua):
        self.tec_ua = current_ua
        # -5..5 V make -1..1 A.
        self._application.slow_dac.write_code(
            4 + self.number, muldiv(current_ua + 1000000, 65535, 2000000)
        )

    def _set_cancel(self, current_pa):
        self._cancel_pa = current_pa
        # 0..5 V make 0..60 uA.
        self._application.slow_dac.write_code(8 + self.number, muldiv(current_pa, 65535, 60000000))

    # ------------------------------------------------------------------ slow loops

    def temperatures(self, cell_code, laser_code, dt_ms):
        """One turn of the thermal loops and of the head's sequence."""
        before = self.cell_mc
        cell = self._cell_thermometer.read(cell_code)
        cell_valid = self._cell_thermometer.valid
        laser = self._laser_thermometer.read(laser_code)
        self.laser_mc = laser
        self.cell_mc = cell
        # 24-bit mean of the DC channel; 7.1526 pA a step at 20 kOhm and 1.2 V.
        self.light_pa = muldiv(self._control[self._base + lockin.DC_SUM] >> 4, 71526, 10000)
        if self.state == wire.HEAD_STATE_OFF or self.state == wire.HEAD_STATE_FAULT:
            self._known = cell_valid
            # A heater stuck on heats a head that is off, as long as the board's enable line is on.
            if (
                cell_valid
                and cell > self._cell_max_mc
                and self.fault != wire.FAULT_CODE_CELL_SENSOR
                and self._application.state == wire.BOARD_STATE_ACTIVE
            ):
                self._application.fault(wire.FAULT_CODE_CELL_OVER_TEMPERATURE, self.number, cell)
            elif self.fault != wire.FAULT_CODE_CELL_SENSOR:
                self._watch_cooling(cell, before, cell_valid)
            return
        self._lowest_mc = cell
        if not cell_valid or (self._known and abs(cell - before) > _JUMP_MC):
            self._fail(wire.FAULT_CODE_CELL_SENSOR)
            return
        if not self._laser_thermometer.valid:
            self._fail(wire.FAULT_CODE_LASER_SENSOR)
            return
        if not self._known:
            # Started before the first reading: the ramps begin at what is there.
            self._known = True
            self._cell_ramp.value = cell
            self._laser_ramp.value = laser
        if cell > self._cell_max_mc:
            # The PWM may be stuck: only the board's enable line is sure, so all heads go off.
            self._application.fault(wire.FAULT_CODE_CELL_OVER_TEMPERATURE, self.number, cell)
            return
        self._heat(cell, dt_ms)
        if self.state == wire.HEAD_STATE_FAULT:
            return
        setpoint = self._laser_ramp.step(self._laser_setpoint, dt_ms)
        self._set_tec(self._laser_loop.step(setpoint - laser, dt_ms))
        self._turns += 1
        self._advance(cell, laser, dt_ms)

    def _watch_cooling(self, cell, before, is_valid):
        """A cell that warms up with its heater off has a bridge that is stuck on."""
        if not is_valid:
            return
        # Faster than any heater: a sensor was plugged in, not a cell heated.
        if cell < self._lowest_mc or cell - before > _STUCK_STEP_MC:
            self._lowest_mc = cell
        elif cell > self._lowest_mc + _STUCK_RISE_MC and cell > _STUCK_FLOOR_MC:
            self._lowest_mc = cell
            # Only the board's enable line is left to switch it off.
            self._application.fault(wire.FAULT_CODE_HEATER_STUCK_ON, self.number, cell)

    def _heat(self, cell, dt_ms):
        setpoint = self._cell_ramp.step(self._cell_setpoint, dt_ms)
        power = self._cell_loop.step(setpoint - cell, dt_ms)
        self.heater_uw = power
        self._heater.duty_u16(muldiv(power, 65535, self._full_power_uw))
        # Full power without heat: a broken wire, a lost thermal contact.
        if power * 10 < self._full_power_uw * 9:
            self._power_turns = 0
            self._power_start_mc = cell
            return
        self._power_turns += 1
        if self._power_turns > _INEFFECTIVE_TURNS:
            if cell - self._power_start_mc < _INEFFECTIVE_RISE_MC:
                self._fail(wire.FAULT_CODE_HEATER_INEFFECTIVE)
                return
            self._power_turns = 0
            self._power_start_mc = cell

    def _near(self, cell, laser):
        """Count turns within tolerance; True after a second of them."""
        tolerance_mc = _LASER_LOCK_TOLERANCE_MC if self._is_fine else _LASER_TOLERANCE_MC
        if (
            abs(cell - self._cell_setpoint) < _WARM_TOLERANCE_MC
            and abs(laser - self._laser_setpoint) < tolerance_mc
        ):
            self._stable += 1
        else:
            self._stable = 0
        return self._stable >= _STABLE_TURNS

    def _enter(self, state):
        self.state = state
        self._turns = 0
        self._stable = 0

    def _advance(self, cell, laser, dt_ms):
        state = self.state
        if state == wire.HEAD_STATE_WARM_UP:
            if self._near(cell, laser):
                self._enter(wire.HEAD_STATE_LASER_ON)
            elif self._turns > _WARM_LIMIT_TURNS:
                self._fail(wire.FAULT_CODE_HEATER_INEFFECTIVE)
        elif state == wire.HEAD_STATE_LASER_ON:
            current = min(self.laser_na + 300000, self._laser_target_na)
            self._set_laser(current)
            self._track_light()
            if current == self._laser_target_na and self._turns > 12:
                self._scan.start(self._scan_low, self._scan_high, False)
                self._enter(wire.HEAD_STATE_LOCK)
        elif state == wire.HEAD_STATE_LOCK:
            self._track_light()
            self._lock(cell, laser, dt_ms)
        elif state >= wire.HEAD_STATE_FIELD_ZERO:
            self._track_light()
            if self._is_fine:
                self._watch_lock(laser)

    def _track_light(self):
        """Keep the DC-cancelled channel in range; small drifts are left alone, as a step shows."""
        if abs(self.light_pa - self._cancel_pa) > _CANCEL_DEADBAND_PA:
            self._set_cancel(max(min(self.light_pa, 59000000), 0))

    def _lock(self, cell, laser, dt_ms):
        scan = self._scan
        if scan.state == laser_scan.RUNNING:
            # The scan sets the pace, so the ramp follows it directly.
            self._laser_setpoint = scan.step(laser, self.light_pa, dt_ms)
            if scan.state == laser_scan.FOUND:
                self._laser_setpoint = scan.centre
                self._enter(wire.HEAD_STATE_LOCK)
            elif scan.state == laser_scan.NOT_FOUND:
                self._retry_lock()
        elif self._near(cell, laser):
            self.lock_light_pa = self.light_pa
            # Proof: on the line the light must be as low as the scan's bottom.
            if self.light_pa > scan.bottom + scan.bottom // 4:
                self._retry_lock()
                return
            self._set_cancel(max(min(self.light_pa, 59000000), 0))
            self._enter(wire.HEAD_STATE_FIELD_ZERO)
            self.locked = self._is_fine
            self.zero(not self._is_fine)
        elif self._turns > _LOCK_LIMIT_TURNS:
            self._retry_lock()

    def _scan_finely(self):
        """Scan again with the field nulled: in 50 nT the light shift bends the dip by 2 GHz."""
        self._is_fine = True
        centre = self._scan.centre
        self._scan.start(centre - _FINE_SPAN_MC, centre + _FINE_SPAN_MC, True)
        self._enter(wire.HEAD_STATE_LOCK)

    def _retry_lock(self):
        self._retries += 1
        if self._retries > 2:
            self._fail(wire.FAULT_CODE_LASER_LOCK_LOST)
            return
        self._laser_setpoint = self._scan_low
        self._is_fine = False
        self._enter(wire.HEAD_STATE_WARM_UP)

    def _watch_lock(self, laser):
        """Locked means: light where it was, temperature on the setpoint, actuator with headroom."""
        residual = self.light_pa - self.lock_light_pa
        self.lock_residual_pa = residual
        good = (
            abs(laser - self._laser_setpoint) < 2 * _LASER_TOLERANCE_MC
            and not self._laser_loop.railed
            # Both ways: a dead laser or photodiode is dark, a lost line is bright.
            and -self.lock_light_pa < 2 * residual < 2 * self.lock_light_pa
        )
        if good != self.locked:
            self.locked = good
            self._set_flags()

    # ------------------------------------------------------------------ field zero

    def poll_zero(self):
        """Let the zeroing go on; called every 10 blocks."""
        if self.state != wire.HEAD_STATE_FIELD_ZERO:
            return
        zero = self._zero
        zero.poll()
        if zero.phase == field_zero.DONE and not self._is_fine:
            self._scan_finely()
        elif zero.phase == field_zero.DONE:
            self.response_x = zero.response_x
            self.response_y = zero.response_y
            self.zero_count = (self.zero_count + 1) & 0xFFFF
            self.lock_light_pa = self.light_pa
            self._watch_lock(self.laser_mc)
            self._control[self._base + lockin.LOOP_CLOSED] = self._loop_wanted
            self.state = wire.HEAD_STATE_READY
            self._application.log(wire.LOG_LEVEL_INFO, _READY_TEXT[self.number])
            self._set_flags()
        elif zero.phase == field_zero.FAILED:
            self._fail(wire.FAULT_CODE_FIELD_ZERO_FAILED)
