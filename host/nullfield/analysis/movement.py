"""Whether the heart's field at the R peak changed over a recording: who moved lies elsewhere.

The first third of the beats is compared with the last. What noise alone would make of the
difference is taken off, as the scatter of the groups of beats within each third tells it. A field
that grows or turns for another reason (posture of the breath, position of the array) shows as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.groups import BeatGroups
from nullfield.dsp.gaps import FloatArray

_FEWEST_GROUPS = 6


@dataclass(frozen=True)
class FieldChange:
    """Difference of the field between the first and the last third of the beats.

    Attributes
    ----------
    share : float
        Root mean square over the channels, noise taken off, as a share of the mean field's.
    noise_share : float
        What noise alone was expected to give.
    """

    share: float
    noise_share: float


def field_change(groups: BeatGroups, index: int, used: npt.NDArray[np.bool_]) -> FieldChange | None:
    """Compare the first and the last third of the beats at one sample.

    Parameters
    ----------
    groups : BeatGroups
        In the order of time.
    index : int
        Sample of the averaged beat, best of its R peak.
    used : numpy.ndarray of bool, shape ``(n_channels,)``

    Returns
    -------
    FieldChange or None
        None below six groups, without a channel that all groups have, or without a field.
    """
    field_pt = groups.at(index)
    whole = used & np.isfinite(field_pt).all(axis=0)
    third = len(field_pt) // 3
    if len(field_pt) < _FEWEST_GROUPS or not whole.any():
        return None
    first, last = field_pt[:third, whole], field_pt[-third:, whole]
    mean_square = float(np.mean(np.mean(field_pt[:, whole], axis=0) ** 2))
    if mean_square == 0.0:
        return None
    noise_square = float(np.mean(_variance_of_mean(first) + _variance_of_mean(last)))
    square = float(np.mean((last.mean(axis=0) - first.mean(axis=0)) ** 2))
    return FieldChange(
        float(np.sqrt(max(square - noise_square, 0.0) / mean_square)),
        float(np.sqrt(noise_square / mean_square)),
    )


def _variance_of_mean(groups_pt: FloatArray) -> FloatArray:
    return np.asarray(groups_pt.var(axis=0, ddof=1) / len(groups_pt))
