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

_CLOCK_HZ = 12e6
_HALF_SPEED_FULLSTEPS = 200.0
_SG_FULL_SCALE = 510
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
    diag : bool
        Level of the DIAG pin.
    """

    def __init__(self, address: int = 0) -> None:
        self._address = address
        self._registers = dict(_RESET_VALUES)
        self._writes = 0
        self.driver_flags = 0
        self.standstill_s = _STANDSTILL_S
        self.diag = False
        self._step_time = 0xFFFFF
        self._stall_guard = 0

    def register(self, address: int) -> int:
        """Value of one register; write-only ones too, 0 if there is none."""
        if address == IFCNT:
            return self._writes & 0xFF
        if address == IOIN:
            return VERSION << 24
        if address == TSTEP:
            return self._step_time
        if address == SG_RESULT:
            return self._stall_guard
        if address == DRV_STATUS:
            return self._driver_status()
        return self._registers.get(address, 0)

    @property
    def microsteps(self) -> int:
        """Microsteps a full step (MRES of CHOPCONF, section 5.5.1), 8 by pins without it."""
        if not self._registers[GCONF] & 0x80:
            return 8
        return 256 >> min(self._registers[CHOPCONF] >> 24 & 0xF, 8)

    def advance(self, dt_s: float, steps: float, load_share: float = 0.0) -> None:
        """Let virtual time pass in which the board gave some steps.

        Parameters
        ----------
        dt_s : float
        steps : float
            Signed microsteps; the part of one counts for the time between steps.
        load_share : float
            Torque that the motor gives, as a share of its pull-out torque; 1 while it slips.
        """
        self.standstill_s = 0.0 if steps else self.standstill_s + dt_s
        # Section 5.2: TSTEP is the time between two 1/256 microsteps, in clocks.
        if not steps:
            waited = round(self.standstill_s * _CLOCK_HZ * self.microsteps / 256.0)
            self._step_time = min(max(self._step_time, waited), 0xFFFFF)
        else:
            fullsteps_per_s = abs(steps) / self.microsteps / dt_s
            self._step_time = min(round(_CLOCK_HZ / (256.0 * fullsteps_per_s)), 0xFFFFF)
            self._stall_guard = self._measure(fullsteps_per_s, load_share)
        self.diag = bool(self.driver_flags & 0x3E) or self._is_stalled()

    def _measure(self, fullsteps_per_s: float, load_share: float) -> int:
        """SG_RESULT, updated with each full step (section 5.4), for StealthChop only.

        The chip's own law is not published: section 11 shows a straight fall with the load, down to
        zero at the stall, from a top that grows with the back-EMF, that is with the speed. Bits 9
        and 0 always read zero.
        """
        if self._registers[GCONF] & 0x04:
            return 0
        top = _SG_FULL_SCALE * fullsteps_per_s / (fullsteps_per_s + _HALF_SPEED_FULLSTEPS)
        return round(top * min(max(1.0 - load_share, 0.0), 1.0)) & 0x1FE

    def _is_stalled(self) -> bool:
        """DIAG: SG_RESULT <= 2 SGTHRS while TCOOLTHRS >= TSTEP > TPWMTHRS (sections 5.3, 5.4)."""
        return (
            self._registers[TPWMTHRS] < self._step_time <= self._registers[TCOOLTHRS]
            and self._stall_guard <= 2 * self._registers[SGTHRS]
            and self.current_share > 0.0
            and self._registers[SGTHRS] > 0
        )

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
