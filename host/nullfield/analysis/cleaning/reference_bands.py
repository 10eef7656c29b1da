"""How much of the references' prediction is worth taking, band by band.

Reference heads see a lift or the earth's field far above their own noise, and nothing that is common
with the chest a few hertz above: there they add their noise and the vibration of their own place, and
what heart they see. The weights come from where the disturbance is strong; this part finds with one
gain a band how much of the prediction lowers what is left on time that the weights did not see. With
a prediction that is signal and noise that is the Wiener gain, signal by signal and noise (Wiener,
Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949). What it would take of
the heart counts against it: beats are averaged, a disturbance goes down with their number, and what
is missing of the heart does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.optimize import lsq_linear

from nullfield.analysis.cleaning.reference_moments import delayed, halves_of, level
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import FloatArray, IntArray, runs

CORNERS_HZ = (1.0, 4.0, 16.0, 64.0)
"""Two octaves a band: one gain is then near the best for all of it. Below the first one there is
next to nothing of a heart that beats once a second."""
_ORDER = 3
_WIDTH = -float(np.log(1.0 - (1.0 - np.sqrt(0.5)) ** (1.0 / _ORDER)))
"""Puts the low-pass at -3 dB at its corner."""
_EDGE_S = 2.0
"""The slowest low-pass reaches so far."""
_MOST_CHANNELS = 48


def band_responses(frequency_hz: FloatArray) -> FloatArray:
    """Gain of each band, without phase; all bands together are one.

    The low-passes between them are ``1 - (1 - G)^3`` of a Gaussian G: their rest rises with the
    sixth power of the frequency, so that a drift a thousand times stronger stays in its own band.

    Parameters
    ----------
    frequency_hz : numpy.ndarray, shape ``(n,)``

    Returns
    -------
    numpy.ndarray, shape ``(n_bands, n)``
    """
    share = np.asarray(frequency_hz) / np.array(CORNERS_HZ)[:, None]
    low = 1.0 - (1.0 - np.exp(-_WIDTH * share**2)) ** _ORDER
    whole = np.ones((1, low.shape[1]))
    return np.diff(np.concatenate([0.0 * whole, low, whole]), axis=0)


def in_bands(values: FloatArray, rate_hz: float, mixes: FloatArray) -> FloatArray:
    """Samples with a gain for each band.

    Gaps are bridged by straight lines within the filter only; they are gaps again in what comes out.

    Parameters
    ----------
    values : numpy.ndarray, shape ``(n_rows, n_samples)``
    rate_hz : float
    mixes : numpy.ndarray, shape ``(n_mixes, n_bands)``

    Returns
    -------
    numpy.ndarray, shape ``(n_mixes, n_rows, n_samples)``
    """
    n_samples = values.shape[1]
    gaps = ~np.isfinite(values)
    whole = np.array(values)
    at = np.arange(n_samples)
    for row in np.flatnonzero(gaps.any(axis=1) & ~gaps.all(axis=1)):
        known = ~gaps[row]
        whole[row] = np.interp(at, at[known], values[row, known])
    whole[gaps.all(axis=1)] = 0.0
    edge = min(round(_EDGE_S * rate_hz), n_samples - 1)
    # Turned about its end points, a drift goes on as it came.
    wide = np.pad(whole, ((0, 0), (edge, edge)), mode="reflect", reflect_type="odd")
    size = next_fast_len(wide.shape[1], real=True)
    spectrum = rfft(wide, size, axis=1)
    responses = band_responses(rfftfreq(size, 1.0 / rate_hz))
    out = np.empty((len(mixes), *values.shape))
    for mix, place in zip(mixes, out, strict=True):
        place[:] = irfft(spectrum * (mix @ responses), size, axis=1)[:, edge : edge + n_samples]
        place[gaps] = np.nan
    return out


@dataclass(frozen=True)
class BandGains:
    """What one gain a band leaves.

    Attributes
    ----------
    gain : numpy.ndarray, shape ``(n_bands,)``
        From 0 to 1.
    reduction_db : float
        Median over the channels of the drop in RMS on samples that the weights did not see.
    """

    gain: FloatArray
    reduction_db: float


def fit_band_gains(
    work: Work,
    references: IntArray,
    targets: IntArray,
    lags: tuple[int, ...],
    halves: FloatArray,
    heart_share: float = 0.0,
) -> BandGains:
    """Find the gains that leave least between the beats and cost least of the heart.

    Each half of the quiet time is predicted by the weights of the other one. All channels share the
    gains, so that four numbers stand against thousands of samples: a gain does not follow a heart
    that shows between the beats, as weights would.

    Parameters
    ----------
    work : Work
    references, targets : numpy.ndarray of int
        Channels; some targets, spread evenly, stand for all.
    lags : tuple of int
        Delays of the references in samples.
    halves : numpy.ndarray, shape ``(2, n_targets, n_references * n_lags)``
        Weights fitted to each half.
    heart_share : float
        Of a heart's power that the whole prediction has in it, by geometry; 0 where not known.
    """
    if len(targets) > _MOST_CHANNELS:
        some = np.linspace(0, len(targets) - 1, _MOST_CHANNELS).astype(int)
        targets, halves = targets[some], halves[:, some]
    power, cross, before = _sums(work, references, targets, lags, halves)
    whole = before - 2.0 * cross.sum(axis=1) + power.sum(axis=(1, 2))
    # Each channel counts by its own rest: one of much noise tells little.
    weight = 1.0 / np.maximum(whole, 1e-12 * before)
    both = np.einsum("c,cij->ij", weight, power)
    if heart_share > 0.0 and work.quiet is not None:
        # Sums over the pauses stand for the whole time; the loss stands once for each beat averaged.
        counted = len(runs(work.quiet)) * float(work.quiet.mean())
        taken = counted * heart_share * _heart_power(work, references, targets, lags, halves)
        both = both + np.diag(weight @ taken)
    gain = _bounded(both, weight @ cross)
    after = before - 2.0 * cross @ gain + np.einsum("i,cij,j->c", gain, power, gain)
    drop = before / np.maximum(after, 1e-12 * before)
    return BandGains(gain, float(np.median(10.0 * np.log10(drop))))


def _sums(
    work: Work, references: IntArray, targets: IntArray, lags: tuple[int, ...], halves: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Covariances of the bands' predictions, with the channel, and its power, channel by channel."""
    n_bands = len(CORNERS_HZ) + 1
    level_pt = level(work.field_pt)
    banded = in_bands(
        work.field_pt[references] - level_pt[references, None], work.rate_hz, np.eye(n_bands)
    )
    rows = np.arange(len(references))
    size = n_bands + 2
    sums = np.zeros((2, len(targets), size, size))
    for block in work.blocks():
        past = np.stack([delayed(one, rows, list(lags), block) for one in banded])
        allowed = np.isfinite(past).all(axis=(0, 1))
        if work.quiet is not None:
            allowed &= work.quiet[block]
        second = halves_of(work, block)
        for half in (0, 1):
            chosen = np.flatnonzero(allowed & (second == half))
            if not len(chosen):
                continue
            seen = work.field_pt[targets[:, None], block.start + chosen] - level_pt[targets, None]
            all_of = np.ones((len(targets), size, len(chosen)))
            for band in range(n_bands):
                all_of[:, 1 + band] = halves[1 - half] @ past[band][:, chosen]
            all_of[:, -1] = seen
            all_of *= np.isfinite(seen)[:, None]
            all_of[~np.isfinite(all_of)] = 0.0
            sums[half] += all_of @ all_of.transpose(0, 2, 1)
    mean = sums[:, :, 0] / np.maximum(sums[:, :, 0, 0], 1.0)[..., None]
    centred = (sums - sums[:, :, 0, 0][..., None, None] * mean[..., None] * mean[..., None, :]).sum(
        axis=0
    )
    return centred[:, 1:-1, 1:-1], centred[:, 1:-1, -1], centred[:, -1, -1]


def _heart_power(
    work: Work, references: IntArray, targets: IntArray, lags: tuple[int, ...], halves: FloatArray
) -> FloatArray:
    """Sum of squares in the beats, ``(n_targets, n_bands)``; zero in the slowest, without beats."""
    level_pt = level(work.field_pt)
    weights = halves.mean(axis=0)
    left = work.field_pt[targets] - level_pt[targets, None]
    for block in work.blocks():
        past = delayed(work.field_pt, references, list(lags), block)
        left[:, block] -= weights @ (past - np.repeat(level_pt[references], len(lags))[:, None])
    in_pause = np.zeros(work.n_samples, dtype=bool) if work.quiet is None else work.quiet
    out = np.zeros((len(targets), len(CORNERS_HZ) + 1))
    mixes = np.eye(out.shape[1])[1:]
    for row in range(len(targets)):  # one at a time: the bands of all would take much memory
        banded = in_bands(left[row : row + 1], work.rate_hz, mixes)[:, 0]
        out[row, 1:] = np.nansum(np.where(in_pause, 0.0, banded) ** 2, axis=1)
    return out


def _bounded(power: FloatArray, cross: FloatArray) -> FloatArray:
    """Gains from 0 to 1 of the least ``g'Pg - 2g'c``."""
    root = np.linalg.cholesky(power + 1e-9 * np.trace(power) / len(power) * np.eye(len(power)))
    return np.asarray(lsq_linear(root.T, np.linalg.solve(root, cross), bounds=(0.0, 1.0)).x)
