"""LTC2688: sixteen-channel 16-bit DAC with software-selectable spans (ADI data sheet, rev. 0)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.compiled import compiled

CHANNELS = 16

SPANS_V = ((0.0, 5.0), (0.0, 10.0), (-5.0, 5.0), (-10.0, 10.0), (-15.0, 15.0))
"""Output limits in volts by span code, with the internal 4.096 V reference."""

_OVERRANGE = 1.05
_CONFIG, _POWER_DOWN, _A_B_SELECT, _SW_TOGGLE, _TOGGLE_DITHER, _MUX, _FAULT, _THERMAL = range(
    0x70, 0x78
)
_CODE_ALL, _CODE_ALL_UPDATE, _SETTING_ALL, _SETTING_ALL_UPDATE, _UPDATE_ALL = range(0x78, 0x7D)
_GROUPS = {0x00: "code", 0x10: "setting", 0x20: "offset", 0x30: "gain"}


class Ltc2688:
    """One converter behind its chip select, MSPAN pins strapped for software spans.

    Codes and settings are double-buffered: they are written to input registers and show after an
    update command or a low LDAC. The A/B toggle, dither, offset and gain adjustments are held and
    read back but do not act on the output.
    """

    def __init__(self) -> None:
        self._shift = bytes(3)
        self._reset()

    def _reset(self) -> None:
        """Power-on values: zero scale of 0..5 V, so all outputs at 0 V."""
        self._input = {
            "code": [0] * CHANNELS,
            "setting": [0] * CHANNELS,
            "offset": [0x8000] * CHANNELS,
            "gain": [0x8000] * CHANNELS,
        }
        self._common = dict.fromkeys(range(_CONFIG, _THERMAL + 1), 0)
        self.code: npt.NDArray[np.uint16] = np.zeros(CHANNELS, dtype=np.uint16)
        """Codes at the outputs, shape (16,)."""
        self.span: npt.NDArray[np.float64] = np.tile(
            np.asarray(SPANS_V[0], dtype=np.float64), (CHANNELS, 1)
        )
        """Limits of each output in volts, shape (16, 2)."""

    @property
    def powered(self) -> npt.NDArray[np.bool_]:
        """True for each channel that is not powered down, shape (16,)."""
        down = self._common[_POWER_DOWN]
        return np.asarray([not down >> channel & 1 for channel in range(CHANNELS)], dtype=np.bool_)

    @property
    def low(self) -> npt.NDArray[np.float64]:
        """Volts at code 0, shape (16,); zero where powered down, as the pin is pulled to ground."""
        return np.where(self.powered, self.span[:, 0], 0.0)

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        """Volts of one LSB, shape (16,); zero where powered down."""
        return np.where(self.powered, (self.span[:, 1] - self.span[:, 0]) / 65536.0, 0.0)

    def volts(self) -> npt.NDArray[np.float64]:
        """Output voltages now, shape (16,)."""
        return self.low + self.code * self.scale

    def ldac(self) -> None:
        """LDAC low: every input register shows at its output."""
        for channel in range(CHANNELS):
            self._update(channel)

    def register(self, command: int) -> int:
        """Value that a read of the command's register gives; 0 if there is none."""
        group = _GROUPS.get(command & 0xF0)
        if group is not None:
            return self._input[group][command & 0x0F]
        return self._common.get(command, 0)

    def transfer(self, data: bytes) -> bytes:
        """One chip-select transaction.

        SDO repeats the transaction before, or carries what it asked to read. Fewer than 24 bits do
        nothing; of more, the last 24 count, the rest has gone through to a chained chip.
        """
        stream = self._shift + data
        answer = stream[: len(data)]
        if len(data) >= 3:
            self._shift = self._execute(data[-3:])
        return answer

    def _execute(self, word: bytes) -> bytes:
        command, value = word[0], int.from_bytes(word[1:], "big")
        if command == 0xFF:
            return word
        if command & 0x80:
            return word[:1] + self.register(command & 0x7F).to_bytes(2, "big")
        group = _GROUPS.get(command & 0xF0)
        channel = command & 0x0F
        if group is not None:
            self._input[group][channel] = value
        elif command >> 4 == 4:
            self._input["code"][channel] = value
            self._update(channel)
        elif command >> 4 == 5:
            self._input["code"][channel] = value
            self.ldac()
        elif command >> 4 == 6:
            self._update(channel)
        else:
            self._execute_common(command, value)
        return word

    def _execute_common(self, command: int, value: int) -> None:
        if command == _CONFIG and value & 0x8000:
            self._reset()
        elif _CONFIG <= command < _FAULT:
            self._common[command] = value
        elif command == _FAULT:
            self._common[command] &= ~value  # write one to clear
        elif command in (_CODE_ALL, _CODE_ALL_UPDATE):
            self._input["code"] = [value] * CHANNELS
        elif command in (_SETTING_ALL, _SETTING_ALL_UPDATE):
            self._input["setting"] = [value] * CHANNELS
        if command in (_CODE_ALL_UPDATE, _SETTING_ALL_UPDATE, _UPDATE_ALL):
            self.ldac()

    def _update(self, channel: int) -> None:
        self.code[channel] = self._input["code"][channel]
        setting = self._input["setting"][channel]
        if setting & 7 < len(SPANS_V):
            low, high = SPANS_V[setting & 7]
            stretch = _OVERRANGE if setting & 8 else 1.0
            self.span[channel] = (low * stretch, high * stretch)

    def streamed(self, code: npt.NDArray[np.uint16]) -> None:
        """Take over the codes, shape (16,), that `words_to_volts` left after a block."""
        self.code[:] = code
        self._input["code"] = [int(value) for value in code]


@compiled
def words_to_volts(
    words: npt.NDArray[np.uint32],
    held: npt.NDArray[np.uint16],
    low: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
    out: npt.NDArray[np.float64],
) -> None:
    """Convert one block of streamed words of all boards into output voltages.

    LDAC falls once a sample after that sample's words, so all channels change together.

    Parameters
    ----------
    words : ndarray of uint32, shape (boards, samples, words a sample)
        Transactions left-aligned in 32 bits: ``channel << 24 | code << 8``.
    held : ndarray of uint16, shape (boards, 16)
        Codes at the outputs, changed in place; a channel without a word keeps its code.
    low, scale : ndarray of float64, shape (boards, 16)
        `Ltc2688.low` and `Ltc2688.scale` of each board.
    out : ndarray of float64, shape (boards, channels shown, samples)
        Receives the voltages of the first channels.
    """
    boards, samples, count = words.shape
    shown = out.shape[1]
    for board in range(boards):
        for sample in range(samples):
            for at in range(count):
                word = words[board, sample, at]
                # Only "write code to channel" is meant for the stream; anything else is ignored.
                if word >> np.uint32(28) == 0:
                    held[board, word >> np.uint32(24)] = (word >> np.uint32(8)) & np.uint32(0xFFFF)
            for channel in range(shown):
                out[board, channel, sample] = (
                    low[board, channel] + held[board, channel] * scale[board, channel]
                )
