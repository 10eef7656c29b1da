"""Finding the absorption line by scanning the laser's temperature.

The laser's colour follows its temperature at constant current, so its power hardly changes and the
middle between the two flanks of the dip is the line's centre.
"""

from array import array

RUNNING = 0
FOUND = 1
NOT_FOUND = 2

# The widest range that the settings allow, 20 degrees at 1 degree/s and 40 ms a reading, and lag.
_POINTS = 560


class LaserScan:
    """One scan from a low to a high temperature.

    Parameters
    ----------
    low_mc, high_mc : int
        Range in m°C.
    rate_mc_per_s : int
        Speed of the setpoint.
    """

    def __init__(self, low_mc, high_mc, rate_mc_per_s):
        self.low = low_mc
        self.high = high_mc
        self.rate = rate_mc_per_s
        self.setpoint = low_mc
        self.state = NOT_FOUND
        self.centre = 0
        self.bottom = 0
        self.depth_permille = 0
        self._count = 0
        self._temperature = array("i", bytearray(4 * _POINTS))
        self._light = array("i", bytearray(4 * _POINTS))

    def start(self):
        """Begin at the low end."""
        self.setpoint = self.low
        self.state = RUNNING
        self._count = 0

    def step(self, temperature_mc, light, dt_ms):
        """Take one reading (m°C, any positive unit of light); returns the next setpoint."""
        if self.state != RUNNING:
            return self.setpoint
        if self._count < _POINTS:
            self._temperature[self._count] = temperature_mc
            self._light[self._count] = light
            self._count += 1
        self.setpoint = min(self.setpoint + self.rate * dt_ms // 1000, self.high)
        # The laser lags behind the setpoint; the line may lie near the end.
        if temperature_mc >= self.high - 200 or self._count >= _POINTS:
            self._evaluate()
        return self.setpoint

    def _evaluate(self):
        self.state = NOT_FOUND
        count = self._count
        light = self._light
        if count < 8:
            return
        lowest = 0
        highest = 0
        for number in range(count):
            if light[number] < light[lowest]:
                lowest = number
            if light[number] > light[highest]:
                highest = number
        top = light[highest]
        self.bottom = light[lowest]
        if top <= 0:
            return
        self.depth_permille = (top - self.bottom) * 8 // (top // 125 + 1)
        if self.depth_permille < 150:
            return
        level = self.bottom + (top - self.bottom) // 3
        left = self._cross(lowest, -1, level)
        right = self._cross(lowest, 1, level)
        if left is None or right is None:
            return
        self.centre = (left + right) // 2
        self.state = FOUND

    def _cross(self, start, step, level):
        """Temperature where the light passes the level, going one way from the bottom."""
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
