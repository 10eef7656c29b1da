"""Gaps: where they are, and how to work between them without inventing samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def runs(mask: npt.ArrayLike) -> list[tuple[int, int]]:
    """Runs of True.

    Parameters
    ----------
    mask : array_like of bool, shape ``(n_samples,)``

    Returns
    -------
    list of (int, int)
        Start and stop (exclusive) of each.
    """
    edges = np.diff(np.concatenate(([0], np.asarray(mask, dtype=bool).astype(np.int8), [0])))
    starts = np.flatnonzero(edges == 1)
    stops = np.flatnonzero(edges == -1)
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def usable(field_pt: FloatArray, valid: BoolArray | None = None) -> BoolArray:
    """Samples that may be used: finite, and valid where that is told."""
    finite = np.isfinite(field_pt)
    return np.asarray(finite if valid is None else finite & valid)


def shared_segments(good: BoolArray) -> Iterator[tuple[IntArray, int, int]]:
    """Walk over the gap-free pieces, channels with the same gaps together.

    Parameters
    ----------
    good : numpy.ndarray of bool, shape ``(n_channels, n_samples)``

    Yields
    ------
    channels : numpy.ndarray of int
    start, stop : int
        The piece, stop exclusive.
    """
    groups: dict[bytes, list[int]] = {}
    for channel, row in enumerate(good):
        groups.setdefault(np.packbits(row).tobytes(), []).append(channel)
    for channels in groups.values():
        index = np.array(channels, dtype=np.int64)
        for start, stop in runs(good[channels[0]]):
            yield index, start, stop
