"""Step and direction pulses by PIO, every step counted by a DMA channel."""

# ruff: noqa: F821  (names of the PIO assembler)
import machine
from micropython import const
import rp2

_TICK_HZ = const(10000000)
# Ticks of a step outside the delay loop.
_OVERHEAD = const(26)
# The transfer counter of the RP2350 has 28 bits; the rest selects its mode.
_COUNT_START = const(0x0FFFFFFF)
# State machine 8 is the first of PIO2, which only the RP2350 has; 4 the first of PIO1.
_STATE_MACHINE = const(4)


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def _step_program():
    """Take the newest period; 0 stands still, else wait it, step, and report the step."""
    wrap_target()
    pull(noblock)
    mov(x, osr)
    mov(y, x)
    jmp(not_y, "end")
    label("delay")
    jmp(y_dec, "delay")
    set(pins, 1)[9]
    set(pins, 0)[9]
    push(noblock)
    label("end")
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
            set_base=machine.Pin(definition["step"], machine.Pin.OUT, value=0),
        )
        self._dma = rp2.DMA()
        self._sink = bytearray(4)
        self._base = 0
        self._forward = 1
        self._period = 0
        self._sent = -1
        self._arm()
        self._mark = self._dma.count
        self._machine.put(0)
        self._machine.active(1)

    def _arm(self):
        """Count from the top again: each report of a step is one transfer to nowhere."""
        dma = self._dma
        dma.active(0)
        dma.config(
            read=self._machine,
            write=self._sink,
            count=_COUNT_START,
            ctrl=dma.pack_ctrl(
                size=2,
                inc_read=False,
                inc_write=False,
                treq_sel=(_STATE_MACHINE >> 2) * 8 + 4 + (_STATE_MACHINE & 3),
            ),
            trigger=True,
        )

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
            stepper.exec("pull(noblock)")  # drop periods of the old direction
        stepper.exec("mov(y, null)")
        stepper.exec("mov(x, null)")
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

    def zero(self):
        """Here is zero."""
        self._base = 0
        self._mark = self._dma.count
