"""Independent components that do not follow the heart.

Off unless asked for: what a component is depends on the data, and a weak heart can share one with a
disturbance. A component is protected if it is stronger in the beats than between them. Of the
others only those go that make a notable part of the field between the beats.
"""

from __future__ import annotations

import warnings

import numpy as np

from nullfield.analysis.cleaning.heart import LEAST_KEPT_SHARE, ensemble, kept_share
from nullfield.analysis.cleaning.meter import HEART_BAND_HZ
from nullfield.analysis.cleaning.spatial import Operator, apply_operator, in_all
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.filters import band_pass
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.errors import AnalysisError
from nullfield.extras import library

_NAME = "components"
_MOST_COMPONENTS = 20
_LONGEST_S = 120.0
_SAMPLES_PER_SECOND = 125.0
_FEWEST_SECONDS = 10.0
_KEPT_VARIANCE = 0.999
PROTECTED_RATIO = 1.3
"""RMS in the beats over RMS between them; noise and disturbances do not know of the beats."""
LEAST_POWER_SHARE = 0.05
"""Of the power between the beats."""


def component_step(work: Work) -> CleaningStep:
    """Remove components that the heart has no part in, in place.

    Returns
    -------
    CleaningStep
        `parameters`: ``removed`` and ``protected`` (indices), ``beat_ratio`` and ``power_share``
        of every component.
    """
    try:
        return _component_step(work)
    except AnalysisError as error:
        return CleaningStep(_NAME, False, error.message)


def _component_step(work: Work) -> CleaningStep:
    rows = np.flatnonzero(work.chest)
    if len(rows) < 4:
        raise AnalysisError(f"{len(rows)} good chest channels are too few for components")
    quiet = work.quiet
    if quiet is None or quiet.all() or not quiet.any():
        raise AnalysisError(
            "no beats are known, so that a component of the heart could not be told from others"
        )
    seen, pause = _samples(work, rows, quiet)
    mixing, unmixing = _decompose(seen)
    activity = unmixing @ seen
    between = activity[:, pause].std(axis=1)
    ratio = activity[:, ~pause].std(axis=1) / np.maximum(between, 1e-300)
    power = between**2 * (mixing**2).sum(axis=0)
    power_share = power / float(seen[:, pause].var(axis=1).sum())
    goes = (ratio < PROTECTED_RATIO) & (power_share >= LEAST_POWER_SHARE)
    parameters = {
        "removed": np.flatnonzero(goes).tolist(),
        "protected": np.flatnonzero(ratio >= PROTECTED_RATIO).tolist(),
        "beat_ratio": ratio.tolist(),
        "power_share": power_share.tolist(),
    }
    if not goes.any():
        reason = "no component is both strong between the beats and free of the heart"
        return CleaningStep(_NAME, False, reason, parameters=parameters)
    taken, found = mixing[:, goes], unmixing[goes]
    matrix = np.eye(len(rows)) - taken @ found
    share = None
    if work.array.has_place[rows].all():
        share = kept_share(matrix, ensemble(work.array, work.chest))
        if share < LEAST_KEPT_SHARE:
            reason = (
                f"without {int(goes.sum())} components {100 * share:.0f} % of the worst heart would"
                f" be left, {100 * LEAST_KEPT_SHARE:.0f} % are needed"
            )
            return CleaningStep(_NAME, False, reason, None, share, parameters)

    def operator_for(present: IntArray) -> Operator | None:
        if len(present) != len(rows):
            return None
        return lambda values: values - taken @ (found @ values)

    lost = apply_operator(work, work.chest, operator_for)
    work.then(in_all(matrix, rows, work.n_channels))
    told = f"{int(goes.sum())} of {len(ratio)} components removed"
    if lost:
        told += f"; {lost} samples lost that some channels miss"
    return CleaningStep(_NAME, True, told, None, share, parameters)


def _samples(work: Work, rows: IntArray, quiet: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Field in the heart's band where all channels are there, thinned out; and the pauses."""
    stop = min(work.n_samples, round(_LONGEST_S * work.rate_hz))
    high_hz = min(HEART_BAND_HZ[1], 0.45 * work.rate_hz)
    band = band_pass(work.field_pt[rows, :stop], work.rate_hz, HEART_BAND_HZ[0], high_hz)
    every = max(1, int(work.rate_hz / _SAMPLES_PER_SECOND))
    whole = np.flatnonzero(np.isfinite(band).all(axis=0))[::every]
    pause = quiet[whole]
    if len(whole) < _FEWEST_SECONDS * work.rate_hz / every or pause.all() or not pause.any():
        raise AnalysisError("less than 10 s in which all chest channels are there")
    return np.asarray(band[:, whole]), np.asarray(pause)


def _decompose(seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mixing (n_channels, n_components) and unmixing matrix, by scikit-learn's FastICA."""
    need = "independent components need scikit-learn"
    decomposition = library("sklearn.decomposition", need, "imaging")
    not_converged = library("sklearn.exceptions", need, "imaging").ConvergenceWarning
    power = np.linalg.eigvalsh(np.cov(seen))[::-1]
    count = int(np.searchsorted(np.cumsum(power) / power.sum(), _KEPT_VARIANCE)) + 1
    count = min(count, _MOST_COMPONENTS, len(seen))
    with warnings.catch_warnings():
        warnings.simplefilter("error", not_converged)
        try:
            model = decomposition.FastICA(
                count, whiten="unit-variance", max_iter=500, tol=1e-3, random_state=0
            )
            model.fit(seen.T)
        except not_converged:
            raise AnalysisError("the components did not converge") from None
    return np.asarray(model.mixing_), np.asarray(model.components_)
