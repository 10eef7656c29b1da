"""Shares of noise against simulated lock-ins, converters and light."""

import numpy as np
import pytest
from scipy import signal

from nullfield.dsp.noise_shares import (
    beside_carrier_step_rthz,
    fit_weights,
    shaped_quantisation_t_rthz,
    shot_noise_a_rthz,
    sums_as_field_t_rthz,
    white_as_field_t_rthz,
)

RATE_HZ, N = 16_000.0, 16
FORWARD = np.array([[2.0e-16, -1.1e-15], [1.1e-15, 1.9e-16]])
MIRRORED = FORWARD * np.array([[1.0, 1.0], [-1.0, 1.2]])


def sums_of(samples):
    """Lock-in of blocks of 16: in-phase and quadrature sums."""
    blocks = samples.reshape(-1, N)
    phase = 2.0 * np.pi * np.arange(N) / N
    return np.array([blocks @ np.cos(phase), blocks @ np.sin(phase)])


def fields(sums, even, odd):
    out = np.empty_like(sums)
    out[:, 0::2] = even @ sums[:, 0::2]
    out[:, 1::2] = odd @ sums[:, 1::2]
    return out


@pytest.mark.parametrize("odd", [FORWARD, MIRRORED])
def test_weights_are_found_for_each_phase(odd):
    sums = np.random.default_rng(1).normal(0.0, 3e6, (2, 512))
    found = fit_weights(sums, fields(sums, FORWARD, odd))
    np.testing.assert_allclose(found.t_per_step, [FORWARD, odd], rtol=1e-9)
    assert found.residual < 1e-9


def test_an_offset_of_each_phase_does_no_harm():
    sums = np.random.default_rng(7).normal(0.0, 3e6, (2, 512))
    field = fields(sums, FORWARD, MIRRORED)
    field[:, 0::2] += 4e-9
    field[:, 1::2] -= 3e-9
    sums[:, 1::2] += 9e6
    found = fit_weights(sums, field)
    np.testing.assert_allclose(found.t_per_step, [FORWARD, MIRRORED], rtol=1e-9)


def test_answer_is_the_inverse_of_the_weights():
    sums = np.random.default_rng(2).normal(0.0, 1.0, (2, 64))
    found = fit_weights(sums, FORWARD @ sums)
    answer = np.linalg.inv(FORWARD)
    np.testing.assert_allclose(found.slope_step_per_t(), np.linalg.norm(answer, axis=0))


def test_what_is_no_lock_in_shows_in_the_residual():
    rng = np.random.default_rng(3)
    sums = rng.normal(0.0, 1.0, (2, 512))
    assert fit_weights(sums, rng.normal(0.0, 1.0, (2, 512))).residual > 0.9


@pytest.mark.parametrize(
    "sums",
    [np.zeros((2, 512)), np.ones((2, 512)), np.vstack([np.arange(512.0)] * 2), np.zeros((2, 10))],
)
def test_sums_that_tell_nothing_are_refused(sums):
    with pytest.raises(ValueError, match="lock-in"):
        fit_weights(sums, np.zeros_like(sums))


def test_white_light_noise_as_field_is_what_a_lock_in_makes_of_it():
    rng = np.random.default_rng(4)
    density = 3.5  # steps/sqrt(Hz)
    samples = rng.normal(0.0, density * np.sqrt(RATE_HZ / 2.0), N * 200_000)
    sums = sums_of(samples)
    weights = fit_weights(sums[:, :512], FORWARD @ sums[:, :512])
    frequency_hz, power = signal.welch(FORWARD @ sums, RATE_HZ / N, nperseg=1000)
    band = (frequency_hz >= 10.0) & (frequency_hz <= 400.0)
    seen = np.sqrt(power[:, band].mean(axis=1))
    np.testing.assert_allclose(white_as_field_t_rthz(density, weights, N, RATE_HZ), seen, rtol=0.01)
    np.testing.assert_allclose(sums_as_field_t_rthz(sums, weights, RATE_HZ / N), seen, rtol=0.01)


def test_shot_noise():
    # sqrt(2 * 1.602e-19 C * 8 uA) = 1.60 pA/sqrt(Hz)
    assert shot_noise_a_rthz(8e-6) == pytest.approx(1.601e-12, rel=1e-3)
    assert shot_noise_a_rthz(-1e-9) == 0.0


def test_quantisation_against_a_simulated_shaping_converter():
    step_t = 7.63e-12
    rng = np.random.default_rng(5)
    # A wandering command, so that the quantiser meets all fractions of a step.
    wanted = np.cumsum(rng.normal(0.0, 0.05, 1 << 21)) + 0.37
    codes = np.empty_like(wanted)
    left = 0.0
    for i, value in enumerate(wanted):
        total = value + left
        codes[i] = np.floor(total)
        left = total - codes[i]
    frequency_hz, power = signal.welch(
        (codes - wanted) * step_t, RATE_HZ, nperseg=16_000, detrend="linear"
    )
    model = shaped_quantisation_t_rthz(frequency_hz, step_t, RATE_HZ)
    for low, high in ((10.0, 100.0), (100.0, 1000.0), (1000.0, 4000.0)):
        band = (frequency_hz >= low) & (frequency_hz <= high)
        seen, told = (np.sqrt((d[band]).mean()) for d in (power, model**2))
        assert seen == pytest.approx(told, rel=0.1)
    # The design's figure: 1.0 fT/sqrt(Hz) at 100 Hz for 16 bits over +-250 nT at 16 kHz.
    at_100 = shaped_quantisation_t_rthz(np.array([100.0]), step_t, RATE_HZ)[0]
    assert at_100 * 1e15 == pytest.approx(0.97, abs=0.02)


def test_light_beside_the_modulation_is_free_of_its_harmonics():
    rng = np.random.default_rng(6)
    t = np.arange(2048) / RATE_HZ
    carriers = sum(1e5 / k * np.sin(2 * np.pi * 1000.0 * k * t) for k in (1, 2, 3))
    noise = rng.normal(0.0, 4.0 * np.sqrt(RATE_HZ / 2.0), (16, 2048))
    seen = beside_carrier_step_rthz(carriers + noise, RATE_HZ, ((1300.0, 1700.0), (2300.0, 2700.0)))
    assert seen == pytest.approx(4.0, rel=0.08)
