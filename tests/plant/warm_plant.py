"""A plant at its operating point, without waiting for it to warm up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nullfield.virtual.plant import Plant, PlantInputs, Scenario
from nullfield.virtual.plant.bench import demo_rig
from nullfield.virtual.plant.block import (
    BODY_W_PER_K,
    LASER_W_PER_K,
    OVEN_W_PER_K,
    TEC_OHM,
    TEC_V_PER_K,
)

QUIET = Scenario(
    room_residual_nt=1e-9,
    room_gradient_nt_per_m=1e-9,
    room_third_order_nt_per_m2=1e-9,
    drift_pp_nt=0.0,
    mains_pt=0.0,
    vibration_um_rms=0.0,
    heart_enabled=False,
    noise_enabled=False,
    head_gain_error=0.0,
    head_angle_error_deg=0.0,
    head_position_error_m=0.0,
    head_delay_error_s=0.0,
    head_light_error=0.0,
    onhead_crosstalk=0.0,
)


class WarmPlant:
    """Plant with cells at 150 C, lasers on the line, held there by constant inputs."""

    def __init__(self, n_heads: int = 8, seed: int = 3, **changes: object) -> None:
        self.scenario = replace(QUIET, **changes)
        heads, coils = demo_rig(n_heads)
        self.plant = Plant(heads, coils, self.scenario, seed, has_table=False)
        self.inputs = PlantInputs.zeros(n_heads, len(coils))
        self.hold()

    def hold(self, cell_c: float = 150.0, detuning_ghz: float = 0.0) -> None:
        """Put temperatures where they belong and feed what keeps them there."""
        ambient = self.scenario.ambient_temperature_c
        laser = 45.0 + self.plant.true_heads.line_offset_k - detuning_ghz / 25.0
        body = np.full_like(laser, ambient + 6.7)
        for _ in range(50):
            # steady state of the laser: TEC heat and diode heat against its conductance
            need = (laser - body) * LASER_W_PER_K - 1.5e-3 * 1.9 + 100e-6 * self._light(laser)
            volt = TEC_V_PER_K * (laser + 273.15)
            tec = (-volt + np.sqrt(volt**2 + 2 * TEC_OHM * need)) / TEC_OHM
            joule = 0.5 * TEC_OHM * tec**2
            heat = (cell_c - body) * OVEN_W_PER_K
            heat = heat + (laser - body) * LASER_W_PER_K + joule - volt * tec
            body = 0.5 * body + 0.5 * (ambient + heat / BODY_W_PER_K)
        self.plant._temperature[:] = np.array([np.full_like(body, cell_c), body, laser])
        self.inputs.heater_power_w[:] = (cell_c - body) * OVEN_W_PER_K
        self.inputs.tec_current_a[:] = tec
        self.inputs.laser_current_ma[:] = 1.5

    def _light(self, laser_c: np.ndarray) -> np.ndarray:
        return self.plant.true_heads.light_gain * (1.0 - 0.004 * (laser_c - 45.0))

    def apply_field(self, field_nt: np.ndarray, modulation_nt: float = 0.0, sense: float = 1.0):
        """Static field (n, 3) or (3,) and rotating modulation by the on-head coils."""
        phase = 2 * np.pi * np.arange(16) / 16
        wave = np.zeros((3, 16))
        wave[0], wave[1] = modulation_nt * np.cos(phase), sense * modulation_nt * np.sin(phase)
        field = np.broadcast_to(field_nt, (self.plant.n_heads, 3))
        wanted = field[:, :, None] + wave
        mean_gain = np.array(
            [
                self.plant.true_heads.coil_nt_per_ma[3 * i : 3 * i + 3, 3 * i : 3 * i + 3]
                for i in range(self.plant.n_heads)
            ]
        )
        self.inputs.head_coil_current_ma[:] = np.linalg.solve(mean_gain, wanted)

    def run(self, blocks: int) -> np.ndarray:
        """Photocurrents (blocks, n_heads, 16), uA."""
        out = np.empty((blocks, self.plant.n_heads, 16))
        for k in range(blocks):
            out[k] = self.plant.step(self.inputs).photocurrent_ua
        return out


def demodulate(photocurrent_ua: np.ndarray) -> np.ndarray:
    """I + iQ amplitudes: 2 <s cos> + 2i <s sin> over the last axis."""
    phase = 2 * np.pi * np.arange(16) / 16
    return 2.0 * (photocurrent_ua * np.exp(1j * phase)).mean(axis=-1)
