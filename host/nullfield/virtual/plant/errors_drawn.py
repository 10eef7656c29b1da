"""What the rig does not know about its heads: drawn once from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from nullfield.virtual.plant.cell import LASER
from nullfield.virtual.plant.interface import PlantHead, Scenario
from nullfield.virtual.plant.noise import Stream, generator

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrueHeads:
    """True state of all heads.

    Parameters
    ----------
    position_m : (n, 3) array
        Cell centres.
    axes : (n, 3, 3) array
        Local axes in rows, head frame.
    coil_nt_per_ma : (3 * n, 3 * n) array
        Field in the local frame of head i, axis a (row ``3 i + a``) of the on-head coil b of head
        j (column ``3 j + b``): gains, angles and cross-talk.
    line_offset_k : (n,) array
        Laser temperature above nominal at which the nominal current hits the line.
    light_gain : (n,) array
        Optical power against nominal.
    delay_s : (n,) array
        Time constant of the transimpedance amplifier.
    """

    position_m: FloatArray
    axes: FloatArray
    coil_nt_per_ma: FloatArray
    line_offset_k: FloatArray
    light_gain: FloatArray
    delay_s: FloatArray


def draw_heads(heads: list[PlantHead], scenario: Scenario, seed: int) -> TrueHeads:
    """Draw every head's errors; head k gets the same errors whatever heads follow it."""
    n = len(heads)
    position = np.empty((n, 3))
    axes = np.empty((n, 3, 3))
    own = np.empty((n, 3, 3))
    line = np.empty(n)
    light = np.empty(n)
    delay = np.empty(n)
    angle = np.deg2rad(scenario.head_angle_error_deg) / np.sqrt(3.0)
    for i, head in enumerate(heads):
        rng = generator(seed, Stream.HEADS, i)
        offset = rng.standard_normal(3) * scenario.head_position_error_m / np.sqrt(3.0)
        position[i] = np.asarray(head.position_m) + offset
        turn = Rotation.from_rotvec(angle * rng.standard_normal(3)).as_matrix()
        axes[i] = np.asarray(head.axes, dtype=np.float64) @ turn.T
        gain = 1.0 + scenario.head_gain_error * rng.standard_normal(3)
        skew = Rotation.from_rotvec(0.5 * angle * rng.standard_normal(3)).as_matrix()
        own[i] = scenario.onhead_nt_per_ma * skew * gain
        line[i] = rng.uniform(-LASER.line_scatter_k, LASER.line_scatter_k)
        light[i] = 1.0 + scenario.head_light_error * np.clip(rng.standard_normal(), -2.0, 2.0)
        wanted = scenario.head_delay_s + scenario.head_delay_error_s * rng.standard_normal()
        delay[i] = max(wanted, 1e-6)
    return TrueHeads(
        position, axes, _coil_matrix(position, axes, own, scenario), line, light, delay
    )


def _coil_matrix(
    position: FloatArray, axes: FloatArray, own: FloatArray, scenario: Scenario
) -> FloatArray:
    """On-head coils seen from afar are dipoles; their strength is given at 40 mm to the side."""
    n = len(position)
    out = np.zeros((n, 3, n, 3))
    strength = scenario.onhead_crosstalk * scenario.onhead_nt_per_ma * 0.04**3
    for j in range(n):
        out[j, :, j, :] = own[j]
        moments = axes[j]  # rows: direction of each coil's dipole in the head frame
        for i in range(n):
            if i == j:
                continue
            apart = position[i] - position[j]
            distance = float(np.linalg.norm(apart))
            unit = apart / distance
            field = (3.0 * np.outer(moments @ unit, unit) - moments) * strength / distance**3
            out[i, :, j, :] = axes[i] @ field.T
    return out.reshape(3 * n, 3 * n)
