"""Step and direction pulses by PIO, every step counted by a DMA channel."""

# ruff: noqa: F821  (names of the PIO assembler)
import machine
from micropython import const
import rp2

_TICK_HZ = const(10000000)
# Ticks of a step outside the delay loop.
_OVERHEAD = const(15)
# The transfer counter of the RP2350 has 28 bits; the rest selects its mode.
_COUNT_START = const(0x0FFFFFFF)
# First state machine of PIO1.
_STATE_MACHINE = const(4)
# The instruction pull(noblock); a string would be assembled, on the heap, at each use.
_PULL = const(0x8080)


@rp2.asm_pio(sideset_init=rp2.PIO.OUT_LOW)
def _step_program():
    """Take the newest period; 0 stands still, else wait it and step.

    The report of a step and the rising edge are one instruction: wherever the machine is stopped,
    the count is right.
    """
    wrap_target()
    label("start")
    pull(noblock).side(0)
    mov(x, osr).side(0)
    mov(y, x).side(0)
    jmp(not_y, "start").side(0)
    label("delay")
    jmp(y_dec, "delay").side(0)
    push(noblock).side(1)[9]
    wrap()


class Stepper:
    """One axis.

    Parameters
    ----------
    definition : dict
        ``step`` and ``direction`` pins, ``start_stop_rate`` and ``maximum_rate`` in microsteps/s.
    """

    def __init__(self, definition):
        self._direction = machine.Pin(definition["direction"], machine.Pin.OUT, value=0)
        self._slowest = definition["start_stop_rate"]
        self._fastest = definition["maximum_rate"]
        self._machine = rp2.StateMachine(
            _STATE_MACHINE,
            _step_program,
            freq=_TICK_HZ,
            sideset_base=machine.Pin(definition["step"], machine.Pin.OUT, value=0),
        )
        self._dma = rp2.DMA()
        self._sink = bytearray(4)
        self._base = 0
        self._forward = 1
        self._period = 0
        self._sent = 0
        # Each report of a step is one transfer to nowhere; what is left of the count tells the
        # steps.
        self._dma.config(
            read=self._machine,
            write=self._sink,
            count=_COUNT_START,
            ctrl=self._dma.pack_ctrl(
                size=2,
                inc_read=False,
                inc_write=False,
                treq_sel=(_STATE_MACHINE >> 2) * 8 + 4 + (_STATE_MACHINE & 3),
            ),
            trigger=True,
        )
        self._mark = self._dma.count
        self._machine.put(0)
        self._machine.active(1)

    def set_rate(self, microsteps_per_s):
        """Signed rate. Between 0 and the start-stop rate the motor runs at the start-stop rate.

        A stepper cannot creep anyway, and a period longer than 2 ms would hold up the next change.
        """
        rate = microsteps_per_s
        if rate == 0:
            self._period = 0
        else:
            forward = 1 if rate > 0 else -1
            if rate < 0:
                rate = -rate
            if forward != self._forward:
                self._turn(forward)
            if rate < self._slowest:
                rate = self._slowest
            if rate > self._fastest:
                rate = self._fastest
            self._period = _TICK_HZ // rate - _OVERHEAD
        self.poll()

    def poll(self):
        """Pass the newest period on as soon as there is room for it."""
        if self._period != self._sent and self._machine.tx_fifo() < 2:
            self._machine.put(self._period)
            self._sent = self._period

    def _turn(self, forward):
        """Change the direction while the state machine stands, so that no step is miscounted."""
        stepper = self._machine
        stepper.active(0)
        while stepper.tx_fifo():
            stepper.exec(_PULL)  # drop periods of the old direction
        self._base = self.position()
        self._forward = forward
        self._mark = self._dma.count
        self._direction.value(1 if forward > 0 else 0)
        stepper.restart()
        stepper.put(0)
        self._sent = 0
        stepper.active(1)

    def position(self):
        """Microsteps from the zero, exact."""
        steps = self._mark - self._dma.count
        return self._base + steps if self._forward > 0 else self._base - steps

    def set_position(self, microsteps):
        """Here is this many microsteps from zero; for a motor that stands."""
        self.zero()
        self._base = microsteps

    def zero(self):
        """Here is zero. The count starts from the top again; 2**28 steps last for 400 m."""
        self._dma.active(0)
        self._dma.count = _COUNT_START
        self._dma.active(1)
        self._base = 0
        self._mark = self._dma.count
