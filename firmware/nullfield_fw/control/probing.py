"""Stepping the coils of one head and having the fast path average what follows."""

from . import lockin
from .fixed import clip


class Probe:
    """Coil commands of one head, and measurements around them.

    Parameters
    ----------
    state : array
        The fast path's state.
    head : int
    """

    def __init__(self, state, head):
        self.state = state
        self.base = head * lockin.STRIDE
        self.x = 0
        self.y = 0
        self.b = 0

    def take(self):
        """Begin from the commands that are there, with the loops open."""
        state = self.state
        base = self.base
        state[base + lockin.LOOP_CLOSED] = 0
        self.x = state[base + lockin.U_X]
        self.y = state[base + lockin.U_Y]
        self.b = state[base + lockin.U_B]

    def move(self, dx, dy, db):
        """Change the commands; they stay within the coils' limit."""
        limit = self.state[self.base + lockin.LIMIT]
        self.x = clip(self.x + dx, limit)
        self.y = clip(self.y + dy, limit)
        self.b = clip(self.b + db, limit)

    def measure(self, dx, dy, db, settle, count):
        """Step away from the commands, wait, average: `settle` and `count` are blocks."""
        state = self.state
        base = self.base
        state[base + lockin.U_X] = self.x + dx
        state[base + lockin.U_Y] = self.y + dy
        state[base + lockin.U_B] = self.b + db
        state[base + lockin.SUM_I] = 0
        state[base + lockin.SUM_Q] = 0
        state[base + lockin.SECOND_SUM_I] = 0
        state[base + lockin.SECOND_SUM_Q] = 0
        state[base + lockin.SUM_DC] = 0
        state[base + lockin.COUNT] = count
        state[base + lockin.SETTLE] = settle

    def is_measuring(self):
        """Whether blocks are still to come."""
        return self.state[self.base + lockin.COUNT] != 0

    def modulate(self, on, polarity):
        """Modulation on or off, and its polarity."""
        self.state[self.base + lockin.MODULATION_ON] = on
        self.state[self.base + lockin.POLARITY] = polarity

    def rest(self):
        """Commands without a step; nothing is averaged any more."""
        state = self.state
        base = self.base
        state[base + lockin.POLARITY] = 1
        state[base + lockin.U_X] = self.x
        state[base + lockin.U_Y] = self.y
        state[base + lockin.U_B] = self.b
        state[base + lockin.COUNT] = 0
