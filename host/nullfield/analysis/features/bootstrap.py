"""Confidence intervals by resampling beats (Efron and Tibshirani, An Introduction to the Bootstrap,
1993).

Groups of neighbouring beats are drawn with replacement, all resamples at once. What differs is only
their means, and those enter the features linearly up to the last step, so that hundreds of
resamples cost little more than one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.features.feature import Interval
from nullfield.analysis.features.field_angle import difference_deg
from nullfield.analysis.groups import BeatGroups
from nullfield.dsp.gaps import FloatArray

FEWEST_GROUPS = 5
FEW_BEATS = f"fewer than {FEWEST_GROUPS} beats: no interval"
_CHUNK_VALUES = 8_000_000
_LEVELS = (2.5, 97.5)


class BeatBootstrap:
    """Resampled averages.

    Parameters
    ----------
    average : AveragedBeat
        Resamples scatter around it, whatever weights it was made with.
    groups : BeatGroups
    n_resamples : int
    seed : int
    """

    def __init__(
        self, average: AveragedBeat, groups: BeatGroups, n_resamples: int = 400, seed: int = 0
    ) -> None:
        self.average = average
        self.n_resamples = n_resamples
        count = len(groups.beats)
        self.n_groups = count
        random = np.random.default_rng(seed)
        drawn = random.multinomial(count, np.full(count, 1.0 / count), size=n_resamples)
        self._beats = np.asarray(groups.beats, dtype=np.float64)
        self._weights = drawn * self._beats
        self._known = np.asarray(np.isfinite(groups.field_pt).all(axis=2))
        self._field = groups.field_pt
        # The scatter of n means about their own mean is too small by (n - 1)/n in variance.
        self._widen = np.sqrt(count / (count - 1)) if count > 1 else np.nan

    @property
    def is_possible(self) -> bool:
        """Enough groups to say how they scatter."""
        return self.n_groups >= FEWEST_GROUPS

    def fields(self, index: int | slice) -> FloatArray:
        """Resampled averages at one sample or a stretch of them.

        Returns
        -------
        numpy.ndarray, shape ``(n_resamples, n_channels)`` or ``(n_resamples, n_channels, n)``
            pT; NaN where the average has no value.
        """
        at = slice(index, index + 1) if isinstance(index, int) else index
        whole = self._resample(self._weights, at)
        return whole[:, :, 0] if isinstance(index, int) else whole

    def averages(self, n_resamples: int) -> Iterator[FloatArray]:
        """Whole resampled averages one by one, shape ``(n_channels, n_times)``, pT."""
        size = max(1, _CHUNK_VALUES // max(1, self.average.field_pt.size))
        for start in range(0, min(n_resamples, self.n_resamples), size):
            stop = min(start + size, n_resamples, self.n_resamples)
            yield from self._resample(self._weights[start:stop], slice(None))

    def _resample(self, weights: FloatArray, at: slice) -> FloatArray:
        part = np.where(self._known[:, :, None], self._field[:, :, at], np.float32(0.0))
        flat = part.reshape(len(part), -1)
        known = self._known.astype(np.float64)
        total = (weights.astype(np.float32) @ flat).reshape(len(weights), *part.shape[1:])
        plain = (self._beats.astype(np.float32) @ flat).reshape(part.shape[1:])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / (weights @ known)[:, :, None]
            centre = plain / (self._beats @ known)[:, None]
        # A channel that no drawn group holds stays at its average.
        change = np.nan_to_num(mean - centre) * self._widen
        return np.asarray(self.average.field_pt[None, :, at] + change)


def percentile_interval(draws: FloatArray) -> Interval | None:
    """2.5 and 97.5 % of the finite draws; None if more than a tenth of them are missing."""
    kept = draws[np.isfinite(draws)]
    if len(kept) < 0.9 * len(draws) or not len(kept):
        return None
    low, high = np.percentile(kept, _LEVELS)
    return float(low), float(high)


def reflected_interval(
    value: float, draws: FloatArray, floor: float | None = 0.0
) -> Interval | None:
    """Basic bootstrap interval: the draws reflected about the value, not below `floor`.

    For spreads and maxima, which noise raises: resampling raises them once more, and reflection
    takes that off again.
    """
    found = percentile_interval(draws)
    if found is None:
        return None
    low, high = 2.0 * value - found[1], 2.0 * value - found[0]
    return (low, high) if floor is None else (max(low, floor), max(high, floor))


def circular_interval(value_deg: float, draws_deg: FloatArray) -> Interval | None:
    """Interval of an angle, from differences to it; may pass beyond +-180 degrees."""
    found = percentile_interval(difference_deg(draws_deg, value_deg))
    return None if found is None else (value_deg + found[0], value_deg + found[1])
