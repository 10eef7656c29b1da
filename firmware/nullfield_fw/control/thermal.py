"""Temperature control in integers: thermometers by table, PI with anti-windup, setpoint ramp."""

from array import array


class Thermometer:
    """Converter code to milli degrees Celsius by a table with linear steps.

    Parameters
    ----------
    codes : array of int
        Rising converter codes.
    temperatures_mc : array of int
        Temperature at each code.
    """

    def __init__(self, codes, temperatures_mc):
        self._codes = codes
        self._temperatures = temperatures_mc
        self.valid = False

    def read(self, code):
        """Temperature in m°C; `valid` is false outside the table (open, short, or absurd)."""
        codes = self._codes
        last = len(codes) - 1
        if code < codes[0] or code >= codes[last]:
            self.valid = False
            return self._temperatures[0] if code < codes[0] else self._temperatures[last]
        low = 0
        high = last
        while high - low > 1:
            middle = (low + high) >> 1
            if codes[middle] <= code:
                low = middle
            else:
                high = middle
        self.valid = True
        span = codes[high] - codes[low]
        rise = self._temperatures[high] - self._temperatures[low]
        # Codes of one step differ by less than 2**16 and its rise by less than 2**12.
        return self._temperatures[low] + (code - codes[low]) * rise // span


def pt1000_thermometer(reference_ohm):
    """Thermometer for a ratiometric Pt1000, full scale 2**23 at the reference resistor.

    R(T) = 1000 (1 + A T + B T^2 + C (T - 100) T^3), the last term below 0 °C only; A, B, C of
    IEC 60751:2008. Steps of 2.5 °C keep the table within 0.3 m°C of the equation.
    """
    codes = array("i")
    temperatures = array("i")
    for step in range(-16, 92):
        t = 2.5 * step
        r = 1.0 + 3.9083e-3 * t - 5.775e-7 * t * t
        if t < 0:
            r += -4.183e-12 * (t - 100.0) * t * t * t
        codes.append(int(8388608.0 * 1000.0 * r / reference_ohm))
        temperatures.append(int(1000 * t))
    return Thermometer(codes, temperatures)


def ntc_thermometer(ohm_25c, beta_k, divider_ohm):
    """Thermometer for an NTC to ground below a divider resistor at the reference.

    R(T) = R25 exp(B (1/T - 1/298.15 K)); the code falls with temperature, so the table runs from hot
    to cold.
    """
    from math import exp

    codes = array("i")
    temperatures = array("i")
    for step in range(100, -25, -1):
        r = ohm_25c * exp(beta_k * (1.0 / (step + 273.15) - 1.0 / 298.15))
        codes.append(int(8388608.0 * r / (r + divider_ohm)))
        temperatures.append(1000 * step)
    return Thermometer(codes, temperatures)


class Ramp:
    """Setpoint that moves no faster than a rate."""

    def __init__(self, rate_mc_per_s):
        self.rate = rate_mc_per_s
        self.value = 0

    def step(self, target, dt_ms):
        """Move towards the target; returns the setpoint."""
        most = self.rate * dt_ms // 1000
        # The last degrees are approached with a time constant of 1.5 s, so that the integrator
        # need not unwind a ramp that ends at once.
        change = (target - self.value) * dt_ms // 1500
        if change > most:
            change = most
        elif change < -most:
            change = -most
        elif change == 0:
            self.value = target
        self.value += change
        return self.value


class Pi:
    """PI controller on integers with clamped output and conditional integration.

    Parameters
    ----------
    proportional : int
        Output units per error unit.
    integral : int
        Output units per error unit and second.
    minimum, maximum : int
        Output limits.
    error_limit : int
        Errors are clipped to this, so that products stay below 2**30.
    """

    def __init__(self, proportional, integral, minimum, maximum, error_limit):
        self.proportional = proportional
        self.integral = integral
        self.minimum = minimum
        self.maximum = maximum
        self.error_limit = error_limit
        self._sum = 0  # output units
        self._rest = 0  # thousandths
        self.railed = False

    def reset(self, output=0):
        """Start again from an output."""
        self._sum = output
        self._rest = 0
        self.railed = False

    def step(self, error, dt_ms):
        """Output for one step of `dt_ms` milliseconds."""
        limit = self.error_limit
        if error > limit:
            error = limit
        elif error < -limit:
            error = -limit
        proportional = self.proportional * error
        output = proportional + self._sum
        high = output >= self.maximum
        low = output <= self.minimum
        # Integrate unless that would push further into the rail.
        if not (high and error > 0) and not (low and error < 0):
            self._rest += self.integral * error * dt_ms
            whole = self._rest // 1000
            self._rest -= whole * 1000
            self._sum += whole
            output = proportional + self._sum
        self.railed = high or low
        if output > self.maximum:
            return self.maximum
        if output < self.minimum:
            return self.minimum
        return output
