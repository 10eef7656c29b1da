"""Magnetisation of the shield and what the door does, in the plant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield.errors import RigError
from nullfield.room.waveforms import Shape, samples_na, waveform_of
from nullfield.virtual.plant import Plant, PlantInputs, Scenario
from nullfield.virtual.plant.bench import demo_rig
from nullfield.virtual.plant.shield import ShieldMagnetisation

A_PER_M_PER_MA = 0.5


def left_after(peak_a: float, cycles: int, decay: float = 0.0) -> float:
    """Share of the door's magnetisation that a sequence leaves."""
    shield = ShieldMagnetisation()
    before = shield.close_door()
    made = waveform_of(Shape.DEGAUSS, peak_a, 10.0, cycles=cycles, decay=decay)
    for value in samples_na(made, np.arange(cycles * 100 + 5)):
        shield.apply(value * 1e-6 * A_PER_M_PER_MA)
    shield.apply(0.0)
    return shield.value / before


def test_a_decaying_field_takes_the_magnetisation_out() -> None:
    assert abs(left_after(10e-3, 200)) < 0.02
    assert abs(left_after(10e-3, 200, decay=0.97)) < 0.02


def test_more_cycles_leave_less() -> None:
    left = [abs(left_after(10e-3, cycles)) for cycles in (10, 50, 100, 200)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.3


def test_a_sequence_that_begins_too_small_does_little() -> None:
    assert left_after(1e-3, 100) > 0.4
    assert 0.02 < left_after(2e-3, 100) < 0.3


def test_hysteresis_saturation_and_small_fields() -> None:
    shield = ShieldMagnetisation(bias_a_per_m=0.0)
    # A field far below every coercivity is forgotten at once.
    start = shield.value
    shield.apply(0.02)
    assert shield.apply(0.0) == pytest.approx(start, abs=0.01)
    assert shield.apply(100.0) == 1.0
    remanence = shield.apply(0.0)
    assert 0.8 < remanence <= 1.0
    assert shield.apply(-100.0) == -1.0
    # A minor loop closes on itself (return-point memory of the model).
    shield.apply(1.0)
    low = shield.apply(-0.5)
    shield.apply(0.6)
    assert shield.apply(-0.5) == low


def test_closing_the_door_again_changes_nothing_and_after_degaussing_it_all_comes_back() -> None:
    shield = ShieldMagnetisation()
    first = shield.close_door()
    assert shield.close_door() == first
    for value in np.linspace(5.0, 0.0, 400) * (-1.0) ** np.arange(400):
        shield.apply(float(value))
    assert abs(shield.value) < 0.05
    assert shield.close_door() == pytest.approx(first, rel=0.05)


def _plant(**world: Any) -> tuple[Plant, PlantInputs]:
    heads, coils = demo_rig(4)
    scenario = Scenario(
        heart_enabled=False, noise_enabled=False, mains_pt=0.0, vibration_um_rms=0.0, **world
    )
    return Plant(heads, coils, scenario, 3, False), PlantInputs.zeros(4, len(coils))


def test_degaussing_lowers_the_rooms_field_to_its_floor() -> None:
    plant, inputs = _plant(drift_pp_nt=0.0)
    plant.step(inputs)
    before = np.linalg.norm(plant.room_field_now_nt(), axis=1)
    made = waveform_of(Shape.DEGAUSS, 10e-3, 20.0, cycles=150)
    strays = []
    for value in samples_na(made, np.arange(7600)):
        inputs.degauss_ma = value * 1e-6
        plant.step(inputs)
        strays.append(plant.room_field_now_nt()[0, 2])
    after = np.linalg.norm(plant.room_field_now_nt(), axis=1)
    assert (before > 30.0).all()
    assert (after < 6.0).all()
    assert (after > 0.2).all(), "there is a floor"
    assert np.ptp(strays) > 30.0, "the heads see the winding's stray field meanwhile"
    assert plant.truth().room_field_pt == pytest.approx(plant.room_field_now_nt() * 1e3)


def test_without_door_or_degaussing_the_room_is_as_it_was() -> None:
    plant, inputs = _plant()
    for _ in range(300):
        plant.step(inputs)
    assert plant._room_extra_nt is None
    j = (plant.block - 1) % 128 + 1
    assert np.array_equal(plant.room_field_now_nt(), plant._room_head_frame[j])


def test_the_door_lets_the_field_in_and_leaves_a_creep() -> None:
    plant, inputs = _plant(door_opens_s=(1.0,), door_closes_s=(4.0,), drift_pp_nt=2.0)
    trace = []
    for _ in range(9000):
        plant.step(inputs)
        trace.append(plant.room_field_now_nt()[0])
    field = np.array(trace)
    before, opened = field[900], field[3500]
    assert np.linalg.norm(opened - before) == pytest.approx(60.0, abs=15.0)
    # No jump: the door takes a second and a half.
    assert np.abs(np.diff(field, axis=0)).max() < 0.1
    closed = field[5600]
    assert 4.0 < np.linalg.norm(closed - before) < 12.0
    # What the shield keeps out moves many times more while it is open.
    quiet = np.ptp(field[:900], axis=0).max()
    assert np.ptp(field[2600:3900], axis=0).max() > 4.0 * quiet


def test_a_door_that_opens_twice_is_no_scenario() -> None:
    with pytest.raises(RigError, match="do not take turns"):
        _plant(door_opens_s=(1.0, 2.0), door_closes_s=(4.0,))
    with pytest.raises(RigError, match="do not take turns"):
        _plant(door_closes_s=(4.0,))
