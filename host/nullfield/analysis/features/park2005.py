"""Changes of the field map as the T wave rises: angle, pole distance and pole ratio.

Park et al. (Ann. Noninvasive Electrocardiol. 10, 2005, 312-323) and later studies of that group
look at 30 ms between a third of the T wave's maximum and the maximum. The thresholds are those that
a review tabulates for them (table 2 of PMC10361573, 2023): change of the angle >= 45 degrees, of
the distance >= 20 mm, of the ratio >= 0.3, each counted as abnormal; the first publication's own
text was not at hand. Where in that stretch the 30 ms lie is not told there: here it is the window
of 30 ms with the largest change, and the whole stretch if that is shorter.

The same table gives -20 to +110 degrees for the angle itself, from the plus to the minus pole; as
it does not say where zero is and which way angles are counted, it is not used as a reference.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import BoolArray
from nullfield.analysis.features.feature import Definition
from nullfield.analysis.features.field_angle import unwrap_deg
from nullfield.analysis.features.poles import PoleSet
from nullfield.dsp.gaps import FloatArray

WINDOW_S = 0.030
MOST_TIMES = 16
_SOURCE = "Park et al., Ann. Noninvasive Electrocardiol. 10, 2005, 312-323; as in PMC10361573"
_LIMIT = "threshold of ischaemia studies, not a normal range: PMC10361573, table 2"
_WHERE = "within 30 ms between a third of the T wave's maximum and the maximum"

ANGLE_CHANGE = Definition(
    "T_angle_change", "deg", f"Largest change of the field-map angle {_WHERE}.",
    _SOURCE, (0.0, 45.0), _LIMIT,
)  # fmt: skip
DISTANCE_CHANGE = Definition(
    "T_distance_change", "mm", f"Largest change of the pole distance {_WHERE}.",
    _SOURCE, (0.0, 20.0), _LIMIT,
)  # fmt: skip
RATIO_CHANGE = Definition(
    "T_ratio_change", "", f"Largest change of the pole ratio {_WHERE}.",
    _SOURCE, (0.0, 0.3), _LIMIT,
)  # fmt: skip


def rising_samples(average: AveragedBeat, t_s: float, channels: BoolArray) -> slice:
    """Samples from a third of the T wave's maximum to the maximum.

    Parameters
    ----------
    average : AveragedBeat
    t_s : float
        T peak.
    channels : numpy.ndarray of bool, shape ``(n_channels,)``

    Returns
    -------
    slice
        Ends with the peak. Stepped, so that there are not more than about `MOST_TIMES`.
    """
    peak = average.index(t_s)
    rms = np.sqrt(np.mean(average.field_pt[channels] ** 2, axis=0))
    below = np.flatnonzero(rms[: peak + 1] < rms[peak] / 3.0)
    start = int(below[-1]) + 1 if len(below) else 0
    step = max(1, (peak - start + 1) // MOST_TIMES)
    start = peak - (peak - start) // step * step
    return slice(start, peak + 1, step)


def largest_change(series: FloatArray, step_s: float, *, is_angle: bool = False) -> FloatArray:
    """Largest range of a series within any window of 30 ms.

    Parameters
    ----------
    series : numpy.ndarray, shape ``(n, n_times)``
    step_s : float
        Between samples.
    is_angle : bool
        Degrees that may jump by a turn.

    Returns
    -------
    numpy.ndarray, shape ``(n,)``
        NaN where the series is missing at any time.
    """
    values = unwrap_deg(series) if is_angle else series
    length = min(values.shape[1], max(2, round(WINDOW_S / step_s) + 1))
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=1)
    return np.asarray((windows.max(axis=2) - windows.min(axis=2)).max(axis=1))


def changes(poles: PoleSet, n: int, step_s: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Changes of angle, distance and ratio of `n` series of fields, each shape ``(n,)``.

    Parameters
    ----------
    poles : PoleSet
        Of all fields, times within series.
    n : int
    step_s : float
    """
    angle, distance, ratio = (
        one.reshape(n, -1) for one in (poles.angle_deg, poles.distance_mm, poles.ratio)
    )
    return (
        largest_change(angle, step_s, is_angle=True),
        largest_change(distance, step_s),
        largest_change(ratio, step_s),
    )
