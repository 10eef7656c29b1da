"""LTC2688: sixteen 16-bit voltage outputs with a span of their own each (ADI data sheet, rev. 0).

Every transaction is 24 bits: a command byte and 16 bits of data ("Serial Interface"). A code is
written to an input register first and shows at the output after an update command or a low LDAC.
"""

from micropython import const

# Commands, table "Command Codes".
_CODE = const(0x00)
_SETTING = const(0x10)
_CODE_UPDATE = const(0x40)
_UPDATE = const(0x60)
_CONFIG = const(0x70)
_POWER_DOWN = const(0x71)
_A_B_SELECT = const(0x72)
_UPDATE_ALL = const(0x7C)
_NO_OPERATION = const(0xFF)
_READ = const(0x80)

_CONFIG_RESET = const(0x8000)

# Span codes, bits 2..0 of a channel's setting register.
SPAN_0_5 = const(0)
SPAN_0_10 = const(1)
SPAN_5 = const(2)
SPAN_10 = const(3)
SPAN_15 = const(4)

MIDDLE = const(0x8000)
_CHANNELS = const(16)


def stream_word(channel, code):
    """Word of the sample stream: "write code to channel", left-aligned in 32 bits."""
    return channel << 24 | code << 8


class Ltc2688:
    """One converter.

    Parameters
    ----------
    spi : object
        ``transfer(tx, rx)`` and ``write(tx)``, each one chip-select transaction in SPI mode 0.
    """

    def __init__(self, spi):
        self._spi = spi
        self._tx = bytearray(3)
        self._rx = bytearray(3)
        self._powered_down = 0

    def write_register(self, command, value):
        """Send one command with 16 bits."""
        tx = self._tx
        tx[0] = command
        tx[1] = value >> 8
        tx[2] = value & 0xFF
        self._spi.write(tx)

    def read_register(self, command):
        """Read back; SDO carries the data during the next transaction ("Readback")."""
        self.write_register(command | _READ, 0)
        tx = self._tx
        rx = self._rx
        tx[0] = _NO_OPERATION
        tx[1] = 0
        tx[2] = 0
        self._spi.transfer(tx, rx)
        return rx[1] << 8 | rx[2]

    def probe(self):
        """Write and read back a register without effect on the outputs, then restore it."""
        self.write_register(_A_B_SELECT, 0x5AA5)
        first = self.read_register(_A_B_SELECT)
        self.write_register(_A_B_SELECT, 0)
        return first == 0x5AA5 and self.read_register(_A_B_SELECT) == 0

    def reset(self):
        """Software reset: all registers to their power-on values."""
        self.write_register(_CONFIG, _CONFIG_RESET)
        self._powered_down = 0

    def configure(self, channel, span, code):
        """Give a channel its span and first code without a step at the output.

        Changing a span at the old code would throw the output, so the channel is powered down (its
        pin then floats to ground) while both change. True if the setting reads back.
        """
        before = self._powered_down
        self.power_down(before | 1 << channel)
        self.write_register(_SETTING | channel, span)
        self.write_register(_CODE_UPDATE | channel, code)
        self.power_down(before & ~(1 << channel))
        return self.read_register(_SETTING | channel) == span

    def power_down(self, mask):
        """Power down the channels whose bits are set."""
        self._powered_down = mask
        self.write_register(_POWER_DOWN, mask)

    def write_code(self, channel, code):
        """Write a code and show it at the output."""
        self.write_register(_CODE_UPDATE | channel, code)

    def load_code(self, channel, code):
        """Write a code to the input register only."""
        self.write_register(_CODE | channel, code)

    def update(self, channel):
        """Show one channel's input register at its output."""
        self.write_register(_UPDATE | channel, 0)

    def update_all(self):
        """Show all input registers at the outputs."""
        self.write_register(_UPDATE_ALL, 0)

    def read_code(self, channel):
        """Input register of a channel."""
        return self.read_register(_CODE | channel)
