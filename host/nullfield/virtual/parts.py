"""Parts between chips and plant: thermometers, chips on their bus, converter inputs and noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.virtual.chips import Ads1220

FloatArray = npt.NDArray[np.float64]

SAMPLES = 16
ADC_NOISE_V_RMS = 10.68e-6
"""ADS131M08 at 16 kSPS, gain 1 (data sheet SBAS950, table of noise against OSR)."""

_PT1000_A, _PT1000_B = 3.9083e-3, -5.775e-7  # IEC 60751:2008, above 0 degrees Celsius
_PT1000_C = -4.183e-12
_NOISE_CHUNK = 64


def pt1000_ohm(temperature_c: float) -> float:
    """Resistance of a Pt1000 (IEC 60751:2008)."""
    t = temperature_c
    ratio = 1.0 + _PT1000_A * t + _PT1000_B * t * t
    if t < 0.0:
        ratio += _PT1000_C * (t - 100.0) * t**3
    return 1000.0 * ratio


def ntc_ohm(temperature_c: float, ohm_25c: float, beta_k: float) -> float:
    """Resistance of a thermistor by its B value."""
    return ohm_25c * float(np.exp(beta_k * (1.0 / (temperature_c + 273.15) - 1.0 / 298.15)))


class Watched:
    """A chip on its bus that remembers that it was spoken to.

    Attributes
    ----------
    is_present : bool
        False for a chip that was not placed, or has no supply: its line stays low.
    """

    def __init__(self, chip: Any) -> None:
        self.chip = chip
        self.touched = True
        self.is_present = True

    def transfer(self, data: bytes) -> bytes:
        """Pass one transaction on."""
        if not self.is_present:
            return bytes(len(data))
        self.touched = True
        return bytes(self.chip.transfer(data))


class SlowConverter:
    """An ADS1220 that catches up with virtual time when it is spoken to.

    Parameters
    ----------
    refresh : callable
        Writes the four input ratios before a conversion is read.
    now_s : callable
        Virtual time.
    noise : callable
        One standard normal number.
    """

    def __init__(
        self,
        wiring: Any,
        refresh: Callable[[FloatArray], None],
        now_s: Callable[[], float],
        noise: Callable[[], float],
    ) -> None:
        self.chip = Ads1220(wiring, noise)
        self.is_present = True
        self._refresh = refresh
        self._now_s = now_s
        self._then_s = now_s()

    def transfer(self, data: bytes) -> bytes:
        """Let the time pass that has passed, then do the transaction."""
        if not self.is_present:
            return bytes(len(data))
        now_s = self._now_s()
        self._refresh(self.chip.ratio_of_input)
        self.chip.advance(now_s - self._then_s)
        self._then_s = now_s
        return bytes(self.chip.transfer(data))


class ConverterInputs:
    """The eight inputs of the streaming converters of some boards, as they were soldered.

    Attributes
    ----------
    noise_gain : ndarray of float64, shape (boards, 8, 1)
        Input noise against the data sheet's.
    order : ndarray of int64, shape (boards, 8)
        Signal that each input really carries.
    is_straight : bool
        Whether every input carries its own signal; saves the copy.
    """

    def __init__(self, boards: int) -> None:
        self.noise_gain = np.ones((boards, 8, 1))
        self.order = np.tile(np.arange(8, dtype=np.int64), (boards, 1))
        self.is_straight = True

    def swap(self, board: int, one: int, other: int) -> None:
        """Exchange two inputs."""
        row = self.order[board]
        row[one], row[other] = row[other], row[one]
        self.is_straight = False

    def route(self, volts: FloatArray) -> FloatArray:
        """Voltages (boards, 8, 16) by input instead of by signal."""
        if self.is_straight:
            return volts
        return np.take_along_axis(volts, self.order[:, :, None], axis=1)


class AdcNoise:
    """Input noise of converters, drawn in chunks by a counter-based generator."""

    def __init__(self, boards: int, seed: int, stream: int) -> None:
        self._shape = (_NOISE_CHUNK, boards, 8, SAMPLES)
        self._key = np.array([seed & 0xFFFFFFFFFFFFFFFF, stream], dtype=np.uint64)
        self._chunk = -1
        self._values: FloatArray = np.zeros(self._shape)

    def block(self, number: int) -> FloatArray:
        """Noise of a block in volts, shape (boards, 8, 16)."""
        chunk, at = divmod(number, _NOISE_CHUNK)
        if chunk != self._chunk:
            bits = np.random.Philox(key=self._key, counter=np.array([0, 0, 0, chunk], np.uint64))
            self._values = ADC_NOISE_V_RMS * np.random.Generator(bits).standard_normal(
                self._shape, dtype=np.float32
            ).astype(np.float64)
            self._chunk = chunk
        noise: FloatArray = self._values[at]
        return noise
