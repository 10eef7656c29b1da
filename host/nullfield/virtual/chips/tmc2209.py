"""TMC2209: stepper driver with one-wire UART (Trinamic data sheet, rev. 1.09)."""

from __future__ import annotations

SYNC = 0x05
MASTER = 0xFF
VERSION = 0x21

GCONF, GSTAT, IFCNT, SLAVECONF, OTP_PROG, OTP_READ, IOIN, FACTORY_CONF = range(8)
IHOLD_IRUN, TPOWERDOWN, TSTEP, TPWMTHRS, TCOOLTHRS = range(0x10, 0x15)
VACTUAL = 0x22
SGTHRS, SG_RESULT, COOLCONF = range(0x40, 0x43)
MSCNT, MSCURACT, CHOPCONF = range(0x6A, 0x6D)
DRV_STATUS, PWMCONF, PWM_SCALE, PWM_AUTO = range(0x6F, 0x73)

_RESET_VALUES = {
    GCONF: 0x00000101,
    GSTAT: 0x00000001,
    SLAVECONF: 0,
    OTP_READ: 0,
    FACTORY_CONF: 0,
    IHOLD_IRUN: 0x00011F10,
    TPOWERDOWN: 20,
    TPWMTHRS: 0,
    TCOOLTHRS: 0,
    VACTUAL: 0,
    SGTHRS: 0,
    COOLCONF: 0,
    CHOPCONF: 0x10000053,
    PWMCONF: 0xC10D0024,
}
_WRITABLE = frozenset(
    {GCONF, GSTAT, SLAVECONF, OTP_PROG, FACTORY_CONF, IHOLD_IRUN, TPOWERDOWN, TPWMTHRS}
    | {TCOOLTHRS, VACTUAL, SGTHRS, COOLCONF, CHOPCONF, PWMCONF}
)
_READABLE = frozenset(
    {GCONF, GSTAT, IFCNT, OTP_READ, IOIN, FACTORY_CONF, TSTEP, SG_RESULT, MSCNT, MSCURACT}
    | {CHOPCONF, DRV_STATUS, PWMCONF, PWM_SCALE, PWM_AUTO}
)

_TPOWERDOWN_STEP_S = 2**18 / 12e6
_STANDSTILL_S = 2**20 / 12e6


def crc8(data: bytes) -> int:
    """CRC of section 4.2: polynomial x^8 + x^2 + x + 1, every byte taken from its LSB."""
    crc = 0
    for byte in data:
        for bit in range(8):
            feedback = crc >> 7 ^ byte >> bit & 1
            crc = (crc << 1 & 0xFF) ^ (0x07 if feedback else 0)
    return crc


class Tmc2209:
    """One driver on its UART line.

    Parameters
    ----------
    address : int
        0..3 by pins MS1 and MS2.

    Attributes
    ----------
    driver_flags : int
        Trouble bits of DRV_STATUS (bits 0..11) for tests to set.
    standstill_s : float
        Time since the last step.
    """

    def __init__(self, address: int = 0) -> None:
        self._address = address
        self._registers = dict(_RESET_VALUES)
        self._writes = 0
        self.driver_flags = 0
        self.standstill_s = _STANDSTILL_S

    def register(self, address: int) -> int:
        """Value of one register; write-only ones too, 0 if there is none."""
        if address == IFCNT:
            return self._writes & 0xFF
        if address == IOIN:
            return VERSION << 24
        if address == TSTEP:
            return 0xFFFFF  # overflow: slower than 2^20 clocks a step
        if address == DRV_STATUS:
            return self._driver_status()
        return self._registers.get(address, 0)

    @property
    def microsteps(self) -> int:
        """Microsteps a full step (MRES of CHOPCONF, section 5.5.1), 8 by pins without it."""
        if not self._registers[GCONF] & 0x80:
            return 8
        return 256 >> min(self._registers[CHOPCONF] >> 24 & 0xF, 8)

    def advance(self, dt_s: float, steps: int) -> None:
        """Let virtual time pass in which the board gave some steps."""
        self.standstill_s = 0.0 if steps else self.standstill_s + dt_s

    @property
    def current_share(self) -> float:
        """Coil current as a share of full scale, 0..1, if the enable pin is on."""
        if self._registers[CHOPCONF] & 0xF == 0:
            return 0.0  # TOFF 0: bridges off
        currents = self._registers[IHOLD_IRUN]
        hold, run = currents & 0x1F, currents >> 8 & 0x1F
        delay_s = _STANDSTILL_S + self._registers[TPOWERDOWN] * _TPOWERDOWN_STEP_S
        if self.standstill_s < delay_s:
            return (run + 1) / 32.0
        freewheel = self._registers[PWMCONF] >> 20 & 3
        if hold == 0 and freewheel:
            return 0.0
        return (hold + 1) / 32.0

    def _driver_status(self) -> int:
        status = self.driver_flags & 0xFFF
        status |= max(round(self.current_share * 32) - 1, 0) << 16
        if not self._registers[GCONF] & 0x04:
            status |= 1 << 30  # StealthChop
        if self.standstill_s >= _STANDSTILL_S:
            status |= 1 << 31
        return status

    def transfer(self, data: bytes, reply_size: int = 0) -> bytes:
        """Bytes on the line in, the answer out, padded with zeros to `reply_size`.

        A datagram with a wrong CRC or for another address is not answered and not counted. The
        line's echo is not part of the answer: the board's hal takes it out.
        """
        answer = b""
        at = 0
        while at + 4 <= len(data):
            if data[at] & 0x0F != SYNC:
                at += 1
                continue
            size = 8 if data[at + 2] & 0x80 else 4
            answer += self._datagram(data[at : at + size])
            at += size
        return answer.ljust(reply_size, b"\0")[: max(reply_size, len(answer))]

    def _datagram(self, frame: bytes) -> bytes:
        if frame[1] != self._address or len(frame) not in (4, 8) or crc8(frame[:-1]) != frame[-1]:
            return b""
        address = frame[2] & 0x7F
        if len(frame) == 8:
            self._writes += 1
            if address in _WRITABLE:
                self._write(address, int.from_bytes(frame[3:7], "big"))
            return b""
        value = self.register(address) if address in _READABLE else 0
        reply = bytes((SYNC, MASTER, address)) + value.to_bytes(4, "big")
        return reply + bytes((crc8(reply),))

    def _write(self, address: int, value: int) -> None:
        if address == GSTAT:
            self._registers[GSTAT] &= ~value  # section 5.1: write 1 to clear
        else:
            self._registers[address] = value
