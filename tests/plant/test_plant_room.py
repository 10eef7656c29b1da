"""Room harmonics, drift and coils."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.errors import InputError
from nullfield.room.coil_geometry import HALF_SIDE_M, HALF_SPACING_M, turns
from nullfield.virtual.plant import PlantCoil, Scenario
from nullfield.virtual.plant.bench import KINDS
from nullfield.virtual.plant.coils import coil_fields
from nullfield.virtual.plant.room import N_TERMS, Room, harmonic_terms, read_geomagnetic

PERFECT = Scenario(
    coil_gain_error=0.0, coil_position_error_m=0.0, coil_angle_error_deg=0.0, shield_image=0.0
)


def test_room_terms_have_no_divergence_and_no_curl():
    point = np.array([[0.2, -0.3, 0.4]])
    step = 1e-5
    jacobian = np.empty((N_TERMS, 3, 3))
    for k in range(3):
        moved = np.zeros((1, 3))
        moved[0, k] = step
        difference = harmonic_terms(point + moved) - harmonic_terms(point - moved)
        jacobian[:, :, k] = difference[:, 0] / (2 * step)
    assert np.trace(jacobian, axis1=1, axis2=2) == pytest.approx(np.zeros(N_TERMS), abs=1e-8)
    assert jacobian == pytest.approx(jacobian.transpose(0, 2, 1), abs=1e-8)


def test_residual_has_the_asked_size_and_drift_its_spread():
    room = Room(np.zeros((1, 3)), Scenario(mains_pt=0.0), 4)
    field, _ = room.chunk(0, 128)
    assert np.linalg.norm(field[0]) == pytest.approx(50.0, abs=1.0)
    slow = np.array([room.chunk(k * 5000, 8)[0][0] for k in range(200)])
    spread = np.ptp(slow, axis=0)
    assert 0.1 < spread.max() < 1.5


def test_chunks_join_whatever_their_size():
    room = Room(np.array([[0.1, 0.0, 0.03]]), Scenario(vehicles=True), 4)
    long, _ = room.chunk(0, 256)
    late, _ = room.chunk(128, 128)
    assert long[128:] == pytest.approx(late, abs=1e-9)


def test_geomagnetic_file_is_read_or_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(
        " Format IAGA-2002 |\nDATE TIME DOY BOUH BOUE BOUZ BOUF |\n"
        "2020-01-01 00:00:00.000 001 20826.85 -86.75 46874.62 51815.05\n"
        "2020-01-01 00:00:01.000 001 99999.00 -86.74 46874.64 51815.03\n"
        "2020-01-01 00:00:02.000 001 20826.95 -86.74 46874.64 51815.03\n"
    )
    assert read_geomagnetic(path)[1] == pytest.approx([20826.90, -86.74, 46874.64])
    path.write_text("nothing\n")
    with pytest.raises(InputError):
        read_geomagnetic(path)


def test_uniform_pair_matches_the_closed_form_of_square_loops():
    # on the axis of a square loop of half side a at distance d:
    # B = mu0 I / (4 pi) * 8 a^2 / ((a^2 + d^2) sqrt(2 a^2 + d^2))
    a, d = HALF_SIDE_M, HALF_SPACING_M
    one = 1e-7 * 8 * a**2 / ((a**2 + d**2) * np.sqrt(2 * a**2 + d**2))
    nt_per_ma_turn = 2 * one * 1e-3 * 1e9
    assert turns("uniform_x", 10.0) == pytest.approx(10.0 / nt_per_ma_turn)


@pytest.mark.parametrize("kind", KINDS)
def test_ideal_coils_make_the_field_of_their_name(kind):
    field, slope = coil_fields([PlantCoil(kind, kind, 10.0)], np.zeros((1, 3)), PERFECT, 1)
    shape, letters = kind.split("_")
    k, along = "xyz".index(letters[0]), "xyz".index(letters[-1])
    if shape == "uniform":
        wanted = np.zeros(3)
        wanted[k] = 10.0
        assert field[0, :, 0] == pytest.approx(wanted, abs=1e-6)
    else:
        assert field[0, :, 0] == pytest.approx(np.zeros(3), abs=1e-6)
        assert slope[along, 0, k, 0] == pytest.approx(10.0, rel=1e-6)
        assert slope[k, 0, along, 0] == pytest.approx(10.0, rel=1e-2)
    assert np.trace(slope[:, 0, :, 0]) == pytest.approx(0.0, abs=0.01)


def test_imperfections_and_image_change_the_coil_by_some_percent():
    coil = PlantCoil("z", "uniform_z", 10.0)
    field, _ = coil_fields([coil], np.zeros((1, 3)), Scenario(), 7)
    assert 10.0 < field[0, 2, 0] < 15.0
    assert 0.0 < np.abs(field[0, :2, 0]).max() < 1.0
