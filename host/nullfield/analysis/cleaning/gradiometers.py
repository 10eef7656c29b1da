"""Synthetic gradiometers: geometry alone says what is subtracted, nothing is fitted to the data.

From references: the field of far sources is told from the reference heads as a uniform field, or
with its gradients where they suffice, and subtracted where the chest channels are. From pairs: each
channel less the one of the same axis above it; the upper layer then serves as reference only.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.cleaning.harmonics import outer_basis
from nullfield.analysis.cleaning.heart import LEAST_KEPT_SHARE, ensemble, kept_share_of
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.spatial import trial_db
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray

_LARGEST_NOISE_GAIN = 3.0
"""A reference far away that has to be extrapolated by more brings more noise than it removes."""
_LEAST_BASELINE_M = 0.03
_LARGEST_BASELINE_M = 0.15
_LARGEST_TILT = 0.1
_STEEPEST = 0.5
"""The upper channel of a pair is above the lower one: sideways by half the height at most."""
_RANK = 1e-3
_NAME = "gradiometers"


def gradiometer_step(work: Work, settings: CleaningSettings) -> CleaningStep:
    """Make gradiometers, in place.

    Channels of an upper layer are added to `work.bad`.

    Returns
    -------
    CleaningStep
        `parameters`: ``kind``, ``noise_gain`` (sensor noise after over before, RMS over the
        channels), ``terms`` (of the field that the references tell) or ``pairs``.
    """
    by_references = settings.gradiometers == "references"
    found = _from_references(work) if by_references else _from_pairs(work)
    if isinstance(found, str):
        return CleaningStep(_NAME, False, found, parameters={"kind": settings.gradiometers})
    rows, sources, weights, told = found
    gain = float(np.sqrt(1.0 + (weights**2).sum() / len(rows)))
    share = _share(work, rows, sources, weights)
    parameters = {"kind": settings.gradiometers, "noise_gain": gain, **told}
    reason = ""
    if gain > _LARGEST_NOISE_GAIN:
        reason = f"sensor noise would grow {gain:.1f} times: the references are too far or too few"
    elif share < LEAST_KEPT_SHARE:
        reason = (
            f"the baseline over this array would leave {100 * share:.0f} % of the worst heart,"
            f" {100 * LEAST_KEPT_SHARE:.0f} % are needed: use a second layer higher up or references"
        )
    else:
        both = np.concatenate([rows, sources])
        count = len(rows)
        gain_db = trial_db(
            work,
            both,
            lambda values: np.concatenate(
                [values[:count] - weights @ values[count:], values[count:]]
            ),
            np.arange(count),
        )
        if gain_db is not None and gain_db < settings.least_gain_db:
            reason = f"it would take away {gain_db:.1f} dB only: not used"
    if reason:
        return CleaningStep(_NAME, False, reason, None, share, parameters)
    for block in work.blocks():
        work.field_pt[rows, block] -= weights @ work.field_pt[sources, block]
    matrix = np.eye(work.n_channels)
    matrix[np.ix_(rows, sources)] -= weights
    work.then(matrix)
    if not by_references:
        work.bad[sources] = True
    reason = f"{len(rows)} channels less what {len(sources)} others tell"
    return CleaningStep(_NAME, True, reason, None, share, parameters)


_Found = tuple[IntArray, IntArray, FloatArray, dict[str, int]]


def _from_references(work: Work) -> _Found | str:
    array = work.array
    usable = array.has_place & ~work.bad & np.isfinite(work.field_pt).any(axis=1)
    sources = np.flatnonzero(array.is_reference & usable)
    rows = np.flatnonzero(work.placed_chest)
    if not len(sources):
        return "no working reference heads with a known place in this recording"
    if not len(rows):
        return "no good chest channel has a known place"
    both = np.concatenate([rows, sources])
    middle_m = array.positions_m[both].mean(axis=0)
    # The richest field that the references tell with confidence.
    for order in (2, 1):
        terms = order * (order + 2)
        basis = outer_basis(array.positions_m[both] - middle_m, array.orientations[both], order)
        here, there = basis[: len(rows)], basis[len(rows) :]
        # Terms that the chest does not see need not be told.
        needed = np.linalg.norm(here, axis=0) > _RANK
        size = np.linalg.svd(there[:, needed], compute_uv=False)
        if len(sources) < terms or size[-1] < _RANK * size[0] or len(size) < needed.sum():
            continue
        weights = here[:, needed] @ np.linalg.pinv(there[:, needed])
        if order == 1 or np.sqrt(1.0 + (weights**2).sum() / len(rows)) <= _LARGEST_NOISE_GAIN:
            return rows, sources, np.asarray(weights), {"terms": int(needed.sum())}
    return "the reference heads do not see all three directions of a uniform field"


def _from_pairs(work: Work) -> _Found | str:
    array = work.array
    chest = np.flatnonzero(work.placed_chest)
    if len(chest) < 2:
        return "fewer than two chest channels have a known place"
    lower: list[int] = []
    upper: list[int] = []
    for channel in chest:
        offset = array.positions_m[chest] - array.positions_m[channel]
        sideways, height = np.hypot(offset[:, 0], offset[:, 1]), offset[:, 2]
        same = np.abs(array.orientations[chest] @ array.orientations[channel]) > 1 - _LARGEST_TILT
        fits = (
            same
            & (height >= _LEAST_BASELINE_M)
            & (height <= _LARGEST_BASELINE_M)
            & (sideways <= _STEEPEST * height)
        )
        if fits.any():
            nearest = np.where(fits, np.hypot(sideways, height), np.inf).argmin()
            lower.append(int(channel))
            upper.append(int(chest[nearest]))
    # A channel that is subtracted from others is not itself made a gradiometer.
    pairs = [(a, b) for a, b in zip(lower, upper, strict=True) if b not in lower]
    if not pairs:
        return (
            "no channel has one of the same axis 3 to 15 cm above it: in one layer the difference of"
            " neighbours is a slope of the heart's field, not the field"
        )
    rows = np.array([a for a, _ in pairs])
    sources = np.unique([b for _, b in pairs])
    weights = np.zeros((len(rows), len(sources)))
    for row, (a, b) in enumerate(pairs):
        sign = np.sign(array.orientations[a] @ array.orientations[b])
        weights[row, np.searchsorted(sources, b)] = sign
    return rows, sources, weights, {"pairs": len(pairs)}


def _share(work: Work, rows: IntArray, sources: IntArray, weights: FloatArray) -> float:
    """Kept share over the corrected channels, with what the heart does to the others."""
    channels: BoolArray = np.zeros(work.n_channels, dtype=bool)
    channels[rows] = channels[sources] = True
    order = np.flatnonzero(channels)
    # The ensemble lies below the chest channels, wherever the references are.
    leads = ensemble(work.array, channels, below=work.placed_chest)
    at = {channel: i for i, channel in enumerate(order)}
    here = leads[:, [at[row] for row in rows]]
    there = leads[:, [at[source] for source in sources]]
    after = here - np.einsum("rs,dsj->drj", weights, there)
    return kept_share_of(here, after)
