"""Continuous field of the heart from all channels, by equivalent current dipoles.

A map whose poles are to be placed to a millimetre needs more than a smooth surface through the
channels. Here the field is a Gaussian process (kriging; Rasmussen and Williams, Gaussian Processes
for Machine Learning, 2006, ch. 2), the sum of

1. a current dipole at the place that fits best, with free moment,
2. an extended source around it: dipoles of random moment, the fewer the farther from that place,
3. dipoles of random moment throughout the volume below the array: whatever is left.

Each term is a harmonic field above the body, so that nothing is assumed of the torso: the terms
only say which fields are likely. How likely 2 and 3 are is found from the data by their marginal
likelihood; errors of gain, place and angle of the channels enter the covariance of the data through
the field and its gradient. With the terms chosen, everything is linear in the data, which makes the
bootstrap quick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg

from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.dipole_fit import fit_dipole
from nullfield.analysis.sources.forward import MU0_OVER_4PI_PT_M_PER_NA
from nullfield.analysis.sources.half_space import HalfSpace, lead_field
from nullfield.analysis.sources.uncertainty import error_covariance_pt2, typical_share
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

FEWEST_CHANNELS = 4
_DEPTHS_M = (0.04, 0.055, 0.075, 0.1, 0.14)
_SPACING_M = 0.03
_MARGIN_M = 0.02
_MODEL_ERROR = 0.002
"""Share of the RMS field that no term explains; keeps the covariance well-conditioned."""
_BALL_STEP_M = 0.015
_NEAREST_M = 0.03
"""No dipole nearer below the channels: what it makes between them could not be told."""
_SPREADS = tuple((radius, amount) for radius in (0.008, 0.015) for amount in (0.1, 0.3, 1.0))
"""Radius of the extended source (m), and its random moments over the dipole's."""
_RESIDUAL_POWERS = np.logspace(-6, 0.5, 14)
_MOMENT_PRIOR = 3.0
_CAUTION = 5.0
"""Loss of log likelihood that is still credible: a chi-squared of 10 for two free numbers."""


@dataclass(frozen=True)
class EquivalentDipoles:
    """Linear map from the channels to current dipoles that stand for the heart.

    Attributes
    ----------
    positions_m : numpy.ndarray, shape ``(n_dipoles, 3)``
    operator : numpy.ndarray, shape ``(n_dipoles, 2, n_used)``
        Moments along x and y, nA m per pT.
    used : numpy.ndarray of bool, shape ``(n_channels,)``
        Channels that entered.
    dipole_m : numpy.ndarray, shape ``(3,)``, or None
        Place of term 1; None where no dipole could be fitted.
    prior : numpy.ndarray, shape ``(n_dipoles, 2, n_terms)``
        Moments of one standard deviation of each term, for draws.
    error_root_pt : numpy.ndarray, shape ``(n_used, n_used)``
        Lower root of the covariance of calibration and model errors (sensor noise is not in it).
    lead : numpy.ndarray, shape ``(n_used, 2 n_dipoles)``
        What the channels see of the dipoles, pT/(nA m).
    """

    positions_m: FloatArray
    operator: FloatArray
    used: npt.NDArray[np.bool_]
    dipole_m: FloatArray | None
    prior: FloatArray
    error_root_pt: FloatArray
    lead: FloatArray

    def moments(self, field_pt: FloatArray) -> FloatArray:
        """Moments for the field of all channels.

        Parameters
        ----------
        field_pt : numpy.ndarray, shape ``(..., n_channels)``

        Returns
        -------
        numpy.ndarray, shape ``(..., n_dipoles, 2)``
            nA m.
        """
        data = np.asarray(field_pt)[..., self.used]
        flat = data @ self.operator.reshape(-1, data.shape[-1]).T
        return np.asarray(flat.reshape(*data.shape[:-1], len(self.positions_m), 2))

    def draw_errors(self, n_draws: int, random: np.random.Generator) -> FloatArray:
        """Moments by which the estimate may be off, apart from the sensors' noise.

        A field is drawn from the prior, measured with drawn errors and estimated again; the
        difference has the posterior's covariance (Matheron's rule).

        Returns
        -------
        numpy.ndarray, shape ``(n_draws, n_dipoles, 2)``
            nA m.
        """
        n_terms = self.prior.shape[2]
        shape = (n_draws, len(self.positions_m), 2)
        true = (random.normal(size=(n_draws, n_terms)) @ self.prior.reshape(-1, n_terms).T).reshape(
            shape
        )
        seen = true.reshape(n_draws, -1) @ self.lead.T
        seen += random.normal(size=seen.shape) @ self.error_root_pt.T
        estimate = seen @ self.operator.reshape(-1, seen.shape[1]).T
        return np.asarray(true - estimate.reshape(shape))


def bz_kernels(points_m: FloatArray, positions_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bz of current dipoles along x and y.

    ``Bz = mu0/(4 pi) (Qx y - Qy x) / r^3`` (volume currents of a half-space add nothing to it).

    Parameters
    ----------
    points_m : numpy.ndarray, shape ``(n_points, 3)``
    positions_m : numpy.ndarray, shape ``(n_dipoles, 3)``

    Returns
    -------
    of_x, of_y : numpy.ndarray, shape ``(n_points, n_dipoles)``
        pT/(nA m).
    """
    r = points_m[:, None, :] - positions_m[None]
    inverse = MU0_OVER_4PI_PT_M_PER_NA * ((r**2).sum(axis=2)) ** -1.5
    return np.asarray(r[..., 1] * inverse), np.asarray(-r[..., 0] * inverse)


def bz_derivatives(
    points_m: FloatArray, positions_m: FloatArray, moments_nam: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bz, its gradient and its second derivatives along x and y, one point a set of moments.

    Parameters
    ----------
    points_m : numpy.ndarray, shape ``(n, 3)``
    positions_m : numpy.ndarray, shape ``(n_dipoles, 3)``
    moments_nam : numpy.ndarray, shape ``(n, n_dipoles, 2)``

    Returns
    -------
    value : numpy.ndarray, shape ``(n,)``
        pT.
    gradient : numpy.ndarray, shape ``(n, 2)``
        pT/m.
    hessian : numpy.ndarray, shape ``(n, 2, 2)``
        pT/m^2.
    """
    r = points_m[:, None, :] - positions_m[None]
    x, y = r[..., 0], r[..., 1]
    a, b = moments_nam[..., 0], moments_nam[..., 1]
    square = (r**2).sum(axis=2)
    g = MU0_OVER_4PI_PT_M_PER_NA * square**-1.5
    gx, gy = -3.0 * x / square * g, -3.0 * y / square * g
    gxx = g / square * (15.0 * x * x / square - 3.0)
    gyy = g / square * (15.0 * y * y / square - 3.0)
    gxy = g / square * 15.0 * x * y / square
    n = a * y - b * x
    value = (n * g).sum(axis=1)
    gradient = np.stack([(n * gx - b * g).sum(axis=1), (n * gy + a * g).sum(axis=1)], axis=1)
    cross = (n * gxy + a * gx - b * gy).sum(axis=1)
    first = (n * gxx - 2.0 * b * gx).sum(axis=1)
    second = (n * gyy + 2.0 * a * gy).sum(axis=1)
    hessian = np.stack([first, cross, cross, second], axis=1).reshape(-1, 2, 2)
    return np.asarray(value), np.asarray(gradient), np.asarray(hessian)


def fit_equivalent_dipoles(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    uncertainty: SensorUncertainty = UNCALIBRATED,
) -> EquivalentDipoles:
    """Find the linear map for one moment of the heartbeat; it serves the moments around it too.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN channels, references and channels without a place are left out.
    array : SensorArray
    noise_pt : numpy.ndarray, shape ``(n_channels,)``, optional
        Standard deviation of the sensors' noise in `field_pt`.
    uncertainty : SensorUncertainty

    Raises
    ------
    AnalysisError
        Below `FEWEST_CHANNELS` channels, if none looks along the chest normal, or without a field.
    """
    used = np.isfinite(field_pt) & array.is_chest & array.has_place
    if noise_pt is not None:
        used &= np.isfinite(noise_pt)
    if used.sum() < FEWEST_CHANNELS:
        raise AnalysisError(
            f"{int(used.sum())} channels are too few for a map, {FEWEST_CHANNELS} are needed",
            "check which heads are locked",
        )
    if not (used & array.is_normal).any():
        raise AnalysisError(
            "no channel measures the field normal to the chest", "turn the heads, or their axes"
        )
    part, data = array.subset(used), np.asarray(field_pt[used], dtype=np.float64)
    power = float(np.mean(data**2))
    if power == 0.0:
        raise AnalysisError("there is no field to map")
    noise = np.zeros(len(data)) if noise_pt is None else np.asarray(noise_pt[used])
    sensor = np.diag(noise**2)
    terms = _Terms(part, data, None if noise_pt is None else noise, uncertainty)
    # First round: errors as large everywhere as they are on average.
    share2 = typical_share(uncertainty) ** 2 + _MODEL_ERROR**2
    errors = np.eye(len(data)) * power * share2
    _, operator = terms.most_likely(errors + sensor)
    moments = (operator @ data).reshape(-1, 2)
    errors = error_covariance_pt2(
        part, HalfSpace(), terms.positions_m, np.pad(moments, ((0, 0), (0, 1))), uncertainty
    )
    errors += np.eye(len(data)) * power * _MODEL_ERROR**2
    prior, operator = terms.most_likely(errors + sensor)
    return EquivalentDipoles(
        positions_m=terms.positions_m,
        operator=operator.reshape(-1, 2, len(data)),
        used=used,
        dipole_m=terms.dipole_m,
        prior=prior.reshape(len(terms.positions_m), 2, -1),
        error_root_pt=np.asarray(np.linalg.cholesky(errors), dtype=np.float64),
        lead=terms.lead,
    )


class _Terms:
    """The three kinds of terms as dipoles: places, lead field, and unit patterns of moments."""

    def __init__(
        self,
        part: SensorArray,
        data: FloatArray,
        noise: FloatArray | None,
        uncertainty: SensorUncertainty,
    ) -> None:
        self.data = data
        places = [_volume(part)]
        self.dipole_m: FloatArray | None = None
        moment = 0.0
        try:
            fit = fit_dipole(data, part, noise, uncertainty=uncertainty)
            if not fit.at_bound:
                self.dipole_m = fit.position_m
                moment = float(np.linalg.norm(fit.moment_nam))
                line = _BALL_STEP_M * np.arange(-1, 2)
                steps = np.stack(np.meshgrid(line, line, line), axis=-1).reshape(-1, 3)
                low = float(part.positions_m[:, 2].min()) - _NEAREST_M
                steps = steps[(fit.position_m + steps)[:, 2] < low]
                places.append(fit.position_m[None])
                places.append(fit.position_m + steps)
        except AnalysisError:
            pass  # too few places for a dipole: term 3 alone serves
        self.positions_m = np.concatenate(places)
        lead = lead_field(part.positions_m, part.orientations, self.positions_m)[..., :2]
        self.lead = np.moveaxis(lead, 0, 1).reshape(len(data), -1)
        n_volume = len(places[0]) * 2
        # Deep and shallow dipoles are made equally likely in what they do at the array.
        weight = 1.0 / np.sqrt((self.lead[:, :n_volume] ** 2).sum(axis=0))
        seen = self.lead[:, :n_volume] * weight
        scale = np.sqrt(float(np.mean(data**2)) * len(data) / float((seen**2).sum()))
        self.volume = np.zeros((self.lead.shape[1], n_volume))
        np.fill_diagonal(self.volume, weight * scale)
        size = self.lead.shape[1]
        self.dipole = np.zeros((size, 0))
        self.ball = np.zeros((size, 0))
        self.ball_m = np.zeros(0)
        if self.dipole_m is not None:
            self.dipole = _MOMENT_PRIOR * moment * np.eye(size)[:, n_volume : n_volume + 2]
            self.ball = moment * np.eye(size)[:, n_volume + 2 :]
            self.ball_m = np.repeat(np.linalg.norm(places[2] - fit.position_m, axis=1), 2)

    def extended(self, radius_m: float, amount: float) -> FloatArray:
        """Pattern of term 2, one column a component of a dipole."""
        weight = np.exp(-0.5 * (self.ball_m / radius_m) ** 2)
        return np.asarray(self.ball * (amount * weight / np.sqrt(max((weight**2).sum(), 1e-300))))

    def most_likely(self, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prior of the moments, one column a term, and the operator that follows from it."""
        volume, dipole = self.lead @ self.volume, self.lead @ self.dipole
        rest = volume @ volume.T
        spreads = _SPREADS if self.dipole_m is not None else ((1.0, 0.0),)
        scores: list[tuple[float, tuple[float, float], float]] = []
        for spread in spreads:
            near = self.lead @ self.extended(*spread)
            fixed = errors + dipole @ dipole.T + near @ near.T
            root = linalg.cholesky(fixed, lower=True)
            half = linalg.solve_triangular(root, rest, lower=True)
            values, vectors = linalg.eigh(linalg.solve_triangular(root, half.T, lower=True))
            white = vectors.T @ linalg.solve_triangular(root, self.data, lower=True)
            size = float(np.log(np.diag(root)).sum())
            # In that frame the covariance is diagonal at any power of the rest.
            for power in _RESIDUAL_POWERS:
                spectrum = 1.0 + power * np.maximum(values, 0.0)
                score = -0.5 * float((white**2 / spectrum + np.log(spectrum)).sum()) - size
                scores.append((score, spread, float(power)))
        # Of all that are credible the freest: a prior that is too narrow biases the map and
        # makes its error look small.
        best = max(score for score, _, _ in scores)
        _, power, spread = max(
            (score > best - _CAUTION, power, spread) for score, spread, power in scores
        )
        prior = np.concatenate(
            [np.sqrt(power) * self.volume, self.dipole, self.extended(*spread)], axis=1
        )
        seen = self.lead @ prior
        gain = linalg.solve(seen @ seen.T + errors, seen, assume_a="pos")
        return prior, np.asarray(prior @ gain.T)


def _volume(part: SensorArray) -> FloatArray:
    low = part.positions_m[:, :2].min(axis=0) - _MARGIN_M
    high = part.positions_m[:, :2].max(axis=0) + _MARGIN_M
    lines = [
        np.linspace(a, b, max(2, min(16, round((b - a) / _SPACING_M) + 1)))
        for a, b in zip(low, high, strict=True)
    ]
    depths = float(part.positions_m[:, 2].min()) - np.array(_DEPTHS_M)
    return np.stack(np.meshgrid(*lines, depths, indexing="ij"), axis=-1).reshape(-1, 3)
