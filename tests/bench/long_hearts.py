"""A heart of any length under 64 tri-axial heads, made section by section: nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from tests.analysis.simulated_heart import DIPOLE_M, R_MOMENT_NAM, T_MOMENT_NAM, make_array

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.sources.half_space import lead_field

RATE_HZ = 1000.0
_BLOCK = 10_000
_NOISE_PT = 0.015 * np.sqrt(RATE_HZ / 2)


def _hill(time_s: np.ndarray, centre_s: float, width_s: float) -> np.ndarray:
    return np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)


@dataclass
class LongHeart:
    """A source of sections: 70 beats a minute, sensor noise of 15 fT/√Hz, 3 pT of mains.

    Noise is drawn block by block from a counter, so that any section can be had by itself.
    """

    duration_s: float
    array: SensorArray = field(default_factory=lambda: make_array(8, (0, 1, 2)))
    sampling_rate_hz: float = RATE_HZ
    start_time_s: float = 0.0
    unit: str = "pT"
    metadata: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.n_samples = round(self.duration_s * RATE_HZ)
        self._lead = lead_field(self.array.positions_m, self.array.orientations, DIPOLE_M)
        beats = np.arange(0.5, self.duration_s - 0.5, 60.0 / 70.0)
        jitter = np.random.default_rng(1).normal(size=len(beats)) * 0.01
        self.r_times_s = np.round(beats + jitter, 3)
        self._mains = self.array.orientations @ np.array([1.0, 0.5, 0.3])

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop` (exclusive)."""
        field_pt = np.empty((self.array.n_channels, stop - start))
        for block in range(start // _BLOCK, (stop - 1) // _BLOCK + 1):
            low, high = max(start, block * _BLOCK), min(stop, (block + 1) * _BLOCK)
            random = np.random.default_rng([2, block])
            noise = random.standard_normal((self.array.n_channels, _BLOCK), dtype=np.float32)
            field_pt[:, low - start : high - start] = (
                _NOISE_PT * noise[:, low - block * _BLOCK : high - block * _BLOCK]
            )
        time_s = np.arange(start, stop) / RATE_HZ
        moment = np.zeros((3, stop - start))
        near = (self.r_times_s > time_s[0] - 1.0) & (self.r_times_s < time_s[-1] + 1.0)
        for beat_s in self.r_times_s[near]:
            at = slice(
                max(0, round((beat_s - 0.3) * RATE_HZ) - start),
                max(0, round((beat_s + 0.6) * RATE_HZ) - start),
            )
            t = time_s[at]
            moment[:, at] += R_MOMENT_NAM[:, None] * _hill(t, beat_s, 0.012)
            moment[:, at] -= 0.3 * R_MOMENT_NAM[::-1, None] * _hill(t, beat_s + 0.030, 0.010)
            moment[:, at] += T_MOMENT_NAM[:, None] * _hill(t, beat_s + 0.25, 0.035)
        field_pt += self._lead @ moment
        field_pt += self._mains[:, None] * 3.0 * np.sin(2 * np.pi * 50.02 * time_s)
        return FieldRecording(
            field_pt, RATE_HZ, self.array, start_time_s=float(time_s[0]), metadata={}
        )
