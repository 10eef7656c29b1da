"""An excitation coil outside the room: what the operator has set on its generator.

A survey of the shielding drives a known field from outside, one sine after the other. These are the
generator's settings, known to whoever measures: axis by axis, and in each axis frequency by
frequency, a sine of the same amplitude. The phase of a sine counts from the start
of the sequence, whichever step it belongs to, so a sequence of one frequency that is repeated is
one long sine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

Axis = Literal["x", "y", "z"]
HIGHEST_HZ = 200.0
"""Array mode gives a row a millisecond behind poles of 100-150 Hz: no more can be said."""


@dataclass(frozen=True)
class ExcitationStep:
    """One sine of a sequence; times count from the start of the sequence, s."""

    axis: Axis
    frequency_hz: float
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class Excitation:
    """Settings of the excitation.

    Parameters
    ----------
    amplitude_nt : float
        Peak of the field that the coil makes where the room stands, as if the room were not there.
    frequencies_hz : tuple of float
        Each up to 200 Hz.
    dwell_s : float
        Time at each frequency, at least.
    least_cycles : float
        Slow sines are given so many cycles, however long that takes.
    axes : tuple of {'x', 'y', 'z'}
        Head frame.
    start_s : float
        When the first sine starts, on the instrument's clock.
    is_repeated : bool
        Whether it begins again after the last step.

    Raises
    ------
    ValueError
        If a setting makes no sense; the text names it.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by rig files' validation)

    amplitude_nt: float
    frequencies_hz: tuple[float, ...]
    dwell_s: float = 20.0
    axes: tuple[Axis, ...] = ("x", "y", "z")
    start_s: float = 0.0
    is_repeated: bool = False
    least_cycles: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.amplitude_nt) and self.amplitude_nt > 0):
            raise ValueError(f"amplitude_nt is {self.amplitude_nt:g}, must be above 0")
        if not self.frequencies_hz:
            raise ValueError("frequencies_hz is empty")
        for frequency_hz in self.frequencies_hz:
            if not 0 < frequency_hz <= HIGHEST_HZ:
                raise ValueError(
                    f"frequencies_hz holds {frequency_hz:g}, must be in 0..{HIGHEST_HZ:g}"
                )
        if not (np.isfinite(self.dwell_s) and self.dwell_s >= 1.0):
            raise ValueError(f"dwell_s is {self.dwell_s:g}, must be 1 or more")
        if not self.axes or any(axis not in ("x", "y", "z") for axis in self.axes):
            raise ValueError(f"axes is {list(self.axes)}, must name x, y or z")
        if not (np.isfinite(self.start_s) and self.start_s >= 0):
            raise ValueError(f"start_s is {self.start_s:g}, must be 0 or more")

        if not (np.isfinite(self.least_cycles) and 0 <= self.least_cycles <= 1000):
            raise ValueError(f"least_cycles is {self.least_cycles:g}, must be in 0..1000")

    @property
    def duration_s(self) -> float:
        """Time of one sequence."""
        return float(self.edges_s()[-1])

    def edges_s(self) -> FloatArray:
        """Start of each step and the end of the last, from the start of the sequence."""
        slow = self.least_cycles / np.asarray(self.frequencies_hz, dtype=np.float64)
        lengths = np.tile(np.maximum(self.dwell_s, slow), len(self.axes))
        return np.concatenate([[0.0], np.cumsum(lengths)])

    def steps(self) -> tuple[ExcitationStep, ...]:
        """The sines of one sequence in order."""
        pairs = [(axis, f) for axis in self.axes for f in self.frequencies_hz]
        edges = self.edges_s()
        return tuple(
            ExcitationStep(axis, f, float(edges[n]), float(edges[n + 1]))
            for n, (axis, f) in enumerate(pairs)
        )
