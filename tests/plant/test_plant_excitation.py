"""A known field outside the shield, as the inside sees it."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.cli.session import make_scenario
from nullfield.errors import RigError
from nullfield.room.excitation_coil import Excitation
from nullfield.virtual.plant import Scenario
from nullfield.virtual.plant.excitation import ShieldedExcitation
from nullfield.virtual.plant.room import SHIELD_CORNER_HZ, Room

QUIET = {
    "room_residual_nt": 0.0,
    "room_gradient_nt_per_m": 0.0,
    "room_third_order_nt_per_m2": 0.0,
    "drift_pp_nt": 0.0,
    "mains_pt": 0.0,
}


def amplitude(series, time_s, frequency_hz):
    waves = np.exp(-2j * np.pi * frequency_hz * time_s)
    return 2.0 * np.mean(series * waves)


@pytest.mark.parametrize("frequency_hz", [0.3, 3.0, 60.0])
def test_each_axis_comes_through_the_shields_low_pass(frequency_hz):
    excitation = Excitation(1000.0, (frequency_hz,), dwell_s=20.0, axes=("y",))
    room = Room(np.zeros((1, 3)), Scenario(excitation=excitation, **QUIET), 1)
    field, _ = room.chunk(10_000, 10_000)
    time_s = (10_000 + np.arange(10_000)) * 1e-3
    seen = amplitude(field[:-1, 1], time_s, frequency_hz)
    wanted = 1000.0 / 200.0 / (1.0 + 1j * frequency_hz / SHIELD_CORNER_HZ) / 1j
    joined = np.sinc(frequency_hz * 1e-3) ** 2  # the plant's lines between block ends take it back
    assert seen * joined == pytest.approx(wanted, rel=1e-3)
    assert np.abs(field[:, [0, 2]]).max() < 1e-12


def test_a_switched_sine_is_the_low_pass_response():
    """Against a numerical integration of the low-pass over two steps and the silence after them."""
    excitation = Excitation(800.0, (0.2, 1.3), dwell_s=4.0, axes=("x",), start_s=1.0)
    step_s = 1e-4
    time_s = np.arange(0.0, 12.0, step_s)
    since = time_s - 1.0
    number = np.where((since >= 0) & (since < 8.0), since // 4.0, -1)
    frequency = np.select([number == 0, number == 1], [0.2, 1.3], 0.0)
    drive = 800.0 / 200.0 * np.sin(2 * np.pi * frequency * since) * (number >= 0)
    keep = np.exp(-2 * np.pi * 0.3 * step_s)
    wanted = np.zeros_like(drive)
    for i in range(1, len(drive)):
        wanted[i] = keep * wanted[i - 1] + (1 - keep) * 0.5 * (drive[i] + drive[i - 1])
    got = ShieldedExcitation(excitation, 200.0, 0.3).field_nt(time_s)[:, 0]
    assert np.abs(got - wanted).max() < 2e-3
    assert np.abs(wanted).max() > 3.0


def test_one_frequency_repeated_is_one_long_sine():
    once = ShieldedExcitation(Excitation(500.0, (0.7,), 3.0, ("z",), 0.0, True), 200.0, 0.3)
    time_s = 20.0 + np.arange(0.0, 9.0, 1e-3)
    field = once.field_nt(time_s)[:, 2]
    # 500 nT by a shielding of 200 and one pole at 0.3 Hz.
    assert np.ptp(field) / 2 == pytest.approx(2.5 / abs(1 + 1j * 0.7 / 0.3), rel=1e-3)
    slope = np.diff(field) / 1e-3
    assert np.abs(np.diff(slope)).max() < 2 * (2 * np.pi * 0.7) ** 2 * 1e-3 * np.abs(field).max()


def test_slow_sines_are_given_their_cycles():
    steps = Excitation(1.0, (0.1, 5.0), dwell_s=2.0, axes=("x",), least_cycles=3.0).steps()
    assert [(s.start_s, s.stop_s) for s in steps] == [(0.0, 30.0), (30.0, 32.0)]


def test_chunks_of_an_excited_room_join():
    excitation = Excitation(1000.0, (0.5, 5.0), dwell_s=2.0, start_s=0.5)
    room = Room(np.zeros((1, 3)), Scenario(excitation=excitation), 1)
    long, _ = room.chunk(2200, 1200)
    late, _ = room.chunk(2800, 600)
    assert long[600:] == pytest.approx(late, abs=1e-9)
    quiet, _ = Room(np.zeros((1, 3)), Scenario(), 1).chunk(2800, 600)
    assert np.abs(late - quiet).max() > 1.0


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"amplitude_nt": -1.0, "frequencies_hz": [1.0]}, "amplitude_nt"),
        ({"amplitude_nt": 1.0, "frequencies_hz": []}, "frequencies_hz"),
        ({"amplitude_nt": 1.0, "frequencies_hz": [500.0]}, "frequencies_hz"),
        ({"amplitude_nt": 1.0, "frequencies_hz": [1.0], "axes": ["w"]}, "axes"),
        ({"amplitude_nt": 1.0, "frequencies_hz": [1.0], "dwell_s": 0.1}, "dwell_s"),
        ({"amplitude_nt": 1.0, "frequencies_hz": [1.0], "colour": 1}, "colour"),
    ],
)
def test_a_wrong_setting_is_named(table, named):
    with pytest.raises(RigError, match=named):
        make_scenario({"excitation": table}, None)


def test_the_rig_file_gives_an_excitation():
    scenario = make_scenario(
        {"excitation": {"amplitude_nt": 1000, "frequencies_hz": [1, 10], "is_repeated": True}}, None
    )
    assert scenario.excitation == Excitation(1000.0, (1.0, 10.0), is_repeated=True)
