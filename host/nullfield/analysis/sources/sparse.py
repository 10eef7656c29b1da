"""Few currents on a surface: sparse Bayesian learning.

Each vertex gets a variance of its own, and the variances that make the data most likely are mostly
zero (Wipf and Nagarajan, NeuroImage 44, 2009). They are found by reweighting: a minimum-norm image
under the present variances, then each variance by the bound of its convex part::

    X = G A^T S^-1 d,   S = 1 + sum g_v A_v A_v^T,   g_v = |x_v| / sqrt(tr(A_v^T S^-1 A_v))

The directions of a vertex share its variance, so they come and go together. The noise sets how far
the data are followed; there is no other parameter.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.source_space import SourceImage, set_up
from nullfield.analysis.sources.surface import Surface
from nullfield.dsp.gaps import FloatArray

_ROUNDS = 1000
_SETTLED = 1e-5
_PRUNED = 1e-7
"""Variances below this share of the largest, after scaling by the lead field, are zero."""


def image_sparse(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    surface: Surface | None = None,
    model: ForwardModel | None = None,
    uncertainty: SensorUncertainty | None = UNCALIBRATED,
    orientation: str = "free",
) -> SourceImage:
    """Image the current on a surface by as few vertices as explain the field.

    Parameters
    ----------
    field_pt, array, noise_pt, surface, model, uncertainty, orientation
        As for `image_minimum_norm`.

    Returns
    -------
    SourceImage
        `active` lists the vertices with current.

    Raises
    ------
    AnalysisError, InputError
        As for `image_minimum_norm`.
    """
    given = (
        field_pt, array, noise_pt, surface, model or HalfSpace(), uncertainty, orientation
    )  # fmt: skip
    problem = set_up(*given)
    strengths = solve(problem.gain, problem.seen)
    if uncertainty is not None:
        problem = set_up(*given, moments_nam=problem.moments_nam(strengths))
        strengths = solve(problem.gain, problem.seen)
    return problem.image(strengths, "sparse")


def solve(gain: FloatArray, seen: FloatArray) -> FloatArray:
    """Strengths of few sources that explain weighted data.

    Parameters
    ----------
    gain : numpy.ndarray, shape ``(n_channels, n_sources, n_directions)``
        In standard deviations of the noise, which is white.
    seen : numpy.ndarray, shape ``(n_channels,)``

    Returns
    -------
    numpy.ndarray, shape ``(n_sources, n_directions)``
        Zero but for few sources.
    """
    n, n_sources, n_directions = gain.shape
    size = np.sqrt((gain**2).sum(axis=(0, 2)))
    alive = np.flatnonzero(size > 1e-9 * size.max())
    lead = gain[:, alive] / size[alive][:, None]
    # All sources together explain the data's power at the start.
    variance = np.full(len(alive), float(seen @ seen) / len(alive))
    strengths = np.zeros((len(alive), n_directions))
    for _ in range(_ROUNDS):
        flat = lead.reshape(n, -1)
        scaled = flat * np.repeat(variance, n_directions)
        inside = np.linalg.solve(np.eye(n) + scaled @ flat.T, np.column_stack([flat, seen]))
        strengths = (scaled.T @ inside[:, -1]).reshape(-1, n_directions)
        sensitivity = (flat * inside[:, :-1]).sum(axis=0).reshape(-1, n_directions).sum(axis=1)
        fresh = np.linalg.norm(strengths, axis=1) / np.sqrt(np.maximum(sensitivity, 1e-300))
        change = np.abs(fresh - variance).max() / max(float(fresh.max()), 1e-300)
        kept = fresh > _PRUNED * fresh.max()
        alive, lead = alive[kept], lead[:, kept]
        variance, strengths = fresh[kept], strengths[kept]
        if change < _SETTLED:
            break
    out = np.zeros((n_sources, n_directions))
    out[alive] = strengths / size[alive][:, None]
    return out
