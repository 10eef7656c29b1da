"""Values against limits."""

from __future__ import annotations

import math

import pytest

from nullfield.production.verdict import (
    Limit,
    Outcome,
    Value,
    around,
    exactly,
    mean_and_uncertainty,
    worst,
)

BOTH = Limit(-1.0, 1.0, "here")


def outcome(value: float, limit: Limit = BOTH, uncertainty: float = 0.0) -> Outcome:
    return Value("v", value, "A", limit, 1, uncertainty).outcome


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (1.0, BOTH, Outcome.PASS),
        (-1.0, BOTH, Outcome.PASS),
        (math.nextafter(1.0, 2.0), BOTH, Outcome.FAIL),
        (math.nextafter(-1.0, -2.0), BOTH, Outcome.FAIL),
        (1e9, Limit(0.0, None, ""), Outcome.PASS),
        (-1e-9, Limit(0.0, None, ""), Outcome.FAIL),
        (1e-9, Limit(None, 0.0, ""), Outcome.FAIL),
        (3.0, exactly(3, ""), Outcome.PASS),
        (3.0000001, exactly(3, ""), Outcome.FAIL),
        (math.nan, Limit(None, None, ""), Outcome.FAIL),
        (math.inf, Limit(0.0, None, ""), Outcome.FAIL),
    ],
)
def test_limits_are_inclusive_and_what_was_not_seen_fails(
    value: float, limit: Limit, expected: Outcome
) -> None:
    assert outcome(value, limit) == expected


def test_a_blunt_measurement_is_no_verdict() -> None:
    # A quarter of the span of 2 is 0.5, which two standard uncertainties of 0.25 just take.
    assert outcome(0.0, uncertainty=0.25) == Outcome.PASS
    assert outcome(0.0, uncertainty=0.26) == Outcome.ERROR
    assert outcome(1.5, uncertainty=0.26) == Outcome.ERROR
    # Blunt as it is, this is certainly outside.
    assert outcome(1.53, uncertainty=0.26) == Outcome.FAIL


def test_around_takes_the_sign_of_the_nominal_value() -> None:
    assert around(-10.0, 0.1, "") == Limit(-11.0, -9.0, "")
    with pytest.raises(ValueError, match="above"):
        Limit(1.0, -1.0, "")


def test_the_worst_outcome_stands_for_all() -> None:
    good, bad, trouble, left_out = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIPPED
    assert worst([good, trouble, bad]) == bad
    assert worst([good, trouble, left_out]) == trouble
    assert worst([good, left_out]) == good
    assert worst([left_out]) == left_out
    assert worst([]) == left_out


def test_mean_and_its_standard_error() -> None:
    mean, error, count = mean_and_uncertainty([1.0, 2.0, 3.0, 4.0])
    assert (mean, count) == (2.5, 4)
    # Variance 5/3, by four, square root.
    assert error == pytest.approx(math.sqrt(5.0 / 12.0))
    assert math.isnan(mean_and_uncertainty([])[0])
