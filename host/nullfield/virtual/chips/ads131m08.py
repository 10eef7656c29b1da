"""ADS131M08: eight-channel simultaneous 24-bit delta-sigma converter (TI SBAS950B)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.compiled import compiled

FULL_SCALE_V = 1.2
"""Input range at gain 1: the internal 1.2 V reference (section 8.3.4)."""

STREAM_STATUS_WORD = 0x03FF0000
"""STATUS of a frame in the sample stream: 32-bit sign-extended words, all eight channels fresh."""

CHANNELS = 8
SAMPLES = 16
FRAME_WORDS = 10

_CODE_MAX = (1 << 23) - 1
_CODE_MIN = -(1 << 23)

# Section 8.6, register map: address of the last register of channel 7, and REGMAP_CRC.
_LAST_REGISTER = 0x30
_REGISTER_COUNT = 0x40
_ID, _STATUS, _MODE, _CLOCK, _GAIN1, _GAIN2, _CFG = range(7)
_READ_ONLY = (_ID, _STATUS, 0x3E)

_WORD_BYTES = (2, 3, 4, 4)  # WLENGTH field of MODE, section 8.6.3
_LENGTH_16, _LENGTH_24, _LENGTH_32_ZERO, _LENGTH_32_SIGN = range(4)

_RESET_ACKNOWLEDGE = 0xFF28  # section 8.5.1.10.2
_OSR_256 = 1


def crc_ccitt(data: bytes) -> int:
    """CRC-16 of section 8.5.1.8: polynomial 0x1021, seed 0xFFFF, no reflection."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1 & 0xFFFF
    return crc


def _reset_values() -> list[int]:
    registers = [0] * _REGISTER_COUNT
    registers[_ID] = 0x2800
    registers[_STATUS] = 0x0500
    registers[_MODE] = 0x0510
    registers[_CLOCK] = 0xFF0E
    registers[_CFG] = 0x0600
    for channel in range(CHANNELS):
        registers[0x0C + 5 * channel] = 0x8000  # GCAL of one, section 8.6.15
    return registers


class Ads131m08:
    """One converter behind its chip select.

    The command of a frame is answered in the first word of the next frame (section 8.5.1.9).
    Calibration registers (OCAL, GCAL) hold what is written but do not act on the data; the input
    CRC, global chop and current detection are not modelled.
    """

    def __init__(self) -> None:
        self._registers = _reset_values()
        self._response: list[int] = [_RESET_ACKNOWLEDGE]
        self._locked = False
        self._standby = False
        self.codes: npt.NDArray[np.int32] = np.zeros(CHANNELS, dtype=np.int32)
        """Latest conversion results, shape (8,), put there by the rig; they ride in each frame."""

    @property
    def word_length(self) -> int:
        """WLENGTH field: 0 is 16 bits, 1 24, 2 32 zero-padded, 3 32 sign-extended."""
        return self._registers[_MODE] >> 8 & 3

    @property
    def gain(self) -> npt.NDArray[np.float64]:
        """PGA gain of each channel, shape (8,) (section 8.6.5)."""
        words = (self._registers[_GAIN1], self._registers[_GAIN2])
        codes = [words[channel // 4] >> 4 * (channel % 4) & 7 for channel in range(CHANNELS)]
        return np.asarray([float(1 << code) for code in codes], dtype=np.float64)

    @property
    def running(self) -> bool:
        """True if the chip streams what the board's DMA expects.

        That is 16 kSPS of all channels in 32-bit sign-extended words. In any other setting a
        frame fetcher for this format would collect rubbish; the rig then fills in zeros.
        """
        clock = self._registers[_CLOCK]
        return (
            not self._standby
            and clock >> 8 == 0xFF
            and clock >> 2 & 7 == _OSR_256
            and clock & 0x20 == 0
            and self.word_length == _LENGTH_32_SIGN
        )

    def register(self, address: int) -> int:
        """Value of one register."""
        return self._status() if address == _STATUS else self._registers[address]

    def _status(self) -> int:
        mode = self._registers[_MODE]
        status = 0x8000 if self._locked else 0
        status |= mode & 0x0F00  # CRC_TYPE, RESET and WLENGTH are mirrored (section 8.6.2)
        if not self._standby:
            status |= self._registers[_CLOCK] >> 8  # a fresh result of every enabled channel
        return status

    def transfer(self, data: bytes) -> bytes:
        """One chip-select transaction: bytes in on DIN, as many bytes out on DOUT."""
        size = _WORD_BYTES[self.word_length]
        answer = self._output(len(data), size)
        words = [
            int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - size + 1, size)
        ]
        whole = len(words) >= FRAME_WORDS
        # A frame too short for its command word is no command at all.
        self._response = self._execute(words, whole) if words else []
        return answer

    def _output(self, count: int, size: int) -> bytes:
        response = self._response or [self._status()]
        if len(response) > 1:
            # Multi-register reads replace the conversion data (section 8.5.1.10.7.2).
            out = b"".join(word.to_bytes(2, "big").ljust(size, b"\0") for word in response)
        else:
            out = response[0].to_bytes(2, "big").ljust(size, b"\0")
            enabled = 0 if self._standby else self._registers[_CLOCK] >> 8
            for channel in range(CHANNELS):
                code = int(self.codes[channel]) if enabled >> channel & 1 else 0
                out += self._code_bytes(code)
        out += crc_ccitt(out).to_bytes(2, "big").ljust(size, b"\0")
        return out[:count].ljust(count, b"\0")

    def _code_bytes(self, code: int) -> bytes:
        length = self.word_length
        raw = (code & 0xFFFFFF).to_bytes(3, "big")
        if length == _LENGTH_16:
            return raw[:2]
        if length == _LENGTH_24:
            return raw
        if length == _LENGTH_32_ZERO:
            return raw + b"\0"
        return (b"\xff" if code < 0 else b"\0") + raw

    def _execute(self, words: list[int], whole: bool) -> list[int]:
        """Carry a command out; returns its answer, empty for the STATUS register."""
        command = words[0]
        if command >> 13 == 0b101:
            return self._read(command)
        if command == 0x0655:
            self._locked = False
            return [command]
        if self._locked:
            return []  # only NULL, RREG and UNLOCK count (section 8.5.1.10.5)
        if command >> 13 == 0b011:
            return self._write(command, words[1:])
        if command == 0x0011:
            if not whole:
                return [0x0011]
            self._registers = _reset_values()
            self._standby = False
            return [_RESET_ACKNOWLEDGE]
        if command == 0x0022:
            self._standby = True
            return [command]
        if command == 0x0033:
            self._standby = False
            return [command]
        if command == 0x0555:
            self._locked = True
            return [command]
        return []  # NULL and everything unknown

    def _read(self, command: int) -> list[int]:
        address, extra = command >> 7 & 0x3F, command & 0x7F
        values = [self.register(at & 0x3F) for at in range(address, address + extra + 1)]
        if extra == 0:
            return values
        return [0xE000 | command & 0x1FFF, *values]

    def _write(self, command: int, values: list[int]) -> list[int]:
        address, extra = command >> 7 & 0x3F, command & 0x7F
        count = min(extra + 1, len(values))
        for at, value in zip(range(address, address + count), values, strict=False):
            if at in _READ_ONLY or at > _LAST_REGISTER:
                continue
            self._registers[at] = value
        return [0x4000 | address << 7 | max(count - 1, 0)]


@compiled
def fill_frames(
    volts: npt.NDArray[np.float64],
    noise: npt.NDArray[np.float64],
    gain: npt.NDArray[np.float64],
    running: npt.NDArray[np.bool_],
    out: npt.NDArray[np.int32],
) -> None:
    """Convert one block of all boards into the frames that their DMA collects.

    Parameters
    ----------
    volts : ndarray of float64, shape (boards, 8, samples)
        Differential input voltages.
    noise : ndarray of float64, shape (boards, 8, samples)
        Input-referred noise in volts, drawn by the caller.
    gain : ndarray of float64, shape (boards, 8)
        `Ads131m08.gain` of each board.
    running : ndarray of bool, shape (boards,)
        `Ads131m08.running` of each board; a board that is not running gets zeros.
    out : ndarray of int32, shape (boards, samples, 10)
        Receives STATUS (left-aligned as on the wire), the eight codes and a CRC word. The CRC word
        is left zero: the streaming firmware does not check it; `Ads131m08.transfer` computes it.

    Notes
    -----
    Codes are 24 bits, two's complement, 1 LSB = 1.2 V / gain / 2**23, clipped at 7FFFFFh and
    800000h (section 8.5.1.7.1).
    """
    boards, channels, samples = volts.shape
    for board in range(boards):
        if not running[board]:
            out[board] = 0
            continue
        for sample in range(samples):
            out[board, sample, 0] = STREAM_STATUS_WORD
            out[board, sample, 9] = 0
        for channel in range(channels):
            scale = gain[board, channel] * (8388608.0 / FULL_SCALE_V)
            for sample in range(samples):
                code = (volts[board, channel, sample] + noise[board, channel, sample]) * scale
                code = min(max(code, -8388608.0), 8388607.0)
                out[board, sample, 1 + channel] = np.int32(np.floor(code + 0.5))
