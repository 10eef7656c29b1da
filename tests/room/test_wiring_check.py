"""Coils open, weak, reversed, swapped and heads swapped or turned are named; sound rigs are not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bench.plant_response import plant_response

from nullfield.rig import load_rig
from nullfield.room.windings import nominal_field_pt_per_ma
from nullfield.room.wiring_check import check_wiring

NOISE_PT_PER_MA = 20.0


class Case:
    """What the heads of a rig report, to be spoilt, and the check."""

    def __init__(self, name: str, seed: int) -> None:
        self.rig, _ = load_rig(name)
        truth = plant_response(self.rig, seed)
        self.position_m, self.axes = truth.position_m, truth.axes
        self.field = nominal_field_pt_per_ma(truth.windings, truth.position_m)
        random = np.random.default_rng(seed)
        shape = truth.response_pt_per_ma.shape
        self.response = truth.response_pt_per_ma + NOISE_PT_PER_MA * random.normal(size=shape)
        self.heads = [h.name for h in self.rig.heads]
        self.coils = [c.name for c in self.rig.coils]

    def faults(self):
        return check_wiring(
            self.response,
            np.full(self.response.shape, NOISE_PT_PER_MA),
            self.field,
            self.position_m,
            self.axes,
            self.heads,
            self.coils,
        )

    def texts(self) -> list[str]:
        return [fault.text for fault in self.faults()]


@pytest.fixture(params=["demo36", "bench4"])
def rig_name(request):
    return request.param


def test_sound_rigs_are_left_in_peace(rig_name):
    for seed in range(1, 31):
        assert Case(rig_name, seed).texts() == []


def test_reversed_coil(rig_name):
    case = Case(rig_name, 1)
    case.response[:, :, 3] *= -1.0
    (fault,) = case.faults()
    assert (fault.kind, fault.names) == ("reversed", ("Gxx",))
    assert fault.hint == "exchange its two wires"


def test_swapped_weak_and_open_coils_together(rig_name):
    case = Case(rig_name, 2)
    case.response[:, :, [0, 1]] = case.response[:, :, [1, 0]]
    case.response[:, :, 2] *= 0.3
    case.response[:, :, 5] = 10.0
    found = {fault.kind: fault.names for fault in case.faults()}
    assert found == {"swapped": ("Bx", "By"), "weak": ("Bz",), "open": ("Gxz",)}


def test_swapped_and_reversed_gradients(rig_name):
    case = Case(rig_name, 3)
    case.response[:, :, [3, 4]] = case.response[:, :, [4, 3]]
    case.response[:, :, 3] *= -1.0
    assert case.texts() == ["coils Gxx and Gxy are swapped", "coil Gxx is reversed"]


@pytest.mark.parametrize("pair", [(i, j) for i in range(8) for j in range(i + 1, 8)])
def test_any_two_coils_swapped(rig_name, pair):
    """A gradient coil makes 4 % of a uniform one's field over four heads: neither is open."""
    for seed in (1, 2, 3):
        case = Case(rig_name, seed)
        case.response[:, :, list(pair)] = case.response[:, :, list(reversed(pair))]
        (fault,) = case.faults()
        assert (fault.kind, fault.names) == ("swapped", tuple(case.coils[k] for k in pair))


def test_open_coil_that_leaks_into_others_is_open(rig_name):
    """What an open coil's neighbours make of its current is no other coil's whole field."""
    case = Case(rig_name, 1)
    case.response[:, :, 1] = 0.01 * case.response[:, :, 2]
    (fault,) = case.faults()
    assert (fault.kind, fault.names) == ("open", ("By",))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_neighbouring_heads_swapped(rig_name, seed):
    case = Case(rig_name, seed)
    case.response[[0, 1]] = case.response[[1, 0]]
    (fault,) = case.faults()
    assert fault.kind == "heads swapped"
    assert set(fault.names) == {case.heads[0], case.heads[1]}


def test_three_heads_in_a_ring():
    case = Case("demo36", 5)
    case.response[[4, 9, 20]] = case.response[[9, 20, 4]]
    (fault,) = case.faults()
    assert set(fault.names) == {"H05", "H10", "H21"}


def test_array_head_swapped_with_a_reference():
    case = Case("demo36", 3)
    case.response[[10, 37]] = case.response[[37, 10]]
    (fault,) = case.faults()
    assert set(fault.names) == {"H11", "R2"}


def test_turned_head(rig_name):
    case = Case(rig_name, 2)
    x, y = case.response[1, 0].copy(), case.response[1, 1].copy()
    case.response[1, 0], case.response[1, 1] = y, -x
    (fault,) = case.faults()
    assert (fault.kind, fault.names) == ("head turned", (case.heads[1],))


def test_heads_swapped_and_a_coil_reversed_are_both_named(rig_name):
    case = Case(rig_name, 4)
    case.response[[0, 1]] = case.response[[1, 0]]
    case.response[:, :, 0] *= -1.0
    kinds = [fault.kind for fault in case.faults()]
    assert kinds == ["reversed", "heads swapped"]


def test_a_dead_head_does_not_count(rig_name):
    case = Case(rig_name, 1)
    case.response[2] = np.nan
    assert case.texts() == []
