"""Control charts, drift and yield against closed forms and a published example."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.production.statistics import (
    drift,
    individuals_chart,
    pareto,
    wilson,
    yield_of,
)


def test_limits_of_an_alternating_series() -> None:
    # Every range is 2, so three sigma are 3 * 2 / 1.128.
    chart = individuals_chart([1.0, -1.0] * 6)
    assert chart.mean_range == pytest.approx(2.0)
    assert chart.upper == pytest.approx(5.319148936)
    assert chart.lower == pytest.approx(-5.319148936)
    assert chart.range_upper == pytest.approx(6.534)
    assert chart.is_in_control


def test_a_stranger_and_a_shift_are_seen() -> None:
    series = [1.0, -1.0] * 10
    chart = individuals_chart([*series, 12.0, *series])
    assert 20 in chart.outside
    shifted = individuals_chart([-2.0, -1.0] * 5 + [2.0, 1.0] * 5)
    assert not shifted.outside
    # The eighth on one side ends the first run of eight.
    assert shifted.runs[0] == 7
    assert not shifted.is_in_control


def test_sigma_estimates_that_of_normal_values() -> None:
    values = np.random.default_rng(5).normal(10.0, 0.25, 20_000)
    chart = individuals_chart(values.tolist())
    assert chart.sigma == pytest.approx(0.25, rel=0.02)
    # 0.27 % of normal values lie beyond three sigma.
    assert len(chart.outside) / len(values) == pytest.approx(0.0027, abs=0.0012)


def test_drift_is_the_textbook_slope_with_its_error() -> None:
    # y = 0, 1, 1, 2 on 0..3: slope 0.6, residual sum of squares 0.2.
    found = drift([0.0, 1.0, 1.0, 2.0])
    assert found.slope == pytest.approx(0.6)
    assert found.uncertainty == pytest.approx(np.sqrt(0.2 / 2 / 5))
    assert found.is_significant
    assert not drift([1.0, -1.0] * 20).is_significant
    assert drift([0.0, 1.0, 2.0, 3.0]).is_significant
    assert not drift([5.0] * 6).is_significant


def test_wilson_interval_of_a_published_case() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 15 of 148, method 3.
    lower, upper = wilson(15 / 148, 148)
    assert (round(lower, 4), round(upper, 4)) == (0.0624, 0.1605)
    assert wilson(1.0, 4)[1] == pytest.approx(1.0)
    assert wilson(0.0, 20)[0] == pytest.approx(0.0, abs=1e-12)


def test_yield_counts_boards_not_runs() -> None:
    runs = [("a", False), ("b", True), ("a", True), ("c", False), ("c", False), ("d", True)]
    found = yield_of(runs)
    assert (found.boards, found.first, found.final) == (4, 0.5, 0.75)


def test_pareto_is_in_order_and_adds_up() -> None:
    assert pareto(["gain", "noise", "gain", "gain", "lock"]) == [
        ("gain", 3, pytest.approx(0.6)),
        ("lock", 1, pytest.approx(0.8)),
        ("noise", 1, pytest.approx(1.0)),
    ]
    assert pareto([]) == []


@pytest.mark.parametrize("call", [individuals_chart, drift, yield_of])
def test_nothing_is_told_of_nothing(call: object) -> None:
    with pytest.raises(ValueError, match=r"board|runs"):
        call([])  # type: ignore[operator]
