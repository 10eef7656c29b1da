"""What surrounds the cells in one block: outer field, temperatures and light, detector."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.cell import (
    CELL,
    LANES,
    LASER,
    N_SLICES,
    ROW_DELTA,
    ROW_ENTRANCE_PUMP,
    ROW_EXCHANGE,
    ROW_FULL_UA,
    ROW_SHIFT,
    ROW_SLICE_DEPTH,
    ROW_START,
    TILE,
    photons_per_joule,
)
from nullfield.virtual.plant.compiled import compiled
from nullfield.virtual.plant.constants import (
    BLOCK_S,
    BOLTZMANN_J_PER_K,
    ELECTRON_RADIUS_M,
    ELEMENTARY_CHARGE_C,
    GAMMA_E_RAD_PER_S_NT,
    LIGHT_SPEED_M_PER_S,
    RB87_D1_OSCILLATOR_STRENGTH,
    RB87_MASS_KG,
    SAMPLE_RATE_HZ,
    SPIN_EXCHANGE_CROSS_SECTION_M2,
)

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]

# Cell with oven against the head's body, body against the room: two RC nodes. 0.25 W hold 150 C,
# and 0.6 W at most heat it; time constants 18 s and 3 min.
OVEN_W_PER_K = 2.1e-3
OVEN_J_PER_K = 18.0 * OVEN_W_PER_K
BODY_W_PER_K = 40e-3
BODY_J_PER_K = 180.0 * BODY_W_PER_K
# Laser on its TEC, against the body: 4 s.
LASER_W_PER_K = 40e-3
LASER_J_PER_K = 4.0 * LASER_W_PER_K
TEC_V_PER_K = 4e-3
"""Seebeck coefficient of ten couples of bismuth telluride."""
TEC_OHM = 1.5
LASER_V = 1.9
"""Forward voltage of a 795 nm VCSEL."""
LASER_POWER_PER_K = -0.004
"""Relative power against temperature."""
MIN_EXCHANGE_PER_S = 1e4
"""The cell model holds for gamma B << R_SE; in a cold cell, which absorbs nothing, this keeps it
bounded."""

_KELVIN = 273.15
_PHOTONS_PER_J = photons_per_joule()
_HALF_WIDTH_HZ = CELL.line_fwhm_hz / 2.0
_STRENGTH = ELECTRON_RADIUS_M * LIGHT_SPEED_M_PER_S * RB87_D1_OSCILLATOR_STRENGTH
_LENGTH_M = CELL.length_m
_AREA_M2 = CELL.beam_area_m2
_UA_PER_W = CELL.responsivity_a_per_w * 1e6
_THRESHOLD_MA = LASER.threshold_ma
_W_PER_MA = LASER.slope_w_per_ma
_LASER_MA = LASER.nominal_current_ma
_LASER_C = LASER.nominal_temperature_c
_HZ_PER_MA = LASER.tuning_hz_per_ma
_HZ_PER_K = LASER.tuning_hz_per_k


@compiled
def heat_and_light(
    state: FloatArray,
    temperature_c: FloatArray,
    heater_power_w: FloatArray,
    laser_current_ma: FloatArray,
    tec_current_a: FloatArray,
    line_offset_k: FloatArray,
    light_gain: FloatArray,
    ambient_c: float,
    detuning_hz: FloatArray,
) -> None:
    """Advance temperatures by one block and set each cell's light and density.

    Parameters
    ----------
    state : (n_tiles * TILE,) array
        Cells, see `cell.bloch_block`; their light rows are written.
    temperature_c : (3, n_heads) array
        Cell, body and laser, updated.
    detuning_hz : (n_heads,) array
        Written.
    """
    for h in range(temperature_c.shape[1]):
        cell = temperature_c[0, h]
        body = temperature_c[1, h]
        laser = temperature_c[2, h]
        current = tec_current_a[h]
        drive = laser_current_ma[h]
        over = max(drive - _THRESHOLD_MA, 0.0)
        light_w = over * _W_PER_MA * light_gain[h]
        light_w *= max(1.0 + LASER_POWER_PER_K * (laser - _LASER_C), 0.0)
        to_body = (cell - body) * OVEN_W_PER_K
        joule = 0.5 * TEC_OHM * current * current
        pumped = TEC_V_PER_K * (laser + _KELVIN) * current
        from_body = (body - laser) * LASER_W_PER_K
        diode = max(drive, 0.0) * 1e-3 * LASER_V - light_w
        temperature_c[0, h] = cell + BLOCK_S / OVEN_J_PER_K * (heater_power_w[h] - to_body)
        temperature_c[1, h] = body + BLOCK_S / BODY_J_PER_K * (
            to_body - from_body + joule - pumped - (body - ambient_c) * BODY_W_PER_K
        )
        temperature_c[2, h] = laser + BLOCK_S / LASER_J_PER_K * (pumped + joule + from_body + diode)
        detuning = _HZ_PER_MA * (drive - _LASER_MA)
        detuning += _HZ_PER_K * (laser - _LASER_C - line_offset_k[h])
        detuning_hz[h] = detuning
        # vapour pressure as in `constants.rubidium_density_per_m3`
        kelvin = cell + _KELVIN
        exponent = 4.312 - 4040.0 / kelvin if kelvin > 312.45 else 4.857 - 4215.0 / kelvin
        density = 133.322368 * np.exp(2.302585092994046 * (2.881 + exponent))
        density /= BOLTZMANN_J_PER_K * kelvin
        speed = np.sqrt(16.0 * BOLTZMANN_J_PER_K * kelvin / (np.pi * RB87_MASS_KG))
        exchange = density * SPIN_EXCHANGE_CROSS_SECTION_M2 * speed
        sigma = _STRENGTH * _HALF_WIDTH_HZ / (detuning * detuning + _HALF_WIDTH_HZ**2)
        o = (h // LANES) * TILE + h % LANES
        state[o + ROW_ENTRANCE_PUMP * LANES] = sigma * light_w * _PHOTONS_PER_J / _AREA_M2
        state[o + ROW_SLICE_DEPTH * LANES] = density * sigma * _LENGTH_M / N_SLICES
        state[o + ROW_SHIFT * LANES] = -detuning / (_HALF_WIDTH_HZ * GAMMA_E_RAD_PER_S_NT)
        state[o + ROW_EXCHANGE * LANES] = max(exchange, MIN_EXCHANGE_PER_S)
        state[o + ROW_FULL_UA * LANES] = light_w * _UA_PER_W


@compiled
def outer_field(
    state: FloatArray,
    outer_nt: FloatArray,
    room_nt: FloatArray,
    room_slope: FloatArray,
    lead: FloatArray,
    coil: FloatArray,
    coil_slope: FloatArray,
    motor_nt: FloatArray,
    displacement_m: FloatArray,
    moment_a_m: FloatArray,
    coil_current_ma: FloatArray,
    motor: float,
    unit_noise: Float32Array,
    noise_nt: FloatArray,
    noise_poles: FloatArray,
    noise_memory: FloatArray,
) -> None:
    """Everything but the on-head coils at the end of the block, into the cells' START and DELTA.

    All field arrays have columns by tile, axis, lane (`m` of them).

    Parameters
    ----------
    outer_nt : (m,) array
        The physical field, written.
    room_nt : (m,) array
        Room at the end of the block; `room_slope` (3, m) is its gradient, nT/m.
    lead : (3, m) array
        Heart, nT per A m.
    coil, coil_slope : (n_coils, m), (3, n_coils, m) array
        Room coils, nT/mA and nT/m per mA.
    motor_nt : (m,) array
        Field of the table's motor, scaled by `motor`.
    unit_noise : (m,) float32 array
        Unit normals; `noise_nt` (m,) scales them, `noise_poles` (2, n_poles) holds step and gain
        of the low-pass filters that make 1/f noise of them, `noise_memory` (n_poles, m) their
        state.
    """
    m = outer_nt.shape[0]
    for i in range(m):
        outer_nt[i] = room_nt[i] + motor * motor_nt[i]
    for k in range(3):
        d = displacement_m[k]
        q = moment_a_m[k]
        for i in range(m):
            outer_nt[i] += d * room_slope[k, i] + q * lead[k, i]
    for c in range(coil_current_ma.shape[0]):
        current = coil_current_ma[c]
        dx = current * displacement_m[0]
        dy = current * displacement_m[1]
        dz = current * displacement_m[2]
        for i in range(m):
            outer_nt[i] += (
                current * coil[c, i]
                + dx * coil_slope[0, c, i]
                + dy * coil_slope[1, c, i]
                + dz * coil_slope[2, c, i]
            )
    for p in range(noise_poles.shape[1]):
        step = noise_poles[0, p]
        for i in range(m):
            noise_memory[p, i] += step * (unit_noise[i] - noise_memory[p, i])
    for tile in range(m // (3 * LANES)):
        o = tile * TILE
        for j in range(3 * LANES):
            i = tile * 3 * LANES + j
            value = float(unit_noise[i])
            for p in range(noise_poles.shape[1]):
                value += noise_poles[1, p] * noise_memory[p, i]
            start = state[o + ROW_START * LANES + j] + state[o + ROW_DELTA * LANES + j]
            state[o + ROW_START * LANES + j] = start
            state[o + ROW_DELTA * LANES + j] = outer_nt[i] + noise_nt[i] * value - start


@compiled
def detect(
    light_ua: FloatArray,
    unit_noise: Float32Array,
    noise_on: float,
    intensity_noise_per_rthz: float,
    share: FloatArray,
    memory_ua: FloatArray,
    work_ua: FloatArray,
    photocurrent_ua: FloatArray,
) -> None:
    """Photodiode and transimpedance amplifier: shot and intensity noise, one pole.

    Shot noise has the one-sided density sqrt(2 e I); over a sample its variance is ``e I fs``.

    Parameters
    ----------
    light_ua, unit_noise, work_ua : (n_samples, n_lanes) array
        Light as photocurrent; unit normals; scratch.
    share : (n_lanes,) array
        Part of a step that the amplifier makes within a sample.
    memory_ua : (n_lanes,) array
        The amplifier's output, updated.
    photocurrent_ua : (n_heads, n_samples) array
        Written.
    """
    shot = ELEMENTARY_CHARGE_C * SAMPLE_RATE_HZ * 1e6 * noise_on
    technical = intensity_noise_per_rthz**2 * SAMPLE_RATE_HZ / 2.0 * noise_on
    n_samples, n_lanes = light_ua.shape
    for k in range(n_samples):
        for h in range(n_lanes):
            current = light_ua[k, h]
            noise = unit_noise[k, h] * np.sqrt(current * (shot + technical * current))
            value = memory_ua[h] + share[h] * (current + noise - memory_ua[h])
            memory_ua[h] = value
            work_ua[k, h] = value
    for h in range(photocurrent_ua.shape[0]):
        for k in range(n_samples):
            photocurrent_ua[h, k] = work_ua[k, h]
