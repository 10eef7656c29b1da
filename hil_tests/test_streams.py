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


def assert_lossless(board: Any, window: Any) -> None:
    """Every row once, in order, and no frame damaged."""
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
    window = board.wait_samples(3000, 60.0 if target.name == "emulated" else GENEROUS_S)
    assert len(window) == 3000
    assert_lossless(board, window)


@pytest.mark.needs("long")
@pytest.mark.slow
def test_stream_without_loss_for_ten_minutes(board: Any, target: Any) -> None:
    fit_to_line(board, target)
    board.stream_start()
    board.wait_samples(100, GENEROUS_S)
    for _ in range(600):
        board.samples.clear()
        window = board.wait_samples(1000, 120.0)
        assert len(window) == 1000
        assert_lossless(board, window)


def test_settings_while_streaming_cost_no_sample(board: Any, target: Any) -> None:
    fit_to_line(board, target)
    board.stream_start()
    board.wait_samples(50, GENEROUS_S)
    board.samples.clear()
    for _ in range(3):
        board.settings.read_all()
    board.wait_samples(50, GENEROUS_S)
    assert board.samples.gaps == []
