"""The compensator against a room of its own: disturbances, limits, failing references."""

from __future__ import annotations

import numpy as np
import pytest
from compensated_room import DT_S, REFERENCE_AXES, REFERENCES_M, Room, filters, run
from scipy.signal import welch

from nullfield.room.compensator import CompensatorSettings, CompensatorState
from nullfield.room.reference_model import Observable, ReferenceModel


def modes_of(wave, mode=0):
    modes = np.zeros((len(wave), 8))
    modes[:, mode] = wave
    return modes


def amplitude(signal, frequency_hz):
    """Amplitude of a sine in a whole number of its periods at the end, largest over channels."""
    period = round(1.0 / (frequency_hz * DT_S))
    count = max(len(signal) // 2 // period, 1) * period
    t = np.arange(len(signal))[-count:] * DT_S
    wave = np.exp(-2j * np.pi * frequency_hz * t)
    return np.abs(2.0 / count * wave @ signal[-count:])


def shielding(frequency_hz, mode=0, seconds=None, **room):
    n = round((seconds or max(8.0, 4.0 / frequency_hz)) / DT_S)
    modes = modes_of(100.0 * np.sin(2 * np.pi * frequency_hz * np.arange(n) * DT_S), mode)
    world = Room(**room)
    residual, _ = run(world, world.compensator(), modes)
    bare = np.abs(world.array_modes[:, mode]).max() * 100.0
    return 20 * np.log10(bare / amplitude(residual, frequency_hz).max())


@pytest.mark.parametrize(
    ("frequency_hz", "least_db"),
    [(0.1, 50.0), (0.5, 36.0), (1.0, 30.0), (25.0, -6.0), (50.0, -6.0)],
)
def test_shields_as_its_transfer_function_says(frequency_hz, least_db):
    assert shielding(frequency_hz, mode=1) >= least_db


def test_simulation_and_closed_form_agree():
    for frequency_hz in (0.5, 2.0, 5.0, 12.5, 40.0):
        uniform, _ = filters(tuple(Room().path()), 1.0, 0.2)
        said = float(uniform.shielding_db(np.array([frequency_hz]))[0])
        assert shielding(frequency_hz) == pytest.approx(said, abs=0.2)


def test_a_gradient_is_opposed_too():
    assert shielding(0.05, mode=4, seconds=40.0) >= 40.0


def test_a_response_that_is_two_percent_off_stays_stable_and_shields():
    assert shielding(1.0, model_error=0.02) >= 28.0
    assert shielding(20.0, model_error=0.02) >= -6.0


def test_a_vehicle_passes_and_leaves_little():
    t = np.arange(20000) * DT_S
    bump = 1500.0 / (1.0 + ((t - 10.0) / 2.0) ** 2) ** 1.5
    modes = np.outer(bump, [0.6, -0.5, 0.6, 0, 0, 0, 0, 0])
    world = Room(noise_ft=13.0)
    residual, _ = run(world, world.compensator(), modes)
    bare, _ = run(Room(), None, modes)
    left = np.sqrt((residual[5000:] ** 2).mean())
    assert left < np.sqrt((bare[5000:] ** 2).mean()) / 50.0


def test_a_current_at_its_limit_winds_nothing_up():
    """After a field beyond reach the loop is back at once, as if nothing had been."""
    wave = np.zeros(16000)
    wave[3000:8000] = 30_000.0
    world = Room()
    compensator = world.compensator(settings=CompensatorSettings(current_max_ma=1.0))
    residual, commands = run(world, compensator, modes_of(wave))
    assert np.abs(commands).max() <= 1.0
    assert np.abs(np.diff(commands, axis=0)).max() <= 5.0 * DT_S + 1e-12
    assert np.abs(residual[7900]).max() > 15_000.0  # it could not reach
    assert np.abs(residual[9500:]).max() < 200.0
    assert np.abs(residual[12000:]).max() < 20.0


def test_saturated_references_are_dropped_and_the_rest_carries_on():
    n = 12000
    t = np.arange(n) * DT_S
    modes = modes_of(200.0 * np.sin(2 * np.pi * 0.2 * t))
    valid = np.ones((n, 8), dtype=bool)
    valid[4000:8000, 2:4] = False  # both channels of R2
    world = Room()
    compensator = world.compensator()
    states = []
    step = compensator.step

    def noted(reading, good):
        out = step(reading, good)
        states.append((compensator.state, compensator.drops))
        return out

    compensator.step = noted
    residual, commands = run(world, compensator, modes, valid)
    assert states[3999][0] == CompensatorState.RUNNING
    assert states[5000] == (CompensatorState.REDUCED, 2)
    assert states[-1][0] == CompensatorState.RUNNING
    assert np.abs(residual[3000:]).max() < 200.0 * 0.05
    assert np.abs(np.diff(commands, axis=0)[3000:]).max() < 1e-3  # no jump when it goes or comes


def test_a_frozen_reference_is_found():
    n = 6000
    modes = modes_of(np.linspace(0.0, 300.0, n))
    world = Room(noise_ft=13.0)
    compensator = world.compensator()
    held = {}

    def freeze(k, reading):
        if k >= 3000:
            held.setdefault(0, reading[0])
            reading[0] = held[0]
        return reading

    residual, _ = run(world, compensator, modes, spoil=freeze)
    assert not compensator.in_use[0]
    assert compensator.in_use[1:].all()
    assert compensator.state == CompensatorState.REDUCED
    assert np.abs(residual[4000:].mean(axis=0)).max() < 10.0


def test_without_references_currents_hold_then_ramp_and_come_back():
    n = 20000
    modes = modes_of(np.full(n, 500.0))
    modes[:1000] = 0.0
    valid = np.ones((n, 8), dtype=bool)
    valid[5000:12000] = False
    world = Room(noise_ft=13.0)
    settings = CompensatorSettings(hold_s=2.0, ramp_ma_per_s=0.02)
    compensator = world.compensator(settings=settings)
    states = []
    step = compensator.step

    def noted(reading, good):
        out = step(reading, good)
        states.append(compensator.state)
        return out

    compensator.step = noted
    residual, commands = run(world, compensator, modes, valid)
    size = np.abs(commands).max(axis=1)
    assert states[5500] == CompensatorState.HOLDING
    np.testing.assert_allclose(commands[6900], commands[5000])
    assert states[7500] == CompensatorState.RAMPING
    assert np.abs(np.diff(commands[7100:11900], axis=0)).max() <= 0.02 * DT_S + 1e-12
    assert size[11900] < 1e-9
    assert states[-1] == CompensatorState.RUNNING
    assert np.abs(residual[-1]).max() < 500.0 * 0.01


def test_one_reference_less_leaves_the_uniform_field_two_less_too_little():
    model = ReferenceModel.of_heads(REFERENCES_M, REFERENCE_AXES)
    every = np.ones(8, dtype=bool)
    assert model.estimator(every)[0] == Observable.ALL
    for head in range(4):
        valid = every.copy()
        valid[2 * head : 2 * head + 2] = False
        assert model.estimator(valid)[0] == Observable.UNIFORM
    valid = np.zeros(8, dtype=bool)
    valid[2:6] = True  # R2 and R3 have one beam direction: its component is not seen
    assert model.estimator(valid)[0] == Observable.NOTHING


def test_noise_of_the_references_comes_through_as_the_filter_says():
    world = Room(noise_ft=13.0)
    compensator = world.compensator()
    residual, _ = run(world, compensator, np.zeros((60_000, 8)))
    f, power = welch(residual[2000:].T, fs=1.0 / DT_S, nperseg=4000)
    band = (f >= 1.0) & (f <= 100.0)
    found = np.sqrt(power[:, band].mean()) * 1e3
    uniform, gradient = filters(tuple(world.path()), 1.0, 0.2)
    gain = compensator.model.estimator(np.ones(8, dtype=bool))[1] * 13.0
    factor = np.array([uniform.noise_factor(0.0)] * 3 + [gradient.noise_factor(0.0)] * 5)
    expected = world.array_modes @ (factor[:, None] * gain)
    said = np.sqrt((expected**2).sum(axis=1).mean())
    assert found == pytest.approx(said, rel=0.15)
