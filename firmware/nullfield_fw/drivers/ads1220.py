"""ADS1220: 24-bit delta-sigma converter for thermometers (TI SBAS501).

Used in single-shot mode: `select` writes the input and starts a conversion, `read` fetches it some
time later. At 175 SPS a conversion takes 5.8 ms (section 8.3.5, table "Conversion Times"), so a
10 ms round needs no DRDY line.
"""

from micropython import const

# Commands, section 8.5.3.
_RESET = const(0x06)
_START = const(0x08)
_RDATA = const(0x10)
_RREG = const(0x20)
_WREG = const(0x40)

# Configuration register 0 (section 8.6.1.1): inputs against AVSS are MUX 1000b + input; gain 1,
# PGA bypassed, which an input near AVSS needs (section 8.3.2.2).
_MUX_AGAINST_AVSS = const(0x80)
_PGA_BYPASS = const(0x01)
# Configuration register 1 (section 8.6.1.2): 175 SPS, normal mode, single shot.
_RATE_175 = const(0x60)
# Configuration register 2 (section 8.6.1.3): reference REFP0/REFN0 with 250 uA sources, or the
# analogue supply without sources.
_REFERENCE_0_IDAC_250 = const(0x44)
_REFERENCE_SUPPLY = const(0xC0)
# Configuration register 3 (section 8.6.1.4): I1MUX (7..5) is 001b + input, I2MUX (4..2) 101b routes
# the second, matched source through the reference resistor at REFP0.
_IDAC2_TO_REFP0 = const(0x14)

FULL_SCALE = const(1 << 23)
CONVERSION_US = const(5802)


class Ads1220:
    """One converter with four sensors from its inputs to AVSS.

    Parameters
    ----------
    spi : object
        ``transfer(tx, rx)`` and ``write(tx)``, each one chip-select transaction in SPI mode 1.
    """

    def __init__(self, spi):
        self._spi = spi
        self._command = bytearray(1)
        self._setup = bytearray(6)
        self._read_tx = bytearray(5)
        self._read_rx = bytearray(5)
        self._data_tx = bytearray(4)
        self._data_rx = bytearray(4)
        self._data_tx[0] = _RDATA
        self._driven = False
        self.selected = 0

    def configure(self, mode):
        """Reset and set up; True if the registers read back.

        Parameters
        ----------
        mode : str
            ``pt1000``: a current source drives the selected sensor, the matched second one the
            reference resistor: code = 2**23 * R / R_reference. ``divider``: the supply is the
            reference: code = 2**23 * share of the supply.
        """
        self._command[0] = _RESET
        self._spi.write(self._command)
        self._driven = mode == "pt1000"
        setup = self._setup
        setup[0] = _WREG | 3
        setup[2] = _RATE_175
        setup[3] = _REFERENCE_0_IDAC_250 if self._driven else _REFERENCE_SUPPLY
        setup[5] = _START
        self.select(0)
        return self.probe()

    def select(self, number):
        """Switch to input 0..3 and start a conversion."""
        setup = self._setup
        setup[1] = _MUX_AGAINST_AVSS | number << 4 | _PGA_BYPASS
        setup[4] = (number + 1) << 5 | _IDAC2_TO_REFP0 if self._driven else 0
        self.selected = number
        self._spi.write(setup)

    def read(self):
        """Last finished conversion, signed 24 bits."""
        rx = self._data_rx
        self._spi.transfer(self._data_tx, rx)
        value = rx[1] << 16 | rx[2] << 8 | rx[3]
        if value & 0x800000:
            value -= 0x1000000
        return value

    def probe(self):
        """Read the four registers back and compare with what was written."""
        tx = self._read_tx
        rx = self._read_rx
        tx[0] = _RREG | 3
        self._spi.transfer(tx, rx)
        setup = self._setup
        return (
            setup[1] != 0
            and rx[1] == setup[1]
            and rx[2] == setup[2]
            and rx[3] == setup[3]
            and rx[4] == setup[4]
        )
