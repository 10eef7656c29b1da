"""What a sensor head's noise is made of: light, electronics and coil converters as field.

A head's lock-in multiplies each block of `N` samples with cosine and sine and sums; a matrix of
weights (2, 2) turns the two sums into the fields of the two transverse axes. White noise of one-sided
density `d` in the samples therefore has the variance ``d^2 f_s / 2`` a sample and ``N / 2`` times that
in each sum, independent from block to block, so the field has the density
``d sqrt(N / 2) sqrt(f_s / f_r) |w|`` with the row rate ``f_r`` and the weights' row ``w``. Nothing of
this knows the cell's pole: the shares are those of the stream as it is, like the measured curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

FloatArray = npt.NDArray[np.float64]

ELEMENTARY_CHARGE_C = 1.602176634e-19
"""Exact by the SI of 2019."""
_FEWEST_BLOCKS = 16


@dataclass(frozen=True)
class Weights:
    """Weights of one head's lock-in, found from its own numbers.

    Attributes
    ----------
    t_per_step : numpy.ndarray, shape ``(n_phases, 2, 2)``
        Field of an axis (rows) by a step of the in-phase and the quadrature sum (columns). A board
        whose modulation alternates from block to block has two phases, else both are the same.
    residual : float
        Root mean square of what the weights leave of the fields' changes, by that of these.
    """

    t_per_step: FloatArray
    residual: float

    def norm_t(self) -> FloatArray:
        """Length of each axis' weights, root mean square over the phases, shape ``(2,)``."""
        return np.asarray(np.sqrt((self.t_per_step**2).sum(axis=2).mean(axis=0)))

    def slope_step_per_t(self) -> FloatArray:
        """Length of the lock-in's answer to each axis' field, shape ``(2,)``."""
        answer = np.linalg.inv(self.t_per_step)
        return np.asarray(np.sqrt((answer**2).sum(axis=1).mean(axis=0)))


def fit_weights(sums: FloatArray, field_t: FloatArray) -> Weights:
    """Find a lock-in's weights from sums and fields of the same blocks.

    Parameters
    ----------
    sums : numpy.ndarray, shape ``(2, n_blocks)``
        In-phase and quadrature sums, in steps.
    field_t : numpy.ndarray, shape ``(2, n_blocks)``
        What the board made of them: the loop errors of the two transverse axes. A constant offset
        for each phase may be among them.

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        If there are too few blocks, or the sums do not vary in two directions.
    """
    n_blocks = sums.shape[1]
    if n_blocks < 2 * _FEWEST_BLOCKS or field_t.shape != sums.shape:
        raise ValueError(f"{n_blocks} blocks are too few to find a lock-in's weights")
    weights = np.zeros((2, 2, 2))
    left = total = 0.0
    for phase in range(2):
        inputs = sums[:, phase::2].T
        inputs = inputs - inputs.mean(axis=0)
        if np.linalg.matrix_rank(inputs, tol=1e-6 * float(np.linalg.norm(inputs))) < 2:
            raise ValueError("the lock-in's two sums do not vary independently")
        outputs = field_t[:, phase::2].T
        outputs = outputs - outputs.mean(axis=0)
        solution = np.linalg.lstsq(inputs, outputs, rcond=None)[0]
        weights[phase] = solution.T
        left += float(((outputs - inputs @ solution) ** 2).sum())
        total += float((outputs**2).sum())
    return Weights(weights, float(np.sqrt(left / total)) if total else 0.0)


def shot_noise_a_rthz(photocurrent_a: float) -> float:
    """One-sided density of a photocurrent's shot noise, ``sqrt(2 e I)``."""
    return float(np.sqrt(2.0 * ELEMENTARY_CHARGE_C * max(photocurrent_a, 0.0)))


def white_as_field_t_rthz(
    step_rthz: float, weights: Weights, samples_a_block: int, sample_rate_hz: float
) -> FloatArray:
    """Field density of both transverse axes from white noise in the samples.

    Parameters
    ----------
    step_rthz : float
        One-sided density of the samples, converter steps/sqrt(Hz).
    weights : Weights
    samples_a_block : int
    sample_rate_hz : float

    Returns
    -------
    numpy.ndarray, shape ``(2,)``
        T/sqrt(Hz).
    """
    row_rate_hz = sample_rate_hz / samples_a_block
    gain = np.sqrt(samples_a_block / 2.0 * sample_rate_hz / row_rate_hz)
    return np.asarray(step_rthz * gain * weights.norm_t())


def sums_as_field_t_rthz(sums: FloatArray, weights: Weights, row_rate_hz: float) -> FloatArray:
    """Field density of both axes from sums that hold noise only (light off).

    Successive blocks must be independent, as those of a lock-in are.

    Parameters
    ----------
    sums : numpy.ndarray, shape ``(2, n_blocks)``
    weights : Weights
        Of the head at work.
    row_rate_hz : float

    Returns
    -------
    numpy.ndarray, shape ``(2,)``
        T/sqrt(Hz).
    """
    covariance = np.cov(sums)
    power = np.einsum("pai,ij,paj->pa", weights.t_per_step, covariance, weights.t_per_step)
    return np.asarray(np.sqrt(2.0 / row_rate_hz * power.mean(axis=0)))


def shaped_quantisation_t_rthz(
    frequency_hz: FloatArray, step_t: float, update_rate_hz: float
) -> FloatArray:
    """Field density of a converter's quantisation with first-order noise shaping.

    A step's error is even, variance ``step^2 / 12``, white up to half of the update rate; what a code
    leaves over goes into the next one, which shapes it by ``|1 - z^-1| = 2 sin(pi f / f_s)``.

    Parameters
    ----------
    frequency_hz : numpy.ndarray, shape ``(n,)``
    step_t : float
        Field of one code.
    update_rate_hz : float

    Returns
    -------
    numpy.ndarray, shape ``(n,)``
        T/sqrt(Hz).
    """
    white = step_t / np.sqrt(12.0) * np.sqrt(2.0 / update_rate_hz)
    return np.asarray(white * 2.0 * np.abs(np.sin(np.pi * frequency_hz / update_rate_hz)))


def beside_carrier_step_rthz(
    samples: FloatArray, sample_rate_hz: float, bands_hz: tuple[tuple[float, float], ...]
) -> float:
    """One-sided density of a modulated channel between the modulation's harmonics.

    There the cell hardly answers to a field any more, so this is what light and electronics do
    together, in the very channel that is demodulated.

    Parameters
    ----------
    samples : numpy.ndarray, shape ``(n_pieces, n)``
        Converter steps; each piece is without gap.
    sample_rate_hz : float
    bands_hz : tuple of (float, float)

    Returns
    -------
    float
        Steps/sqrt(Hz), mean power over the bands.
    """
    frequency_hz, power = signal.welch(
        samples, sample_rate_hz, window="hann", nperseg=min(256, samples.shape[1]), axis=1
    )
    chosen = np.zeros(len(frequency_hz), dtype=np.bool_)
    for low, high in bands_hz:
        chosen |= (frequency_hz >= low) & (frequency_hz <= high)
    return float(np.sqrt(power[:, chosen].mean()))
