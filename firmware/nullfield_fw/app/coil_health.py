"""What a coil board watches besides its currents: voltages of the coils, heat of the output stages.

One slow converter looks at the eight coils in turn, through a multiplexer, and at a thermistor on
the heat sink: 10 ms each, a round in 90 ms. Voltage tells apart what current alone cannot: an open
coil (the source at the end of its voltage and no current), a coil of too much resistance (there,
but with current), a dead sense amplifier (a normal voltage), a short (current without voltage).
"""

from .. import wire
from ..control import coil_loop
from ..control.fixed import muldiv
from ..control.thermal import ntc_thermometer
from ..drivers.ads1220 import Ads1220
from ..schedule import Divider

_TURNS = coil_loop.CHANNELS + 1
_MIDDLE = 1 << 22
_ROUNDS = 3  # in a row, before a judgement
_OPEN_MIN_NA = 20000
_SHORT_MIN_NA = 500000
_DIE_MAX_MC = 85000
_HEAT_SINK = coil_loop.CHANNELS  # sources of the over-temperature fault
_HEAT_SENSOR = coil_loop.CHANNELS + 1
_DIE = coil_loop.CHANNELS + 2


class CoilHealth:
    """Voltages, resistances and heat.

    Parameters
    ----------
    board : dict
    hal : Hal
    control : array
        State of `coil_loop`.

    Attributes
    ----------
    voltage_uv : list of int
        Last voltage across each coil.
    temperature_mc : int
        Heat sink.
    """

    def __init__(self, board, hal, control):
        scales = board["scales"]
        self.chip = Ads1220(hal.spi("coil_adc"))
        self._mux = (hal.output("mux0"), hal.output("mux1"), hal.output("mux2"))
        self._control = control
        self._full_uv = scales["voltage_full_scale_mv"] * 1000
        # Nine tenths: a source that is so far has no more to give.
        self._compliance_uv = scales["compliance_mv"] * 900
        self._temperature_max_mc = board["limits"]["stage_temperature_max_mc"]
        self._thermometer = ntc_thermometer(
            scales["stage_nominal_ohm"], scales["stage_beta_k"], scales["stage_divider_ohm"]
        )
        self._divider = Divider(10, 3)
        self._turn = 0
        self.voltage_uv = [0] * coil_loop.CHANNELS
        self._open = bytearray(coil_loop.CHANNELS)
        self._short = bytearray(coil_loop.CHANNELS)
        self._hot = 0
        self.temperature_mc = 25000
        self.resistance_min_ohm = 0
        self.any_compliance = False
        self.code = 0
        self.source = 0
        self.value = 0

    def start(self):
        """Configure the converter; False if it does not answer."""
        good = self.chip.configure("divider")
        self._select(0)
        return good

    def forget(self):
        """Outputs went off: what was counted is void."""
        for channel in range(coil_loop.CHANNELS):
            self._open[channel] = 0
            self._short[channel] = 0
        self.any_compliance = False
        self._turn = 0

    def step(self, die_mc, is_steady):
        """One block; True if something is wrong: `code`, `source` and `value` say what.

        `is_steady` says that no current moves on purpose.
        """
        if not self._divider.due():
            return False
        code = self.chip.read()
        turn = self._turn
        if self._control[coil_loop.ENABLED]:
            self._turn = turn + 1 if turn + 1 < _TURNS else 0
        else:
            # Outputs off: the multiplexer's lines stay at their safe level, only the heat is watched.
            self._turn = 0 if turn else _TURNS - 1
        self._select(self._turn)
        if turn < coil_loop.CHANNELS:
            self.voltage_uv[turn] = muldiv(code - _MIDDLE, self._full_uv, 1 << 23)
            return self._judge(turn, is_steady)
        self.temperature_mc = self._thermometer.read(code)
        self.any_compliance = False
        for channel in range(coil_loop.CHANNELS):
            if self.is_at_compliance(channel):
                self.any_compliance = True
        return self._judge_heat(die_mc)

    def is_at_compliance(self, channel):
        """Whether the source has no more voltage to give."""
        return abs(self.voltage_uv[channel]) > self._compliance_uv

    def cause_of_mismatch(self, channel):
        """Fault code for a current that does not follow its command."""
        base = channel * coil_loop.STRIDE
        expected = abs(self._control[base + coil_loop.EXPECTED]) >> 4
        if not self.is_at_compliance(channel):
            return wire.FAULT_CODE_COIL_READBACK
        if abs(self._control[base + coil_loop.READBACK]) * 8 < expected:
            return wire.FAULT_CODE_COIL_OPEN
        return wire.FAULT_CODE_COIL_COMPLIANCE

    def _select(self, turn):
        if turn < coil_loop.CHANNELS:
            self._mux[0].set(turn & 1)
            self._mux[1].set(turn >> 1 & 1)
            self._mux[2].set(turn >> 2)
            self.chip.select(0)
        else:
            self.chip.select(1)

    def _judge(self, channel, is_steady):
        control = self._control
        base = channel * coil_loop.STRIDE
        if not control[coil_loop.ENABLED]:
            return False
        readback = abs(control[base + coil_loop.READBACK])
        expected = abs(control[base + coil_loop.EXPECTED]) >> 4
        volts_uv = abs(self.voltage_uv[channel])
        is_open = (
            volts_uv > self._compliance_uv and expected > _OPEN_MIN_NA and readback * 4 < expected
        )
        # nA times ohm is nV.
        is_short = (
            is_steady
            and readback > _SHORT_MIN_NA
            and volts_uv < muldiv(readback, self.resistance_min_ohm, 1000)
        )
        self._open[channel] = self._open[channel] + 1 if is_open else 0
        self._short[channel] = self._short[channel] + 1 if is_short else 0
        if self._open[channel] >= _ROUNDS:
            return self._wrong(wire.FAULT_CODE_COIL_OPEN, channel, readback)
        if self._short[channel] >= _ROUNDS:
            return self._wrong(wire.FAULT_CODE_COIL_SHORT, channel, self.voltage_uv[channel])
        return False

    def _judge_heat(self, die_mc):
        is_hot = self.temperature_mc > self._temperature_max_mc
        # A thermistor that is gone says nothing, which is no reason to go on.
        if is_hot or not self._thermometer.valid or die_mc > _DIE_MAX_MC:
            if self._hot < _ROUNDS:
                self._hot += 1
        else:
            self._hot = 0
        if self._hot < _ROUNDS:
            return False
        if die_mc > _DIE_MAX_MC:
            return self._wrong(wire.FAULT_CODE_COIL_OVER_TEMPERATURE, _DIE, die_mc)
        if not self._thermometer.valid:
            return self._wrong(
                wire.FAULT_CODE_COIL_OVER_TEMPERATURE, _HEAT_SENSOR, self.temperature_mc
            )
        return self._wrong(wire.FAULT_CODE_COIL_OVER_TEMPERATURE, _HEAT_SINK, self.temperature_mc)

    def _wrong(self, code, source, value):
        self.code = code
        self.source = source
        self.value = value
        return True
