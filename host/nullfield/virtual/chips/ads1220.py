"""ADS1220: 24-bit delta-sigma converter for thermometers (TI SBAS501)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

Wiring = Literal["pt1000", "divider"]

CLOCK_HZ = 4.096e6
"""Internal oscillator (section 8.3.7)."""

CONVERSION_CLOCKS = (204850, 91218, 46226, 23762, 12562, 6994, 4242)
"""Clocks of one conversion in normal mode by DR field (section 8.3.5, "Conversion Times")."""

RATES_HZ = (20.0, 45.0, 90.0, 175.0, 330.0, 600.0, 1000.0)

NOISE_20_SPS_V = 4e-6
"""Input-referred noise, rms, at 20 SPS and gain 1 (estimate); grows with sqrt(rate)."""

_REFERENCE_V = {"pt1000": 250e-6 * 4020.0, "divider": 3.3}
_IDAC_OFF = 0
_I1MUX_INPUT = (1, 2, 3, 4)
_MUX_REFP0 = 5
_FULL_SCALE = 1 << 23


class Ads1220:
    """One converter with four sensors from AIN0..3 to AVSS.

    Parameters
    ----------
    wiring : {"pt1000", "divider"}
        ``pt1000``: a source must be routed to the selected input and the other one to REFP0, where
        the reference resistor sits; ``divider``: inputs are shares of the supply.
    noise : callable, optional
        Gives one standard normal number; without it the converter is free of noise.

    Attributes
    ----------
    ratio_of_input : ndarray of float64, shape (4,)
        R / R_reference, or the divider's share of the supply; the rig writes it.
    """

    def __init__(self, wiring: Wiring, noise: Callable[[], float] | None = None) -> None:
        self._wiring = wiring
        self._noise = noise
        self.ratio_of_input: npt.NDArray[np.float64] = np.zeros(4)
        self._reset()

    def _reset(self) -> None:
        self._registers = [0, 0, 0, 0]
        self._powered_down = False
        self._left_s = 0.0
        self._converting = False
        self._result = 0
        self.data_ready = False

    @property
    def registers(self) -> tuple[int, ...]:
        """The four configuration registers."""
        return tuple(self._registers)

    @property
    def conversion_s(self) -> float:
        """Duration of one conversion; turbo mode is twice, duty-cycle mode as normal mode."""
        rate = min(self._registers[1] >> 5, len(CONVERSION_CLOCKS) - 1)
        turbo = self._registers[1] >> 3 & 3 == 2
        return CONVERSION_CLOCKS[rate] / CLOCK_HZ / (2.0 if turbo else 1.0)

    @property
    def _continuous(self) -> bool:
        return bool(self._registers[1] & 0x04)

    def advance(self, dt_s: float) -> None:
        """Let virtual time pass."""
        if not self._converting:
            return
        self._left_s -= dt_s
        if self._left_s > 1e-12:
            return
        self._result = self._convert()
        self.data_ready = True
        if self._continuous:
            self._left_s += self.conversion_s
        else:
            self._converting = False

    def _start(self) -> None:
        self._powered_down = False
        self._converting = True
        self._left_s = self.conversion_s
        self.data_ready = False

    def _ratio(self) -> float:
        """Input over reference, before gain, as the wiring and the registers make it."""
        multiplexer = self._registers[0] >> 4
        reference = self._registers[2] >> 6
        if multiplexer == 14:
            return 0.0
        if not 8 <= multiplexer <= 11:
            return 0.0  # differential pairs and monitors: not wired on these boards
        number = multiplexer - 8
        if self._wiring == "divider":
            # Against another reference than the supply the input is above full scale.
            return float(self.ratio_of_input[number]) if reference == 3 else 1.0
        idac_on = self._registers[2] & 7 != _IDAC_OFF
        driven = idac_on and self._registers[3] >> 5 == _I1MUX_INPUT[number]
        referenced = idac_on and self._registers[3] >> 2 & 7 == _MUX_REFP0 and reference == 1
        if not driven:
            return 0.0
        return float(self.ratio_of_input[number]) if referenced else 1.0

    def _convert(self) -> int:
        # Inputs against AVSS allow gains 1, 2 and 4 only; higher ones act as 4 (section 8.3.2.2).
        gain = 1 << min(self._registers[0] >> 1 & 7, 2)
        ratio = self._ratio()
        if self._noise is not None:
            rate_hz = RATES_HZ[min(self._registers[1] >> 5, len(RATES_HZ) - 1)]
            noise_v = NOISE_20_SPS_V * (rate_hz / RATES_HZ[0]) ** 0.5
            ratio += self._noise() * noise_v / _REFERENCE_V[self._wiring]
        code = round(ratio * gain * _FULL_SCALE)
        return max(-_FULL_SCALE, min(_FULL_SCALE - 1, code))

    def transfer(self, data: bytes) -> bytes:
        """One chip-select transaction; several commands may follow one another in it."""
        # Outside a read DOUT shows the conversion result's bits as they are shifted out.
        out = bytearray(len(data))
        at = 0
        while at < len(data):
            command = data[at]
            at += 1
            if command >> 4 == 0x4:
                at = self._write_registers(command, data, at)
            elif command >> 4 == 0x2:
                at = self._read_registers(command, out, at)
            elif command >> 4 == 0x1:
                raw = (self._result & 0xFFFFFF).to_bytes(3, "big")[: len(data) - at]
                out[at : at + len(raw)] = raw
                at += 3
                self.data_ready = False
            elif command & 0xFE == 0x06:
                self._reset()
            elif command & 0xFE == 0x08:
                self._start()
            elif command & 0xFE == 0x02:
                self._powered_down = True
                self._converting = False
        return bytes(out)

    def _write_registers(self, command: int, data: bytes, at: int) -> int:
        first, count = command >> 2 & 3, (command & 3) + 1
        for value in data[at : at + count]:
            if first < 4:
                self._registers[first] = value
            first += 1
        if self._converting:
            # A register write restarts the conversion in progress (section 8.5.3.6).
            self._left_s = self.conversion_s
        return at + count

    def _read_registers(self, command: int, out: bytearray, at: int) -> int:
        first, count = command >> 2 & 3, (command & 3) + 1
        for step in range(count):
            if at + step < len(out) and first + step < 4:
                out[at + step] = self._registers[first + step]
        return at + count
