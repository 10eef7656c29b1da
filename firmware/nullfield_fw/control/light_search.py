"""Search of zero field by the light alone, from far outside the lock-in's range.

Without modulation, in a field w along the beam axis and across, the polarisation along the beam is
P0 (w0^2 + Bz^2) / (w0^2 + B^2) (Hanle effect). So the light through the cell is largest where the
transverse field is zero, whatever the beam field; and with a transverse field applied it is least
where the beam field is zero. Three points an axis and a parabola, repeated; then with a third of the
step, as the lock-in's range is less than the width of what a long step sees.
"""

from .fixed import muldiv

_LIMIT = 12
_SETTLE_BLOCKS = 10
_AVERAGE_BLOCKS = 10


class LightSearch:
    """Search of one head.

    Parameters
    ----------
    probe : Probe
    reach_count : int
        Step of the search to begin with.
    """

    def __init__(self, probe, reach_count):
        self._probe = probe
        self._far = reach_count
        self._reach = reach_count
        self._axis = 0
        self._point = 0
        self._moved = 0
        self._light = [0] * 3
        self.rounds = 0

    def start(self):
        """Begin a search."""
        self.rounds = 0
        self._reach = self._far
        self._begin_round()

    def go_on(self, light):
        """Take what the last point's light came to; True when the search is over."""
        self._light[self._point] = light
        self._point += 1
        if self._point < 3:
            self._measure()
            return False
        self._point = 0
        self._move(self._vertex())
        self._axis += 1
        if self._axis < 3:
            self._measure()
            return False
        self.rounds += 1
        near = self._moved < self._reach // 6
        if (near and self._reach < self._far) or self.rounds >= _LIMIT:
            return True
        if near:
            self._reach = self._far // 3
        self._begin_round()
        return False

    def _begin_round(self):
        self._axis = 0
        self._point = 0
        self._moved = 0
        self._measure()

    def _measure(self):
        step = (0, 1, -1)[self._point] * self._reach
        across = self._reach if self._axis == 2 else 0
        self._probe.measure(
            step if self._axis == 0 else across,
            step if self._axis == 1 else 0,
            # Only across a transverse field does the light show the beam field.
            step if self._axis == 2 else 0,
            _SETTLE_BLOCKS,
            _AVERAGE_BLOCKS,
        )

    def _vertex(self):
        """Place of the extremum from where the commands are."""
        middle, upper, lower = self._light
        if self._axis == 2:
            # The light is least where the beam field is zero: the same peak upside down.
            middle, upper, lower = -middle, -upper, -lower
        slope = upper - lower
        bend = 2 * middle - upper - lower
        if bend > 0 and abs(slope) < 3 * bend:
            return muldiv(slope, self._reach, 2 * bend)
        # Far out on a flank: go to the better side.
        return self._reach if slope > 0 else -self._reach

    def _move(self, shift):
        axis = self._axis
        self._probe.move(
            shift if axis == 0 else 0, shift if axis == 1 else 0, shift if axis == 2 else 0
        )
        self._moved = max(self._moved, abs(shift))
