"""The cell against closed forms and an 8-level density matrix."""

from __future__ import annotations

import numpy as np
import pytest
from density_matrix import EightLevelAtom
from warm_plant import demodulate

from nullfield.virtual.plant import cell
from nullfield.virtual.plant.cell import LANES, N_ROWS, N_SLICES, bloch_block
from nullfield.virtual.plant.constants import (
    GAMMA_E_RAD_PER_S_NT,
    rubidium_density_per_m3,
    spin_exchange_rate_per_s,
)

PHASE = 2 * np.pi * np.arange(16) / 16


class ThinCells:
    """Eight optically thin cells: the same pumping in all slices, straight on the kernel."""

    def __init__(self, pump=2000.0, relaxation=1500.0, exchange=8.7e4):
        self.rows = np.zeros((1, N_ROWS, LANES))
        self.rows[:, cell.ROW_ENTRANCE_PUMP] = pump
        self.rows[:, cell.ROW_RELAXATION] = relaxation
        self.rows[:, cell.ROW_EXCHANGE] = exchange
        self.rows[:, cell.ROW_SLICE_DEPTH] = 1e-9
        self.rows[:, cell.ROW_FULL_UA] = 1.0
        self.field = np.zeros((16, 1, 3, LANES))
        self.light = np.zeros((16, LANES))

    def run(self, blocks, field_nt, modulation_nt=0.0, sense=1.0):
        """Field (3,) or (3, 8); returns P_z (8 heads) after each block."""
        self.field[:] = np.broadcast_to(np.asarray(field_nt, float).reshape(3, -1), (3, LANES))
        self.field[:, 0, 0] += modulation_nt * np.cos(PHASE)[:, None]
        self.field[:, 0, 1] += sense * modulation_nt * np.sin(PHASE)[:, None]
        out = []
        for _ in range(blocks):
            bloch_block(self.rows.reshape(-1), self.field.reshape(16, -1), self.light, 1 / 16000)
            out.append(self.rows[0, cell.ROW_PZ].copy())
        return np.array(out)

    def momentum(self):
        return self.rows[0, [cell.ROW_FX, cell.ROW_FY, cell.ROW_FZ]]


def slowing(p):
    return (6 + 2 * p**2) / (1 + p**2)


def test_density_law_gives_the_published_value():
    # Steck 2021 / Alcock 1984: 1.0e14 per cm^3 at 150 C; 3.92(20)e-7 torr at 25 C
    assert rubidium_density_per_m3(150.0) == pytest.approx(1.0e20, rel=0.02)
    at_25_c = 3.92e-7 * 133.322 / (1.380649e-23 * 298.15)
    assert rubidium_density_per_m3(25.0) == pytest.approx(at_25_c, rel=0.05)
    exchange = spin_exchange_rate_per_s(rubidium_density_per_m3(150.0), 150.0)
    assert exchange == pytest.approx(8.7e4, rel=0.02)


def test_hanle_curve_is_a_lorentzian_of_the_closed_form_width():
    fields = np.array([0.0, 2, 5, 10, 15, 20, 30, 60])
    cells = ThinCells()
    zeros = np.zeros_like(fields)
    pz = cells.run(120, np.array([fields, zeros, zeros]))[-1]
    half_width = 3500.0 / GAMMA_E_RAD_PER_S_NT
    assert pz == pytest.approx(2000 / 3500 / (1 + (fields / half_width) ** 2), rel=2e-4, abs=1e-6)


def test_tilt_in_any_static_field_is_the_bloch_steady_state():
    rng = np.random.default_rng(1)
    b = rng.uniform(-40, 40, (3, LANES))
    cells = ThinCells()
    cells.run(150, b)
    f = cells.momentum()
    u = b * GAMMA_E_RAD_PER_S_NT / 3500.0
    size2 = (u**2).sum(0)
    p0 = 2000 / 3500
    p = p0 * np.array([u[1] + u[0] * u[2], -u[0] + u[1] * u[2], 1 + u[2] ** 2]) / (1 + size2)
    q = slowing(np.linalg.norm(p, axis=0))
    # F = q P - k gamma / R_SE B x P
    lag = (q**2 - 16) / (2 * q) * GAMMA_E_RAD_PER_S_NT / 8.7e4
    expected = q * p - lag * np.cross(b.T, p.T).T
    assert f == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_small_fields_tilt_linearly_with_the_dispersive_slope():
    cells = ThinCells()
    cells.run(120, np.array([0.0, 0.1, 0.0]))
    fx = cells.momentum()[0, 0]
    p0 = 2000 / 3500
    q = slowing(p0)
    # B_y along +y turns P_z toward +x: dP/dt = gamma B x P; less the lag of the manifolds
    tilt = p0 * 0.1 * GAMMA_E_RAD_PER_S_NT / 3500.0
    lag = (q**2 - 16) / (2 * q) * GAMMA_E_RAD_PER_S_NT / 8.7e4 * 0.1 * p0
    assert fx == pytest.approx(q * tilt - lag, rel=2e-3)


def test_free_precession_keeps_the_length_without_light_and_relaxation():
    cells = ThinCells(pump=0.0, relaxation=0.0, exchange=1e30)
    cells.rows[:, cell.ROW_FX : cell.ROW_FX + N_SLICES] = 2.0
    cells.rows[:, cell.ROW_FZ : cell.ROW_FZ + N_SLICES] = 1.0
    before = np.linalg.norm(cells.momentum(), axis=0)
    cells.run(100, np.array([30.0, -50.0, 80.0]))
    assert np.linalg.norm(cells.momentum(), axis=0) == pytest.approx(before, rel=1e-9)


def test_absorbed_light_is_what_the_atoms_lose():
    # photons absorbed per second in a slice = pumping events: n sigma I (1 - P_z) integrated
    cells = ThinCells()
    cells.rows[:, cell.ROW_SLICE_DEPTH] = 1.1
    pz = cells.run(100, np.zeros(3))[-1, 0]
    assert pz == pytest.approx(
        cells.rows[0, cell.ROW_PUMP, 0] / (cells.rows[0, cell.ROW_PUMP, 0] + 1500.0), rel=1e-3
    )
    expected = np.prod(np.exp(-1.1 * (1 - cells.rows[0, cell.ROW_PZ : cell.ROW_PZ + 4, 0])))
    assert cells.light[-1, 0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("modulation_nt", [50.0, 70.0, 100.0])
def test_modulated_cell_follows_the_eight_level_atom(modulation_nt):
    def reference(sign):
        field = np.zeros((16, 3))
        field[:, 0], field[:, 1] = modulation_nt * np.cos(PHASE), modulation_nt * np.sin(PHASE)
        field[:, 1] += 0.1 * sign
        atom = EightLevelAtom(2000.0, 1500.0, 8.7e4)
        return atom.run(np.tile(field, (15, 1)), 1 / 16000, 4)[-16:]

    plus, minus = reference(1), reference(-1)
    slope = 2 * ((plus - minus)[:, 2] * np.exp(1j * PHASE)).mean() / 0.2

    b = np.zeros((3, LANES))
    b[1, 0], b[1, 1] = 0.1, -0.1
    cells = ThinCells()
    cells.rows[:, cell.ROW_SLICE_DEPTH] = 1e-3
    cells.run(15, b, modulation_nt)
    signal = -np.log(cells.light) / (N_SLICES * 1e-3)  # mean of 1 - P_z over the slices
    z = -2 * ((signal[:, 0] - signal[:, 1]) * np.exp(1j * PHASE)).mean() / 0.2
    assert abs(z) == pytest.approx(abs(slope), rel=0.04)
    assert np.degrees(np.angle(z / slope)) == pytest.approx(0.0, abs=2.5)
    assert 1 - signal[:, 0].mean() == pytest.approx(plus[:, 2].mean(), rel=0.03)


def _null_beam_field(warm, modulation_nt, sense):
    """Beam-axis field at which a small tilt decays without turning."""
    guess = sense * 5.3 * modulation_nt**2 / 2000
    fields = np.zeros((8, 3))
    fields[:, 2] = guess * np.linspace(0.8, 1.2, 8)
    signals = []
    for kick in (0.05, -0.05):
        plant = warm(8)
        kicked = fields.copy()
        kicked[:, 0] = kick
        plant.apply_field(kicked, modulation_nt, sense)
        plant.run(80)
        plant.apply_field(fields, modulation_nt, sense)
        signals.append(demodulate(plant.run(5)))
    phase = np.unwrap(np.angle(signals[0] - signals[1]), axis=0)
    rate = phase[4] - phase[1]
    null = np.interp(0.0, *sorted_by(rate, fields[:, 2]))
    return null, plant.plant.truth()


def sorted_by(keys, values):
    order = np.argsort(keys)
    return keys[order], values[order]


@pytest.mark.parametrize("sense", [1.0, -1.0])
@pytest.mark.parametrize("modulation_nt", [50.0, 70.0])
def test_fictitious_field_has_the_closed_form_size_and_opposes_the_rotation(
    warm, modulation_nt, sense
):
    null, truth = _null_beam_field(warm, modulation_nt, sense)
    polarisation = truth.polarisation.mean()
    gamma_hz = 28.025 / slowing(polarisation)
    assert -null * sense == pytest.approx(-gamma_hz * modulation_nt**2 / 2000, rel=0.08)
    assert truth.fictitious_field_pt[:, 2].mean() == pytest.approx(-null * 1e3, rel=0.02)


def test_light_shift_is_nil_on_the_line_and_odd_in_detuning(warm):
    shifts = []
    for detuning in (-1.0, 0.0, 1.0):
        plant = warm(8)
        plant.hold(detuning_ghz=detuning)
        plant.run(60)
        shifts.append(plant.plant.truth().light_shift_pt[0, 2])
    assert shifts[1] == pytest.approx(0.0, abs=1e-3)
    assert shifts[0] == pytest.approx(-shifts[2], rel=0.02)
    assert 500 < shifts[0] < 2000  # about 1 nT per GHz


@pytest.mark.parametrize("detuning_ghz", [-1.0, 0.0, 1.0])
def test_effective_beam_field_is_asked_from_the_cells_and_moves_with_the_applied_one(
    warm, detuning_ghz
):
    plant = warm(8)
    plant.hold(detuning_ghz=detuning_ghz)
    offsets = np.linspace(-1.0, 1.0, 8)
    fields = np.zeros((8, 3))
    fields[:, 2] = 13.1 + offsets
    plant.apply_field(fields, 70.0)
    plant.run(100)
    effective = plant.plant.truth().effective_field_pt[:, 2]
    slope, middle = np.polyfit(offsets, effective, 1)
    assert slope == pytest.approx(1000.0, rel=0.05)
    # the light shift acts at about half its static size in a modulated, optically thick cell
    assert middle == pytest.approx(-330.0 * detuning_ghz, abs=120.0)
