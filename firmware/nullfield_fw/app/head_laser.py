"""The laser of one head: current, temperature, the scan of the line, and the lock's proof."""

from .. import wire
from ..control import laser_scan, lockin, thermal
from ..control.fixed import muldiv

_NOMINAL_MC = 45000
_TOLERANCE_MC = 150
_LOCK_TOLERANCE_MC = 20  # 0.5 GHz; what is left is the lag behind a body that warms up
_FINE_SPAN_MC = 1000  # 25 GHz each way
_LOCK_LIMIT_TURNS = 750  # 30 s to settle on the line
_CURRENT_STEP_NA = 300000
_LIGHT_TURNS = 12
_CANCEL_DEADBAND_PA = 800000
_MOST_RETRIES = 2

# What a turn of the lock comes to.
WAIT = 0
LINE_FOUND = 1
ON_LINE = 2
MISSED = 3


class HeadLaser:
    """Laser diode, its cooler and its lock.

    Parameters
    ----------
    application : SensorApplication
        Brings the slow DAC and the fast path's state.
    number : int
        Head 0..3.
    board : dict
        Board definition.
    """

    def __init__(self, application, number, board):
        scales = board["scales"]
        tec_max_ua = board["limits"]["tec_current_max_ua"]
        self._dac = application.slow_dac
        self._control = application.control
        self._base = number * lockin.STRIDE
        self._number = number
        self._thermometer = thermal.ntc_thermometer(
            scales["laser_nominal_ohm"], scales["laser_beta_k"], scales["laser_divider_ohm"]
        )
        self.ramp = thermal.Ramp(2500)
        self.loop = thermal.Pi(300, 120, -tec_max_ua, tec_max_ua, 6000)
        self._scan = laser_scan.LaserScan(1250)
        self._scan_low = 0
        self._scan_high = 0
        self.setpoint_mc = _NOMINAL_MC
        self.target_na = 0
        self.is_fine = False
        self.retries = 0
        self.locked = False
        self.laser_mc = 0
        self.laser_na = 0
        self.tec_ua = 0
        self.light_pa = 0
        self.lock_light_pa = 0
        self.lock_residual_pa = 0
        self._cancel_pa = 0
        self._is_known = False

    def set_line(self, middle_mc, span_mc):
        """Where the line is looked for."""
        self._scan_low = middle_mc - span_mc
        self._scan_high = middle_mc + span_mc

    def start(self):
        """Wait at the low end of the scan while the cell heats."""
        self.loop.reset(0)
        self.ramp.value = self.laser_mc
        self.wait_at_start()
        self.retries = 0

    def wait_at_start(self):
        """To where the wide scan begins."""
        self.setpoint_mc = self._scan_low
        self.is_fine = False

    def switch_off(self):
        """No current, no cooling."""
        self._set_laser(0)
        self._set_tec(0)
        self.locked = False

    # ------------------------------------------------------------------ actuators

    def _set_laser(self, current_na):
        self.laser_na = current_na
        # 0..5 V make 0..2.5 mA.
        self._dac.write_code(self._number, muldiv(current_na, 65535, 2500000))

    def _set_tec(self, current_ua):
        self.tec_ua = current_ua
        # -5..5 V make -1..1 A.
        self._dac.write_code(4 + self._number, muldiv(current_ua + 1000000, 65535, 2000000))

    def _set_cancel(self, current_pa):
        self._cancel_pa = current_pa
        # 0..5 V make 0..60 uA.
        self._dac.write_code(8 + self._number, muldiv(current_pa, 65535, 60000000))

    # ------------------------------------------------------------------ turns

    def read(self, code, is_on):
        """Take over a thermistor code and the block's light."""
        self.laser_mc = self._thermometer.read(code)
        # 24-bit mean of the DC channel; 7.1526 pA a step at 20 kOhm and 1.2 V.
        self.light_pa = muldiv(self._control[self._base + lockin.DC_SUM] >> 4, 71526, 10000)
        if not is_on:
            self._is_known = self._thermometer.valid

    def sensor_fault(self):
        """Fault code of the thermistor of a head that is on."""
        if not self._thermometer.valid:
            return wire.FAULT_CODE_LASER_SENSOR
        if not self._is_known:
            # Started before the first reading: the ramp begins at what is there.
            self._is_known = True
            self.ramp.value = self.laser_mc
        return wire.FAULT_CODE_NONE

    def cool(self, dt_ms):
        """One step of the temperature loop."""
        setpoint = self.ramp.step(self.setpoint_mc, dt_ms)
        self._set_tec(self.loop.step(setpoint - self.laser_mc, dt_ms))

    def is_near(self):
        """Whether the temperature is where the next step needs it."""
        tolerance_mc = _LOCK_TOLERANCE_MC if self.is_fine else _TOLERANCE_MC
        return abs(self.laser_mc - self.setpoint_mc) < tolerance_mc

    def rise(self, turns):
        """Raise the current; True once it is there and the light has been seen."""
        current = min(self.laser_na + _CURRENT_STEP_NA, self.target_na)
        self._set_laser(current)
        self.track_light()
        return current == self.target_na and turns > _LIGHT_TURNS

    def track_light(self):
        """Keep the DC-cancelled channel in range; small drifts are left alone, as a step shows."""
        if abs(self.light_pa - self._cancel_pa) > _CANCEL_DEADBAND_PA:
            self._set_cancel(max(min(self.light_pa, 59000000), 0))

    def scan(self):
        """Begin to look for the line over the whole span."""
        self._scan.start(self._scan_low, self._scan_high, False)

    def scan_finely(self):
        """Scan again with the field nulled: in 50 nT the light shift bends the dip by 2 GHz."""
        self.is_fine = True
        centre = self._scan.centre
        self._scan.start(centre - _FINE_SPAN_MC, centre + _FINE_SPAN_MC, True)

    def lock(self, is_stable, turns, dt_ms):
        """One turn of the lock: follow the scan, then settle on the line and prove it."""
        scan = self._scan
        if scan.state == laser_scan.RUNNING:
            # The scan sets the pace, so the ramp follows it directly.
            self.setpoint_mc = scan.step(self.laser_mc, self.light_pa, dt_ms)
            if scan.state == laser_scan.FOUND:
                self.setpoint_mc = scan.centre
                return LINE_FOUND
            return MISSED if scan.state == laser_scan.NOT_FOUND else WAIT
        if is_stable:
            self.lock_light_pa = self.light_pa
            # Proof: on the line the light must be as low as the scan's bottom.
            if self.light_pa > scan.bottom + scan.bottom // 4:
                return MISSED
            self._set_cancel(max(min(self.light_pa, 59000000), 0))
            self.locked = self.is_fine
            return ON_LINE
        return MISSED if turns > _LOCK_LIMIT_TURNS else WAIT

    def retry(self):
        """Back to the start of the wide scan; False if that has been tried often enough."""
        self.retries += 1
        if self.retries > _MOST_RETRIES:
            return False
        self.wait_at_start()
        return True

    def watch_lock(self):
        """Locked means: light where it was, temperature on the setpoint, actuator with headroom.

        True if that has changed.
        """
        residual = self.light_pa - self.lock_light_pa
        self.lock_residual_pa = residual
        good = (
            abs(self.laser_mc - self.setpoint_mc) < 2 * _TOLERANCE_MC
            and not self.loop.railed
            # Both ways: a dead laser or photodiode is dark, a lost line is bright.
            and -self.lock_light_pa < 2 * residual < 2 * self.lock_light_pa
        )
        if good == self.locked:
            return False
        self.locked = good
        return True
