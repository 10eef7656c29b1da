"""Random numbers that depend on seed, stream and virtual time only.

Each purpose has its own stream of a counter-based generator (Philox, Salmon et al. 2011), keyed by
seed and stream; the high counter word is the chunk index, so chunk k is the same whatever was
drawn before.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Stream(IntEnum):
    """One number for each independent purpose; never renumber, seeds would change meaning."""

    HEADS = 1
    COILS = 2
    ROOM = 3
    DRIFT = 4
    MAINS = 5
    VEHICLES = 6
    VIBRATION = 7
    HEART = 8
    DETECTOR = 9
    FIELD = 10
    TABLE = 11
    COIL_CIRCUITS = 20
    COIL_NOISE = 21
    SHIELD = 22
    DOOR = 23


def generator(seed: int, stream: Stream, chunk: int = 0) -> np.random.Generator:
    """Generator of one chunk of one stream."""
    key = np.array([seed & 0xFFFFFFFFFFFFFFFF, int(stream)], dtype=np.uint64)
    counter = np.array([0, 0, 0, chunk], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def normal_chunk(seed: int, stream: Stream, chunk: int, out: npt.NDArray[np.float32]) -> None:
    """Fill an array with the unit normals of one chunk."""
    generator(seed, stream, chunk).standard_normal(dtype=np.float32, out=out)
