"""What references and chest channels have in common in the pauses, and the weights that follow."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray
from nullfield.errors import AnalysisError

LARGEST_GAIN = 3.0
"""A uniform field gives weights of about one; more would be noise, or the heart itself."""
FEWEST_SECONDS = 3.0
_REFERENCE_PRESENT = 0.95
"""A reference that misses more than that would tear holes into all channels."""


class ReferenceMoments:
    """Second moments of channels and delayed references, of which any fewer delays are a part.

    Parameters
    ----------
    work : Work
        Without `quiet` all samples count as quiet.
    delays : int
        Samples of delay, to either side, that may be asked for.

    Raises
    ------
    AnalysisError
        If there are no reference heads, or too little quiet time.
    """

    def __init__(self, work: Work, delays: int) -> None:
        finite = np.isfinite(work.field_pt[work.array.is_reference]).sum(axis=1)
        present = finite > _REFERENCE_PRESENT * work.n_samples
        references = np.flatnonzero(work.array.is_reference)[present]
        references = references[~work.bad[references]]
        if not len(references):
            raise AnalysisError(
                "no working reference heads in this recording", "flag heads as reference in the rig"
            )
        self._work, self.references = work, references
        self.targets = np.flatnonzero(work.chest)
        self._lags = tuple(range(-delays, delays + 1))
        level_pt = level(work.field_pt)
        self._halves, seconds = _moments(work, references, self.targets, self._lags, level_pt)
        if seconds < FEWEST_SECONDS:
            raise AnalysisError(
                f"{seconds:.1f} s of quiet time are too little", "record more beats"
            )

    def _chosen(self, delays: int) -> np.ndarray:
        """Constant, references at some delays, and the channel itself, as indices."""
        size = len(self._lags)
        keep = [k for k, lag in enumerate(self._lags) if abs(lag) <= delays]
        columns = [1 + size * r + k for r in range(len(self.references)) for k in keep]
        return np.array([0, *columns, 1 + size * len(self.references)])

    def held_out(self, delays: int, ridge: float) -> float:
        """What is left on the half that was not fitted, by what was there, mean of logarithms."""
        index = np.ix_(self._chosen(delays), self._chosen(delays))
        shares = []
        for row in range(len(self.targets)):
            fit, check = self._halves[0][row][index], self._halves[1][row][index]
            if min(fit[0, 0], check[0, 0]) < 10 * len(index[0]):
                continue
            before, after = _variances(check, _solve(fit, ridge))
            shares.append(np.log(max(after, 1e-300) / max(before, 1e-300)))
        return float(np.mean(shares)) if shares else 0.0

    def lags(self, delays: int) -> tuple[int, ...]:
        """Delays in samples, positive for the references' past."""
        return tuple(lag for lag in self._lags if abs(lag) <= delays)

    def weights(self, delays: int, ridge: float) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Weights at some delays, fitted to each half and to both.

        Parameters
        ----------
        delays : int
        ridge : float

        Returns
        -------
        halves : numpy.ndarray, shape ``(2, n_targets, n_references * n_lags)``
        both : numpy.ndarray, shape ``(n_targets, n_references * n_lags)``
        helps : numpy.ndarray of bool, shape ``(n_targets,)``
            Whether the weights of the first half leave less of the second one; the weights of the
            other targets are zero.
        """
        n_lags = len(self.lags(delays))
        size = len(self.references) * n_lags
        index = np.ix_(self._chosen(delays), self._chosen(delays))
        halves = np.zeros((2, len(self.targets), size))
        both = np.zeros((len(self.targets), size))
        helps = np.zeros(len(self.targets), dtype=bool)
        fewest = max(10 * size, 0.5 * FEWEST_SECONDS * self._work.rate_hz)
        for row in range(len(self.targets)):
            fit, check = self._halves[0][row][index], self._halves[1][row][index]
            if min(fit[0, 0], check[0, 0]) < fewest:
                continue
            trial = _solve(fit, ridge)
            before, after = _variances(check, trial)
            by_reference = trial.reshape(-1, n_lags).sum(axis=1)
            if after >= before or np.abs(by_reference).max() > LARGEST_GAIN:
                continue
            halves[0, row], halves[1, row] = trial, _solve(check, ridge)
            both[row] = _solve(fit + check, ridge)
            helps[row] = True
        return halves, both, helps


def level(field_pt: FloatArray) -> FloatArray:
    """A level for each channel, close enough to keep the sums of squares small."""
    some = field_pt[:, :: max(1, field_pt.shape[1] // 2000)]
    count = np.isfinite(some).sum(axis=1)
    return np.asarray(np.nansum(some, axis=1) / np.maximum(count, 1))


def delayed(field_pt: FloatArray, rows: np.ndarray, lags: list[int], block: slice) -> FloatArray:
    """Delayed copies of some rows, ``(n_rows * n_lags, n_samples)``; the ends repeat."""
    sample = np.arange(block.start, block.stop)
    last = field_pt.shape[1] - 1
    parts = [field_pt[rows[:, None], np.clip(sample - lag, 0, last)[None, :]] for lag in lags]
    return np.asarray(np.stack(parts, axis=1).reshape(len(rows) * len(lags), len(sample)))


def halves_of(work: Work, block: slice) -> IntArray:
    """Which half a sample belongs to: seconds in turn, so that both see the same disturbances."""
    return np.asarray((np.arange(block.start, block.stop) / work.rate_hz).astype(int) % 2)


def _moments(
    work: Work,
    references: np.ndarray,
    targets: np.ndarray,
    lags: tuple[int, ...],
    level_pt: FloatArray,
) -> tuple[FloatArray, float]:
    """Second moments of (1, references, channel) for each channel, on two halves of the quiet time."""
    size = 1 + len(references) * len(lags)
    moments = np.zeros((2, len(targets), size + 1, size + 1))
    seconds = 0.0
    for block in work.blocks():
        x = delayed(work.field_pt, references, list(lags), block)
        x -= np.repeat(level_pt[references], len(lags))[:, None]
        allowed = np.isfinite(x).all(axis=0)
        if work.quiet is not None:
            allowed &= work.quiet[block]
        seconds += float(allowed.sum()) / work.rate_hz
        second = halves_of(work, block)
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
