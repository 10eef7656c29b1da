"""Truth for scoring: what acts on each cell, split into its causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.cell import (
    LANES,
    N_SLICES,
    ROW_DELTA,
    ROW_PUMP,
    ROW_RELAXATION,
    ROW_SHIFT,
    ROW_START,
    bloch_block,
)
from nullfield.virtual.plant.constants import (
    GAMMA_E_RAD_PER_S_NT,
    SAMPLE_RATE_HZ,
    SAMPLES_PER_BLOCK,
)
from nullfield.virtual.plant.heart import half_space_field_pt
from nullfield.virtual.plant.interface import TruthSnapshot

if TYPE_CHECKING:
    from nullfield.virtual.plant.plant import Plant

FloatArray = npt.NDArray[np.float64]


PROBE_LIMIT_NT = 5.0
"""Effective field below which the beam axis is asked from the cells."""


def polarisation_of(momentum: FloatArray) -> FloatArray:
    """P for a given F = q(P) P, by Newton's method (F between 0 and 4)."""
    f = np.asarray(momentum, dtype=np.float64)
    p = f / 6.0
    for _ in range(8):
        q = (6.0 + 2.0 * p * p) / (1.0 + p * p)
        slope = q - 8.0 * p * p / (1.0 + p * p) ** 2
        p = p - (q * p - f) / slope
    return p


def fictitious_field_nt(modulation_nt: FloatArray, slowing: FloatArray) -> FloatArray:
    """Static field that a fast periodic field of zero mean acts as.

    Second order of the Magnus expansion, ``-(gamma / 2q) <a x B>`` with a the time integral of B;
    for a field B that turns at f it is ``gamma B^2 / (2 q f)`` along the axis of rotation, and
    points against it. The exact factor of a rotating field, ``2 (sqrt(1 + u^2) - 1) / u^2`` with
    ``u = gamma B / (q 2 pi f)``, is taken along.

    Parameters
    ----------
    modulation_nt : (n_heads, n_samples, 3) array
        One period, 16 kHz, held over each sample.
    slowing : (n_heads,) array
        q of each head.

    Returns
    -------
    (n_heads, 3) array
        nT.
    """
    wave = modulation_nt - modulation_nt.mean(axis=1, keepdims=True)
    integral = np.cumsum(wave, axis=1) - 0.5 * wave
    integral = integral - integral.mean(axis=1, keepdims=True)
    cross = np.cross(integral, wave).mean(axis=1) / SAMPLE_RATE_HZ
    gamma = (GAMMA_E_RAD_PER_S_NT / slowing)[:, None]
    size = np.sqrt((wave**2).sum(axis=2).mean(axis=1))[:, None]
    turn = 2.0 * np.pi * SAMPLE_RATE_HZ / SAMPLES_PER_BLOCK
    u2 = (gamma * size / turn) ** 2
    factor = np.where(u2 > 1e-9, 2.0 * (np.sqrt(1.0 + u2) - 1.0) / np.maximum(u2, 1e-9), 1.0)
    return np.asarray(-0.5 * gamma * cross * factor)


def probe_beam_field_nt(plant: Plant) -> FloatArray:
    """Effective beam-axis field of each modulated cell, found from the Bloch equations themselves.

    Copies of the cells are tilted a little both ways, along x and along y, and let go under the
    coils' last two blocks over and over; where the effective field is zero the tilt decays without
    turning. The same with 1 nT more scales the turning into a field. It counts what the closed
    forms miss: the light shift follows the modulated absorption, and slices differ.

    The light shows the tilt through the modulation: where the y coil turns the other way round, a
    turn shows with the other sign. Blocks two apart have the same sense, and letting go before
    either of the two blocks gives the turn in both.

    Returns
    -------
    (n_heads,) array
        nT; meaningless where light or modulation is missing.
    """
    outer = plant._outer.reshape(-1, 3, LANES)
    waves = (plant._coil_before, plant._coil_field)
    senses = [_rotation(plant, wave) for wave in waves]
    turning = []
    for extra in (0.0, 1.0):
        turn = np.zeros(plant.n_heads)
        for axis in (0, 1):
            for first in (0, 1):
                rows = plant.rows.copy()
                rows[:, ROW_START : ROW_START + 3] = outer
                rows[:, ROW_DELTA : ROW_DELTA + 3] = 0.0
                rows[:, ROW_START + 2] += extra
                signal = _let_go(rows, waves[first], waves[1 - first], axis, plant._light)
                phase = np.angle(signal[3] * np.conj(signal[1]))[: plant.n_heads]
                # let go before a block of wave `first`; its next but one is seen: wave `1 - first`
                turn += 0.25 * senses[1 - first] * phase
        turning.append(turn)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(turning[0] / (turning[1] - turning[0]))


_KICK_NT = 0.05
_TILTED_BLOCKS = 12
_SEEN_BLOCKS = 4


def _let_go(
    rows: FloatArray, wave: FloatArray, other: FloatArray, axis: int, like: FloatArray
) -> npt.NDArray[np.complex128]:
    """What the lock-in sees of a tilt that decays, (4, n_lanes)."""
    reference = np.exp(2j * np.pi * np.arange(SAMPLES_PER_BLOCK) / SAMPLES_PER_BLOCK)
    light = np.empty_like(like)
    signal = np.zeros((_SEEN_BLOCKS, light.shape[1]), dtype=np.complex128)
    for kick in (_KICK_NT, -_KICK_NT):
        state = rows.copy()
        state[:, ROW_START + axis] += kick
        for block in range(_TILTED_BLOCKS + _SEEN_BLOCKS):
            if block == _TILTED_BLOCKS:
                state[:, ROW_START + axis] -= kick
            field = other if block % 2 else wave
            bloch_block(state.reshape(-1), field, light, 1.0 / SAMPLE_RATE_HZ)
            if block >= _TILTED_BLOCKS:
                signal[block - _TILTED_BLOCKS] += np.sign(kick) * (reference @ light)
    return signal


def _rotation(plant: Plant, wave: FloatArray) -> FloatArray:
    """+1 where the modulation of a block turns from x to y, -1 the other way round, (n_heads,)."""
    coil = plant.from_columns(wave)
    coil = coil - coil.mean(axis=0)
    nearby = np.roll(coil, -1, axis=0)
    area = coil[:, :, 0] * nearby[:, :, 1] - coil[:, :, 1] * nearby[:, :, 0]
    return np.asarray(np.sign(area.sum(axis=0)))


def snapshot(plant: Plant) -> TruthSnapshot:
    """Everything that scoring asks for, at the end of the plant's last block."""
    n = plant.n_heads
    coil = np.moveaxis(plant.from_columns(plant._coil_field), 0, 1)
    true = plant.from_columns(plant._outer) + coil.mean(axis=1)
    polarisation = polarisation_of(plant.angular_momentum())
    rows = plant.rows

    def per_head(row: int) -> FloatArray:
        return np.asarray(rows[:, row].reshape(-1)[:n])

    pump = np.stack([per_head(ROW_PUMP + s) for s in range(N_SLICES)], axis=1)
    # what the light sees: each slice counts by its tilt per field, P / (pump + relaxation)
    weight = polarisation / (pump + per_head(ROW_RELAXATION)[:, None])
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-30)
    slowing = (6.0 + 2.0 * polarisation**2) / (1.0 + polarisation**2)
    # the sense of rotation changes from block to block: what acts is the mean of both
    before = np.moveaxis(plant.from_columns(plant._coil_before), 0, 1)
    fictitious = np.zeros((n, 3))
    for s in range(N_SLICES):
        both = fictitious_field_nt(coil, slowing[:, s]) + fictitious_field_nt(before, slowing[:, s])
        fictitious += 0.5 * weight[:, s : s + 1] * both
    shift = np.zeros((n, 3))
    shift[:, 2] = (weight * pump).sum(axis=1) * per_head(ROW_SHIFT)
    effective = true + fictitious + shift
    # near zero, lit and modulated, the cells can be asked; elsewhere the closed forms must do
    modulation = np.sqrt(coil[:, :, :2].var(axis=1).sum(axis=1))
    askable = (np.abs(effective).max(axis=1) < PROBE_LIMIT_NT) & (modulation > 20.0)
    askable &= pump.min(axis=1) > 100.0
    if askable.any():
        effective[askable, 2] = probe_beam_field_nt(plant)[askable]
    room = plant.room_field_now_nt()
    coils = plant.coil_field_nt_per_ma @ plant.outputs.room_coil_current_ma
    motor = plant.motor_field_nt * plant._motor
    block = np.array([plant.block])
    moment = plant.moments_at(block)[0]
    position = plant.heart_position_m()

    def heart(positions_m: npt.ArrayLike, moment_a_m: npt.ArrayLike | None = None) -> FloatArray:
        return half_space_field_pt(
            positions_m, position, moment if moment_a_m is None else moment_a_m
        )

    return TruthSnapshot(
        time_s=plant.block * 1e-3,
        effective_field_pt=effective * 1e3,
        true_field_pt=true * 1e3,
        fictitious_field_pt=fictitious * 1e3,
        light_shift_pt=shift * 1e3,
        room_field_pt=room * 1e3,
        room_and_coils_field_pt=(room + coils + motor) * 1e3,
        heart_field_pt_at_heads=heart(plant.true_heads.position_m),
        heart_moment_a_m=moment.copy(),
        heart_position_m=position,
        head_position_m=plant.true_heads.position_m.copy(),
        head_axes=plant.true_heads.axes.copy(),
        polarisation=polarisation.mean(axis=1),
        detuning_ghz=plant._detuning * 1e-9,
        heart_field_pt=heart,
    )
