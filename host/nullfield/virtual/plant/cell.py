"""One vapour cell: constants of the cell and its light, and the Bloch kernel over all cells.

Model
-----
The cell is cut into slices along the beam. Each carries an electron polarisation vector P,
local frame, beam along +z, light circularly polarised (s = +1)::

    dF/dt = gamma B x P + R_op (z - P) - R_rel P
    F     = q P - k (gamma / R_SE) B x P
    q     = (6 + 2 P^2) / (1 + P^2)                 nuclear slowing, I = 3/2 [1]
    k     = (q^2 - 16) / (2 q)                      spin exchange near zero field [2]
    dI/dz = - n sigma(nu) I (1 - P_z)               absorption of s = +1 light
    sigma = r_e c f (w/2) / (d^2 + (w/2)^2)         pressure-broadened D1 line, half width w/2 [1]
    L_z   = - R_op d / (w/2) / gamma                light shift as a field [1]

F is the angular momentum of both hyperfine manifolds (units of hbar/2), which torque and pumping
change; B is all that acts: coils, room, heart and L. The second line holds what spin exchange
does beyond averaging: the manifolds precess in opposite senses and lag behind one another by
about B / R_SE. A static field costs nothing; a field that changes, as the modulation does,
relaxes P at ``k (gamma B / q)^2 / R_SE`` [2], and takes slope. The lag itself (1 / (0.75 R_SE),
15 us) is taken as instantaneous. `tests/plant` compares with an 8-level density matrix.

[1] Seltzer, Developments in alkali-metal atomic magnetometry, thesis, Princeton 2008, ch. 2.
[2] Happer and Tam, Phys. Rev. A 16, 1877 (1977); in the limit of low polarisation k = 5/3, from
    the two coupled manifolds with spin-exchange rate 5/8 R_SE (F_b - F_a / 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.compiled import compiled
from nullfield.virtual.plant.constants import (
    ELECTRON_RADIUS_M,
    GAMMA_E_RAD_PER_S_NT,
    LIGHT_SPEED_M_PER_S,
    PLANCK_J_S,
    RB87_D1_FREQUENCY_HZ,
    RB87_D1_OSCILLATOR_STRENGTH,
)

FloatArray = npt.NDArray[np.float64]

N_SLICES = 4
SUBSTEPS = 4
"""Bloch steps per 16 kHz sample: 64 kHz."""


@dataclass(frozen=True)
class CellConstants:
    """Cell and light of one head.

    Parameters
    ----------
    length_m : float
        Path of the light in the vapour.
    beam_area_m2 : float
        Effective (flat-top) area of the beam: 1.2 mm across.
    line_fwhm_hz : float
        D1 width; 2.2 amg of N2 at 17.8 GHz/amg (Romalis et al., Phys. Rev. A 56, 4569, 1997).
    relaxation_per_s : float
        Electron relaxation without light: Rb-Rb and Rb-N2 spin destruction, walls, and atoms
        leaving the beam, all in electron terms.
    responsivity_a_per_w : float
        Silicon photodiode at 795 nm.
    """

    length_m: float = 3e-3
    beam_area_m2: float = 1.1e-6
    line_fwhm_hz: float = 40e9
    relaxation_per_s: float = 900.0
    responsivity_a_per_w: float = 0.55


@dataclass(frozen=True)
class LaserConstants:
    """795 nm VCSEL. Within the usual range of -100..-300 GHz/mA, -25 GHz/K."""

    threshold_ma: float = 0.5
    slope_w_per_ma: float = 100e-6
    nominal_current_ma: float = 1.5
    nominal_temperature_c: float = 45.0
    tuning_hz_per_ma: float = -200e9
    tuning_hz_per_k: float = -25e9
    line_scatter_k: float = 3.0
    """The line lies within this many kelvin of the nominal temperature, drawn per head."""


CELL = CellConstants()
LASER = LaserConstants()


def cross_section_m2(detuning_hz: float, fwhm_hz: float = CELL.line_fwhm_hz) -> float:
    """Absorption cross section of unpolarised vapour at a detuning from the D1 line, m^2."""
    half = fwhm_hz / 2.0
    strength = ELECTRON_RADIUS_M * LIGHT_SPEED_M_PER_S * RB87_D1_OSCILLATOR_STRENGTH
    return strength * half / (detuning_hz**2 + half**2)


def photons_per_joule() -> float:
    """Photons in one joule at the D1 line."""
    return 1.0 / (PLANCK_J_S * RB87_D1_FREQUENCY_HZ)


def slowing_factor(polarisation: FloatArray) -> FloatArray:
    """Nuclear slowing factor q(P) of Rb-87."""
    p2 = np.asarray(polarisation, dtype=np.float64) ** 2
    return np.asarray((6.0 + 2.0 * p2) / (1.0 + p2))


LANES = 8
"""Heads are worked on in tiles of this many: one AVX-512 register, or two AVX2, of doubles."""

# Rows of a tile. All rows of a tile are neighbours in one flat array, at distances known when the
# kernel is compiled, so that LLVM can prove that they do not overlap and use SIMD.
ROW_FX, ROW_FY, ROW_FZ, ROW_PZ, ROW_PUMP = (i * N_SLICES for i in range(5))
ROW_ENTRANCE_PUMP = 5 * N_SLICES
ROW_SLICE_DEPTH = ROW_ENTRANCE_PUMP + 1
ROW_SHIFT = ROW_ENTRANCE_PUMP + 2
ROW_EXCHANGE = ROW_ENTRANCE_PUMP + 3
ROW_RELAXATION = ROW_ENTRANCE_PUMP + 4
ROW_FULL_UA = ROW_ENTRANCE_PUMP + 5
ROW_FLUX = ROW_ENTRANCE_PUMP + 6
ROW_START = ROW_ENTRANCE_PUMP + 7
ROW_DELTA = ROW_ENTRANCE_PUMP + 10
ROW_COIL = ROW_ENTRANCE_PUMP + 13
N_ROWS = ROW_ENTRANCE_PUMP + 16
TILE = N_ROWS * LANES

_Q0, _Q1, _Q2, _Q3 = 0.166697274, 3.04204846e-3, 9.26262387e-5, 2.70910707e-6
"""1/q as a polynomial in F^2, within 0.07 % of the exact relation F = q(P) P for 0 <= P <= 1."""


@compiled
def bloch_block(
    state: FloatArray, field_nt: FloatArray, light_ua: FloatArray, sample_s: float
) -> None:
    """Advance all cells by one block; light and Bloch together, sample by sample.

    The implicit midpoint (Cayley) step turns F without changing its length where nothing
    relaxes, is stable for any field and has the exact steady state. All its matrices are
    combinations of 1, B x and B B^T, so it costs one division. It is formed once a sample,
    because DAC and light hold over the sample, and applied `SUBSTEPS` times.

    Parameters
    ----------
    state : (n_tiles * TILE,) array
        Rows of each tile as named by the ``ROW_`` constants: F of each slice (updated), P_z and
        pumping rate in 1/s of each slice (written), pumping rate where the light enters in 1/s,
        optical depth of an unpolarised slice, light shift per pumping rate in nT s, R_SE and R_rel
        in 1/s, photocurrent without vapour in uA, and all fields but those of the on-head coils at
        the start of the block and their change to its end, nT, three rows each.
    field_nt : (n_samples, 3 * LANES * n_tiles) array
        Field of the on-head coils, held over each sample; columns by tile, axis, lane.
    light_ua : (n_samples, LANES * n_tiles) array
        Transmitted light as photocurrent at the start of each sample, written.
    sample_s : float
        Sample time.
    """
    gamma = GAMMA_E_RAD_PER_S_NT
    n_samples = field_nt.shape[0]
    n_tiles = light_ua.shape[1] // LANES
    h2 = 0.5 * sample_s / SUBSTEPS
    # unsigned indices: no wrap-around of negative ones to stand in the way of SIMD
    lanes = np.uint64(LANES)
    for tile in range(n_tiles):
        o = tile * TILE
        o_flux = np.uint64(o + ROW_FLUX * LANES)
        o_depth = np.uint64(o + ROW_SLICE_DEPTH * LANES)
        o_entrance = np.uint64(o + ROW_ENTRANCE_PUMP * LANES)
        o_shift = np.uint64(o + ROW_SHIFT * LANES)
        o_exchange = np.uint64(o + ROW_EXCHANGE * LANES)
        o_relaxation = np.uint64(o + ROW_RELAXATION * LANES)
        o_full = np.uint64(o + ROW_FULL_UA * LANES)
        o_start_x = np.uint64(o + ROW_START * LANES)
        o_start_y = np.uint64(o + (ROW_START + 1) * LANES)
        o_start_z = np.uint64(o + (ROW_START + 2) * LANES)
        o_delta_x = np.uint64(o + ROW_DELTA * LANES)
        o_delta_y = np.uint64(o + (ROW_DELTA + 1) * LANES)
        o_delta_z = np.uint64(o + (ROW_DELTA + 2) * LANES)
        o_coil_x = np.uint64(o + ROW_COIL * LANES)
        o_coil_y = np.uint64(o + (ROW_COIL + 1) * LANES)
        o_coil_z = np.uint64(o + (ROW_COIL + 2) * LANES)
        c_x = np.uint64(3 * tile * LANES)
        l_x = np.uint64(tile * LANES)
        for k in range(n_samples):
            w = (k + 0.5) / n_samples
            for i in range(lanes):
                state[o_flux + i] = 1.0
            for i in range(np.uint64(3 * LANES)):
                state[o_coil_x + i] = field_nt[k, c_x + i]
            for s in range(N_SLICES):
                r_fx = np.uint64(o + (ROW_FX + s) * LANES)
                r_fy = np.uint64(o + (ROW_FY + s) * LANES)
                r_fz = np.uint64(o + (ROW_FZ + s) * LANES)
                r_pz = np.uint64(o + (ROW_PZ + s) * LANES)
                r_pump = np.uint64(o + (ROW_PUMP + s) * LANES)
                for i in range(lanes):
                    x = state[r_fx + i]
                    y = state[r_fy + i]
                    z = state[r_fz + i]
                    # light through the slice: exp(-d) by its (3,3) Pade form, 1e-5 at d = 1
                    flux = state[o_flux + i]
                    d = state[o_depth + i]
                    d *= 1.0 - state[r_pz + i]
                    d2 = d * d
                    even = 120.0 + 12.0 * d2
                    odd = d * (60.0 + d2)
                    inv = 1.0 / (even + odd)
                    rate = state[o_entrance + i] * flux
                    rate *= (120.0 + 2.0 * d2) * inv
                    state[r_pump + i] = rate
                    state[o_flux + i] = flux * (even - odd) * inv
                    bx = state[o_coil_x + i] + (state[o_start_x + i] + w * state[o_delta_x + i])
                    by = state[o_coil_y + i] + (state[o_start_y + i] + w * state[o_delta_y + i])
                    bz = state[o_coil_z + i] + (state[o_start_z + i] + w * state[o_delta_z + i])
                    bz += rate * state[o_shift + i]
                    f2 = x * x + y * y + z * z
                    iq = _Q0 + f2 * (_Q1 + f2 * (_Q2 + f2 * _Q3))
                    b2 = bx * bx + by * by + bz * bz
                    # K/q = 1 - a W, M/q = u - c W with W v = B x v; step F' = 2 K/M (F + s) - F
                    a = (0.5 * gamma) * (1.0 - 16.0 * iq * iq) / state[o_exchange + i]
                    u = 1.0 + h2 * (rate + state[o_relaxation + i]) * iq
                    c = a + (h2 * gamma) * iq
                    det = 2.0 / (u * (u * u + c * c * b2))
                    one = det * u * (u + a * c * b2)
                    turn = det * u * (c - a * u)
                    keep = det * c * (c - a * u)
                    m00 = one + keep * bx * bx
                    m11 = one + keep * by * by
                    m22 = one + keep * bz * bz
                    xy = keep * bx * by
                    xz = keep * bx * bz
                    yz = keep * by * bz
                    tx = turn * bx
                    ty = turn * by
                    tz = turn * bz
                    source = h2 * rate
                    for _ in range(SUBSTEPS):
                        zs = z + source
                        x1 = m00 * x + (xy - tz) * y + (xz + ty) * zs - x
                        y1 = (xy + tz) * x + m11 * y + (yz - tx) * zs - y
                        z = (xz - ty) * x + (yz + tx) * y + m22 * zs - z
                        x = x1
                        y = y1
                    state[r_fx + i] = x
                    state[r_fy + i] = y
                    state[r_fz + i] = z
                    along = bx * x + by * y + bz * z
                    state[r_pz + i] = (
                        iq * (z + a * (bx * y - by * x) + a * a * bz * along) / (1.0 + a * a * b2)
                    )
            for i in range(lanes):
                light_ua[k, l_x + i] = state[o_full + i] * state[o_flux + i]
