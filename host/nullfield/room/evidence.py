"""Bayesian linear regression whose scales are chosen by the evidence.

Coefficients of one group share a prior variance, and beside the stated uncertainty of each datum there
is one more variance, common to all, for what was not thought of. Both kinds are set so that the data
are most likely (evidence or type-II maximum likelihood: MacKay, *Neural Computation* 4, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LOG_RANGE = (-9.0, 6.0)
"""Of a scale against the size of the data; the lowest is as good as none."""


@dataclass(frozen=True)
class Regression:
    """A fit.

    Attributes
    ----------
    coefficient : numpy.ndarray, shape ``(n_terms,)``
    covariance : numpy.ndarray, shape ``(n_terms, n_terms)``
    prior_scale : numpy.ndarray, shape ``(n_groups,)``
        Standard deviation of the coefficients of each group.
    extra_noise : float
        Standard deviation beyond the stated uncertainties, in units of the data.
    log_evidence : float
        With one taken off for each scale that was fitted.
    data_covariance : numpy.ndarray, shape ``(n, n)``
        Of the data under the model: noise and prior.
    """

    coefficient: FloatArray
    covariance: FloatArray
    prior_scale: FloatArray
    extra_noise: float
    log_evidence: float
    data_covariance: FloatArray


def regress(
    design: FloatArray, data: FloatArray, uncertainty: FloatArray, group: IntArray
) -> Regression:
    """Fit a linear model.

    Parameters
    ----------
    design : numpy.ndarray, shape ``(n, n_terms)``
    data, uncertainty : numpy.ndarray, shape ``(n,)``
        Uncertainties are standard deviations and larger than zero.
    group : numpy.ndarray of int, shape ``(n_terms,)``
        Which coefficients share a prior: 0, 1, 2, ...

    Returns
    -------
    Regression

    Raises
    ------
    ValueError
        If an uncertainty is not positive or a number is not finite.
    """
    if not (np.all(np.isfinite(design)) and np.all(np.isfinite(data)) and np.all(uncertainty > 0)):
        raise ValueError("data must be finite and uncertainties larger than zero")
    size = max(float(np.sqrt(np.mean(data**2))), float(uncertainty.max()))
    groups = int(group.max()) + 1
    products = [design[:, group == g] @ design[:, group == g].T for g in range(groups)]
    measured = np.diag(uncertainty**2)
    identity = np.eye(len(data))

    def covariance(logs: FloatArray) -> FloatArray:
        variance = (size * np.exp(logs)) ** 2
        total = measured + variance[-1] * identity
        for product, share in zip(products, variance[:-1], strict=True):
            total = total + share * product
        return np.asarray(total, dtype=np.float64)

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        total = covariance(logs)
        inverse = np.linalg.inv(total)
        weighted = inverse @ data
        outer = np.outer(weighted, weighted) - inverse
        variance = (size * np.exp(logs)) ** 2
        slope = [float(np.sum(outer * p)) for p in [*products, identity]]
        # d variance / d log scale = 2 variance, and the density has one half of it.
        return -_log_normal(data, total), -np.array(slope) * variance

    start = np.array([0.0] * groups + [-4.0])
    bounds = [_LOG_RANGE] * (groups + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    total = covariance(found.x)
    scale = size * np.exp(found.x)
    prior = np.diag(scale[:-1][group] ** 2)
    gain = prior @ design.T @ np.linalg.inv(total)
    return Regression(
        coefficient=gain @ data,
        covariance=prior - gain @ design @ prior,
        prior_scale=scale[:-1],
        extra_noise=float(scale[-1]),
        log_evidence=-float(found.fun) - (groups + 1),
        data_covariance=total,
    )


def left_out(data: FloatArray, covariance: FloatArray, block: IntArray) -> tuple[FloatArray, ...]:
    """What the other data say of each block of data (leave one out, in closed form).

    Parameters
    ----------
    data : numpy.ndarray, shape ``(n,)``
    covariance : numpy.ndarray, shape ``(n, n)``
        Of the data under the model.
    block : numpy.ndarray of int, shape ``(n,)``
        Number of the block that each datum belongs to.

    Returns
    -------
    chi_square, log_density : numpy.ndarray, shape ``(n_blocks,)``
        Of each block under the prediction by all others; blocks in order of their numbers.
    """
    inverse = np.linalg.inv(covariance)
    weighted = inverse @ data
    chi, density = [], []
    for number in np.unique(block):
        chosen = np.flatnonzero(block == number)
        spread = np.linalg.inv(inverse[np.ix_(chosen, chosen)])
        error = spread @ weighted[chosen]
        density.append(_log_normal(error, spread))
        chi.append(float(error @ np.linalg.solve(spread, error)))
    return np.array(chi), np.array(density)


def _log_normal(data: FloatArray, covariance: FloatArray) -> float:
    factor = cho_factor(covariance, lower=True)
    square = float(data @ cho_solve(factor, data))
    log_determinant = 2.0 * float(np.sum(np.log(np.diag(factor[0]))))
    return -0.5 * (square + log_determinant + len(data) * float(np.log(2.0 * np.pi)))
