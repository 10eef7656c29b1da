"""What the reference heads see, out of the chest channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.cleaning.heart import (
    LEAST_UNCORRECTED_SHARE,
    ensemble,
    kept_share_of,
)
from nullfield.analysis.cleaning.reference_bands import (
    CORNERS_HZ,
    BandGains,
    fit_band_gains,
    in_bands,
)
from nullfield.analysis.cleaning.reference_moments import ReferenceMoments, delayed, level
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.dsp.products import thin_product
from nullfield.errors import AnalysisError

_RIDGE = 1e-9
"""Of the references' mean power: settles twins among the references, and nothing else."""
SEARCHED_DELAYS = (0, 1, 3, 8)
SEARCHED_RIDGES = (1e-9, 1e-6, 1e-4)


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
    band_gains : numpy.ndarray, shape ``(n_bands,)``
        Share of the prediction that is taken in each band of `reference_bands`.
    ridge : float
        Of the references' mean power.
    """

    weights: FloatArray
    reference_names: tuple[str, ...]
    delays_s: tuple[float, ...]
    reduction_db: float
    corrected: BoolArray
    band_gains: FloatArray
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
        "band_gains": [round(gain, 4) for gain in result.band_gains.tolist()],
        "band_corners_hz": list(CORNERS_HZ),
        "held_out_db": result.reduction_db,
        "corrected_channels": int(result.corrected.sum()),
    }
    if result.reduction_db < settings.least_gain_db:
        reason = f"reference heads take away {result.reduction_db:.1f} dB only: not used"
        return CleaningStep("references", False, reason, parameters=parameters), True
    # Weights that take a heart are not to be trusted in any band, however little of them is taken.
    hearts = _hearts_seen(work, result)
    share = None if hearts is None else kept_share_of(hearts[0], hearts[0] - hearts[1])
    if share is not None and share < LEAST_UNCORRECTED_SHARE:
        reason = (
            f"the references see the heart: {100 * share:.0f} % of the worst one would be left,"
            f" {100 * LEAST_UNCORRECTED_SHARE:.0f} % are needed; put them farther away"
        )
        return CleaningStep("references", False, reason, None, share, parameters), True
    # The slowest band has no beats.
    if hearts is not None:
        gain = float(result.band_gains[1:].max())
        share = kept_share_of(hearts[0], hearts[0] - gain * hearts[1])
    subtract_references(work, result)
    reason = (
        f"{len(result.reference_names)} reference channels out of {result.corrected.sum()} channels"
    )
    return CleaningStep("references", True, reason, None, share, parameters), True


def fit_references(work: Work, *, delays: int = 0, ridge: float = _RIDGE) -> ReferenceRegression:
    """Weights of the reference channels for each chest channel.

    They come from the quiet time between beats only: a reference sees a little of the heart, in
    step with the chest, and weights fitted to that would remove the heart. They are kept where they
    help on the half of the quiet samples that the fit did not see, and taken in each band as far as
    they help there (`reference_bands`).

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
    return _fit(work, ReferenceMoments(work, delays), delays, ridge)


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
    moments = ReferenceMoments(work, max(delays))
    pairs = [(delay, ridge) for delay in delays for ridge in ridges]
    best = min(pairs, key=lambda pair: moments.held_out(*pair))
    return _fit(work, moments, *best)


def _fit(work: Work, moments: ReferenceMoments, delays: int, ridge: float) -> ReferenceRegression:
    references, targets, lags = moments.references, moments.targets, moments.lags(delays)
    halves, both, helps = moments.weights(delays, ridge)
    weights = np.zeros((work.n_channels, len(references), len(lags)))
    corrected = np.zeros(work.n_channels, dtype=bool)
    weights[targets] = both.reshape(len(targets), *weights.shape[1:])
    corrected[targets] = helps
    gains = BandGains(np.zeros(len(CORNERS_HZ) + 1), 0.0)
    if helps.any():
        taken = _heart_topographies(work, references, targets[helps], weights)
        share = 0.0 if taken is None else float(np.mean(_power(taken[1]) / _power(taken[0])))
        gains = fit_band_gains(work, references, targets[helps], lags, halves[:, helps], share)
    return ReferenceRegression(
        weights,
        tuple(work.array.names[i] for i in references),
        tuple(lag / work.rate_hz for lag in lags),
        gains.reduction_db,
        corrected,
        gains.gain,
        ridge,
    )


def subtract_references(work: Work, result: ReferenceRegression) -> None:
    """Subtract, in place; a sample without its reference becomes NaN in the corrected channels."""
    index = {name: i for i, name in enumerate(work.array.names)}
    references = np.array([index[name] for name in result.reference_names])
    lags = [round(delay * work.rate_hz) for delay in result.delays_s]
    rows = np.flatnonzero(result.corrected)
    level_pt = level(work.field_pt)[references, None]
    flat = result.weights[rows].reshape(len(rows), -1)
    mix = result.band_gains[None]
    taken = in_bands(work.field_pt[references] - level_pt, work.rate_hz, mix)[0]
    order = np.arange(len(references))
    for block in work.blocks():
        past = delayed(taken, order, lags, block)
        work.field_pt[rows, block] -= thin_product(flat, past)


def _hearts_seen(work: Work, result: ReferenceRegression) -> tuple[FloatArray, FloatArray] | None:
    """`_heart_topographies` at the corrected channels."""
    index = {name: i for i, name in enumerate(work.array.names)}
    references = np.array([index[name] for name in result.reference_names])
    return _heart_topographies(work, references, np.flatnonzero(result.corrected), result.weights)


def _heart_topographies(
    work: Work, references: IntArray, targets: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Hearts below the array at the targets, and what the references predict of them there.

    Each ``(n_dipoles, n_placed_targets, 2)``; None where places are not known.
    """
    rows = targets[work.array.has_place[targets]]
    if not len(rows) or not work.array.has_place[references].all():
        return None
    channels = np.zeros(work.n_channels, dtype=bool)
    channels[rows] = channels[references] = True
    order = np.cumsum(channels) - 1
    leads = ensemble(work.array, channels, below=work.placed_chest)
    there = leads[:, order[references]]
    return leads[:, order[rows]], np.einsum("rs,dsj->drj", weights[rows].sum(axis=2), there)


def _power(topographies: FloatArray) -> FloatArray:
    return np.asarray((topographies**2).sum(axis=(1, 2)))
