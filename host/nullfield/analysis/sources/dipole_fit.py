"""One current dipole in a forward model, fitted to the field of one moment.

Place is nonlinear, moment linear: for each place the best moment follows by least squares, so the
search runs over three numbers only. Where the model is a half-space, a dipole along z makes no
field and is not searched for.

The fit is weighted by the whole covariance of the data: noise, and the errors of gain, place, axis
and cross-talk that follow from the field itself and so are worked out again with each fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.dipole_search import DipoleSearch, Whitened
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.uncertainty import (
    error_covariance_pt2,
    model_covariance_pt2,
    noise_covariance_pt2,
    typical_share,
)
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError

CONFIDENCE = 0.95
FALSE_ALARM = 0.01
"""Share of fields without any source that are called significant."""
_UNLIKELY_FIT = 0.01
_ROUNDS = 3
"""Fits with a new covariance; the place changes by less than a tenth of its error after two."""
_ROUNDS_OF_MODELS = 10
"""The same where the conductor is in doubt, which moves the place by more."""
_SAME_PLACE_M = 1e-5


@dataclass(frozen=True)
class DipoleFit:
    """A fitted dipole.

    Attributes
    ----------
    position_m : numpy.ndarray, shape ``(3,)``
    moment_nam : numpy.ndarray, shape ``(3,)``
        nA m; in a half-space z is 0 because a dipole along z is silent, not because it was
        measured. A direction that the model cannot see is left at zero in the same way.
    gof : float
        Share of the channels' noise-weighted power that the dipole explains.
    confidence_mm : float or None
        Radius of the sphere with the volume of the 95 % confidence ellipsoid; None at a bound,
        and where the geometry leaves a direction open.
    confidence_axes_mm : numpy.ndarray, shape ``(3,)``, or None
        Half axes of that ellipsoid, longest first.
    confidence_volume_mm3 : float or None
    reduced_chi2 : float
        About one if noise and model errors are as assumed.
    at_bound : bool
        True if the fit ran into the edge of the volume that it searches.
    n_channels : int
    covariance_m2 : numpy.ndarray, shape ``(3, 3)``, or None
        Of the position, the moment being free.
    moment_deviation_nam : numpy.ndarray, shape ``(3,)``, or None
        Standard deviation of the moment's components, the position being free.
    uncertainty : SensorUncertainty or None
        What was assumed about the channels.
    is_significant : bool
        False if a field without a source would be explained as well in more than 1 % of cases.
    p_value : float
        That share, for the whole searched volume.
    model : str
        Name of the forward model.
    reason : str
        Why there is no confidence region; empty if there is one.
    """

    position_m: FloatArray
    moment_nam: FloatArray
    gof: float
    confidence_mm: float | None
    confidence_axes_mm: FloatArray | None
    confidence_volume_mm3: float | None
    reduced_chi2: float
    at_bound: bool
    n_channels: int
    covariance_m2: FloatArray | None = None
    moment_deviation_nam: FloatArray | None = None
    uncertainty: SensorUncertainty | None = None
    is_significant: bool = True
    p_value: float = 0.0
    model: str = "half-space"
    reason: str = ""

    def region_holds(self, position_m: FloatArray) -> bool | None:
        """Whether a place is within the 95 % region; None where there is no region."""
        if self.covariance_m2 is None:
            return None
        miss = np.asarray(position_m) - self.position_m
        distance2 = float(miss @ np.linalg.solve(self.covariance_m2, miss))
        return distance2 <= float(stats.chi2.ppf(CONFIDENCE, 3))


def fit_dipole(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    model: ForwardModel | None = None,
    uncertainty: SensorUncertainty | None = UNCALIBRATED,
    alternatives: Sequence[ForwardModel] = (),
) -> DipoleFit:
    """Fit a dipole below the array.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN channels, reference channels and channels without a place are left out.
    array : SensorArray
        In the working frame.
    noise_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_channels)``, optional
        Standard deviation of each channel (pT), or the covariance (pT^2).
    model : ForwardModel, optional
        `HalfSpace` if left out.
    uncertainty : SensorUncertainty or None
        How well gain, place, axis and cross-talk are known; `UNCALIBRATED` by default, None to
        count the noise alone. With neither noise nor uncertainty the misfit tells the scale.
    alternatives : sequence of ForwardModel
        Conductors that the body might as well be, torsos of other sizes for instance. What they
        would make of the same dipole counts as one standard deviation of the model's error, in that
        direction of the data only; so the fit does not lean on what tells them apart, and the
        region grows by it.

    Returns
    -------
    DipoleFit

    Raises
    ------
    AnalysisError
        If there are too few channels, or places that cannot locate a dipole, or no field at all.
    InputError
        If the noise does not fit the channels.
    """
    field = np.asarray(field_pt, dtype=np.float64)
    use = usable_channels(field, array, noise_pt)
    search = DipoleSearch(array.subset(use), model or HalfSpace())
    return fit_with(
        search, field[use], subset_noise(noise_pt, use), uncertainty, alternatives=alternatives
    )


def usable_channels(
    field_pt: FloatArray, array: SensorArray, noise_pt: FloatArray | None
) -> BoolArray:
    """Chest channels with a value, a place and a finite noise."""
    use = np.isfinite(field_pt) & array.is_chest & array.has_place
    if noise_pt is not None and np.shape(noise_pt)[:1] == np.shape(field_pt):
        noise = np.asarray(noise_pt)
        use &= np.isfinite(noise if noise.ndim == 1 else np.diag(noise))
    return np.asarray(use)


def subset_noise(noise_pt: FloatArray | None, use: BoolArray) -> FloatArray | None:
    """The noise of some channels, as deviations or as covariance."""
    if noise_pt is None or np.shape(noise_pt)[:1] != use.shape:
        return noise_pt
    noise = np.asarray(noise_pt)
    return noise[use] if noise.ndim == 1 else noise[np.ix_(use, use)]


def fit_with(
    search: DipoleSearch,
    data_pt: FloatArray,
    noise_pt: FloatArray | None,
    uncertainty: SensorUncertainty | None,
    start_m: FloatArray | None = None,
    alternatives: Sequence[ForwardModel] = (),
) -> DipoleFit:
    """Fit with a search that is set up already; parameters as for `fit_dipole`.

    Parameters
    ----------
    search : DipoleSearch
        Of the channels that `data_pt` is of.
    start_m : numpy.ndarray, shape ``(3,)``, optional
        A place to start from as well, the neighbour's in time for instance.
    alternatives : sequence of ForwardModel
        As for `fit_dipole`.
    """
    if not np.any(data_pt):
        raise AnalysisError("there is no field to fit a dipole to", "check the averaged beat")
    noise = noise_covariance_pt2(data_pt, noise_pt)
    # The first fit has no field to take derivatives of: a few per cent of the RMS stand for them.
    rms2 = float(np.mean(data_pt**2))
    share = 0.0 if uncertainty is None else typical_share(uncertainty)
    first = noise + share**2 * rms2 * np.eye(len(data_pt))
    whitened = Whitened(search, data_pt, first)
    place = whitened.best_place(start_m)
    for _ in range(_ROUNDS_OF_MODELS if alternatives else _ROUNDS):
        if uncertainty is None and not alternatives:
            break
        moment = whitened.moment_at(place)
        covariance = noise.copy()
        if uncertainty is not None:
            covariance += error_covariance_pt2(
                search.array, search.model, place[None], moment[None], uncertainty
            )
        for other in alternatives:
            covariance += model_covariance_pt2(search.array, search.model, other, place, moment)
        whitened = Whitened(search, data_pt, covariance)
        before, place = place, whitened.refined(place)
        if float(np.linalg.norm(place - before)) < _SAME_PLACE_M:
            break
    alone = Whitened(search, data_pt, noise)
    return _result(whitened, alone, place, noise_pt is not None, uncertainty)


def _result(
    whitened: Whitened,
    alone: Whitened,
    place: FloatArray,
    is_noise_known: bool,
    uncertainty: SensorUncertainty | None,
) -> DipoleFit:
    search = whitened.search
    n = len(whitened.seen)
    moment = whitened.moment_at(place)
    miss = whitened.residual(place)
    chi2, power = float(miss @ miss), float(whitened.seen @ whitened.seen)
    freedom = max(n - 3 - search.n_moments(place), 1)
    reduced = chi2 / freedom
    at_bound = search.is_at_bound(place)
    is_scale_known = is_noise_known or uncertainty is not None
    covariance, deviation, reason = None, None, ""
    if at_bound:
        reason = "the fit ran into the edge of the searched volume"
    else:
        covariance, deviation = whitened.covariances(place, moment)
        if covariance is None:
            reason = "the channels leave a direction of the dipole's place open"
    if covariance is not None:
        assert deviation is not None
        if not is_scale_known:
            # Fisher's quantile instead of chi-squared's, as the scale itself is estimated.
            factor = reduced * 3.0 * float(stats.f.ppf(CONFIDENCE, 3, freedom))
            widen = factor / float(stats.chi2.ppf(CONFIDENCE, 3))
        else:
            # A misfit beyond the assumed errors widens the region, a lucky fit does not narrow it.
            widen = reduced if stats.chi2.sf(chi2, freedom) < _UNLIKELY_FIT else 1.0
        covariance = covariance * widen
        deviation = deviation * np.sqrt(widen)
    axes_mm = None if covariance is None else _half_axes_mm(covariance)
    volume = None if axes_mm is None else float(4.0 / 3.0 * np.pi * np.prod(axes_mm))
    p_value = alone.chance_of(place, is_noise_known)
    return DipoleFit(
        position_m=place,
        moment_nam=moment,
        gof=1.0 - chi2 / power,
        confidence_mm=None if axes_mm is None else float(np.prod(axes_mm) ** (1.0 / 3.0)),
        confidence_axes_mm=axes_mm,
        confidence_volume_mm3=volume,
        reduced_chi2=reduced,
        at_bound=at_bound,
        n_channels=n,
        covariance_m2=covariance,
        moment_deviation_nam=deviation,
        uncertainty=uncertainty,
        is_significant=p_value < FALSE_ALARM,
        p_value=p_value,
        model=search.model.name,
        reason=reason,
    )


def _half_axes_mm(covariance_m2: FloatArray) -> FloatArray:
    variance = np.maximum(np.linalg.eigvalsh(covariance_m2)[::-1], 0.0)
    return np.asarray(np.sqrt(variance * stats.chi2.ppf(CONFIDENCE, 3)) * 1e3)
