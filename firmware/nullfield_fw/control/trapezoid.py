"""Trapezoidal motion in integers: microsteps, microsteps a second.

Speeds stay below 32,768 microsteps/s, so that the square in the stopping distance fits 30 bits.
"""


class Trapezoid:
    """Speed profile towards a target.

    Parameters
    ----------
    acceleration : int
        Microsteps/s^2.
    """

    MAX_SPEED = 32767

    def __init__(self, acceleration):
        self.acceleration = acceleration
        self.target = 0
        self.cruise = 0
        self.speed = 0
        self._fraction = 0

    def go(self, target, cruise):
        """Aim at a position with a cruise speed (positive)."""
        self.target = target
        self.cruise = min(cruise, self.MAX_SPEED)

    def halt(self):
        """Stop at once; for faults."""
        self.speed = 0
        self.cruise = 0

    def step(self, position, dt_ms):
        """Speed for the next `dt_ms`, given where the table is.

        Returns
        -------
        int
            Signed microsteps/s; 0 with `done` true at the target.
        """
        # Part steps of the acceleration are carried on, so a slow ramp is not rounded away.
        self._fraction += self.acceleration * dt_ms
        change = self._fraction // 1000
        self._fraction -= change * 1000
        distance = self.target - position
        ahead = distance if distance >= 0 else -distance
        toward = 1 if distance >= 0 else -1
        along = self.speed * toward
        stopping = along * along // (2 * self.acceleration) if along > 0 else 0
        # One block's travel of margin: the profile is sampled.
        if along > 0 and stopping + along * dt_ms // 1000 >= ahead:
            along = max(along - change, 0)
        elif along < self.cruise:
            along = min(along + change, self.cruise)
        else:
            along = max(along - change, self.cruise)
        if ahead == 0 and -change <= along <= change:
            along = 0
        elif along == 0 and ahead:
            # The last few microsteps at creep speed.
            along = min(self.cruise, 200, max(ahead * 1000 // dt_ms, 1))
        self.speed = along * toward
        return self.speed

    def done(self, position):
        """True when standing at the target."""
        return self.speed == 0 and position == self.target
