"""One point of a shielding factor: a uniform field from the sines that channels see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_DETECTED = 3.0
_SEEN_ALONG = 0.5
"""Least root of the summed squared cosines for an axis to count as seen by the channels."""


@dataclass(frozen=True)
class ShieldingPoint:
    """One frequency and axis.

    Attributes
    ----------
    axis : str
    frequency_hz : float
    outside_nt : float
        Peak.
    inside_pt : float
        Peak of the field along the excited axis, at the array.
    inside_uncertainty_pt : float
        Standard, of the amplitude.
    across_pt : float
        Peak of the field along the other axes that the channels see.
    factor : float or None
        None where nothing was detected.
    factor_uncertainty : float or None
        Standard.
    at_least : float or None
        Lower bound where nothing was detected: three standard uncertainties inside.
    n_channels : int
    """

    axis: str
    frequency_hz: float
    outside_nt: float
    inside_pt: float
    inside_uncertainty_pt: float
    across_pt: float
    factor: float | None
    factor_uncertainty: float | None
    at_least: float | None
    n_channels: int


def is_seen(directions: FloatArray, axis: str) -> bool:
    """Whether channels along these unit vectors (n, 3) tell a field along an axis."""
    column = directions[:, "xyz".index(axis)]
    return bool(np.sqrt((column**2).sum()) >= _SEEN_ALONG)


def point_of(
    axis: str,
    frequency_hz: float,
    outside_nt: float,
    directions: FloatArray,
    amplitude: npt.NDArray[np.complex128],
    uncertainty: FloatArray,
) -> ShieldingPoint:
    """Uniform field of all channels' sines, by weighted least squares along what they see."""
    seen = np.sqrt((directions**2).sum(axis=0)) >= _SEEN_ALONG
    design = directions[:, seen]
    weight = 1.0 / np.maximum(uncertainty, 1e-6) ** 2
    gram = design.T @ (weight[:, None] * design)
    inverse = np.linalg.pinv(gram)
    field = inverse @ (design.T @ (weight * amplitude))
    place = int(np.flatnonzero(np.flatnonzero(seen) == "xyz".index(axis))[0])
    inside = float(np.abs(field[place]))
    others = np.delete(field, place)
    # The room's noise is common to all channels: averaging over heads does not lower it.
    sigma = float(np.median(uncertainty))
    is_seen = inside > _DETECTED * sigma
    factor = 1e3 * outside_nt / inside if is_seen else None
    return ShieldingPoint(
        axis,
        frequency_hz,
        outside_nt,
        inside,
        sigma,
        float(np.linalg.norm(others)),
        factor,
        factor * sigma / inside if factor is not None else None,
        None if is_seen else 1e3 * outside_nt / max(inside + _DETECTED * sigma, 1e-9),
        len(amplitude),
    )
