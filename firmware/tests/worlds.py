"""What stands behind the fake hal while an application runs: a little physics for each role."""

from array import array
from math import cos, exp, pi, sin

import micropython

from nullfield_fw.control import lockin

NT = 536870  # counts in 1 nT


@micropython.viper
def _fill(adc: ptr32, head: int, in_phase: int, quadrature: int, light: int, table: ptr32):
    """Samples of one head: DC channel, and a period with these lock-in amplitudes."""
    for n in range(16):
        cosine = table[n]
        sine = table[(n + 12) & 15]
        adc[n * 10 + 1 + head] = light
        adc[n * 10 + 5 + head] = (in_phase >> 10) * cosine // 16 + (quadrature >> 10) * sine // 16


@micropython.viper
def _spread(adc: ptr32, word: int, value: int):
    """The same value in all samples of one channel."""
    for n in range(16):
        adc[n * 10 + word] = value


def pt1000_code(celsius):
    """Converter code at the reference resistor of 4020 Ohm."""
    r = 1.0 + 3.9083e-3 * celsius - 5.775e-7 * celsius * celsius
    return int(8388608.0 * 1000.0 * r / 4020.0)


def ntc_code(celsius):
    """Converter code of a 10 kOhm thermistor with B 3435 K below 10 kOhm."""
    r = exp(3435.0 * (1.0 / (celsius + 273.15) - 1.0 / 298.15))
    return int(8388608.0 * r / (r + 1.0))


class SensorWorld:
    """Cells that follow their setpoints, lasers with a line at 45 degrees, heads with a field."""

    def __init__(self, hal, application):
        self.hal = hal
        self.application = application
        self.field_nt = [(6.0, -4.0, 8.0)] * 4
        self.line_c = [45.0] * 4
        self.light = [1.0] * 4  # 0 is a dead laser or photodiode
        self.cell_c = [150.0] * 4
        self.table = array("i", [round(16384 * cos(2 * pi * n / 16)) for n in range(16)])
        self._block = 0
        for head in application.heads:
            head.laser.ramp.value = 43000
        self.update()

    def update(self):
        """Before a block."""
        control = self.application.control
        turn = self._block % 10 == 0
        self._block += 1
        for head in self.application.heads:
            number = head.number
            base = number * lockin.STRIDE
            if turn:
                laser = head.laser.ramp.value / 1000.0
                self.hal.chips["cell_adc"].codes[number] = pt1000_code(self.cell_c[number])
                self.hal.chips["laser_adc"].codes[number] = ntc_code(laser)
            dip = 0.0
            if head.laser.laser_na:
                away = (head.laser.laser_mc / 1000.0 - self.line_c[number]) / 1.0
                dip = 1.0 - 0.7 * exp(-away * away)
            x, y, b = self.field_nt[number]
            x = x * NT + control[base + lockin.U2_X]
            y = y * NT + control[base + lockin.U2_Y]
            b = b * NT + control[base + lockin.U2_B]
            width = 22.0 * NT
            on = control[base + lockin.MODULATION_ON]
            polarity = control[base + lockin.POLARITY]
            strength = 14.0 / (1.0 + (b * b + x * x + y * y) / (width * width))
            if not on or not head.laser.laser_na:
                strength = 0.0
            # The beam field turns the tilt; the y coil shows it with the sign of the sense.
            turned_x = strength * polarity * (x * cos(b / width) - y * sin(b / width))
            turned_y = strength * polarity * (y * cos(b / width) + x * sin(b / width))
            turned_y *= control[lockin.SENSE]
            hanle = 0.7 + 0.3 * (width * width + b * b) / (width * width + b * b + x * x + y * y)
            # Lock-in amplitudes are a eighth of the sums; steps of 7.15 pA of light.
            i = int(max(min((0.9 * turned_x + 0.2 * turned_y) / 8, 8.3e6), -8.3e6))
            q = int(max(min((-0.2 * turned_x + 0.9 * turned_y) / 8, 8.3e6), -8.3e6))
            _fill(
                self.hal.adc,
                number,
                i,
                q,
                int(4.0e6 * dip * hanle * self.light[number]),
                self.table,
            )


class CoilWorld:
    """Coils of 100 Ohm that carry what the converters said a block ago; broken ones carry nothing."""

    def __init__(self, hal):
        self.hal = hal
        self.broken = [False] * 8
        self.shorted = [False] * 8
        self.sensed = [1.0] * 8
        self.gain = [1.0] * 8
        self.ohm = [100.0] * 8
        self.current_na = [0.0] * 8
        self.celsius = 25.0
        self._wanted = [0.0] * 8

    def update(self):
        """Before a block."""
        dac = self.hal.dac
        outputs = self.hal.outputs
        enabled = outputs["coil_enable"].level
        turn = outputs["mux0"].level + 2 * outputs["mux1"].level + 4 * outputs["mux2"].level
        codes = self.hal.chips["coil_adc"].codes
        for channel in range(8):
            wanted = self._wanted[channel]
            coarse = (dac[channel] >> 8 & 0xFFFF) - 32768
            fine = (dac[channel + 8] >> 8 & 0xFFFF) - 32768
            current = (coarse + fine / 256) * (1e7 / 32768) * self.gain[channel]
            self._wanted[channel] = current if enabled and dac[15] else 0.0
            most = 12.0e9 / self.ohm[channel]
            current = max(min(wanted, most), -most)
            volts = current * self.ohm[channel] / 1e9
            if self.broken[channel]:
                current = 0.0
                volts = 12.0 if wanted > 100.0 else -12.0 if wanted < -100.0 else 0.0
            if self.shorted[channel]:
                volts = current * 1e-9
            self.current_na[channel] = current
            if channel == turn:
                codes[0] = (1 << 22) + int(volts / 36.0 * 8388608.0)
            sensed = current * self.sensed[channel]
            _spread(self.hal.adc, 1 + channel, int(sensed / (12.0e6 / 8388608.0)))
        codes[1] = ntc_code(self.celsius)


class TableWorld:
    """A carriage between two switches; `offset` is where it stands when the board starts."""

    def __init__(self, hal, offset=20000):
        self.hal = hal
        self.offset = offset
        self.held_at = None  # where something holds the carriage up, whatever the motor does

    def where(self):
        """Microsteps from the home switch."""
        if self.held_at is not None:
            return self.held_at
        return self.hal.stepper.count + self.offset

    def update(self):
        """Before a block."""
        self.hal.inputs["home"].level = 1 if self.where() <= 0 else 0
        self.hal.inputs["end"].level = 1 if self.where() >= 610 * 640 else 0


class BareWorld:
    """Nothing attached."""

    def update(self):
        """Nothing changes."""
