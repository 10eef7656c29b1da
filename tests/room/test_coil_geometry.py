"""The room's own Biot-Savart against magpylib, and what nominal coils make."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from nullfield.rig import CoilKind
from nullfield.room.coil_geometry import (
    CoilErrors,
    built_wires,
    coil_field_pt_per_ma,
    field_pt_per_ma,
    turns,
)
from nullfield.room.windings import Winding, loop_field

magpylib = pytest.importorskip("magpylib")
KINDS = get_args(CoilKind)


def by_magpylib(wires, points_m):
    sources = [
        magpylib.current.Polyline(current=weight * 1e-3, vertices=corners)
        for corners, weight in wires
    ]
    return np.asarray(magpylib.getB(sources, points_m, sumup=True)).reshape(-1, 3) * 1e12


@pytest.mark.parametrize("kind", KINDS)
def test_field_of_built_coils_is_magpylibs(kind):
    random = np.random.default_rng(3)
    points = random.uniform(-0.7, 0.7, (60, 3))
    errors = CoilErrors(1.04, random.normal(size=3) * 0.03, random.normal(size=3) * 0.01)
    wires = built_wires(kind, 10.0, errors, shield_image=0.6)
    ours = field_pt_per_ma(wires, points)
    theirs = by_magpylib(wires, points)
    assert np.abs(ours - theirs).max() < 1e-7 * np.abs(theirs).max()


def test_field_of_a_slanting_pentagon_close_by_is_magpylibs():
    random = np.random.default_rng(4)
    corners = random.normal(size=(5, 3))
    closed = np.vstack([corners, corners[:1]])
    points = corners.mean(axis=0) + random.normal(size=(40, 3)) * 0.2
    ours = field_pt_per_ma([(closed, 3.0)], points)
    assert ours == pytest.approx(by_magpylib([(closed, 3.0)], points), rel=1e-7)


def test_no_trouble_on_the_prolongation_of_a_segment():
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], float)
    on_line = field_pt_per_ma([(corners, 1.0)], np.array([[2.0, 0.0, 0.0]]))
    beside = field_pt_per_ma([(corners, 1.0)], np.array([[2.0, 1e-9, 0.0]]))
    assert np.isfinite(on_line).all()
    assert on_line == pytest.approx(beside, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_nominal_constant_holds_at_the_origin(kind):
    shape, letters = kind.split("_")
    k, along = "xyz".index(letters[0]), "xyz".index(letters[-1])
    step = np.zeros((2, 3))
    step[:, along] = (-0.01, 0.01)
    pair = coil_field_pt_per_ma(kind, 7.0, step)[:, k]
    middle = coil_field_pt_per_ma(kind, 7.0, np.zeros((1, 3)))[0]
    if shape == "uniform":
        assert middle[k] == pytest.approx(7000.0)
    else:
        assert (pair[1] - pair[0]) / 0.02 == pytest.approx(7000.0)
        assert np.abs(middle).max() < 1e-6
    assert turns(kind, 14.0) == pytest.approx(2.0 * turns(kind, 7.0))


def test_a_small_loop_far_away_is_a_dipole():
    side = 0.02
    corners = side * np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    loop = Winding("L", "loop", corners_m=corners, turns=5)
    field = loop_field(loop, np.array([[0, 0, 1.0]]), np.zeros(11), np.zeros(7), np.zeros(3))
    # on the axis 2e-7 m / r^3, m = turns I a^2; pT of 1 mA
    assert field[0, 2] == pytest.approx(2e-7 * 5 * 1e-3 * side**2 * 1e12, rel=1e-3)
