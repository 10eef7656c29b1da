"""Faults latch: the first one is kept, outputs go safe at once."""

from . import wire


class Faults:
    """Latched faults of a board.

    Parameters
    ----------
    make_safe : callable
        Switches every output off; called on each latch, before anything else.
    """

    def __init__(self, make_safe):
        self._make_safe = make_safe
        self.code = wire.FAULT_CODE_NONE
        self.source = 0
        self.value = 0
        self.count = 0
        self.unsent = False
        self.is_permanent = False

    def latch(self, code, source=0, value=0):
        """Latch a fault of the whole board."""
        self._make_safe()
        self.count += 1
        if code == wire.FAULT_CODE_CHIP_NOT_FOUND:
            # Chips are set up at start only: this one stays until a reset, whatever came first.
            self.is_permanent = True
        if self.code == wire.FAULT_CODE_NONE:
            self.code = code
            self.source = source
            self.value = value
            self.unsent = True

    def clear(self):
        """Forget the latched fault; the application checks that the cause is gone."""
        self.code = wire.FAULT_CODE_NONE
        self.source = 0
        self.value = 0
        self.unsent = False
