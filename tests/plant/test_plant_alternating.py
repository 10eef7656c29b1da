"""A modulation that turns the other way round in every other block: what is left of its field."""

from __future__ import annotations

import numpy as np
import pytest
from density_matrix import EightLevelAtom
from warm_plant import WarmPlant, demodulate

AMPLITUDE_NT = 70.0
# The firmware's phase: the y coil steps where the spins' turn by it is zero, relaxation counted.
PHASE = 2 * np.pi * (np.arange(16) + 0.5) / 16 - 0.13
REFERENCE = np.exp(2j * np.pi * np.arange(16) / 16)
SENSES = (1.0, -1.0)


def wave(sense):
    """One block of modulation, (3, 16) nT."""
    out = np.zeros((3, 16))
    out[0], out[1] = AMPLITUDE_NT * np.sin(PHASE), sense * AMPLITUDE_NT * np.cos(PHASE)
    return out


def run_alternating(plant: WarmPlant, field_nt, blocks):
    """Lock-in of the blocks, (blocks, n_heads); the first has the first sense."""
    gain = np.array(
        [
            plant.plant.true_heads.coil_nt_per_ma[3 * i : 3 * i + 3, 3 * i : 3 * i + 3]
            for i in range(plant.plant.n_heads)
        ]
    )
    out = []
    for block in range(blocks):
        wanted = np.asarray(field_nt)[:, :, None] + wave(SENSES[block % 2])
        plant.inputs.head_coil_current_ma[:] = np.linalg.solve(gain, wanted)
        out.append(demodulate(plant.run(1))[0])
    return np.array(out)


def test_effective_field_is_the_applied_one_without_a_fictitious_part(warm):
    offsets_nt = np.linspace(-1.0, 1.0, 8)
    fields = np.zeros((8, 3))
    fields[:, 2] = offsets_nt
    plant = warm(8)
    run_alternating(plant, fields, 100)
    truth = plant.plant.truth()
    assert truth.effective_field_pt[:, 2] == pytest.approx(1e3 * offsets_nt, abs=25.0)
    assert np.abs(truth.fictitious_field_pt).max() < 1.0


def test_one_sense_alone_leaves_the_whole_fictitious_field(warm):
    plant = warm(8)
    plant.apply_field(np.zeros(3), AMPLITUDE_NT)
    plant.run(100)
    assert np.abs(plant.plant.truth().fictitious_field_pt[:, 2]).min() > 12e3


def test_a_tilted_coil_makes_a_transverse_field_with_one_sense_only(warm):
    """The product of the x coil's part along the beam and the y coil, 1 % of 13 nT."""
    tilt_nt = np.zeros((1, 3, 16))
    tilt_nt[:, 2] = 0.01 * AMPLITUDE_NT * np.sin(PHASE)
    found = []
    for senses in ((1.0, 1.0), (1.0, -1.0)):
        plant = warm(8)
        gain = plant.plant.true_heads.coil_nt_per_ma[:3, :3]
        for block in range(40):
            wanted = wave(senses[block % 2]) + tilt_nt
            plant.inputs.head_coil_current_ma[:] = np.linalg.solve(gain, wanted)
            plant.run(1)
        found.append(np.abs(plant.plant.truth().effective_field_pt[0, :2]).max())
    assert found[0] == pytest.approx(130.0, rel=0.1)
    assert found[1] < 2.0


def test_the_mirror_symmetry_that_the_zero_relies_on(warm):
    """In the other sense, y and beam reversed, the head shows the same."""
    seen = []
    for field in ((0.8, 0.5, 1.5), (0.8, -0.5, -1.5)):
        seen.append(run_alternating(warm(1), np.array([field]), 80)[-2:, 0])
    assert seen[0][0] == pytest.approx(seen[1][1], rel=2e-3)
    assert seen[0][1] == pytest.approx(seen[1][0], rel=2e-3)
    assert abs(seen[0][0] - seen[1][0]) > 0.2 * abs(seen[0][0])


def _atom_turn(beam_nt):
    """Turn between the senses of an atom's response to x, rad, from its density matrix."""
    responses = []
    for sign in (1.0, -1.0):
        blocks = []
        for block in range(16):
            field = wave(SENSES[block % 2]).T.copy()
            field[:, 0] += 0.2 * sign
            field[:, 2] += beam_nt
            blocks.append(field)
        trace = EightLevelAtom(2000.0, 1500.0, 8.7e4).run(np.concatenate(blocks), 1 / 16000, 4)
        responses.append(trace[-32:, 2].reshape(2, 16) @ REFERENCE)
    first, second = responses[0] - responses[1]
    return float(np.angle(first * np.conj(second)))


def test_an_eight_level_atom_has_its_zero_there_too():
    """No 13 nT are hidden in the cell model: the density matrix is even about zero beam field."""
    below, at, above = (_atom_turn(b) for b in (-2.0, 0.0, 2.0))
    per_nt = (above - below) / 4.0
    assert abs(per_nt) > 0.05
    assert abs(at / per_nt) < 0.05
