"""One dipole at each moment of a window of the averaged beat, each fitted for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.dipole_fit import DipoleFit, fit_with
from nullfield.analysis.sources.dipole_search import DipoleSearch
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError, InputError

MOST_TIMES = 50
"""Fits in a window, unless a step is given."""


_Getter = Callable[[DipoleFit], Any]


@dataclass(frozen=True)
class MovingDipole:
    """Dipoles over time.

    Attributes
    ----------
    time_s : numpy.ndarray, shape ``(n_times,)``
        Relative to the R peak.
    fits : tuple of DipoleFit or None
        None where a moment could not be fitted.
    reasons : tuple of str
        Why not; empty where there is a fit.
    """

    time_s: FloatArray
    fits: tuple[DipoleFit | None, ...]
    reasons: tuple[str, ...]

    @property
    def positions_m(self) -> FloatArray:
        """Positions, shape ``(n_times, 3)``; NaN without a fit."""
        return self._rows(lambda fit: fit.position_m, 3)

    @property
    def moments_nam(self) -> FloatArray:
        """Moments, shape ``(n_times, 3)``, nA m; NaN without a fit."""
        return self._rows(lambda fit: fit.moment_nam, 3)

    @property
    def gof(self) -> FloatArray:
        """Explained share of the weighted power, shape ``(n_times,)``."""
        return self._rows(lambda fit: [fit.gof], 1)[:, 0]

    @property
    def confidence_mm(self) -> FloatArray:
        """Radius of the 95 % region's volume, shape ``(n_times,)``; NaN where there is none."""
        return self._rows(lambda fit: [fit.confidence_mm], 1)[:, 0]

    @property
    def is_trusted(self) -> BoolArray:
        """Significant and with a confidence region, shape ``(n_times,)``."""
        return np.array(
            [
                fit is not None and fit.is_significant and fit.covariance_m2 is not None
                for fit in self.fits
            ]
        )

    @property
    def path_mm(self) -> float | None:
        """Length of the way through the trusted positions; None below two of them."""
        places = self.positions_m[self.is_trusted]
        if len(places) < 2:
            return None
        return float(1e3 * np.linalg.norm(np.diff(places, axis=0), axis=1).sum())

    def _rows(self, of: _Getter, width: int) -> FloatArray:
        rows = np.full((len(self.fits), width), np.nan)
        for row, fit in zip(rows, self.fits, strict=True):
            if fit is not None:
                row[:] = np.array(of(fit), dtype=np.float64)
        return rows


def fit_moving_dipole(
    average: AveragedBeat,
    array: SensorArray,
    window_s: tuple[float, float],
    *,
    model: ForwardModel | None = None,
    uncertainty: SensorUncertainty | None = UNCALIBRATED,
    step_s: float | None = None,
    channels: BoolArray | None = None,
    alternatives: Sequence[ForwardModel] = (),
) -> MovingDipole:
    """Fit a dipole at each moment of a window, the QRS complex or ST-T for instance.

    Parameters
    ----------
    average : AveragedBeat
    array : SensorArray
        Of the same channels, working frame.
    window_s : (float, float)
        Relative to the R peak.
    model, uncertainty, alternatives
        As for `fit_dipole`.
    step_s : float, optional
        Between fits; if left out, so that there are `MOST_TIMES` at most.
    channels : numpy.ndarray of bool, shape ``(n_channels,)``, optional
        Channels that are good; all with beats if left out.

    Returns
    -------
    MovingDipole
        Neighbours in time are not tied to one another, so a jump is in the data; only the search
        starts at the place before as well.

    Raises
    ------
    AnalysisError
        If the channels cannot locate a dipole at all.
    InputError
        If the window is not within the averaged beat.
    """
    first, last = window_s
    start, stop = float(average.time_s[0]), float(average.time_s[-1])
    if not start <= first < last <= stop:
        raise InputError(
            f"window {first:g} to {last:g} s is not within the averaged beat,"
            f" {start:.3f} to {stop:.3f} s",
            "give a window relative to the R peak",
        )
    index = np.flatnonzero((average.time_s >= first) & (average.time_s <= last))
    if not len(index):
        raise InputError(f"no sample between {first:g} and {last:g} s", "widen the window")
    sample_s = (stop - start) / max(len(average.time_s) - 1, 1)
    every = (
        int(np.ceil(len(index) / MOST_TIMES))
        if step_s is None
        else max(1, round(step_s / sample_s))
    )
    index = index[::every]
    use = average.has_beats & array.is_chest & array.has_place
    if channels is not None:
        use &= channels
    noise = average.standard_error_pt[:, index]
    # Without a scatter of the beats, the noise of the average stands for it, if that is known.
    noise = np.where(np.isfinite(noise), noise, average.noise_pt[:, None])
    search = DipoleSearch(array.subset(use), model or HalfSpace())
    fits: list[DipoleFit | None] = []
    reasons: list[str] = []
    before: FloatArray | None = None
    for column, sample in enumerate(index):
        known = noise[use, column]
        fit, reason = None, ""
        try:
            fit = fit_with(
                search,
                average.field_pt[use, sample],
                known if np.isfinite(known).all() else None,
                uncertainty,
                start_m=before,
                alternatives=alternatives,
            )
        except AnalysisError as error:
            reason = error.message
        else:
            before = None if fit.at_bound else fit.position_m
        fits.append(fit)
        reasons.append(reason)
    return MovingDipole(average.time_s[index], tuple(fits), tuple(reasons))
