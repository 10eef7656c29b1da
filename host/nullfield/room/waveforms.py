"""The coil board's waveforms, equal to the board's own to the last bit.

The board makes each value from the number of the block alone (`control/waveform.py` of its firmware;
formats and shapes are described there), so whoever knows when a waveform started knows it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from math import pi

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

ROW_HZ = 1000.0
CHIPS = 1023
_QUARTER = 256
_BITS = 22
_WRAP = 1 << 32


class Shape(IntEnum):
    """Shape of a waveform, by its number on the wire."""

    SINE = 1
    SQUARE = 2
    PSEUDO_RANDOM = 3
    DEGAUSS = 4


@dataclass(frozen=True)
class Waveform:
    """A waveform in the board's own numbers.

    Attributes
    ----------
    amplitude_na : int
        Peak, nA.
    increment : int
        Cycle a block in 2**-32; for PSEUDO_RANDOM blocks a chip.
    phase : int
        At the start, 2**-32 of a cycle; for PSEUDO_RANDOM the first chip in the upper ten bits.
    cycles : int
        After which it ends (for PSEUDO_RANDOM whole sequences); 0 is without end.
    decay : int
        DEGAUSS: 2**-16 of the amplitude that a cycle leaves; 0 is linear to zero over the cycles.
    """

    shape: Shape
    amplitude_na: int
    increment: int
    phase: int = 0
    cycles: int = 0
    decay: int = 0

    @property
    def frequency_hz(self) -> float:
        """Cycles (or chips) a second, as the board makes them."""
        if self.shape is Shape.PSEUDO_RANDOM:
            return ROW_HZ / self.increment
        return self.increment / _WRAP * ROW_HZ


def waveform_of(
    shape: Shape,
    amplitude_a: float,
    frequency_hz: float,
    phase_rad: float = 0.0,
    cycles: int = 0,
    decay: float = 0.0,
) -> Waveform:
    """Nearest waveform that the board can make.

    Parameters
    ----------
    shape : Shape
    amplitude_a : float
        Peak, not negative.
    frequency_hz : float
        Of cycles, or of chips; above 0 and at most 500 Hz (1000 Hz for chips).
    phase_rad : float
        At the start; for PSEUDO_RANDOM 2 pi is the whole sequence.
    cycles : int
        0 to 32767; DEGAUSS needs some.
    decay : float
        DEGAUSS: what a cycle leaves of the amplitude, below 1; 0 is linear.

    Raises
    ------
    ValueError
        Names what is out of range.
    """
    highest_hz = ROW_HZ if shape is Shape.PSEUDO_RANDOM else ROW_HZ / 2.0
    if not 1e-6 <= frequency_hz <= highest_hz:
        raise ValueError(f"frequency of {frequency_hz:g} Hz is outside 1e-6 to {highest_hz:g} Hz")
    if not (np.isfinite(amplitude_a) and 0.0 <= amplitude_a < 1.0):
        raise ValueError(f"amplitude of {amplitude_a:g} A is out of range")
    if not np.isfinite(phase_rad):
        raise ValueError("the phase is no number")
    if not 0 <= cycles <= 32767:
        raise ValueError(f"{cycles} cycles are outside 0 to 32767")
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay of {decay:g} is outside 0 to 1")
    if shape is Shape.DEGAUSS and cycles == 0:
        raise ValueError("a degaussing sequence needs its number of cycles")
    turns = phase_rad / (2.0 * pi) % 1.0
    if shape is Shape.PSEUDO_RANDOM:
        increment = max(round(ROW_HZ / frequency_hz), 1)
        phase = (round(turns * CHIPS) % CHIPS) << 22
    else:
        increment = max(round(frequency_hz / ROW_HZ * _WRAP), 1)
        phase = round(turns * _WRAP) % _WRAP
    return Waveform(
        shape, round(amplitude_a * 1e9), increment, phase, cycles, min(round(decay * 65536), 65535)
    )


@cache
def sine_table() -> IntArray:
    """Sine of a quarter cycle in 2**-22, shape (257,)."""
    one = 1 << 60
    pi_fixed = 3622009729038561421
    out = []
    for number in range(_QUARTER + 1):
        angle = pi_fixed * number // (2 * _QUARTER)
        square = angle * angle >> 60
        term, total, order = angle, 0, 1
        while term:
            total += term
            size = abs(term) * square // one // ((order + 1) * (order + 2))
            term = -size if term > 0 else size
            order += 2
        out.append((total + (1 << (59 - _BITS))) >> (60 - _BITS))
    return np.array(out, dtype=np.int64)


@cache
def chip_signs() -> IntArray:
    """The pseudo-random sequence as +1 and -1, shape (1023,): x^10 + x^7 + 1."""
    register = 1
    out = []
    for _ in range(CHIPS):
        out.append(1 if register & 1 else -1)
        feedback = (register ^ (register >> 3)) & 1
        register = register >> 1 | feedback << 9
    return np.array(out, dtype=np.int64)


def samples_na(waveform: Waveform, blocks: npt.ArrayLike) -> IntArray:
    """Values of a waveform, nA.

    Parameters
    ----------
    waveform : Waveform
    blocks : array_like of int, shape (n,)
        Blocks (1 ms) since the start; 0 is the first with the waveform. Zero before and after it.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    number = np.asarray(blocks, dtype=np.int64)
    running = number >= 0
    number = np.where(running, number, 0)
    if waveform.shape is Shape.PSEUDO_RANDOM:
        chip = number // waveform.increment
        if waveform.cycles:
            running &= chip < waveform.cycles * CHIPS
        first = waveform.phase >> 22 & 1023
        value = waveform.amplitude_na * chip_signs()[(chip + first) % CHIPS]
        return np.where(running, value, 0)
    turned = number * waveform.increment
    cycle = turned >> 32
    if waveform.cycles:
        running &= cycle < waveform.cycles
    phase = (turned + waveform.phase) & (_WRAP - 1)
    if waveform.shape is Shape.SQUARE:
        value = np.where(phase < _WRAP // 2, waveform.amplitude_na, -waveform.amplitude_na)
        return np.where(running, value, 0)
    amplitude: IntArray = np.full(number.shape, waveform.amplitude_na, dtype=np.int64)
    if waveform.shape is Shape.DEGAUSS:
        levels = envelope_na(waveform)
        amplitude = levels[np.minimum(cycle, len(levels) - 1)]
    sine = (_sine(phase) + 32) >> 6
    value = ((sine * (amplitude >> 10)) >> 6) + ((sine * (amplitude & 1023)) >> 16)
    return np.where(running, value, 0)


def envelope_na(waveform: Waveform) -> IntArray:
    """Amplitude of each cycle of a degaussing sequence, shape (cycles,)."""
    levels = [waveform.amplitude_na]
    for cycle in range(1, waveform.cycles):
        if waveform.decay:
            old = levels[-1]
            levels.append(((old >> 9) * waveform.decay >> 7) + ((old & 511) * waveform.decay >> 16))
        else:
            left = waveform.cycles - cycle
            step, rest = divmod(waveform.amplitude_na, waveform.cycles)
            levels.append(step * left + rest * left // waveform.cycles)
    return np.array(levels, dtype=np.int64)


def _sine(phase: IntArray) -> IntArray:
    """Sine in 2**-22 of phases in 2**-32 of a cycle."""
    table = sine_table()
    place = (phase >> 8) & 0x7FFFFF
    place = np.where(place & 0x400000, 0x400000 - (place & 0x3FFFFF), place & 0x3FFFFF)
    at = place >> 14
    low = table[at]
    high = table[np.minimum(at + 1, _QUARTER)]
    sine = low + (((high - low) * (place & 0x3FFF)) >> 14)
    signed: IntArray = np.where(phase < _WRAP // 2, sine, -sine)
    return signed
