"""The vapour cell of one head: thermometer, ramp, heater, and what may be wrong with them."""

from .. import wire
from ..control import thermal
from ..control.fixed import muldiv

_JUMP_MC = 20000  # a cell cannot change by 20 K in 40 ms
_INEFFECTIVE_TURNS = 500  # 20 s at full power ...
_INEFFECTIVE_RISE_MC = 3000  # ... must heat by 3 K
_STUCK_RISE_MC = 5000
_STUCK_STEP_MC = 2000
_STUCK_FLOOR_MC = 45000  # above what a warm room or a neighbour makes


class CellHeater:
    """Temperature loop of one cell.

    Parameters
    ----------
    application : SensorApplication
        Brings hal and the board's fault latch.
    number : int
        Head 0..3.
    board : dict
        Board definition.
    """

    def __init__(self, application, number, board):
        scales = board["scales"]
        limits = board["limits"]
        self._application = application
        self._number = number
        self._pwm = application.hal.pwm("heater%d" % number)
        self._full_power_uw = scales["heater_full_scale_uw"]
        self._cell_max_mc = limits["cell_temperature_max_mc"]
        self._thermometer = thermal.pt1000_thermometer(scales["cell_reference_ohm"])
        self.ramp = thermal.Ramp(5000)
        self.loop = thermal.Pi(60, 30, 0, limits["heater_power_max_uw"], 12000)
        self.setpoint_mc = 0
        self.cell_mc = 0
        self.heater_uw = 0
        self._before_mc = 0
        self._is_known = False
        self._lowest_mc = 300000
        self._power_turns = 0
        self._power_start_mc = 0

    def start(self):
        """Ramp from the present temperature."""
        self.ramp.value = self.cell_mc
        self.loop.reset(0)
        self._power_turns = 0

    def switch_off(self):
        """No power."""
        self._pwm.duty_u16(0)
        self.heater_uw = 0

    def read(self, code):
        """Take over a converter code."""
        self._before_mc = self.cell_mc
        self.cell_mc = self._thermometer.read(code)

    def watch_off(self, fault):
        """A head that is off, or in `fault`: its heater may be stuck on while the enable line is."""
        is_valid = self._thermometer.valid
        self._is_known = is_valid
        if not is_valid or fault == wire.FAULT_CODE_CELL_SENSOR:
            return
        cell = self.cell_mc
        application = self._application
        if cell > self._cell_max_mc and application.state == wire.BOARD_STATE_ACTIVE:
            application.fault(wire.FAULT_CODE_CELL_OVER_TEMPERATURE, self._number, cell)
        # Faster than any heater: a sensor was plugged in, not a cell heated.
        elif cell < self._lowest_mc or cell - self._before_mc > _STUCK_STEP_MC:
            self._lowest_mc = cell
        elif cell > self._lowest_mc + _STUCK_RISE_MC and cell > _STUCK_FLOOR_MC:
            self._lowest_mc = cell
            # Only the board's enable line is left to switch it off.
            application.fault(wire.FAULT_CODE_HEATER_STUCK_ON, self._number, cell)

    def sensor_fault(self):
        """Fault code of the thermometer of a head that is on; none means that it can be heated."""
        cell = self.cell_mc
        self._lowest_mc = cell
        if not self._thermometer.valid or (
            self._is_known and abs(cell - self._before_mc) > _JUMP_MC
        ):
            return wire.FAULT_CODE_CELL_SENSOR
        if not self._is_known:
            # Started before the first reading: the ramp begins at what is there.
            self._is_known = True
            self.ramp.value = cell
        return wire.FAULT_CODE_NONE

    def heat(self, dt_ms):
        """One step of ramp and loop; returns a fault code, which a board's fault is told by, too."""
        cell = self.cell_mc
        if cell > self._cell_max_mc:
            # The PWM may be stuck: only the board's enable line is sure, so all heads go off.
            code = wire.FAULT_CODE_CELL_OVER_TEMPERATURE
            self._application.fault(code, self._number, cell)
            return code
        setpoint = self.ramp.step(self.setpoint_mc, dt_ms)
        power = self.loop.step(setpoint - cell, dt_ms)
        self.heater_uw = power
        self._pwm.duty_u16(muldiv(power, 65535, self._full_power_uw))
        # Full power without heat: a broken wire, a lost thermal contact.
        if power * 10 < self._full_power_uw * 9:
            self._power_turns = 0
            self._power_start_mc = cell
            return wire.FAULT_CODE_NONE
        self._power_turns += 1
        if self._power_turns > _INEFFECTIVE_TURNS:
            if cell - self._power_start_mc < _INEFFECTIVE_RISE_MC:
                return wire.FAULT_CODE_HEATER_INEFFECTIVE
            self._power_turns = 0
            self._power_start_mc = cell
        return wire.FAULT_CODE_NONE
