"""Arrays of several shapes, and the field of dipoles in MNE's sphere, for maps."""

from __future__ import annotations

import numpy as np
from tests.bench.drawn_arrays import square_array

from nullfield.analysis.data import SensorArray

CENTRE_M = np.array([0.0, 0.0, -0.13])
"""Of the conducting sphere; its surface lies about at the skin, z = 0."""


def sphere_pt(
    positions_m: np.ndarray, orientations: np.ndarray, source_m: np.ndarray, moment_nam: np.ndarray
) -> np.ndarray:
    """What channels see of a dipole in a conducting sphere, by MNE; pT."""
    import mne
    from mne.forward import _compute_forward

    n = len(positions_m)
    coils = (positions_m, orientations, np.ones(n), np.arange(n))
    sphere = mne.bem.ConductorModel(is_sphere=True, r0=CENTRE_M, coord_frame=4, layers=[])
    rows = _compute_forward._sphere_field(np.atleast_2d(source_m), coils, sphere)
    return 1e3 * (moment_nam @ rows.reshape(3, n))


def shaped_arrays() -> dict[str, SensorArray]:
    """Arrays by name."""
    square = square_array(6, (2,))
    dead = np.isin(np.arange(36), (7, 14, 22, 29))
    return {
        "36 heads, Bz": square,
        "36 heads, three axes": square_array(6, (0, 1, 2)),
        "64 heads, Bz": square_array(8, (2,)),
        "64 heads, three axes": square_array(8, (0, 1, 2)),
        "36 heads, 4 of them dead, Bz": square.subset(~dead),
        "36 heads, Bx and By only": square_array(6, (0, 1)),
        "37 heads in a hexagon, Bz": _of(_hexagon(4, 0.04), None),
        "40 heads on a helmet's part, radial": _of(*_helmet(40, 0.17, np.radians(50.0))),
    }


def random_dipoles(count: int, random: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places 5 to 12 cm below heads at 3 cm height and within 4 cm of the middle, and moments."""
    out = []
    for _ in range(count):
        place = np.append(random.uniform(-0.04, 0.04, 2), random.uniform(-0.09, -0.02))
        moment = random.normal(size=3)
        # The radial part is silent: a dipole that is all but radial has no map to speak of.
        radial = (place - CENTRE_M) / np.linalg.norm(place - CENTRE_M)
        moment -= 0.8 * radial * (moment @ radial)
        out.append((place, 8000.0 * moment / np.linalg.norm(moment)))
    return out


def _of(places: np.ndarray, normals: np.ndarray | None) -> SensorArray:
    n = len(places)
    names = tuple(f"H{i + 1}" for i in range(n))
    axes = np.tile([0.0, 0.0, 1.0], (n, 1)) if normals is None else normals
    return SensorArray(
        names, places, axes, names, np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    )


def _hexagon(rings: int, pitch_m: float) -> np.ndarray:
    places = [
        (pitch_m * (q + 0.5 * r), pitch_m * np.sqrt(0.75) * r, 0.03)
        for q in range(1 - rings, rings)
        for r in range(1 - rings, rings)
        if abs(q + r) < rings
    ]
    return np.array(places)


def _helmet(count: int, radius_m: float, edge_rad: float) -> tuple[np.ndarray, np.ndarray]:
    """Even places on a cap (a sunflower's), about the sphere's centre."""
    turn = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(count)
    height = 1.0 - (np.arange(count) + 0.5) / count * (1.0 - np.cos(edge_rad))
    across = np.sqrt(1.0 - height**2)
    normals = np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=1)
    return CENTRE_M + radius_m * normals, normals
