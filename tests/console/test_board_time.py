"""A board's clock followed by when its frames came."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.console.board_time import BoardTime
from nullfield.devices.samples import SampleBlock

ROWS = 16
PERIOD_US = 1000


def block(
    number: int, drift: float = 0.0, late_s: float = 0.0, offset_s: float = 5.0
) -> SampleBlock:
    """A frame that needed 2 ms, or longer, on its way."""
    board_us = number * ROWS * PERIOD_US
    end_s = (board_us + ROWS * PERIOD_US) * 1e-6
    came_s = end_s * (1 + drift) + offset_s + 2e-3 + late_s
    return SampleBlock(number * ROWS, board_us, PERIOD_US, came_s, np.zeros(ROWS))


def test_the_fastest_frame_counts() -> None:
    time = BoardTime()
    blocks = [block(0, late_s=0.03), block(1), block(2, late_s=0.5)]
    time.follow(blocks)
    # Row 16 is the first of block 1: taken 16 ms after power-on of the board.
    assert time.host_time_s(blocks[1], 16) == pytest.approx(5.016 + 2e-3, abs=1e-9)
    assert time.host_time_s(blocks[2], 16) == pytest.approx(5.016 + 2e-3, abs=1e-9)


def test_the_drift_of_a_crystal_is_followed_without_turning_time_round() -> None:
    time = BoardTime()
    last_s = -1.0
    for number in range(20_000):
        one = block(number, drift=60e-6, late_s=0.02 * (number % 7 != 0))
        time.follow([block(max(number - n, 0), 60e-6, 0.02 * ((number - n) % 7 != 0))
                     for n in range(8, -1, -1)])  # fmt: skip
        now_s = time.host_time_s(one, one.start)
        assert now_s > last_s
        last_s = now_s
    true_s = one.board_time_us * 1e-6 * (1 + 60e-6) + 5.0
    assert last_s - true_s == pytest.approx(2e-3, abs=0.5e-3)


def test_a_board_that_begins_anew_is_taken_anew() -> None:
    time = BoardTime()
    time.follow([block(1000)])
    anew = block(0, offset_s=77.0)
    time.follow([anew])
    assert time.host_time_s(anew, 0) == pytest.approx(77.0 + 2e-3)


def test_nothing_is_told_before_the_first_block() -> None:
    with pytest.raises(ValueError, match="no block"):
        BoardTime().host_time_s(block(0), 0)


def test_no_new_block_changes_nothing() -> None:
    time = BoardTime()
    one = block(3)
    time.follow([one])
    before_s = time.host_time_s(one, 50)
    time.follow([])
    assert time.host_time_s(one, 50) == before_s
