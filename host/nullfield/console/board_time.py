"""When a board's sample was taken, on a clock of this machine, from when its frames came."""

from __future__ import annotations

from collections.abc import Sequence

from nullfield.devices.samples import SampleBlock

_SLEW = 200e-6
"""Fastest correction: above the 60 ppm of a free crystal, far below what would turn time round."""
_STEP_S = 0.1
"""A larger error is no drift: the board was reset, or this machine slept."""


class BoardTime:
    """Follows a board's clock by the frames that were fastest on their way.

    Queues only ever add to a frame's way, so the least difference between arrival and board time is
    the truest. What is left is the shortest way itself: samples seem late by it, some milliseconds.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._followed_s = 0.0

    def follow(self, blocks: Sequence[SampleBlock]) -> None:
        """Take newer blocks into account; without any nothing changes."""
        if not blocks:
            return
        found_s = min(block.host_time_s - _end_s(block) for block in blocks)
        now_s = _end_s(blocks[-1])
        if self._offset_s is None or abs(found_s - self._offset_s) > _STEP_S:
            self._offset_s = found_s
        else:
            most_s = _SLEW * max(now_s - self._followed_s, 0.0)
            error_s = found_s - self._offset_s
            self._offset_s += max(-most_s, min(most_s, error_s))
        self._followed_s = now_s

    def host_time_s(self, block: SampleBlock, index: int) -> float:
        """Host time of a row, reckoned from a block near it.

        Raises
        ------
        ValueError
            If no block was followed yet.
        """
        if self._offset_s is None:
            raise ValueError("no block was followed yet")
        board_us = block.board_time_us + (index - block.start) * block.row_period_us
        return board_us * 1e-6 + self._offset_s


def _end_s(block: SampleBlock) -> float:
    """Board time at the end of the block's last row: it cannot be sent before."""
    return (block.board_time_us + len(block.rows) * block.row_period_us) * 1e-6
