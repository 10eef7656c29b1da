"""Finding the absorption line by scanning the laser's temperature.

The laser's colour follows its temperature at constant current, so its power hardly changes and the
middle between the two flanks of the dip is the line's centre. The reading of the thermistor is
older than that of the light, so a fine scan crosses the dip both ways and takes the middle of the two
middles.
"""

from array import array

RUNNING = 0
FOUND = 1
NOT_FOUND = 2

# The widest range that the settings allow, 20 degrees at 1 degree/s and 40 ms a reading, and lag.
_POINTS = 560
# So far below the flank the way back ends.
_PAST_MC = 200
# So far beyond its range a fine scan drives the laser, which else would creep to the ends.
_LEAD_MC = 500


class LaserScan:
    """One scan from a low to a high temperature, and back across the line if wanted.

    Parameters
    ----------
    rate_mc_per_s : int
        Speed of the setpoint.
    """

    def __init__(self, rate_mc_per_s):
        self.low = 0
        self.high = 0
        self.rate = rate_mc_per_s
        self.setpoint = 0
        self.state = NOT_FOUND
        self.centre = 0
        self.bottom = 0
        self.depth_permille = 0
        self._count = 0
        self._is_back = False
        self._is_low = False
        self._goes_back = False
        self._lead = 0
        self._level = 0
        self._left = 0
        self._temperature = array("i", bytearray(4 * _POINTS))
        self._light = array("i", bytearray(4 * _POINTS))

    def start(self, low_mc, high_mc, goes_back):
        """Begin at the low end, wherever the laser is; `goes_back` crosses the line twice."""
        self.low = low_mc
        self.high = high_mc
        self._lead = _LEAD_MC if goes_back else 0
        self.setpoint = low_mc - self._lead
        self.state = RUNNING
        self._count = 0
        self._is_low = False
        self._is_back = False
        self._goes_back = goes_back

    def step(self, temperature_mc, light, dt_ms):
        """Take one reading (m°C, any positive unit of light); returns the next setpoint."""
        if self.state != RUNNING:
            return self.setpoint
        if not self._is_low:
            self._is_low = temperature_mc < self.low + 200
            if not self._is_low:
                return self.setpoint
        if self._count < _POINTS:
            self._temperature[self._count] = temperature_mc
            self._light[self._count] = light
            self._count += 1
        step = self.rate * dt_ms // 1000
        if self._is_back:
            self.setpoint = max(self.setpoint - step, self.low - self._lead)
            # Past the flank, or what the settings allow.
            past = temperature_mc < max(self._left - _PAST_MC, self.low + 200)
            if past or self._count >= _POINTS:
                self._evaluate_back()
            return self.setpoint
        self.setpoint = min(self.setpoint + step, self.high + self._lead)
        # The laser lags behind the setpoint; the line may lie near the end.
        if temperature_mc >= self.high - 200 or self._count >= _POINTS:
            self._evaluate()
        return self.setpoint

    def _lowest(self):
        lowest = 0
        for number in range(self._count):
            if self._light[number] < self._light[lowest]:
                lowest = number
        return lowest

    def _evaluate(self):
        self.state = NOT_FOUND
        count = self._count
        light = self._light
        if count < 8:
            return
        lowest = self._lowest()
        highest = 0
        for number in range(count):
            if light[number] > light[highest]:
                highest = number
        top = light[highest]
        self.bottom = light[lowest]
        if top <= 0:
            return
        self.depth_permille = (top - self.bottom) * 8 // (top // 125 + 1)
        if self.depth_permille < 150:
            return
        self._level = self.bottom + (top - self.bottom) // 3
        left = self._cross(lowest, -1)
        right = self._cross(lowest, 1)
        if left is None or right is None:
            return
        self.centre = (left + right) // 2
        if not self._goes_back:
            self.state = FOUND
            return
        self._left = left
        self._is_back = True
        self._count = 0
        self.state = RUNNING

    def _evaluate_back(self):
        self.state = NOT_FOUND
        lowest = self._lowest()
        right = self._cross(lowest, -1)
        left = self._cross(lowest, 1)
        if left is None or right is None:
            return
        self.centre = (2 * self.centre + left + right) // 4
        self.state = FOUND

    def _cross(self, start, step):
        """Temperature where the light passes the level, going one way from the bottom."""
        level = self._level
        number = start
        while 0 <= number + step < self._count:
            here = self._light[number]
            after = self._light[number + step]
            if after >= level:
                span = after - here
                run = self._temperature[number + step] - self._temperature[number]
                if span <= 0:
                    return self._temperature[number]
                # Light is at most 6e7 pA and the run a few hundred m°C: scale to stay small.
                return self._temperature[number] + ((level - here) >> 10) * run // (
                    (span >> 10) + 1
                )
            number += step
        return None
