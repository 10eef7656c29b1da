"""Which point of a sweep is the best, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Preference = Literal["nearest", "highest"]


@dataclass(frozen=True)
class Choice:
    """The value to take.

    Attributes
    ----------
    value : float
    index : int
        Its point.
    lowest_index : int
        The point of the lowest noise.
    as_good : tuple of int
        Points that cannot be told from the lowest.
    relative : numpy.ndarray, shape ``(n_points,)``
        Noise by the channels' mean over all points, 1 on the average; NaN at failed points.
    uncertainty : numpy.ndarray, shape ``(n_points,)``
        Its standard error over the channels; zero where there is one channel only.
    """

    value: float
    index: int
    lowest_index: int
    as_good: tuple[int, ...]
    relative: FloatArray
    uncertainty: FloatArray


def choose(
    values: FloatArray,
    noise: FloatArray,
    present: float,
    prefer: Preference = "nearest",
) -> Choice | None:
    """Choose a value by its noise.

    Channels differ in noise by far more than one channel's noise changes along the sweep, so each is
    first brought to its own mean. All points within two standard errors of the lowest are as good; of
    these the one nearest to the present value is taken, so that nothing is changed without reason.

    Parameters
    ----------
    values : numpy.ndarray, shape ``(n_points,)``
    noise : numpy.ndarray, shape ``(n_points, n_channels)``
        NaN where a channel did not work.
    present : float
        Value in force before the sweep.
    prefer : str
        ``"highest"``: the highest value as good, for settings that are good by themselves, as a
        bandwidth.

    Returns
    -------
    Choice or None
        None if no point worked.
    """
    worked = np.isfinite(noise)
    # Where fewer channels work than elsewhere, a point is no candidate.
    count = worked.sum(axis=1)
    candidates = np.flatnonzero((count == count.max(initial=0)) & (count > 0))
    if not len(candidates):
        return None
    channels = worked[candidates].all(axis=0)
    if not channels.any():
        return None
    logs = np.log(noise[np.ix_(candidates, np.flatnonzero(channels))])
    logs = logs - logs.mean(axis=0)
    n_channels = logs.shape[1]
    mean = logs.mean(axis=1)
    error = (
        logs.std(axis=1, ddof=1) / np.sqrt(n_channels) if n_channels > 1 else np.zeros(len(mean))
    )
    lowest = int(np.argmin(mean))
    reach = 2.0 * np.hypot(error, error[lowest])
    good = np.flatnonzero(mean - mean[lowest] <= reach)
    if prefer == "highest":
        taken = int(good[np.argmax(values[candidates][good])])
    else:
        taken = int(good[np.argmin(np.abs(values[candidates][good] - present))])
    relative = np.full(len(values), np.nan)
    uncertainty = np.full(len(values), np.nan)
    relative[candidates] = np.exp(mean)
    uncertainty[candidates] = np.exp(mean) * error
    index = int(candidates[taken])
    return Choice(
        float(values[index]),
        index,
        int(candidates[lowest]),
        tuple(int(candidates[k]) for k in good),
        relative,
        uncertainty,
    )
