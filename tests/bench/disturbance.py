"""Disturbances put into the plant's room by a bench, without the rig knowing: sines and a bump."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant.room import N_TERMS, Room

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sine:
    """A sine of uniform field, pT along x, y, z of the head frame."""

    frequency_hz: float
    amplitude_pt: tuple[float, float, float]
    start_s: float = 0.0
    stop_s: float = 1e9

    def coefficients_nt(self, time_s: FloatArray) -> FloatArray:
        """Terms of the room, ``(n, 15)``; phase zero at the start."""
        out = np.zeros((len(time_s), N_TERMS))
        is_on = (time_s >= self.start_s) & (time_s < self.stop_s)
        wave = np.where(is_on, np.sin(2 * np.pi * self.frequency_hz * (time_s - self.start_s)), 0.0)
        out[:, :3] = np.outer(wave, self.amplitude_pt) * 1e-3
        return out


@dataclass(frozen=True)
class Bump:
    """A vehicle that passes: uniform field and gradients, pT and pT/m."""

    centre_s: float
    width_s: float
    amplitude: tuple[float, ...]

    def coefficients_nt(self, time_s: FloatArray) -> FloatArray:
        """Terms of the room, ``(n, 15)``."""
        out = np.zeros((len(time_s), N_TERMS))
        wave = (1.0 + ((time_s - self.centre_s) / self.width_s) ** 2) ** -1.5
        out[:, : len(self.amplitude)] = np.outer(wave, self.amplitude) * 1e-3
        return out


class DisturbedRoom(Room):
    """A plant's room with more in it."""

    def __init__(self, room: Room, parts: tuple[Sine | Bump, ...]) -> None:
        self.__dict__.update(room.__dict__)
        self._parts = parts

    def chunk(self, first_block: int, n_blocks: int) -> tuple[FloatArray, FloatArray]:
        """See `Room.chunk`."""
        field, displacement = super().chunk(first_block, n_blocks)
        time = (first_block + np.arange(n_blocks + 1)) * 1e-3
        for part in self._parts:
            field = field + part.coefficients_nt(time) @ self.basis.reshape(N_TERMS, -1)
        return field, displacement


def disturb(world: VirtualInstrument, *parts: Sine | Bump) -> None:
    """Add disturbances, from the plant's next chunk of 128 blocks on."""
    world.plant.room = DisturbedRoom(world.plant.room, parts)
