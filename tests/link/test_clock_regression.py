"""Offset and drift from two-way exchanges over simulated ways."""

import numpy as np
import pytest

from nullfield.clock import ClockRegression, TimeExchange


def exchanges(seed, count, span_s, offset_s, drift, jitter_s, extra_back_s=0.0, base_s=1e-3):
    """Host times of a board whose clock is `(host - offset) / (1 + drift)`."""
    rng = np.random.default_rng(seed)
    for sent_s in 50 + np.linspace(0, span_s, count):
        there, back = base_s + rng.exponential(jitter_s, 2)
        hold_s = rng.uniform(0, 1e-3)
        answered_s = sent_s + there + hold_s
        board_us = round((answered_s - offset_s) / (1 + drift) * 1e6)
        yield TimeExchange(sent_s, answered_s + back + extra_back_s, board_us, round(hold_s * 1e6))


def regression(*args, **options):
    result = ClockRegression()
    for one in exchanges(*args, **options):
        result.add(one)
    return result


def true_host_s(board_us, offset_s, drift):
    return board_us * 1e-6 * (1 + drift) + offset_s


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("drift", [0, 40e-6, -80e-6])
def test_offset_and_drift_under_jitter(seed, drift):
    fit = regression(seed, 200, 60.0, 12.5, drift, jitter_s=2e-3)
    board_us = 60e6
    error_s = fit.host_time_s(board_us) - true_host_s(board_us, 12.5, drift)
    assert abs(error_s) < 100e-6
    assert abs(error_s) < 5 * fit.uncertainty_s(board_us)
    assert fit.drift_ppm == pytest.approx(drift * 1e6, abs=5)
    assert fit.board_time_us(fit.host_time_s(board_us)) == pytest.approx(board_us, abs=0.01)


def test_asymmetry_stays_within_the_bound():
    fit = regression(1, 100, 20.0, 3.0, 0.0, jitter_s=1e-4, extra_back_s=2e-3)
    error_s = fit.host_time_s(20e6) - true_host_s(20e6, 3.0, 0.0)
    assert 0.8e-3 < abs(error_s) <= fit.asymmetry_bound_s


def test_outliers_do_not_pull():
    fit = ClockRegression()
    for number, one in enumerate(exchanges(2, 90, 30.0, 0.0, 20e-6, jitter_s=1e-4)):
        # Each tenth answer has a time stamp that is plainly wrong, in a fast exchange.
        wrong_us = 30_000 if number % 10 == 0 else 0
        fit.add(
            TimeExchange(
                one.host_sent_s, one.host_received_s, one.board_time_us + wrong_us, one.hold_time_us
            )
        )
    assert abs(fit.host_time_s(70e6) - true_host_s(70e6, 0.0, 20e-6)) < 100e-6


def test_few_exchanges_do_not_invent_a_drift():
    fit = regression(3, 8, 0.05, 1.0, 0.0, jitter_s=1e-3)
    assert abs(fit.drift_ppm) < 100
    assert fit.drift_uncertainty_ppm > 30
    assert fit.uncertainty_s(3600e6) > fit.uncertainty_s(50e6)


def test_one_exchange_is_enough_for_an_offset():
    fit = ClockRegression()
    fit.add(TimeExchange(10.0, 10.004, 5_000_000, 0))
    assert fit.host_time_s(5_000_000) == pytest.approx(10.002)


def test_none_is_an_error():
    with pytest.raises(ValueError, match="no time exchange"):
        ClockRegression().host_time_s(0)


def test_long_uptime_keeps_microseconds():
    fit = ClockRegression()
    year_us = 365 * 86400 * 10**6
    for number in range(50):
        sent_s = number * 0.5
        fit.add(TimeExchange(sent_s, sent_s + 2e-3, year_us + number * 500_000 + 1000, 0))
    assert fit.host_time_s(year_us + 1_000_000) == pytest.approx(1.0, abs=2e-6)


def test_capacity_is_bounded():
    fit = ClockRegression(capacity=10)
    for one in exchanges(4, 50, 10.0, 0.0, 0.0, 1e-3):
        fit.add(one)
    assert fit.exchange_count == 10
