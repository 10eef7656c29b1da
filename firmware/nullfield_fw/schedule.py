"""Slow work on fixed divisors of the block rate."""


class Divider:
    """Due once every `period` blocks, at a phase of its own, so that slow jobs do not meet."""

    def __init__(self, period, phase=0):
        if period < 1 or not 0 <= phase < period:
            raise ValueError("phase outside the period")
        self._period = period
        self._left = phase

    def due(self):
        """Count one block; True when the job's turn has come."""
        if self._left:
            self._left -= 1
            return False
        self._left = self._period - 1
        return True
