"""The currents that null a measured field: known answers, limits, and what cannot be solved."""

import numpy as np
import pytest

from nullfield.errors import ProcedureError
from nullfield.room.solve_null import solve_currents

WIDE = np.full(8, 10.0)


def response(n_heads=36, n_coils=8, seed=1):
    """Coils of some 10 nT a milliampere whose effects are independent."""
    return np.random.default_rng(seed).normal(0.0, 1e4, (3 * n_heads, n_coils))


def test_known_solution():
    matrix = response()
    wanted = np.array([1.0, -2.0, 3.0, 0.0, 0.5, -0.25, 4.0, -5.0])
    found = solve_currents(-matrix @ wanted, matrix, WIDE)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_no_field_needs_no_current():
    np.testing.assert_allclose(solve_currents(np.zeros(108), response(), WIDE), 0.0, atol=1e-9)


def test_present_currents_are_part_of_the_field():
    matrix = response()
    wanted = np.linspace(-3, 3, 8)
    present = np.linspace(2, -1, 8)
    field = matrix @ (present - wanted)
    found = solve_currents(field, matrix, WIDE, present)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_limits_hold_and_the_other_coils_do_what_they_can():
    rng = np.random.default_rng(3)
    # Two coils that overlap: with the first at its limit the second takes part of its work over.
    matrix = rng.normal(0.0, 1e4, (30, 2))
    matrix[:, 1] += 0.5 * matrix[:, 0]
    field = -matrix @ np.array([4.0, 0.0])
    limit = np.array([1.0, 10.0])
    found = solve_currents(field, matrix, limit)
    assert found[0] == pytest.approx(1.0, abs=1e-6)
    rest = field + matrix[:, 0]
    best = -(matrix[:, 1] @ rest) / (matrix[:, 1] @ matrix[:, 1])
    assert found[1] == pytest.approx(best, rel=1e-3)
    clipped = np.clip(np.array([4.0, 0.0]), -limit, limit)
    assert np.linalg.norm(field + matrix @ found) < np.linalg.norm(field + matrix @ clipped)


def test_limits_on_either_side():
    matrix = response(4, 2)
    limit = np.array([0.1, 0.2])
    found = solve_currents(-matrix @ np.array([50.0, -50.0]), matrix, limit)
    assert np.all(np.abs(found) <= limit + 1e-12)


def test_dead_coil_is_left_alone():
    matrix = response()
    matrix[:, 3] = 0.0
    wanted = np.array([1.0, -2.0, 3.0, 0.0, 0.5, -0.25, 4.0, -5.0])
    found = solve_currents(-matrix @ wanted, matrix, WIDE)
    assert found[3] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_coil_that_only_shows_noise_is_not_driven_hard():
    rng = np.random.default_rng(5)
    matrix = response(4)
    wanted = np.array([1.0, -2.0, 3.0, 0.0, 0.5, -0.25, 4.0, -5.0])
    field = -matrix @ wanted + rng.normal(0.0, 20.0, 12)
    # What is left over would ask for all that the coil can give.
    matrix[:, 3] = rng.normal(0.0, 0.3, 12)
    assert abs(solve_currents(field, matrix, WIDE)[3]) < 1.0
    assert abs(solve_currents(field, matrix, WIDE, penalty_pt_per_ma=0.0)[3]) > 5.0


def test_more_coils_than_field_values_stays_finite_and_small():
    matrix = response(2)
    wanted = np.full(8, 0.5)
    field = -matrix @ wanted
    found = solve_currents(field, matrix, WIDE)
    assert np.linalg.norm(field + matrix @ found) < 1e-3 * np.linalg.norm(field)
    # Of all currents that do it, those of least norm.
    assert np.linalg.norm(found) <= np.linalg.norm(wanted) + 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite(bad):
    field = np.zeros(108)
    field[7] = bad
    with pytest.raises(ProcedureError, match="not finite"):
        solve_currents(field, response(), WIDE)
    matrix = response()
    matrix[0, 0] = bad
    with pytest.raises(ProcedureError, match="not finite"):
        solve_currents(np.zeros(108), matrix, WIDE)


def test_no_coil_acts():
    with pytest.raises(ProcedureError, match="no coil changes the field") as caught:
        solve_currents(np.ones(12), np.full((12, 8), 1e-3), WIDE)
    assert "coil board" in caught.value.hint


def test_two_rounds_null_a_room_with_errors_of_measurement():
    """As the procedure runs it: the response is measured with 2 % error, the field with noise."""
    rng = np.random.default_rng(7)
    matrix = response(4)
    room = matrix @ rng.uniform(-4.0, 4.0, 8) + rng.normal(0.0, 50.0, 12)
    measured = matrix * (1.0 + rng.normal(0.0, 0.02, matrix.shape))
    current = np.zeros(8)
    left = [np.linalg.norm(room)]
    for _ in range(2):
        field = room + matrix @ current + rng.normal(0.0, 5.0, 12)
        current = solve_currents(field, measured, WIDE, current)
        left.append(np.linalg.norm(room + matrix @ current))
    floor = np.linalg.norm(room + matrix @ np.linalg.lstsq(matrix, -room, rcond=None)[0])
    assert left[1] < 0.2 * left[0]
    assert left[2] < 2.0 * floor + 50.0


def test_a_disturbance_during_the_measurement_is_mended_by_the_second_round():
    """A car goes by while one coil is measured: one column is off by 1 nT."""
    matrix = response(4)
    measured = matrix.copy()
    measured[:, 5] += 1e3 / 0.8
    room = matrix @ np.linspace(-3.0, 3.0, 8)
    current = np.zeros(8)
    for _ in range(2):
        current = solve_currents(room + matrix @ current, measured, WIDE, current)
    assert np.linalg.norm(room + matrix @ current) < 0.05 * np.linalg.norm(room)
