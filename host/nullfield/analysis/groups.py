"""Means over groups of beats: what a bootstrap needs of a recording, however long it is.

The scatter between groups of neighbouring beats tells the error of the average as the scatter
between beats does (a block bootstrap), and slow changes of the heart's field are kept in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import FloatArray, IntArray

MOST_GROUPS = 200
MOST_VALUES = 60_000_000
"""Groups times channels times samples kept, four bytes each."""


@dataclass(frozen=True)
class BeatGroups:
    """Mean field of groups of beats.

    Attributes
    ----------
    field_pt : numpy.ndarray of float32, shape ``(n_groups, n_channels, n_times)``
        NaN for a channel in which no beat of the group is whole.
    beats : numpy.ndarray of int, shape ``(n_groups,)``
        Beats in each group.
    """

    field_pt: npt.NDArray[np.float32]
    beats: IntArray

    def at(self, index: int) -> FloatArray:
        """Field of every group at one sample, shape ``(n_groups, n_channels)``."""
        return np.asarray(self.field_pt[:, :, index], dtype=np.float64)


def beats_in_group(n_beats: int, n_channels: int, n_times: int) -> int:
    """Beats that go into one group, so that all groups together stay within bounds.

    Parameters
    ----------
    n_beats : int
        Expected in the whole recording.
    n_channels, n_times : int
    """
    most = max(20, min(MOST_GROUPS, MOST_VALUES // max(1, n_channels * n_times)))
    return max(1, -(-n_beats // most))


def group_beats(
    recording: FieldRecording, samples: IntArray, before: int, after: int, size: int
) -> BeatGroups:
    """Average beats in groups of `size`, in the order of time.

    Parameters
    ----------
    recording : FieldRecording
        With its baseline removed.
    samples : numpy.ndarray of int, shape ``(n_beats,)``
        R marks of the beats to use; their windows lie within the recording.
    before, after : int
        Samples of the window to either side of the mark.
    size : int
        Beats in a group; the last one may have fewer.
    """
    parts = [samples[i : i + size] for i in range(0, len(samples), size)]
    # A short rest would be a noisy group of its own.
    if len(parts) > 1 and len(parts[-1]) < size / 2:
        parts[-2:] = [np.concatenate(parts[-2:])]
    offsets = np.arange(-before, after + 1)
    clean = recording.field_pt
    good = recording.usable
    out = np.full((len(parts), recording.array.n_channels, len(offsets)), np.nan, dtype=np.float32)
    for group, part in enumerate(parts):
        total = np.zeros(out.shape[1:])
        count = np.zeros(out.shape[1])
        for sample in part:
            window = slice(sample - before, sample + after + 1)
            whole = good[:, window].all(axis=1)
            total[whole] += clean[whole, window]
            count += whole
        some = count > 0
        out[group, some] = total[some] / count[some, None]
    return BeatGroups(out, np.array([len(part) for part in parts], dtype=np.int64))
