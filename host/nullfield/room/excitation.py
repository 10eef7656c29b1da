"""Orthogonal current patterns of all coils at once, and the response that they show.

Each coil's column of signs is orthogonal to every other and to the constant, so that ``n`` patterns
measure every coil with the noise of ``n`` readings, not of one, and the field of the room comes out
beside it: a weighing design (Hotelling 1944; Plackett and Burman 1946). Drift of the room is fitted
along as a line in time; what is left over tells the uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

POOLED_DEGREES = 6.0
"""Degrees of freedom that the pooled variance of an axis counts for beside a channel's own few."""

_PALEY_11 = (1, 3, 4, 5, 9)
"""Squares modulo 11."""


def hadamard(at_least: int) -> FloatArray:
    """Hadamard matrix of the smallest order 2, 4, 8, 12, 16, 24, 32, ... that is large enough.

    Orders are ``2**k`` (Sylvester) and ``12 * 2**k`` (Paley 1933, of the squares modulo 11, doubled).

    Parameters
    ----------
    at_least : int
        Rows wanted, at least 1.

    Returns
    -------
    numpy.ndarray, shape ``(n, n)``
        Signs; the first column is all ones and the others are orthogonal to it and to each other.
    """
    if at_least < 1:
        raise ValueError("a Hadamard matrix has at least one row")
    power = 2
    while power < at_least:
        power *= 2
    twelve = 12
    while twelve < at_least:
        twelve *= 2
    matrix, order = (np.ones((1, 1)), power) if power <= twelve else (_paley_12(), twelve)
    while len(matrix) < order:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return np.asarray(matrix * matrix[:, :1], dtype=np.float64)


def _paley_12() -> FloatArray:
    character = np.full(11, -1.0)
    character[list(_PALEY_11)] = 1.0
    character[0] = 0.0
    difference = (np.arange(11)[:, None] - np.arange(11)[None, :]) % 11
    core = np.zeros((12, 12))
    core[0, 1:] = 1.0
    core[1:, 0] = -1.0
    core[1:, 1:] = character[difference]
    return core + np.eye(12)


def excitation_patterns(amplitude_ma: FloatArray) -> FloatArray:
    """Current patterns that tell all coils, the room's field and its drift apart.

    Parameters
    ----------
    amplitude_ma : numpy.ndarray, shape ``(n_coils,)``

    Returns
    -------
    numpy.ndarray, shape ``(n_patterns, n_coils)``
        At least ``n_coils + 3`` patterns: beside the coils the constant and the drift are found,
        and something is left over to judge the fit by.
    """
    signs = hadamard(len(amplitude_ma) + 3)
    return np.asarray(_quiet_columns(signs, len(amplitude_ma)) * amplitude_ma, dtype=np.float64)


def _quiet_columns(signs: FloatArray, count: int) -> FloatArray:
    """The columns that a line in time disturbs least."""
    line = np.linspace(-1.0, 1.0, len(signs))
    slope = np.abs(line @ signs[:, 1:])
    chosen = np.sort(np.argsort(slope, kind="stable")[:count])
    return signs[:, 1 + chosen]


@dataclass(frozen=True)
class ResponseFit:
    """What patterns showed.

    Attributes
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_channels, n_coils)``
        NaN where a channel had too few readings.
    field_pt, field_uncertainty_pt : numpy.ndarray, shape ``(n_channels,)``
        At the mean of the patterns, when the last of them was read.
    drift_pt_per_s : numpy.ndarray, shape ``(n_channels,)``
    noise_pt : numpy.ndarray, shape ``(n_channels,)``
        Of one reading, as the rest of the fit tells it.
    is_fitted : numpy.ndarray of bool, shape ``(n_channels,)``
    """

    response_pt_per_ma: FloatArray
    uncertainty_pt_per_ma: FloatArray
    field_pt: FloatArray
    field_uncertainty_pt: FloatArray
    drift_pt_per_s: FloatArray
    noise_pt: FloatArray
    is_fitted: BoolArray


def fit_response(
    current_ma: FloatArray,
    field_pt: FloatArray,
    time_s: FloatArray,
    group: npt.NDArray[np.int64] | None = None,
    common: FloatArray | None = None,
) -> ResponseFit:
    """Least squares of readings on currents, a constant and a line in time.

    Parameters
    ----------
    current_ma : numpy.ndarray, shape ``(n_patterns, n_coils)``
        As sensed.
    field_pt : numpy.ndarray, shape ``(n_patterns, n_channels)``
        NaN where there is no valid reading: the channel is then fitted by the others it has.
    time_s : numpy.ndarray, shape ``(n_patterns,)``
        When each pattern was read.
    group : numpy.ndarray of int, shape ``(n_channels,)``, optional
        Channels alike in noise, for instance one axis of all heads; a channel's few degrees of
        freedom are helped out by its group's. One group by default.
    common : numpy.ndarray, shape ``(n_channels, n_terms)``, optional
        Shapes of drift that the channels share, for instance a uniform field's: it does not count as
        their noise, for whoever models it apart.

    Returns
    -------
    ResponseFit

    Raises
    ------
    ValueError
        If the patterns do not tell the coils apart.
    """
    n_patterns, n_coils = current_ma.shape
    n_channels = field_pt.shape[1]
    mean_ma = current_ma.mean(axis=0)
    elapsed_s = time_s - time_s[-1]
    columns = n_coils + 2
    design = np.column_stack([current_ma - mean_ma, np.ones(n_patterns), elapsed_s])
    # Currents of mA and times of seconds: equal columns, so that the rank means something.
    scale = np.maximum(np.abs(design).max(axis=0), 1e-12)
    design = design / scale
    if np.linalg.matrix_rank(design, tol=1e-3) < columns:
        raise ValueError("these patterns do not tell coils, field and drift apart")
    fitted = np.full((n_channels, columns), np.nan)
    spread = np.full((n_channels, columns), np.nan)
    squares = np.zeros(n_channels)
    freedom = np.zeros(n_channels)
    valid = np.isfinite(field_pt)
    for mask in np.unique(valid, axis=1).T:
        which = np.flatnonzero((valid == mask[:, None]).all(axis=0))
        part = design[mask]
        if len(part) < columns or np.linalg.matrix_rank(part, tol=1e-3) < columns:
            continue
        inverse = np.linalg.pinv(part)
        solution = inverse @ field_pt[np.ix_(mask, which)]
        rest = field_pt[np.ix_(mask, which)] - part @ solution
        if common is not None and len(which) > 3 * common.shape[1]:
            shapes = common[which]
            rest = rest - rest @ np.linalg.pinv(shapes).T @ shapes.T
        fitted[which] = solution.T
        spread[which] = np.sqrt(np.sum(inverse**2, axis=1))
        squares[which] = np.sum(rest**2, axis=0)
        freedom[which] = len(part) - columns
    noise = _noise(
        squares, freedom, np.zeros(n_channels, dtype=np.int64) if group is None else group
    )
    fitted = fitted / scale
    spread = spread / scale * noise[:, None]
    return ResponseFit(
        response_pt_per_ma=fitted[:, :n_coils],
        uncertainty_pt_per_ma=spread[:, :n_coils],
        field_pt=fitted[:, n_coils],
        field_uncertainty_pt=spread[:, n_coils],
        drift_pt_per_s=fitted[:, n_coils + 1],
        noise_pt=noise,
        is_fitted=np.isfinite(fitted).all(axis=1),
    )


def _noise(squares: FloatArray, freedom: FloatArray, group: npt.NDArray[np.int64]) -> FloatArray:
    """Noise of a reading by channel: its own rest and its group's, each by its weight."""
    noise = np.full(len(squares), np.nan)
    for number in np.unique(group):
        chosen = group == number
        total = float(freedom[chosen].sum())
        if total == 0.0:
            continue
        pooled = float(squares[chosen].sum()) / total
        weight = min(POOLED_DEGREES, total)
        noise[chosen] = np.sqrt((squares[chosen] + weight * pooled) / (freedom[chosen] + weight))
    return noise
