"""Time of one plant step: ``python -m nullfield.virtual.plant.bench``."""

from __future__ import annotations

import time
from typing import get_args

import numpy as np

from nullfield.rig import CoilKind, Vector
from nullfield.virtual.plant.interface import PlantCoil, PlantHead, PlantInputs, Scenario
from nullfield.virtual.plant.plant import Plant

AXES: tuple[Vector, Vector, Vector] = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
KINDS: tuple[CoilKind, ...] = get_args(CoilKind)


def demo_rig(n_heads: int) -> tuple[list[PlantHead], list[PlantCoil]]:
    """Square array at 40 mm pitch and the eight coils; heads past 36 are references."""
    heads = []
    for i in range(min(n_heads, 36)):
        row, column = divmod(i, 6)
        place = ((column - 2.5) * 0.04, (row - 2.5) * 0.04, 0.03)
        heads.append(PlantHead(f"h{i}", place, AXES))
    for i in range(36, n_heads):
        place = (0.25 * (i - 37.5), 0.15, 1.0)
        heads.append(PlantHead(f"r{i}", place, AXES, "reference"))
    return heads, [PlantCoil(kind, kind, 10.0) for kind in KINDS]


def modulation_ma(amplitude_nt: float = 70.0, sense: float = 1.0) -> np.ndarray:
    """One period of rotating modulation, (3, 16) mA at the nominal 100 nT/mA."""
    phase = 2.0 * np.pi * np.arange(16) / 16
    wave = np.zeros((3, 16))
    wave[0] = np.cos(phase)
    wave[1] = sense * np.sin(phase)
    return wave * amplitude_nt / 100.0


def microseconds_per_step(n_heads: int, blocks: int = 4096) -> float:
    """Mean wall time of a step, noise, chunk preparation and Python included."""
    heads, coils = demo_rig(n_heads)
    plant = Plant(heads, coils, Scenario(), 1, has_table=True)
    inputs = PlantInputs.zeros(n_heads, len(coils))
    inputs.head_coil_current_ma[:] = modulation_ma()
    inputs.laser_current_ma[:] = 1.5
    inputs.heater_power_w[:] = 0.3
    for _ in range(256):
        plant.step(inputs)
    start = time.perf_counter()
    for _ in range(blocks):
        plant.step(inputs)
    return (time.perf_counter() - start) / blocks * 1e6


def main() -> None:
    """Print microseconds per 1 ms step."""
    for n_heads in (40, 4):
        print(f"{n_heads:3d} heads: {microseconds_per_step(n_heads):6.1f} us per 1 ms step")


if __name__ == "__main__":
    main()
