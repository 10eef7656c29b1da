"""The whole plant: operating point, noise, heat, determinism, table."""

from __future__ import annotations

import numpy as np
import pytest
from warm_plant import WarmPlant, demodulate

from nullfield.virtual.plant import Plant, PlantInputs, Scenario
from nullfield.virtual.plant.bench import demo_rig, modulation_ma
from nullfield.virtual.plant.block import OVEN_J_PER_K, OVEN_W_PER_K
from nullfield.virtual.plant.constants import ELEMENTARY_CHARGE_C


def responsivity(modulation_nt=70.0):
    plant = WarmPlant(8)
    fields = np.zeros((8, 3))
    fields[0, 0], fields[1, 0], fields[2, 1], fields[3, 1] = 0.1, -0.1, 0.1, -0.1
    plant.apply_field(fields, modulation_nt)
    light = plant.run(120)[-1]
    z = demodulate(light)
    return (z[0] - z[1]) / 0.2, (z[2] - z[3]) / 0.2, light.mean(), plant


def test_operating_point_lies_in_the_range_of_the_design():
    along_x, along_y, light_ua, plant = responsivity()
    assert 7.0 < light_ua < 12.0
    pump = plant.plant.rows[0, 16:20, 0] + 900.0
    assert 3300 < pump.mean() < 4900  # 19 to 28 nT half width
    assert 0.2 < abs(along_y) < 0.6  # uA/nT
    # +By drives +cos, +Bx drives -sin of a modulation cos on x, sin on y
    assert along_y.real > 0.9 * abs(along_y)
    assert along_x == pytest.approx(-1j * along_y, rel=0.02)


def test_pole_is_between_100_and_150_hz_without_and_near_80_with_modulation():
    for modulation_nt, low, high in ((10.0, 100, 150), (50.0, 80, 150)):
        plant = WarmPlant(8)
        bias = np.array([0.0, 0.0, 5.3 * modulation_nt**2 / 2000])
        traces = []
        for kick in (0.05, -0.05):
            plant.apply_field(bias + np.array([kick, 0.0, 0.0]), modulation_nt)
            plant.run(60)
            plant.apply_field(bias, modulation_nt)
            traces.append(demodulate(plant.run(4))[:, 0])
        decay = np.abs(traces[0] - traces[1])
        assert low < np.log(decay[1] / decay[3]) / 2e-3 / (2 * np.pi) < high


def test_cold_cell_passes_all_light_and_no_laser_gives_none():
    heads, coils = demo_rig(4)
    plant = Plant(heads, coils, Scenario(head_light_error=0.0), 1, has_table=False)
    inputs = PlantInputs.zeros(4, len(coils))
    assert np.all(plant.step(inputs).photocurrent_ua == 0.0)
    plant._temperature[2] = 45.0
    inputs.laser_current_ma[:] = 1.5
    for _ in range(20):
        plant.step(inputs)
    assert plant.outputs.photocurrent_ua.mean() == pytest.approx(55.0, rel=0.02)


def test_shot_noise_has_the_density_of_its_current():
    plant = WarmPlant(
        8,
        noise_enabled=True,
        spin_noise_ft=0.0,
        beam_axis_noise_ft=0.0,
        intensity_noise_per_rthz=0.0,
        head_delay_s=1e-6,
    )
    plant.run(50)
    trace = plant.run(512)[:, 0, :].reshape(-1) * 1e-6
    trace = trace - np.convolve(trace, np.ones(64) / 64, "same")
    density = np.sqrt(trace[200:-200].var() / 8000.0)
    current = plant.plant.outputs.photocurrent_ua[0].mean() * 1e-6
    assert density == pytest.approx(np.sqrt(2 * ELEMENTARY_CHARGE_C * current), rel=0.03)


def test_field_noise_on_the_transverse_axes_is_that_of_a_good_head():
    along_x, _, _, _ = responsivity()
    plant = WarmPlant(8, noise_enabled=True)
    plant.apply_field(np.array([0.0, 0.0, 0.0]), 70.0)
    plant.run(100)
    z = demodulate(plant.run(4096))
    # local x is read where its response points
    field_ft = (z * np.conj(along_x)).real / abs(along_x) ** 2 * 1e6
    spectrum = np.abs(np.fft.rfft(field_ft * np.hanning(4096)[:, None], axis=0)) ** 2
    spectrum *= 2e-3 / (np.hanning(4096) ** 2).sum()
    frequency = np.fft.rfftfreq(4096, 1e-3)
    band = (frequency > 10) & (frequency < 30)
    density = np.sqrt(spectrum[band].mean(axis=0)).mean()
    assert 9.0 < density < 18.0
    slow = (frequency > 0.3) & (frequency < 1.0)
    assert np.sqrt(spectrum[slow].mean(axis=0)).mean() > 1.2 * density


def test_cell_heats_as_its_power_and_time_constant_say():
    heads, coils = demo_rig(4)
    plant = Plant(heads, coils, Scenario(), 1, has_table=False)
    inputs = PlantInputs.zeros(4, len(coils))
    inputs.heater_power_w[:] = 0.6
    start = plant.outputs.cell_temperature_c[0]
    for _ in range(1000):
        plant.step(inputs)
    tau = OVEN_J_PER_K / OVEN_W_PER_K
    assert tau == pytest.approx(18.0)
    rise = 0.6 / OVEN_W_PER_K * (1 - np.exp(-1.0 / tau))
    assert plant.outputs.cell_temperature_c[0] - start == pytest.approx(rise, rel=0.02)


def test_warm_cell_stays_at_150_c_on_a_quarter_watt():
    plant = WarmPlant(4)
    plant.run(1000)
    assert plant.inputs.heater_power_w == pytest.approx(np.full(4, 0.25), abs=0.03)
    assert plant.plant.outputs.cell_temperature_c == pytest.approx(np.full(4, 150.0), abs=0.02)


def run_bytes(seed, blocks=300):
    heads, coils = demo_rig(4)
    plant = Plant(heads, coils, Scenario(vehicles=True), seed, has_table=True)
    inputs = PlantInputs.zeros(4, len(coils))
    inputs.head_coil_current_ma[:] = modulation_ma()
    inputs.laser_current_ma[:] = 1.5
    inputs.heater_power_w[:] = 0.4
    inputs.table_motor_energised = True
    inputs.table_step_rate_hz = 6400.0
    return b"".join(plant.step(inputs).photocurrent_ua.tobytes() for _ in range(blocks)), plant


def test_same_seed_gives_the_same_bytes_across_chunks_and_another_seed_does_not():
    first, plant = run_bytes(5)
    again, _ = run_bytes(5)
    other, _ = run_bytes(6)
    assert first == again
    assert first != other
    assert np.isfinite(plant.truth().effective_field_pt).all()


def test_field_is_continuous_across_chunks():
    heads, coils = demo_rig(4)
    plant = Plant(heads, coils, Scenario(noise_enabled=False), 2, has_table=False)
    inputs = PlantInputs.zeros(4, len(coils))
    trace = []
    for _ in range(260):
        plant.step(inputs)
        trace.append(plant.truth().room_field_pt[0])
    steps = np.abs(np.diff(trace, axis=0)).max(axis=1)
    assert steps[120:136].max() <= 1.5 * steps.max()
    assert steps.max() < 30.0  # pT in 1 ms: mains and drift only


def test_table_carries_the_heart_in_and_presses_its_switches():
    heads, coils = demo_rig(4)
    plant = Plant(heads, coils, Scenario(), 1, has_table=True)
    inputs = PlantInputs.zeros(4, len(coils))
    far = plant.truth()
    assert 5.0 <= plant.outputs.table_position_mm <= 40.0
    assert far.heart_position_m[1] < -0.5
    inputs.table_motor_energised = True
    inputs.table_step_rate_hz = -64000.0
    for _ in range(500):
        plant.step(inputs)
    assert plant.outputs.table_home_switch
    inputs.table_step_rate_hz = 640 * 552.0
    for _ in range(1000):
        plant.step(inputs)
    assert plant.outputs.table_position_mm == pytest.approx(550.0)
    assert plant.truth().heart_position_m == pytest.approx([0.01, -0.01, -0.08])
    inputs.table_step_rate_hz = 64000.0
    for _ in range(1000):
        plant.step(inputs)
    assert plant.outputs.table_end_switch
    assert plant.outputs.table_position_mm == 602.0


def test_true_field_is_the_sum_of_its_causes():
    plant = WarmPlant(8, room_residual_nt=50.0, heart_enabled=True, head_angle_error_deg=1.0)
    plant.inputs.room_coil_current_ma[:3] = (1.0, -2.0, 0.5)
    plant.run(40)
    truth = plant.plant.truth()
    head_frame = truth.room_and_coils_field_pt + truth.heart_field_pt_at_heads
    local = np.einsum("nak,nk->na", truth.head_axes, head_frame)
    assert truth.true_field_pt == pytest.approx(local, abs=1.0)
