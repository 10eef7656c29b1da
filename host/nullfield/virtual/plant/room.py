"""Field of the room: residual with gradients, drift, mains, vibration, traffic, geomagnetic series.

The residual is the gradient of a potential that is harmonic inside the room, up to third order
(15 terms), so it is free of divergence and curl whatever is drawn. Drift moves the uniform and
first-order terms. Everything here is a function of seed and time alone, but for an excitation that
somebody switches on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from nullfield.errors import InputError
from nullfield.room.excitation_coil import Excitation
from nullfield.virtual.plant.excitation import ShieldedExcitation
from nullfield.virtual.plant.interface import Scenario
from nullfield.virtual.plant.noise import Stream, generator

FloatArray = npt.NDArray[np.float64]

N_UNIFORM, N_FIRST, N_THIRD = 3, 5, 7
N_TERMS = N_UNIFORM + N_FIRST + N_THIRD

DRIFT_EXPONENT = 1.4
DRIFT_CORNER_HZ = 0.3
"""Above this the room's aluminium (eddy currents) takes over: power falls 1/f^4 faster."""
DRIFT_LOWEST_HZ = 1e-3
DRIFT_HIGHEST_HZ = 20.0
SLOW_STEP = 8
"""Slow parts are computed every so many blocks and joined by lines."""
VIBRATION_HZ = (5.0, 30.0)
VEHICLE_SLOT_S = 60.0
SHIELD_CORNER_HZ = 0.3


def harmonic_terms(points_m: FloatArray) -> FloatArray:
    """Gradient of each harmonic polynomial of degree 1 to 3.

    Parameters
    ----------
    points_m : (n, 3) array
        Positions.

    Returns
    -------
    (15, n, 3) array
        Powers of metres: times nT, nT/m, nT/m^2 (by degree) a field in nT.
    """
    x, y, z = points_m.T
    o, i = np.zeros_like(x), np.ones_like(x)
    terms = [
        (i, o, o),
        (o, i, o),
        (o, o, i),
        (y, x, o),  # xy
        (z, o, x),  # xz
        (o, z, y),  # yz
        (x, -y, o),  # (x^2 - y^2) / 2
        (-x / 2, -y / 2, z),  # (2 z^2 - x^2 - y^2) / 4
        (-6 * x * z, -6 * y * z, 6 * z * z - 3 * x * x - 3 * y * y),
        (4 * z * z - 3 * x * x - y * y, -2 * x * y, 8 * x * z),
        (-2 * x * y, 4 * z * z - x * x - 3 * y * y, 8 * y * z),
        (2 * x * z, -2 * y * z, x * x - y * y),
        (y * z, x * z, x * y),
        (3 * x * x - 3 * y * y, -6 * x * y, o),
        (6 * x * y, 3 * x * x - 3 * y * y, o),
    ]
    return np.array([np.stack(term, axis=1) for term in terms])


def read_geomagnetic(path: Path) -> FloatArray:
    """Read an IAGA-2002 file of 1 s values.

    Returns
    -------
    (n, 3) array
        The first three elements (H or X, E or Y, Z) in nT, one a second.
    """
    hint = "give an IAGA-2002 text file of one-second values"
    rows: list[list[float]] = []
    try:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            parts = line.split()
            if len(parts) < 6 or not parts[0][:4].isdigit() or "-" not in parts[0]:
                continue
            rows.append([float(value) for value in parts[3:6]])
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})", hint) from error
    data = np.array(rows, dtype=np.float64).reshape(-1, 3)
    if len(data) < 2:
        raise InputError(f"{path}: no geomagnetic values found", hint)
    bad = np.abs(data) >= 88888.0
    if bad.all(axis=0).any():
        raise InputError(f"{path}: an element has no values", hint)
    for column in range(3):
        good = ~bad[:, column]
        index = np.arange(len(data))
        data[:, column] = np.interp(index, index[good], data[good, column])
    return data


class Room:
    """Exogenous field at the heads.

    Parameters
    ----------
    points_m : (n_heads, 3) array
        True positions.
    scenario : Scenario
        The world.
    seed : int
        Seed.
    """

    def __init__(self, points_m: FloatArray, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self.basis = harmonic_terms(points_m)
        self._flat_basis = self.basis.reshape(N_TERMS, -1)
        self.coefficients = self._draw_residual()
        step = 1e-3
        slopes = []
        for axis in range(3):
            moved = points_m.copy()
            moved[:, axis] += step
            slopes.append((harmonic_terms(moved) - self.basis) / step)
        self.static_slope = np.einsum("t,atnk->ank", self.coefficients, np.array(slopes))
        self._draw_drift()
        rng = generator(seed, Stream.MAINS)
        self._mains_hz = scenario.mains_hz + rng.uniform(-0.02, 0.02)
        self._mains = []
        for harmonic, share in ((1, 1.0), (2, 0.15), (3, 0.4), (5, 0.15)):
            vector = rng.standard_normal((2, 3)) * share * scenario.mains_pt * 1e-3 / np.sqrt(3.0)
            self._mains.append((harmonic, vector))
        rng = generator(seed, Stream.VIBRATION)
        self._vibration_hz = rng.uniform(*VIBRATION_HZ, 12)
        level = scenario.vibration_um_rms * 1e-6 * np.sqrt(2.0 / (3 * 12))
        phase = rng.uniform(0.0, 2.0 * np.pi, (12, 3))
        self._vibration = level * np.stack([np.cos(phase), np.sin(phase)])
        self._geomagnetic = self._load_geomagnetic()
        self._excitation: ShieldedExcitation | None = None
        if scenario.excitation is not None:
            self.excite(scenario.excitation)

    def excite(self, excitation: Excitation) -> None:
        """Put the excitation coil outside the room on; seen from the next chunk on."""
        self._excitation = ShieldedExcitation(
            excitation, self._scenario.geomagnetic_shielding, SHIELD_CORNER_HZ
        )

    def _draw_residual(self) -> FloatArray:
        scenario = self._scenario
        rng = generator(self._seed, Stream.ROOM)
        uniform = rng.standard_normal(N_UNIFORM)
        uniform *= scenario.room_residual_nt / np.linalg.norm(uniform)
        first = rng.standard_normal(N_FIRST)
        first *= scenario.room_gradient_nt_per_m / np.linalg.norm(first)
        third = rng.standard_normal(N_THIRD) / np.array([6.0, 4.0, 4.0, 2.0, 1.0, 3.0, 3.0])
        third *= scenario.room_third_order_nt_per_m2 / np.sqrt(N_THIRD)
        return np.concatenate([uniform, first, third])

    def _draw_drift(self) -> None:
        """Sum of sines at log-spaced frequencies with a power spectrum of 1/f^1.4."""
        scenario = self._scenario
        rng = generator(self._seed, Stream.DRIFT)
        count = 96
        edges = np.geomspace(DRIFT_LOWEST_HZ, DRIFT_HIGHEST_HZ, count + 1)
        self._drift_hz = edges[:-1] * (edges[1:] / edges[:-1]) ** rng.uniform(0, 1, count)
        power = self._drift_hz**-DRIFT_EXPONENT / (1 + (self._drift_hz / DRIFT_CORNER_HZ) ** 2) ** 2
        amplitude = np.sqrt(2.0 * power * np.diff(edges))
        # peak to peak of such a series is about 5 rms over the slowest period
        amplitude *= scenario.drift_pp_nt / 5.0 / np.sqrt(np.sum(amplitude**2) / 2.0)
        scale = np.concatenate([np.full(3, 1 / np.sqrt(3.0)), np.full(N_FIRST, 0.5)])
        phase = rng.uniform(0.0, 2.0 * np.pi, (count, N_UNIFORM + N_FIRST))
        parts = amplitude[:, None] * scale
        self._drift = np.concatenate([parts * np.cos(phase), parts * np.sin(phase)])

    def _load_geomagnetic(self) -> FloatArray | None:
        path = self._scenario.geomagnetic_path
        if path is None:
            return None
        data = read_geomagnetic(path)
        data = (data - data[0]) / self._scenario.geomagnetic_shielding
        decay = np.exp(-2.0 * np.pi * SHIELD_CORNER_HZ)
        return np.asarray(signal.lfilter([1.0 - decay], [1.0, -decay], data, axis=0))

    def _vehicle_nt(self, time_s: FloatArray) -> FloatArray:
        """Cars and lifts: slow bumps at drawn times, about one in two minutes."""
        out = np.zeros((len(time_s), 3))
        if not self._scenario.vehicles:
            return out
        first = int(time_s[0] // VEHICLE_SLOT_S)
        for slot in range(max(first - 1, 0), int(time_s[-1] // VEHICLE_SLOT_S) + 2):
            rng = generator(self._seed, Stream.VEHICLES, slot)
            centre = (slot + rng.uniform()) * VEHICLE_SLOT_S
            width = rng.uniform(1.0, 4.0)
            vector = rng.standard_normal(3) * self._scenario.vehicle_nt / np.sqrt(3.0)
            happens = rng.uniform() < 0.5
            if happens:
                u = (time_s - centre) / width
                # a dipole passing at constant speed
                out += (1.0 / (1.0 + u * u) ** 1.5)[:, None] * vector
        return out

    def chunk(self, first_block: int, n_blocks: int) -> tuple[FloatArray, FloatArray]:
        """Field and vibration at the ends of blocks.

        Returns
        -------
        (n_blocks + 1, 3 * n_heads) array
            Field in nT, head frame, at the start of each block and the end of the last one.
        (n_blocks + 1, 3) array
            Displacement of the array, m.
        """
        time: FloatArray = np.asarray((first_block + np.arange(n_blocks + 1)) * 1e-3, float)
        slow_blocks = first_block + np.arange(0, n_blocks + SLOW_STEP, SLOW_STEP)
        slow_time: FloatArray = np.asarray(slow_blocks * 1e-3, dtype=np.float64)
        angle = 2.0 * np.pi * slow_time[:, None] * self._drift_hz
        slow: FloatArray = np.tile(self.coefficients, (len(slow_time), 1))
        slow[:, : N_UNIFORM + N_FIRST] += np.hstack([np.cos(angle), np.sin(angle)]) @ self._drift
        slow[:, :3] += self._vehicle_nt(slow_time)
        if self._geomagnetic is not None:
            seconds = np.arange(len(self._geomagnetic))
            for k in range(3):
                series = np.interp(slow_time, seconds, self._geomagnetic[:, k])
                slow[:, k] += np.asarray(series, dtype=np.float64)
        terms = np.empty((len(time), N_TERMS), dtype=np.float64)
        for k in range(N_TERMS):
            terms[:, k] = np.interp(time, slow_time, slow[:, k])
        for harmonic, vector in self._mains:
            phase = 2.0 * np.pi * self._mains_hz * harmonic * time
            wave = np.stack([np.cos(phase), np.sin(phase)], axis=1) @ vector
            terms[:, :3] += np.asarray(wave, dtype=np.float64)
        if self._excitation is not None:
            terms[:, :3] += self._excitation.field_nt(time)
        angle = 2.0 * np.pi * time[:, None] * self._vibration_hz
        displacement = np.cos(angle) @ self._vibration[0] + np.sin(angle) @ self._vibration[1]
        field: FloatArray = np.asarray(terms @ self._flat_basis, dtype=np.float64)
        return field, np.asarray(displacement, dtype=np.float64)
