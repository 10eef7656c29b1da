"""A transfer standard as it truly is: its loops differ from their certificate, its seat from its pins.

Drawn once from the seed: the plate's seat; one share for all its lengths (temperature); and of each
loop its constant (turns, current sense of its board), its size, its tilt and its place. A length's
error is the scenario's share of it, an angle's as many radians.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from nullfield.virtual.plant.interface import PlantCoil, Scenario
from nullfield.virtual.plant.noise import Stream, generator

FloatArray = npt.NDArray[np.float64]
_SHIELD_WALLS_M = (-1.2, 1.2)
_CHUNK = 2


def standard_wires(
    coils: Sequence[PlantCoil], scenario: Scenario, seed: int
) -> dict[str, list[tuple[FloatArray, float]]]:
    """True wires of a standard's loops by name, with their images in floor and ceiling.

    Parameters
    ----------
    coils : sequence of PlantCoil
        Of which those of kind ``loop`` count.

    Returns
    -------
    dict of str to list of ((n, 3) array, float)
        Closed corners, and turns with their error.
    """
    loops = [coil for coil in coils if coil.kind == "loop"]
    if not loops:
        return {}
    rng = generator(seed, Stream.COILS, _CHUNK)
    share = scenario.standard_error
    drawn = np.concatenate([np.asarray(loop.corners_m) for loop in loops])
    centre = drawn.mean(axis=0)
    half_m = float(np.abs(drawn - centre).max())
    seat_turn = Rotation.from_rotvec(
        np.deg2rad(scenario.standard_seat_deg) * rng.standard_normal(3)
    )
    seat_shift = scenario.standard_seat_m * rng.standard_normal(3)
    lengths = 1.0 + share * rng.standard_normal()
    out: dict[str, list[tuple[FloatArray, float]]] = {}
    for loop in loops:
        corners = np.asarray(loop.corners_m, dtype=np.float64)
        own = corners.mean(axis=0)
        constant = 1.0 + share * rng.standard_normal()
        size = 1.0 + share * rng.standard_normal()
        tilt = Rotation.from_rotvec(share * rng.standard_normal(3))
        shift = share * half_m * rng.standard_normal(3)
        built = size * tilt.apply(corners - own) + own + shift
        placed = lengths * seat_turn.apply(built - centre) + centre + seat_shift
        closed = np.vstack([placed, placed[:1]])
        current = loop.turns * constant
        out[loop.name] = [(closed, current)]
        for wall in _SHIELD_WALLS_M:
            image = closed.copy()
            image[:, 2] = 2.0 * wall - image[:, 2]
            out[loop.name].append((image, current * scenario.shield_image))
    return out
