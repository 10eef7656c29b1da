"""Heads whose gain is no longer what it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.calibration import Calibration

FloatArray = npt.NDArray[np.float64]

LEAST_CHANGE = 0.01
"""Share of a gain; below this a head is left in peace whatever its uncertainty."""
_SIGMAS = 5.0
_AXES = "xyb"


@dataclass(frozen=True)
class GainChange:
    """One axis of one head that drifted.

    Attributes
    ----------
    head : str
    axis : str
        ``x``, ``y`` or ``b``.
    share : float
        Change of the gain, less what all heads have in common.
    """

    head: str
    axis: str
    share: float

    @property
    def text(self) -> str:
        """One line."""
        return f"head {self.head}: its {self.axis} gain changed by {self.share:+.1%}"


def changed_gains(before: Calibration, now: Calibration) -> tuple[GainChange, ...]:
    """Heads whose fitted gain differs between two calibrations of one array.

    The scale that all have in common is no drift of a head, and unknown without a standard; it is
    taken out as the median.
    """
    both = [name for name in now.heads if name in before.heads]
    old = [before.heads.index(name) for name in both]
    new = [now.heads.index(name) for name in both]
    ratio = now.head_gain[new] / before.head_gain[old]
    sigma = np.hypot(now.head_gain_sigma[new], before.head_gain_sigma[old])
    return _changes(tuple(both), ratio, sigma)


def changed_responses(
    before: Calibration,
    heads: tuple[str, ...],
    coils: tuple[str, ...],
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
) -> tuple[GainChange, ...]:
    """Heads that see the room's coils otherwise than when they were calibrated.

    Nulling measures the coils' effect anyway: each head's is compared with the stored one, by a factor
    of each axis.

    Parameters
    ----------
    before : Calibration
    heads, coils : tuple of str
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    """
    both = [name for name in heads if name in before.heads]
    shared = [name for name in coils if name in before.coils]
    if not both or not shared:
        return ()
    rows, old_rows = [heads.index(n) for n in both], [before.heads.index(n) for n in both]
    columns, old_columns = [coils.index(c) for c in shared], [before.coils.index(c) for c in shared]
    new = response_pt_per_ma[np.ix_(rows, range(3), columns)]
    old = before.expected_response_pt_per_ma(tuple(both))[:, :, old_columns]
    sigma = np.hypot(
        uncertainty_pt_per_ma[np.ix_(rows, range(3), columns)],
        before.uncertainty_pt_per_ma[np.ix_(old_rows, range(3), old_columns)],
    )
    weight = 1.0 / np.maximum(sigma, 1e-9) ** 2
    power = np.maximum(np.sum(weight * old**2, axis=2), 1e-30)
    ratio = np.sum(weight * new * old, axis=2) / power
    return _changes(tuple(both), ratio, 1.0 / np.sqrt(power))


def _changes(
    heads: tuple[str, ...], ratio: FloatArray, sigma: FloatArray
) -> tuple[GainChange, ...]:
    if not len(heads):
        return ()
    share = ratio / np.nanmedian(ratio) - 1.0
    is_changed = (np.abs(share) > LEAST_CHANGE) & (np.abs(share) > _SIGMAS * sigma)
    return tuple(
        GainChange(heads[i], _AXES[a], float(share[i, a])) for i, a in np.argwhere(is_changed)
    )
