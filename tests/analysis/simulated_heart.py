"""A made-up heart under an array, for the tests of the analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.sources.half_space import lead_field

RATE_HZ = 1000.0
AXES = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
R_MOMENT_NAM = np.array([10000.0, -8000.0, 4000.0])
T_MOMENT_NAM = np.array([2400.0, -1200.0, 600.0])
DIPOLE_M = np.array([0.010, 0.010, -0.060])


def make_array(side: int = 6, axes: tuple[int, ...] = (0, 1), references: bool = False):
    line = (np.arange(side) - (side - 1) / 2) * 0.04
    gx, gy = np.meshgrid(line, line)
    places = [(x, y, 0.03) for x, y in zip(gx.ravel(), gy.ravel(), strict=True)]
    names = [f"H{i + 1}" for i in range(len(places))]
    if references:
        far = [(0.9, 0.6, 0.03), (-0.9, 0.6, 0.03), (0.9, -0.6, 0.03), (-0.9, -0.6, 0.03)]
        places += far
        names += [f"REF{i + 1}" for i in range(len(far))]
    count, per_head = len(places), len(axes)
    return SensorArray(
        names=tuple(f"{name}-{'xyb'[a]}" for name in names for a in axes),
        positions_m=np.repeat(np.array(places), per_head, axis=0),
        orientations=np.tile(AXES[list(axes)], (count, 1)),
        head_names=tuple(name for name in names for _ in axes),
        axis_index=np.tile(np.array(axes), count),
        is_reference=np.repeat([name.startswith("REF") for name in names], per_head),
    )


@dataclass(frozen=True)
class SimulatedHeart:
    recording: FieldRecording
    r_times_s: np.ndarray


def simulate(
    array: SensorArray,
    *,
    duration_s: float = 30.0,
    rate_bpm: float = 70.0,
    noise_ft: float = 18.0,
    common_pt: float = 0.0,
    mains_pt: float = 0.0,
    heart: bool = True,
    polarity: float = 1.0,
    seed: int = 0,
) -> SimulatedHeart:
    """Noise density in fT/sqrt(Hz), `common_pt` the step of a uniform random walk each sample."""
    random = np.random.default_rng(seed)
    n_samples = round(duration_s * RATE_HZ)
    time_s = np.arange(n_samples) / RATE_HZ
    interval_s = 60.0 / rate_bpm
    beats = np.arange(0.5, duration_s - 0.1, interval_s)
    beats = np.round(beats + random.normal(size=len(beats)) * 0.01, 3)

    def hill(offset_s: float, width_s: float) -> np.ndarray:
        return np.exp(-0.5 * ((time_s - beats[:, None] - offset_s) / width_s) ** 2).sum(axis=0)

    moment = (
        R_MOMENT_NAM[:, None] * hill(0.0, 0.012)
        - 0.3 * R_MOMENT_NAM[::-1, None] * hill(0.030, 0.010)
        + T_MOMENT_NAM[:, None] * hill(0.26 * np.sqrt(interval_s), 0.035)
        + np.array([600.0, -900.0, 0.0])[:, None] * hill(-0.15, 0.02)
    )
    field_pt = np.zeros((array.n_channels, n_samples))
    if heart:
        lead = lead_field(array.positions_m, array.orientations, DIPOLE_M)
        field_pt += polarity * (lead @ moment)
    field_pt += noise_ft * 1e-3 * np.sqrt(RATE_HZ / 2) * random.normal(size=field_pt.shape)
    if common_pt:
        walk = np.cumsum(random.normal(size=(3, n_samples)), axis=1) * common_pt
        field_pt += array.orientations @ walk
    if mains_pt:
        mains = mains_pt * np.sin(2 * np.pi * 50.02 * time_s)
        field_pt += (array.orientations @ np.array([1.0, 0.5, 0.3]))[:, None] * mains
    return SimulatedHeart(FieldRecording(field_pt, RATE_HZ, array, start_time_s=5.0), beats + 5.0)
