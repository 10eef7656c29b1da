"""Trapezoidal motion in integers: microsteps, microsteps a second.

Speeds stay below 32,768 microsteps/s, so that the square in the stopping distance fits 30 bits.
"""

# Slow enough to start and stop dead (the driver's start-stop rate is 500): 0.3 mm/s.
_CREEP = 200


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
        if along > 0 and self._reach(along, dt_ms) >= ahead:
            along = max(along - change, 0)
        elif along < self.cruise:
            # Only as fast as can be braked from after this block: else the speed is held.
            faster = min(along + change, self.cruise)
            if faster <= 0 or self._reach(faster, dt_ms) < ahead:
                along = faster
        else:
            along = max(along - change, self.cruise)
        if ahead == 0 and -_CREEP <= along <= _CREEP:
            along = 0
        elif along == 0 and ahead:
            # The last few microsteps at creep speed.
            along = min(self.cruise, _CREEP, max(ahead * 1000 // dt_ms, 1))
        self.speed = along * toward
        return self.speed

    def _reach(self, speed, dt_ms):
        """Microsteps until standstill: one block at this speed, for the profile is sampled, then
        braking; rounded up.
        """
        return speed * speed // (2 * self.acceleration) + speed * dt_ms // 1000 + 2

    def done(self, position):
        """True when standing at the target."""
        return self.speed == 0 and position == self.target
