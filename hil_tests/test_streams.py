"""Sample streams: nothing lost, nothing doubled, whatever else is asked meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

GENEROUS_S = 30.0


def fit_to_line(board: Any, target: Any) -> None:
    """Longer frames on a slow line: fewer headers a row."""
    if target.link_bytes_per_s < 100_000:
        board.settings.set("rows_per_frame", 16)


def assert_lossless(board: Any, window: Any, target: Any) -> None:
    """Every row once, in order, and no frame damaged.

    The emulated RP2040 does not get through every block in time, and the board says so: there, no row
    may be missing for any other reason.
    """
    # The board's own counters, from after the window.
    before = board.link.last_heartbeat
    assert board.clock.wait(lambda: board.link.last_heartbeat is not before, GENEROUS_S)
    if target.name == "emulated":
        assert {gap.cause for gap in board.samples.gaps} <= {"board_blocks"}
        missing = int((np.diff(window.index) - 1).sum())
        assert missing <= board.link.last_heartbeat.missed_blocks
        assert np.all(np.diff(window.index) >= 1)
    else:
        assert np.all(np.diff(window.index) == 1)
        assert board.samples.gaps == []
    assert not board.link.statistics.lost_frames
    assert not board.link.statistics.errors
    assert board.link.last_heartbeat.dropped_rows == 0
    assert board.link.last_heartbeat.dropped_frames == 0


def test_stream_without_loss(board: Any, target: Any) -> None:
    fit_to_line(board, target)
    board.stream_start()
    board.wait_samples(100, GENEROUS_S)
    board.samples.clear()
    window = board.wait_samples(3000, GENEROUS_S)
    assert len(window) == 3000 or target.name == "emulated"
    assert_lossless(board, window, target)


@pytest.mark.needs("long")
@pytest.mark.slow
def test_stream_without_loss_for_ten_minutes(board: Any, target: Any) -> None:
    fit_to_line(board, target)
    board.stream_start()
    board.wait_samples(100, GENEROUS_S)
    for _ in range(600):
        board.samples.clear()
        window = board.wait_samples(1000, 120.0)
        assert len(window) == 1000 or target.name == "emulated"
        assert_lossless(board, window, target)


def test_settings_while_streaming_cost_no_sample(board: Any, target: Any) -> None:
    fit_to_line(board, target)
    board.stream_start()
    board.wait_samples(50, GENEROUS_S)
    board.samples.clear()
    for _ in range(3):
        board.settings.read_all()
    window = board.wait_samples(50, GENEROUS_S)
    assert_lossless(board, window, target)
