"""What the reference heads see, out of the chest channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.cleaning.heart import (
    LEAST_UNCORRECTED_SHARE,
    ensemble,
    kept_share_of,
)
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.dsp.products import thin_product
from nullfield.errors import AnalysisError

_RIDGE = 1e-9
"""Of the references' mean power: settles twins among the references, and nothing else."""
SEARCHED_DELAYS = (0, 1, 3, 8)
SEARCHED_RIDGES = (1e-9, 1e-6, 1e-4)
_LARGEST_GAIN = 3.0
"""A uniform field gives weights of about one; more would be noise, or the heart itself."""
_FEWEST_SECONDS = 3.0
_REFERENCE_PRESENT = 0.95
"""A reference that misses more than that would tear holes into all channels."""


@dataclass(frozen=True)
class ReferenceRegression:
    """What the reference heads took away.

    Attributes
    ----------
    weights : numpy.ndarray, shape ``(n_channels, n_references, n_delays)``
        Zero for channels that were left alone.
    reference_names : tuple of str
    delays_s : tuple of float
        Positive: the reference's past.
    reduction_db : float
        Median over the corrected channels of the drop in RMS, on samples that the fit did not see.
    corrected : numpy.ndarray of bool, shape ``(n_channels,)``
    ridge : float
        Of the references' mean power.
    """

    weights: FloatArray
    reference_names: tuple[str, ...]
    delays_s: tuple[float, ...]
    reduction_db: float
    corrected: BoolArray
    ridge: float = _RIDGE


def regress_references(
    recording: FieldRecording, quiet: BoolArray, *, delays: int = 0, is_searched: bool = False
) -> tuple[FieldRecording, ReferenceRegression]:
    """Remove what the reference heads see too; see `subtract_references`.

    Returns
    -------
    FieldRecording
        A copy; where a reference is missing, the corrected channels are NaN.
    ReferenceRegression
    """
    work = Work(
        np.where(recording.usable, recording.field_pt, np.nan),
        recording.sampling_rate_hz,
        recording.array,
        np.zeros(recording.array.n_channels, dtype=bool),
        quiet,
    )
    result = search_references(work) if is_searched else fit_references(work, delays=delays)
    subtract_references(work, result)
    return recording.with_field(work.field_pt), result


def reference_step(work: Work, settings: CleaningSettings) -> tuple[CleaningStep, bool]:
    """Regress the references out, in place, where that helps.

    Returns
    -------
    CleaningStep
    bool
        Whether there are references that work.
    """
    try:
        if settings.reference_search:
            result = search_references(work)
        else:
            result = fit_references(work, delays=settings.reference_delays)
    except AnalysisError as error:
        return CleaningStep("references", False, error.message), False
    parameters = {
        "references": list(result.reference_names),
        "delays_s": list(result.delays_s),
        "ridge": result.ridge,
        "held_out_db": result.reduction_db,
        "corrected_channels": int(result.corrected.sum()),
    }
    if result.reduction_db < settings.least_gain_db:
        reason = f"reference heads take away {result.reduction_db:.1f} dB only: not used"
        return CleaningStep("references", False, reason, parameters=parameters), True
    share = _kept_share(work, result)
    if share is not None and share < LEAST_UNCORRECTED_SHARE:
        reason = (
            f"the references see the heart: {100 * share:.0f} % of the worst one would be left,"
            f" {100 * LEAST_UNCORRECTED_SHARE:.0f} % are needed; put them farther away"
        )
        return CleaningStep("references", False, reason, None, share, parameters), True
    subtract_references(work, result)
    reason = (
        f"{len(result.reference_names)} reference channels out of {result.corrected.sum()} channels"
    )
    return CleaningStep("references", True, reason, None, share, parameters), True


def fit_references(work: Work, *, delays: int = 0, ridge: float = _RIDGE) -> ReferenceRegression:
    """Weights of the reference channels for each chest channel.

    They come from the quiet time between beats only: a reference sees a little of the heart, in
    step with the chest, and weights fitted to that would remove the heart. They are kept where they
    help on the half of the quiet samples that the fit did not see.

    Parameters
    ----------
    work : Work
        Without `quiet` all samples count as quiet.
    delays : int
        Samples of delay, to either side, that the references may have.
    ridge : float
        Of the references' mean power: holds weights down that the data hardly tell.

    Raises
    ------
    AnalysisError
        If there are no reference heads, or too little quiet time.
    """
    return _Moments(work, delays).fit(delays, ridge)


def search_references(
    work: Work,
    delays: tuple[int, ...] = SEARCHED_DELAYS,
    ridges: tuple[float, ...] = SEARCHED_RIDGES,
) -> ReferenceRegression:
    """The same with the delays and the ridge that leave least on the half that was not fitted.

    Heads differ in delay (poles of 100-150 Hz: half a millisecond), so a finite response does more
    than a weight; too long a one would fit noise, which the held-out half shows.

    Raises
    ------
    AnalysisError
        As `fit_references`.
    """
    moments = _Moments(work, max(delays))
    pairs = [(delay, ridge) for delay in delays for ridge in ridges]
    best = min(pairs, key=lambda pair: moments.held_out(*pair))
    return moments.fit(*best)


class _Moments:
    """Second moments of channels and delayed references, of which any fewer delays are a part."""

    def __init__(self, work: Work, delays: int) -> None:
        finite = np.isfinite(work.field_pt[work.array.is_reference]).sum(axis=1)
        present = finite > _REFERENCE_PRESENT * work.n_samples
        references = np.flatnonzero(work.array.is_reference)[present]
        references = references[~work.bad[references]]
        if not len(references):
            raise AnalysisError(
                "no working reference heads in this recording", "flag heads as reference in the rig"
            )
        self._work, self._references = work, references
        self._targets = np.flatnonzero(work.chest)
        self._lags = tuple(range(-delays, delays + 1))
        level_pt = _level(work.field_pt)
        self._halves, seconds = _moments(work, references, self._targets, self._lags, level_pt)
        if seconds < _FEWEST_SECONDS:
            raise AnalysisError(
                f"{seconds:.1f} s of quiet time are too little", "record more beats"
            )

    def _chosen(self, delays: int) -> np.ndarray:
        """Constant, references at some delays, and the channel itself, as indices."""
        size = len(self._lags)
        keep = [k for k, lag in enumerate(self._lags) if abs(lag) <= delays]
        columns = [1 + size * r + k for r in range(len(self._references)) for k in keep]
        return np.array([0, *columns, 1 + size * len(self._references)])

    def held_out(self, delays: int, ridge: float) -> float:
        """What is left on the half that was not fitted, by what was there, mean of logarithms."""
        index = np.ix_(self._chosen(delays), self._chosen(delays))
        shares = []
        for row in range(len(self._targets)):
            fit, check = self._halves[0][row][index], self._halves[1][row][index]
            if min(fit[0, 0], check[0, 0]) < 10 * len(index[0]):
                continue
            before, after = _variances(check, _solve(fit, ridge))
            shares.append(np.log(max(after, 1e-300) / max(before, 1e-300)))
        return float(np.mean(shares)) if shares else 0.0

    def fit(self, delays: int, ridge: float) -> ReferenceRegression:
        """Weights at some delays."""
        work, references = self._work, self._references
        lags = tuple(lag for lag in self._lags if abs(lag) <= delays)
        index = np.ix_(self._chosen(delays), self._chosen(delays))
        weights = np.zeros((work.n_channels, len(references), len(lags)))
        corrected = np.zeros(work.n_channels, dtype=bool)
        gains_db: list[float] = []
        fewest = max(10 * len(references) * len(lags), 0.5 * _FEWEST_SECONDS * work.rate_hz)
        for row, channel in enumerate(self._targets):
            fit, check = self._halves[0][row][index], self._halves[1][row][index]
            if min(fit[0, 0], check[0, 0]) < fewest:
                continue
            trial = _solve(fit, ridge)
            before, after = _variances(check, trial)
            by_lag = trial.reshape(len(references), len(lags))
            if after >= before or np.abs(by_lag.sum(axis=1)).max() > _LARGEST_GAIN:
                continue
            weights[channel] = _solve(fit + check, ridge).reshape(by_lag.shape)
            corrected[channel] = True
            gains_db.append(10.0 * float(np.log10(before / max(after, 1e-300))))
        return ReferenceRegression(
            weights,
            tuple(work.array.names[i] for i in references),
            tuple(lag / work.rate_hz for lag in lags),
            float(np.median(gains_db)) if gains_db else 0.0,
            corrected,
            ridge,
        )


def subtract_references(work: Work, result: ReferenceRegression) -> None:
    """Subtract, in place; a sample without its reference becomes NaN in the corrected channels."""
    index = {name: i for i, name in enumerate(work.array.names)}
    references = np.array([index[name] for name in result.reference_names])
    lags = [round(delay * work.rate_hz) for delay in result.delays_s]
    rows = np.flatnonzero(result.corrected)
    level_pt = _level(work.field_pt)[references, None]
    flat = result.weights[rows].reshape(len(rows), -1)
    for block in work.blocks():
        past = _delayed(work.field_pt, references, lags, block) - np.repeat(level_pt, len(lags), 0)
        work.field_pt[rows, block] -= thin_product(flat, past)


def _kept_share(work: Work, result: ReferenceRegression) -> float | None:
    """Share of the worst heart that is left; None where places are not known."""
    index = {name: i for i, name in enumerate(work.array.names)}
    references = np.array([index[name] for name in result.reference_names])
    rows = np.flatnonzero(result.corrected & work.array.has_place)
    if not len(rows) or not work.array.has_place[references].all():
        return None
    channels = np.zeros(work.n_channels, dtype=bool)
    channels[rows] = channels[references] = True
    order = {int(channel): i for i, channel in enumerate(np.flatnonzero(channels))}
    leads = ensemble(work.array, channels, below=work.placed_chest)
    here = leads[:, [order[int(row)] for row in rows]]
    there = leads[:, [order[int(reference)] for reference in references]]
    weights = result.weights[rows].sum(axis=2)
    return kept_share_of(here, here - np.einsum("rs,dsj->drj", weights, there))


def _level(field_pt: FloatArray) -> FloatArray:
    """A level for each channel, close enough to keep the sums of squares small."""
    some = field_pt[:, :: max(1, field_pt.shape[1] // 2000)]
    count = np.isfinite(some).sum(axis=1)
    return np.asarray(np.nansum(some, axis=1) / np.maximum(count, 1))


def _delayed(field_pt: FloatArray, rows: np.ndarray, lags: list[int], block: slice) -> FloatArray:
    """Delayed copies of some rows, ``(n_rows * n_lags, n_samples)``; the ends repeat."""
    sample = np.arange(block.start, block.stop)
    last = field_pt.shape[1] - 1
    parts = [field_pt[rows[:, None], np.clip(sample - lag, 0, last)[None, :]] for lag in lags]
    return np.asarray(np.stack(parts, axis=1).reshape(len(rows) * len(lags), len(sample)))


def _moments(
    work: Work,
    references: np.ndarray,
    targets: np.ndarray,
    lags: tuple[int, ...],
    level_pt: FloatArray,
) -> tuple[FloatArray, float]:
    """Second moments of (1, references, channel) for each channel, on two halves of the quiet time.

    The halves are alternating seconds, so that both see the same kinds of disturbance.
    """
    size = 1 + len(references) * len(lags)
    moments = np.zeros((2, len(targets), size + 1, size + 1))
    seconds = 0.0
    for block in work.blocks():
        x = _delayed(work.field_pt, references, list(lags), block)
        x -= np.repeat(level_pt[references], len(lags))[:, None]
        allowed = np.isfinite(x).all(axis=0)
        if work.quiet is not None:
            allowed &= work.quiet[block]
        seconds += float(allowed.sum()) / work.rate_hz
        second = (np.arange(block.start, block.stop) / work.rate_hz).astype(int) % 2
        for half in (0, 1):
            chosen = np.flatnonzero(allowed & (second == half))
            if not len(chosen):
                continue
            z = np.concatenate([np.ones((1, len(chosen))), x[:, chosen]])
            y = work.field_pt[targets[:, None], block.start + chosen] - level_pt[targets, None]
            _add_moments(moments[half], z, y)
    return moments, seconds


def _add_moments(moments: FloatArray, z: FloatArray, y: FloatArray) -> None:
    size = len(z)
    gaps = ~np.isfinite(y)
    gappy = gaps.any(axis=1)
    whole = np.flatnonzero(~gappy)
    moments[whole, :size, :size] += z @ z.T
    cross = y[whole] @ z.T
    moments[whole, :size, size] += cross
    moments[whole, size, :size] += cross
    moments[whole, size, size] += np.einsum("cn,cn->c", y[whole], y[whole])
    for row in np.flatnonzero(gappy):
        here = ~gaps[row]
        both = np.concatenate([z[:, here], y[row : row + 1, here]])
        moments[row] += both @ both.T


def _solve(moments: FloatArray, ridge: float) -> FloatArray:
    """Least squares from moments, without the constant's weight."""
    covariance, cross, _ = _centred(moments)
    added = ridge * float(np.trace(covariance)) / len(covariance)
    return np.asarray(np.linalg.solve(covariance + added * np.eye(len(covariance)), cross))


def _variances(moments: FloatArray, weights: FloatArray) -> tuple[float, float]:
    covariance, cross, variance = _centred(moments)
    after = variance - 2.0 * weights @ cross + weights @ covariance @ weights
    return variance, max(float(after), 1e-12 * variance)


def _centred(moments: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    count = moments[0, 0]
    mean = moments[0, 1:] / count
    centred = moments[1:, 1:] / count - np.outer(mean, mean)
    return centred[:-1, :-1], centred[:-1, -1], float(centred[-1, -1])
