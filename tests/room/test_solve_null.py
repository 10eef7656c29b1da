"""Bounded null: what limits cost, weights, heads that are stood in for; the turns of a null."""

import numpy as np
import pytest
from room_examples import Example

from nullfield.errors import ProcedureError
from nullfield.room.solve_null import solve_null, spread_to

LIMIT = np.full(8, 10.0)


def rms(values):
    return float(np.sqrt(np.mean(np.asarray(values) ** 2)))


def of_array(example):
    near = example.near
    return example.field_pt[near].reshape(-1), example.response_pt_per_ma[near].reshape(-1, 8)


def test_a_room_of_70_nt_is_nulled_to_what_eight_coils_cannot_reach():
    field, matrix = of_array(Example(room_residual_nt=70.0))
    solution = solve_null(field, matrix, LIMIT)
    assert not solution.limited.any()
    assert rms(field + matrix @ solution.current_ma) == pytest.approx(solution.left_pt)
    assert solution.left_pt < 700.0 < 0.02 * rms(field)
    np.testing.assert_allclose(solution.current_ma, solution.wanted_ma, atol=1e-3)


def test_disturbance_the_field_moves_between_turns_and_is_followed():
    field, matrix = of_array(Example(room_residual_nt=70.0))
    rng = np.random.default_rng(1)
    guess = matrix * (1.0 + 0.02 * rng.standard_normal(matrix.shape))
    current = np.zeros(8)
    left = []
    for _ in range(3):
        # The room drifts by half a nanotesla in a turn, along x of every head.
        field = field + np.tile([500.0, 0.0, 0.0], len(field) // 3)
        solution = solve_null(field + matrix @ current, guess, LIMIT, current)
        current = solution.current_ma
        left.append(rms(field + matrix @ current))
    best = solve_null(field, matrix, LIMIT).left_pt
    assert left[-1] < best + 20.0
    # Judged by its effort, too: it does not chase what it cannot reach.
    assert np.abs(current).max() < 10.0


def test_saturation_is_told_with_what_it_would_have_taken():
    field, matrix = of_array(Example(room_residual_nt=70.0))
    free = solve_null(field, matrix, LIMIT)
    largest = int(np.abs(free.current_ma).argmax())
    limit = LIMIT.copy()
    limit[largest] = 0.5 * abs(free.current_ma[largest])
    solution = solve_null(field, matrix, limit)
    assert solution.limited[largest]
    assert np.all(np.abs(solution.current_ma) <= limit + 1e-12)
    np.testing.assert_allclose(solution.wanted_ma, free.wanted_ma, atol=1e-6)
    assert solution.left_pt > 10.0 * solution.wanted_left_pt
    assert rms(field + matrix @ solution.current_ma) == pytest.approx(solution.left_pt)


def test_saturation_lasts_only_as_long_as_the_field():
    """Out of its limit at once when the field goes back: nothing has wound up."""
    field, matrix = of_array(Example(room_residual_nt=70.0))
    limit = np.full(8, 1.0)
    held = solve_null(field, matrix, limit)
    assert held.limited.any()
    less = solve_null(0.1 * field + matrix @ held.current_ma, matrix, limit, held.current_ma)
    assert not less.limited.any()


def test_sensor_failure_a_noisy_head_is_weighted_down():
    field, matrix = of_array(Example(room_residual_nt=70.0))
    bad = field.copy()
    bad[30:33] += 30_000.0
    weight = np.ones(len(field))
    best = solve_null(field, matrix, LIMIT).left_pt
    spoilt = rms(field + matrix @ solve_null(bad, matrix, LIMIT).current_ma)
    weight[30:33] = 0.01
    weighted = rms(field + matrix @ solve_null(bad, matrix, LIMIT, weight=weight).current_ma)
    assert weighted < best + 30.0 < spoilt


def test_sensor_failure_dead_heads_are_stood_in_for():
    example = Example(room_residual_nt=70.0)
    field, matrix = of_array(example)
    # A corner of the array is dead: without a stand-in the null would let it go.
    dead = np.array([0, 1, 2, 6, 7, 8, 12, 13])
    alive = np.setdiff1d(np.arange(36), dead)
    place, axes = example.position_m, example.axes
    rows = (3 * alive[:, None] + np.arange(3)).reshape(-1)
    gone = (3 * dead[:, None] + np.arange(3)).reshape(-1)
    spread = spread_to(place[alive], axes[alive], place[dead], axes[dead])
    plain = solve_null(field[rows], matrix[rows], LIMIT).current_ma
    with_stand_in = solve_null(
        np.concatenate([field[rows], spread @ field[rows]]),
        np.vstack([matrix[rows], spread @ matrix[rows]]),
        LIMIT,
    ).current_ma
    there = [rms((field + matrix @ i)[gone]) for i in (plain, with_stand_in)]
    assert there[1] < there[0]


def test_a_reading_that_is_no_number_is_refused():
    field, matrix = of_array(Example())
    field[4] = np.nan
    with pytest.raises(ProcedureError, match="not finite") as refused:
        solve_null(field, matrix, LIMIT)
    assert "nullfield boards" in refused.value.hint


def test_spreading_needs_no_more_terms_than_the_readings_carry():
    example = Example("bench4")
    place, axes = example.position_m, example.axes
    spread = spread_to(place[:3], axes[:3], place[3:], axes[3:])
    assert spread.shape == (3, 9)
    # A uniform field is carried over as it is.
    uniform = np.einsum("nak,k->na", axes, np.array([100.0, -50.0, 20.0]))
    np.testing.assert_allclose(spread @ uniform[:3].reshape(-1), uniform[3], rtol=1e-4)
