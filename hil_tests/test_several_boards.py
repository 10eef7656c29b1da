"""Boards side by side: streams do not cost one another a row, and their clocks agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_streams import GENEROUS_S, assert_lossless, fit_to_line

from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.transport.serial_port import SerialTransport


@pytest.fixture
def boards(target: Any) -> Iterator[list[Board[Any]]]:
    """Every board of the target at once."""
    if len(target.ports) < 2:
        pytest.skip("missing a second board: give --port A|B")
    clock = target.make_clock()
    opened: list[Board[Any]] = []
    before: list[float] = []
    try:
        for port in target.ports.values():
            opened.append(connect(SerialTransport(port), clock))
        before = [board.settings.get("rows_per_frame") for board in opened]
        yield opened
    finally:
        for board, rows in zip(opened, before, strict=False):
            board.stream_stop()
            board.safe_off()
            board.settings.set("rows_per_frame", rows)
            board.close()


def test_all_stream_at_once_without_loss(boards: list[Board[Any]], target: Any) -> None:
    for board in boards:
        fit_to_line(board, target)
        board.stream_start()
    for board in boards:
        board.wait_samples(50, GENEROUS_S)
        board.samples.clear()
    for board in boards:
        window = board.wait_samples(2000, 60.0)
        assert len(window) == 2000
        assert_lossless(board, window, target)


def test_uids_differ(boards: list[Board[Any]]) -> None:
    uids = [board.uid for board in boards]
    assert len(set(uids)) == len(uids)


def test_all_boards_make_rows_at_one_rate(boards: list[Board[Any]], target: Any) -> None:
    """Counted over the same stretch of time: a wrong block clock shows at once."""
    for board in boards:
        fit_to_line(board, target)
        board.stream_start()
    for board in boards:
        board.wait_samples(50, GENEROUS_S)
    first = boards[0]
    starts = [board.samples.next_index for board in boards]
    first.wait_samples(5000, 120.0)
    ends = [board.samples.next_index for board in boards]
    counts = np.array(ends) - np.array(starts)
    # Crystals of 100 ppm make half a row; the rest is what waits in buffers between board and host.
    assert counts == pytest.approx(counts[0], abs=250)
