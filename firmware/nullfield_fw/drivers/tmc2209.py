"""TMC2209: stepper driver, set up over its one-wire UART (Trinamic data sheet rev. 1.09).

Steps come from the step and direction pins; the UART sets current, microsteps and the behaviour at
standstill. Register values are passed as two 16-bit halves, because a 32-bit value would be a heap
object in MicroPython.
"""

from micropython import const

# Registers, section 5.
_GCONF = const(0x00)
_GSTAT = const(0x01)
_IFCNT = const(0x02)
_IHOLD_IRUN = const(0x10)
_TPOWERDOWN = const(0x11)
_TCOOLTHRS = const(0x14)
_SGTHRS = const(0x40)
_SG_RESULT = const(0x41)
_CHOPCONF = const(0x6C)
_DRV_STATUS = const(0x6F)
_PWMCONF = const(0x70)
_WRITE = const(0x80)

_SYNC = const(0x05)
_MASTER = const(0xFF)

# GCONF (section 5.1): pdn_disable, mstep_reg_select, multistep_filt; current set by register only.
_GCONF_UART = const(0x01C0)
# CHOPCONF (section 5.5.1): reset value 0x10000053 (interpolation to 256, TOFF 3) with MRES 4: 1/16.
_CHOPCONF_HIGH = const(0x1400)
_CHOPCONF_LOW = const(0x0053)
# PWMCONF (section 5.5.2): reset value 0xC10D0024 with freewheel 01b, which acts while IHOLD is 0: a
# motor that carries no current makes no field next to the magnetometers.
_PWMCONF_HIGH = const(0xC11D)
_PWMCONF_LOW = const(0x0024)
_HOLD_DELAY = const(4)
# TPOWERDOWN (section 5.3): about 0.022 s a step, so 0.2 s from standstill to no current.
_POWER_DOWN_DELAY = const(9)

# TCOOLTHRS (section 5.3): DIAG tells stalls from 200 full steps a second on (5 mm/s of our table),
# where the back-EMF is large enough to be measured: 12 MHz / (256 x 200) clocks a 1/256 microstep.
_STALL_FROM = const(234)

# Bits of `status`, from DRV_STATUS (section 5.5.3).
OVER_TEMPERATURE_WARNING = const(1 << 0)
OVER_TEMPERATURE = const(1 << 1)
SHORT_TO_GROUND = const(3 << 2)
SHORT_LOW_SIDE = const(3 << 4)
OPEN_LOAD = const(3 << 6)
# DRV_STATUS bit 31, moved down so that the value stays a small integer.
STANDSTILL = const(1 << 24)
_LOW_BITS = const(0x1FFFFF)


def crc8(data, count):
    """CRC of the first bytes of a datagram (section 4.2): x^8 + x^2 + x + 1, bits LSB first."""
    crc = 0
    for i in range(count):
        byte = data[i]
        for _ in range(8):
            if (crc >> 7) ^ (byte & 1):
                crc = (crc << 1 ^ 7) & 0xFF
            else:
                crc = crc << 1 & 0xFF
            byte >>= 1
    return crc


class Tmc2209:
    """One driver.

    Parameters
    ----------
    uart : object
        ``write(tx)`` and ``transfer(tx, rx)``, which sends and then fetches the answer; the echo of
        the one-wire line is taken out by the hal, and an answer that did not come reads as zeros.
    address : int
        0..3, set by pins MS1 and MS2 (section 4.3).
    """

    def __init__(self, uart, address):
        self._uart = uart
        self._write_tx = bytearray(8)
        self._read_tx = bytearray(4)
        self._rx = bytearray(8)
        self._write_tx[0] = self._read_tx[0] = _SYNC
        self._write_tx[1] = self._read_tx[1] = address
        self._written = 0

    def write_register(self, register, high, low):
        """Write datagram, section 4.1.1."""
        tx = self._write_tx
        tx[2] = register | _WRITE
        tx[3] = high >> 8
        tx[4] = high & 0xFF
        tx[5] = low >> 8
        tx[6] = low & 0xFF
        tx[7] = crc8(tx, 7)
        self._uart.write(tx)
        self._written += 1

    def read_register(self, register):
        """Read into the answer buffer, section 4.1.2; False if no valid answer came."""
        tx = self._read_tx
        rx = self._rx
        tx[2] = register
        tx[3] = crc8(tx, 3)
        self._uart.transfer(tx, rx)
        return rx[0] == _SYNC and rx[1] == _MASTER and rx[2] == register and rx[7] == crc8(rx, 7)

    def write_count(self):
        """IFCNT: valid write datagrams modulo 256; -1 without an answer."""
        if not self.read_register(_IFCNT):
            return -1
        return self._rx[6]

    def probe(self):
        """True if a write is counted by the chip (section 5.1, IFCNT)."""
        before = self.write_count()
        if before < 0:
            return False
        self.write_register(_GSTAT, 0, 7)
        return self.write_count() == (before + 1) & 0xFF

    def configure(self, run_current, hold_current=0):
        """Microstep 1/16, currents as 0..31 of 32, freewheel at standstill; True if all arrived."""
        before = self.write_count()
        if before < 0:
            return False
        self._written = 0
        self.write_register(_GCONF, 0, _GCONF_UART)
        self.write_register(_IHOLD_IRUN, _HOLD_DELAY, run_current << 8 | hold_current)
        self.write_register(_TPOWERDOWN, 0, _POWER_DOWN_DELAY)
        self.write_register(_PWMCONF, _PWMCONF_HIGH, _PWMCONF_LOW)
        self.write_register(_CHOPCONF, _CHOPCONF_HIGH, _CHOPCONF_LOW)
        self.write_register(_GSTAT, 0, 7)
        if self.write_count() != (before + self._written) & 0xFF:
            return False
        rx = self._rx
        return (
            self.read_register(_CHOPCONF)
            and rx[3] == _CHOPCONF_HIGH >> 8
            and rx[6] == _CHOPCONF_LOW
            and self.read_register(_GCONF)
            and rx[5] << 8 | rx[6] == _GCONF_UART
        )

    def watch_stall(self, threshold):
        """Have DIAG go high while SG_RESULT <= 2 `threshold` (sections 5.4 and 11); 0: never."""
        self.write_register(_SGTHRS, 0, threshold)
        self.write_register(_TCOOLTHRS, 0, _STALL_FROM if threshold else 0)

    def stall_guard(self):
        """SG_RESULT, 0..510: small is a heavy load; -1 without an answer."""
        if not self.read_register(_SG_RESULT):
            return -1
        return self._rx[5] << 8 | self._rx[6]

    def status(self):
        """DRV_STATUS with the bits named above; -1 without an answer."""
        if not self.read_register(_DRV_STATUS):
            return -1
        rx = self._rx
        value = (rx[4] << 16 | rx[5] << 8 | rx[6]) & _LOW_BITS
        if rx[3] & 0x80:
            value |= STANDSTILL
        return value
