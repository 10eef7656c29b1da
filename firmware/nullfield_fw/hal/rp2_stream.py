"""Sample streams by PIO and DMA: converter frames in, DAC words out.

The converter's DRDY starts each sample. State machine 0 fetches one frame; state machine 1 drops
LDAC, which shows the words sent during the sample before, and sends this sample's words. So both
run on the distributed converter clock and never drift apart.

Each direction has two buffers and two DMA channels. The data channel moves one block and chains to
the control channel, which writes the other buffer's address into the data channel's address-and-
trigger register. Nothing here depends on the processor being in time: a late application reads an
old block or repeats one, and memory outside of the buffers is never touched.
"""

# ruff: noqa: F821  (names of the PIO assembler)
from array import array

import machine
import micropython
from micropython import const
import rp2
import uctypes

_FRAME_WORDS = const(10)
_ADC_MACHINE = const(0)
_DAC_MACHINE = const(1)
# RP2040 data sheet 2.4.2.1 and RP2350 data sheet 12.6.4.1: PIO0 TX is DREQ 0..3, RX 4..7.
_DREQ_DAC = const(1)
_DREQ_ADC = const(4)
# RP2040 data sheet 2.5.7, the same in the RP2350: channel n's registers start at 0x50000000 + 64 n.
_AL2_WRITE_ADDRESS_TRIGGER = const(0x2C)
_AL3_READ_ADDRESS_TRIGGER = const(0x3C)
_PIO_MAX_HZ = const(50000000)


@rp2.asm_pio(
    sideset_init=(rp2.PIO.OUT_LOW, rp2.PIO.OUT_HIGH),
    in_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopush=True,
    push_thresh=32,
    fifo_join=rp2.PIO.JOIN_RX,
)
def _adc_program():
    """One frame of ten 32-bit words per DRDY; side-set bit 0 is SCLK, bit 1 is CS.

    SPI mode 1: the chip shifts at the rising edge and the bit is taken with the falling one, two
    cycles later: at 50 MHz 40 ns less 13 ns in the input synchroniser, against 20 ns for the chip
    (SBAS950B, section 6.7).
    """
    wrap_target()
    label("idle")
    jmp(pin, "idle").side(0b10)
    irq(4).side(0b00)
    set(y, 9).side(0b00)
    label("word")
    set(x, 31).side(0b00)
    label("bit")
    nop().side(0b01)[1]
    in_(pins, 1).side(0b00)
    jmp(x_dec, "bit").side(0b00)
    jmp(y_dec, "word").side(0b00)
    wrap()


@rp2.asm_pio(
    sideset_init=(rp2.PIO.OUT_LOW, rp2.PIO.OUT_HIGH),
    out_init=rp2.PIO.OUT_LOW,
    set_init=rp2.PIO.OUT_HIGH,
    out_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopull=True,
    pull_thresh=24,
)
def _dac_program():
    """LDAC pulse, then a sample's words of 24 bits; side-set bit 0 is SCK, bit 1 is CS.

    SPI mode 0: the chip samples at the rising edge. ISR holds the words of a sample less one.
    """
    wrap_target()
    wait(1, irq, 4).side(0b10)
    set(pins, 0).side(0b10)[3]
    set(pins, 1).side(0b10)
    mov(y, isr).side(0b10)
    label("word")
    set(x, 23).side(0b00)
    label("bit")
    out(pins, 1).side(0b00)
    jmp(x_dec, "bit").side(0b01)
    nop().side(0b00)
    jmp(y_dec, "word").side(0b10)
    wrap()


@micropython.viper
def _copy_words(target: ptr32, source: ptr32, count: int):
    for i in range(count):
        target[i] = source[i]


@micropython.viper
def fill_middle(words: ptr32, count: int, channels: int):
    """Mid scale on all channels: words in sample-major order."""
    channel = 0
    for i in range(count):
        words[i] = channel << 24 | 0x800000
        channel += 1
        if channel == channels:
            channel = 0


class _Pair:
    """Two aligned buffers that DMA uses in turn.

    Parameters
    ----------
    words : int
        Size of one buffer in 32-bit words.
    repeat : int
        How often a buffer is played in one block; above 1 the size must be a power of two.
    """

    def __init__(self, words, repeat):
        size = 4 * words
        align = size if repeat > 1 else 4
        self._memory = bytearray(2 * size + align)
        first = -(-uctypes.addressof(self._memory) // align) * align
        self.addresses = (first, first + size)
        self.ring_bits = 0
        while repeat > 1 and 1 << self.ring_bits < size:
            self.ring_bits += 1
        # The control channel reads buffer 1, 0, 1, ... from a ring of two words, aligned to 8.
        self._table = array("I", bytearray(16))
        offset = 1 if uctypes.addressof(self._table) & 4 else 0
        self._table[offset] = first + size
        self._table[offset + 1] = first
        self._table_at = uctypes.addressof(self._table) + 4 * offset
        self.data = rp2.DMA()
        self.control = rp2.DMA()
        self.count = words * repeat

    def arm(self, read, write, trigger_register, **control):
        """Set both channels up and start the data channel with buffer 0."""
        self.control.config(
            read=self._table_at,
            write=0x50000000 + 64 * self.data.channel + trigger_register,
            count=1,
            ctrl=self.control.pack_ctrl(size=2, inc_write=False, ring_size=3, ring_sel=False),
        )
        self.data.config(
            read=read,
            write=write,
            count=self.count,
            ctrl=self.data.pack_ctrl(size=2, chain_to=self.control.channel, **control),
            trigger=True,
        )

    def turns(self):
        """Parity of the blocks finished so far: the number of the buffer in use now."""
        return (self.control.read - self._table_at) >> 2 & 1

    def stop(self):
        """End both channels, the control channel first so that it cannot restart the other."""
        self.control.active(0)
        self.data.active(0)
        self.control.active(0)


class Streams:
    """The converter's stream, and the DAC's if there is one.

    Parameters
    ----------
    adc, dac : dict
        Entries of the board definition; `dac` may be None.

    Attributes
    ----------
    block : array of int32
        Copy of the last finished block.
    """

    def __init__(self, adc, dac):
        self._adc_pins = adc["stream"]
        self._words = adc["samples"] * _FRAME_WORDS
        self.block = array("i", bytearray(4 * self._words))
        self._in = _Pair(self._words, 1)
        self._out = None
        if dac:
            self._dac_pins = dac["stream"]
            self._channels = dac["stream_channels"]
            self._out_words = self._channels * dac["stream_samples"]
            self._out = _Pair(self._out_words, adc["samples"] // dac["stream_samples"])
        self._parity = 0
        self.running = False

    def start(self, first_block):
        """Take the pins over and start; the first DAC block goes into both buffers."""
        # A whole divider keeps the clock even; the PIO's fractional one would jitter by a cycle.
        system_hz = machine.freq()
        divider = -(-system_hz // _PIO_MAX_HZ)
        pins = self._adc_pins
        machine.Pin(pins["mosi"], machine.Pin.OUT, value=0)  # every frame a NULL command
        fetcher = rp2.StateMachine(
            _ADC_MACHINE,
            _adc_program,
            freq=system_hz // divider,
            in_base=machine.Pin(pins["miso"], machine.Pin.IN),
            sideset_base=machine.Pin(pins["sck"]),
            jmp_pin=machine.Pin(pins["drdy"], machine.Pin.IN),
        )
        self._fetcher = fetcher
        self._sender = None
        self._in.arm(
            fetcher,
            self._in.addresses[0],
            _AL2_WRITE_ADDRESS_TRIGGER,
            inc_read=False,
            treq_sel=_DREQ_ADC,
        )
        if self._out:
            self._start_dac(first_block, system_hz // (2 * divider))
        self._parity = 0
        self.running = True
        fetcher.active(1)

    def _start_dac(self, first_block, frequency):
        pins = self._dac_pins
        out = self._out
        for address in out.addresses:
            _copy_words(address, first_block, self._out_words)
        sender = rp2.StateMachine(
            _DAC_MACHINE,
            _dac_program,
            freq=frequency,
            out_base=machine.Pin(pins["mosi"]),
            set_base=machine.Pin(pins["ldac"]),
            sideset_base=machine.Pin(pins["sck"]),
        )
        self._sender = sender
        # Words of a sample less one go to ISR by way of OSR, before the DMA fills the queue.
        sender.put(self._channels - 1)
        sender.exec("pull().side(2)")
        sender.exec("mov(isr, osr).side(2)")
        # OSR counts as full after the pull; empty it so that autopull fetches the first word.
        sender.exec("out(null, 32).side(2)")
        out.arm(
            out.addresses[0],
            sender,
            _AL3_READ_ADDRESS_TRIGGER,
            inc_write=False,
            treq_sel=_DREQ_DAC,
            ring_size=out.ring_bits,
            ring_sel=False,
        )
        sender.active(1)

    def finished(self):
        """True if a block has ended that `take` has not seen."""
        return self._in.turns() != self._parity

    def take(self):
        """Copy the finished block; returns the parity of the blocks since the last call."""
        parity = self._in.turns()
        # While buffer 1 is being filled, buffer 0 is the finished one.
        _copy_words(self.block, self._in.addresses[parity ^ 1], self._words)
        passed = parity ^ self._parity
        self._parity = parity
        return passed

    def give(self, words):
        """Put a DAC block where it is played next: into the buffer that is not in use."""
        out = self._out
        if out:
            _copy_words(out.addresses[out.turns() ^ 1], words, self._out_words)

    def clear_block(self):
        """Zeros, STATUS included: the application sees that nothing came."""
        block = self.block
        for i in range(self._words):
            block[i] = 0

    def stop(self):
        """State machines and DMA off."""
        if not self.running:
            return
        self.running = False
        self._fetcher.active(0)
        self._in.stop()
        if self._out:
            self._sender.active(0)
            self._out.stop()
