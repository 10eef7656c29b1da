"""Covariance of the data from noise and from what is not known about the channels.

A gain, a place, an axis or a neighbour's cross-talk that is wrong by a little changes a channel's
reading by the derivative of the field; all errors are independent and normal. The three axes of a
head are misplaced together, so their errors correlate. The field in the derivatives is the fitted
one: with the measured one, channels that happen to read low would count too much.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from nullfield.analysis.data import SensorArray, SensorUncertainty
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.dsp.gaps import FloatArray, IntArray
from nullfield.errors import InputError

CROSSTALK_DISTANCE_M = 0.04
"""Where `SensorUncertainty.crosstalk` is meant; it falls with the cube of the distance, as the
field of a neighbouring head's coils does."""
_STEP_M = 2e-4
_FLOOR = 1e-4
"""Least deviation of a channel as a share of the RMS field, so that nothing is known exactly."""


def noise_covariance_pt2(data_pt: FloatArray, noise_pt: FloatArray | None) -> FloatArray:
    """Covariance of the noise alone, shape ``(n_channels, n_channels)``.

    Parameters
    ----------
    data_pt : numpy.ndarray, shape ``(n_channels,)``
    noise_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_channels)``, or None
        Standard deviations in pT, or a covariance in pT^2.

    Raises
    ------
    InputError
        If `noise_pt` has another shape, or is negative or not finite.
    """
    n = len(data_pt)
    floor = max(_FLOOR * float(np.sqrt(np.mean(data_pt**2))), 1e-12)
    covariance = np.zeros((n, n))
    if noise_pt is not None:
        noise = np.asarray(noise_pt, dtype=np.float64)
        if noise.shape not in ((n,), (n, n)):
            raise InputError(
                f"noise of shape {noise.shape} does not fit {n} channels",
                "give one standard deviation a channel, or their covariance",
            )
        if not np.isfinite(noise).all() or (noise.ndim == 1 and (noise < 0.0).any()):
            raise InputError("the noise is negative or not finite", "leave those channels out")
        covariance = np.diag(noise**2) if noise.ndim == 1 else noise.copy()
    covariance[np.diag_indices(n)] += floor**2
    return covariance


def error_covariance_pt2(
    array: SensorArray,
    model: ForwardModel,
    sources_m: FloatArray,
    moments_nam: FloatArray,
    uncertainty: SensorUncertainty,
) -> FloatArray:
    """Covariance that the errors of the channels add, for given sources.

    Parameters
    ----------
    array : SensorArray
    model : ForwardModel
    sources_m, moments_nam : numpy.ndarray, shape ``(n_sources, 3)``
    uncertainty : SensorUncertainty

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_channels)``
        pT^2; zero between heads.
    """

    def field(positions_m: FloatArray, orientations: FloatArray) -> FloatArray:
        lead = model.lead_field(positions_m, orientations, sources_m, is_checked=False)
        return np.asarray(np.einsum("snq,sq->n", lead, moments_nam))

    places, axes = array.positions_m, array.orientations
    reading = field(places, axes)
    variance = (uncertainty.gain * reading) ** 2
    head = head_index(array)
    if uncertainty.angle_rad:
        for across in _across(axes):
            variance += (uncertainty.angle_rad * field(places, across)) ** 2
    if uncertainty.crosstalk:
        variance += uncertainty.crosstalk**2 * _neighbours_power(array, head, reading)
    covariance = np.diag(variance)
    if uncertainty.position_m:
        slope = np.stack(
            [
                (field(places + _STEP_M * e, axes) - field(places - _STEP_M * e, axes))
                / (2.0 * _STEP_M)
                for e in np.eye(3)
            ],
            axis=1,
        )
        together = head[:, None] == head[None, :]
        covariance += uncertainty.position_m**2 * together * (slope @ slope.T)
    return covariance


def model_covariance_pt2(
    array: SensorArray,
    model: ForwardModel,
    other: ForwardModel,
    source_m: FloatArray,
    moment_nam: FloatArray,
) -> FloatArray:
    """Covariance of a doubt between two conductors: the outer product of their difference.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_channels)``
        pT^2, of rank one: the body is as likely to be this far from the model as not.
    """
    places, axes = array.positions_m, array.orientations
    difference = (
        other.lead_field(places, axes, source_m, is_checked=False)
        - model.lead_field(places, axes, source_m, is_checked=False)
    ) @ moment_nam
    return np.asarray(np.outer(difference, difference))


def typical_share(uncertainty: SensorUncertainty) -> float:
    """Size of all errors together as a share of the RMS field, before there is a fitted field."""
    # A field of a dipole at 80 mm changes by about its own size over a third of that.
    parts = (
        uncertainty.gain,
        uncertainty.position_m / 0.03,
        uncertainty.angle_rad,
        2.0 * uncertainty.crosstalk,
    )
    return float(np.sqrt(np.sum(np.square(parts))))


def whitener(covariance_pt2: FloatArray, head: IntArray) -> FloatArray | sparse.csr_array:
    """Matrix W with W C W^T = 1; sparse where heads are independent of one another.

    Parameters
    ----------
    covariance_pt2 : numpy.ndarray, shape ``(n_channels, n_channels)``
    head : numpy.ndarray of int, shape ``(n_channels,)``

    Raises
    ------
    InputError
        If the covariance is not positive definite.
    """
    try:
        if np.any(covariance_pt2[head[:, None] != head[None, :]]):
            lower = np.linalg.cholesky(covariance_pt2)
            return np.asarray(linalg.solve_triangular(lower, np.eye(len(lower)), lower=True))
        return _whiten_heads(covariance_pt2, head)
    except np.linalg.LinAlgError:
        raise InputError(
            "the noise covariance is not positive definite",
            "estimate it from more samples than channels, or give standard deviations",
        ) from None


def _whiten_heads(covariance_pt2: FloatArray, head: IntArray) -> sparse.csr_array:
    order = np.argsort(head, kind="stable")
    counts = np.bincount(head)
    starts = np.cumsum(counts) - counts
    rows, columns, values = [], [], []
    for size in np.unique(counts[counts > 0]):
        index = order[starts[counts == size][:, None] + np.arange(size)]
        blocks = covariance_pt2[index[:, :, None], index[:, None, :]]
        inverse = np.linalg.inv(np.linalg.cholesky(blocks))
        rows.append(np.broadcast_to(index[:, :, None], inverse.shape).ravel())
        columns.append(np.broadcast_to(index[:, None, :], inverse.shape).ravel())
        values.append(inverse.ravel())
    n = len(head)
    places = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(values), places), shape=(n, n))


def head_index(array: SensorArray) -> IntArray:
    """Number of each channel's head, shape ``(n_channels,)``."""
    return np.unique(np.asarray(array.head_names), return_inverse=True)[1].astype(np.int64)


def _across(axes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors at right angles to each axis and to one another."""
    across = np.zeros_like(axes)
    across[np.arange(len(axes)), np.argmin(np.abs(axes), axis=1)] = 1.0
    first = np.cross(axes, across)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(axes, first)


def _neighbours_power(array: SensorArray, head: IntArray, reading: FloatArray) -> FloatArray:
    """Sum over the other heads of (their reading along the same axis, fallen off)^2."""
    apart2 = ((array.positions_m[:, None] - array.positions_m[None]) ** 2).sum(axis=2)
    other = (head[:, None] != head[None, :]) & (
        array.axis_index[:, None] == array.axis_index[None, :]
    )
    # Heads do not come nearer than their own size; places that coincide are one head's, misnamed.
    fall = np.where(other & (apart2 > 0.005**2), CROSSTALK_DISTANCE_M**6 / (apart2**3 + 1e-30), 0.0)
    return np.asarray(fall @ reading**2)
