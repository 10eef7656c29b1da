"""Current sources and the coils at them: lag, compliance, noise.

Each source is an amplifier that compares the sensed current with what it is told and drives the coil
with a proportional and an integral part of the difference, within its supply:
``V = Kp (i_told - i) + Ki integral(i_told - i)``, ``L di/dt = V - R i``. Kp and Ki are soldered for
the nominal coil (Kp = L0 / tau, Ki = R0 / tau): such a coil answers as one pole of tau. Another one
answers with two poles and a zero; its delay at low frequency is R / Ki, its first slope Kp / L. So lag
and shape follow from R and L of the coil at hand, and tell them.

Noise of a source is white with a 1/f corner (Hooge's law by one-pole processes a decade apart), as
data sheets of 16-bit converters and references show it; its level is an assumption to be measured
on hardware (docs/coil-board.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm

from nullfield.virtual.plant.constants import BLOCK_S
from nullfield.virtual.plant.interface import Scenario
from nullfield.virtual.plant.noise import Stream, generator, normal_chunk

FloatArray = npt.NDArray[np.float64]

SOURCE_LAG_S = 1.5e-3
"""tau of the nominal coil at its source."""
_SUBSTEPS = 64
_CHUNK = 512
_NOISE_POLES = 3


class CoilCircuits:
    """Sources and coils of the whole rig.

    Parameters
    ----------
    n_coils : int
    scenario : Scenario
        Nominal resistance, inductance and their spread, compliance, gain errors, noise.
    seed : int

    Attributes
    ----------
    resistance_ohm, inductance_h : (n_coils,) array
        As drawn; change them by `set_resistance`.
    current_ma : (n_coils,) array
        Through the coils, at the end of the last block.
    voltage_v : (n_coils,) array
        Across them.
    """

    def __init__(self, n_coils: int, scenario: Scenario, seed: int) -> None:
        rng = generator(seed, Stream.COILS, 1)
        self._gain = 1.0 + scenario.coil_current_gain_error * rng.standard_normal(n_coils)
        rng = generator(seed, Stream.COIL_CIRCUITS)
        spread = scenario.coil_spread
        self.resistance_ohm = scenario.coil_resistance_ohm * (
            1.0 + rng.uniform(-spread, spread, n_coils)
        )
        self.inductance_h = scenario.coil_inductance_h * (
            1.0 + rng.uniform(-spread, spread, n_coils)
        )
        self.compliance_v = scenario.coil_compliance_v
        # mA and V: ohms in V/mA.
        self._kp = scenario.coil_inductance_h / SOURCE_LAG_S * 1e-3
        self._ki = scenario.coil_resistance_ohm / SOURCE_LAG_S * 1e-3
        self.current_ma = np.zeros(n_coils)
        self.voltage_v = np.zeros(n_coils)
        self._integral_v = np.zeros(n_coils)
        self._seed = seed
        self._block = 0
        on = scenario.noise_enabled
        self._white_ma = scenario.coil_source_noise_na * np.sqrt(0.5 / BLOCK_S) * 1e-6 * on
        corners = scenario.coil_source_corner_hz * 10.0 ** -np.arange(_NOISE_POLES)
        self._pole_share = 2.0 * np.pi * corners[:, None] * BLOCK_S
        self._pole_gain = np.sqrt(scenario.coil_source_corner_hz / corners)[:, None]
        self._pole_memory = np.zeros((_NOISE_POLES, n_coils))
        self._normals: npt.NDArray[np.float32] = np.zeros((_CHUNK, n_coils), dtype=np.float32)
        self._prepare()

    def set_resistance(self, coil: int, ohm: float) -> None:
        """Another resistance of a coil, for instance of a bad joint in its lead."""
        self.resistance_ohm[coil] = ohm
        self._prepare()

    def _prepare(self) -> None:
        """Exact step over a block, as long as no source is at its supply."""
        n = len(self.current_ma)
        self._step = np.zeros((3, 2, n))
        for coil in range(n):
            per_l = 1e3 / self.inductance_h[coil]  # V / H is 1e3 mA/s
            r = self.resistance_ohm[coil] * 1e-3
            rates = np.zeros((3, 3))  # current, integral, told
            rates[0] = (-(self._kp + r) * per_l, per_l, self._kp * per_l)
            rates[1] = (-self._ki, 0.0, self._ki)
            self._step[:, :, coil] = expm(rates * BLOCK_S)[:2].T

    def step(self, told_ma: FloatArray) -> FloatArray:
        """One block at a constant command.

        Parameters
        ----------
        told_ma : (n_coils,) array

        Returns
        -------
        (n_coils,) array
            Current at the end of the block: `current_ma`, rewritten.
        """
        told = told_ma * self._gain + self._noise()
        current, integral = self.current_ma, self._integral_v
        a = self._step
        after = a[0, 0] * current + a[1, 0] * integral + a[2, 0] * told
        integral_after = a[0, 1] * current + a[1, 1] * integral + a[2, 1] * told
        start = self._kp * (told - current) + integral
        end = self._kp * (told - after) + integral_after
        beyond = np.maximum(np.abs(start), np.abs(end)) > self.compliance_v
        if beyond.any():
            clipped, clipped_integral = self._clipped_step(told)
            after = np.where(beyond, clipped, after)
            integral_after = np.where(beyond, clipped_integral, integral_after)
        current[:] = after
        integral[:] = integral_after
        wanted = self._kp * (told - current) + integral
        self.voltage_v[:] = np.clip(wanted, -self.compliance_v, self.compliance_v)
        return current

    def _clipped_step(self, told: FloatArray) -> tuple[FloatArray, FloatArray]:
        dt = BLOCK_S / _SUBSTEPS
        current, integral = self.current_ma.copy(), self._integral_v.copy()
        per_l = 1e3 / self.inductance_h
        decay = 1.0 + dt * per_l * self.resistance_ohm * 1e-3
        for _ in range(_SUBSTEPS):
            difference = told - current
            wanted = self._kp * difference + integral
            volts = np.clip(wanted, -self.compliance_v, self.compliance_v)
            # A clamp across the integrator's capacitor: it does not charge on at the rail.
            free = (volts == wanted) | (np.sign(difference) != np.sign(wanted))
            integral += np.where(free, self._ki * difference * dt, 0.0)
            current = (current + dt * per_l * volts) / decay
        return current, integral

    def _noise(self) -> FloatArray | float:
        if self._white_ma == 0.0:
            return 0.0
        chunk, at = divmod(self._block, _CHUNK)
        if at == 0:
            normal_chunk(self._seed, Stream.COIL_NOISE, chunk, self._normals)
        self._block += 1
        normal = self._normals[at].astype(np.float64)
        memory = self._pole_memory
        memory += self._pole_share * (normal * self._pole_gain - memory)
        return np.asarray(self._white_ma * (normal + memory.sum(axis=0)), dtype=np.float64)
