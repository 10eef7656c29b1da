"""ADS131M08: eight simultaneous 24-bit delta-sigma channels (TI SBAS950B).

The driver only sets the chip up. Once it runs, frames are fetched by the hal (PIO and DMA), which
keeps DIN low: every frame then carries the NULL command (section 8.5.1.10.1).
"""

from micropython import const

# Register addresses, section 8.6 "ADS131M08 Registers".
_ID = const(0x00)
_MODE = const(0x02)
_CLOCK = const(0x03)
_GAIN1 = const(0x04)
_GAIN2 = const(0x05)
_CFG = const(0x06)

# Commands, section 8.5.1.10, table 8-11.
_NULL = const(0x0000)
_RESET = const(0x0011)
_RREG = const(0xA000)
_WREG = const(0x6000)

# ID register after reset is 28xxh: bits 11..8 count the channels (section 8.6.1).
_ID_HIGH = const(0x28)

# CLOCK (section 8.6.4): all channels on, crystal oscillator off because CLKIN comes from the
# distributed clock, OSR 256, high-resolution power mode. 8.192 MHz / 2 / 256 = 16 kSPS.
_CLOCK_16_KSPS = const(0xFF86)
# MODE (section 8.6.3): WLENGTH 11b = 32 bits sign-extended, frame timeout on, RESET flag cleared.
_MODE_STREAM = const(0x0310)
# CFG (section 8.6.7): reset value, global chop and current detection off.
_CFG_PLAIN = const(0x0600)

# Bits of STATUS (section 8.6.2) that tell of trouble.
STATUS_LOCKED = const(0x8000)
STATUS_RESYNC = const(0x4000)
STATUS_REGISTER_MAP = const(0x2000)
STATUS_CRC_ERROR = const(0x1000)
STATUS_RESET = const(0x0400)

_FRAME_WORDS = const(10)
_FRAME_24 = const(30)
_FRAME_32 = const(40)


class Ads131m08:
    """One converter.

    Parameters
    ----------
    spi : object
        ``transfer(tx, rx)`` is one chip-select transaction in SPI mode 1.
    """

    def __init__(self, spi):
        self._spi = spi
        self._tx24 = bytearray(_FRAME_24)
        self._rx24 = bytearray(_FRAME_24)
        self._tx32 = bytearray(_FRAME_32)
        self._rx32 = bytearray(_FRAME_32)
        self._wide = False

    def _frame(self, command, data):
        """Send one frame; returns its first word, the answer to the frame before."""
        if self._wide:
            tx = self._tx32
            rx = self._rx32
            second = 4
        else:
            tx = self._tx24
            rx = self._rx24
            second = 3
        # 16-bit contents are left-aligned in each word (section 8.5.1.7).
        tx[0] = command >> 8
        tx[1] = command & 0xFF
        tx[second] = data >> 8
        tx[second + 1] = data & 0xFF
        self._spi.transfer(tx, rx)
        return rx[0] << 8 | rx[1]

    def reset(self):
        """Reset all registers; words are 24 bits long afterwards."""
        # The chip may still be in 32-bit words if only the processor restarted. A command sits in
        # the first 16 bits of either length, and the reset needs a whole frame (section
        # 8.5.1.10.2): the longer frame is whole in both.
        self._wide = True
        self._frame(_RESET, 0)
        self._wide = False

    def read_register(self, register):
        """Read one register (section 8.5.1.10.7.1: the answer comes in the next frame)."""
        self._frame(_RREG | register << 7, 0)
        return self._frame(_NULL, 0)

    def write_register(self, register, value):
        """Write one register (section 8.5.1.10.8)."""
        self._frame(_WREG | register << 7, value)

    def probe(self):
        """Reset the chip and read its ID."""
        self.reset()
        return self.read_register(_ID) >> 8 == _ID_HIGH

    def start(self, gain_code=0):
        """Set up 16 kSPS in 32-bit words; True if every register reads back as written.

        Parameters
        ----------
        gain_code : int
            PGA gain of all channels as power of two, 0..7 (section 8.6.5). Full scale is
            1.2 V / gain.
        """
        if not self.probe():
            return False
        gain = gain_code * 0x1111
        self.write_register(_CLOCK, _CLOCK_16_KSPS)
        self.write_register(_GAIN1, gain)
        self.write_register(_GAIN2, gain)
        self.write_register(_CFG, _CFG_PLAIN)
        # Last, because a new word length counts from the next frame on (section 8.5.1.7).
        self.write_register(_MODE, _MODE_STREAM)
        self._wide = True
        return (
            self.read_register(_MODE) == _MODE_STREAM
            and self.read_register(_CLOCK) == _CLOCK_16_KSPS
            and self.read_register(_GAIN1) == gain
            and self.read_register(_GAIN2) == gain
            and self.read_register(_CFG) == _CFG_PLAIN
        )

    def status(self):
        """STATUS register, which answers a NULL command (not while frames are streamed)."""
        self._frame(_NULL, 0)
        return self._frame(_NULL, 0)
