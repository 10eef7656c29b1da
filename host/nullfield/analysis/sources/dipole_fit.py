"""One current dipole in a half-space, fitted to the field of one moment.

Place is nonlinear, moment linear: for each place the best moment follows by least squares, so the
search runs over three numbers only. A dipole along z makes no field outside a half-space and is
not searched for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from nullfield.analysis.data import SensorArray
from nullfield.analysis.field_map import effective_noise_pt
from nullfield.analysis.sources.half_space import lead_field
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

FEWEST_CHANNELS = 6
"""Five unknowns (place, and a moment along x and y), and one to judge them by."""
_SHALLOWEST_M = -0.005
_DEEPEST_M = -0.25
_MARGIN_M = 0.06
_STARTS = 4
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class DipoleFit:
    """A fitted dipole.

    Attributes
    ----------
    position_m : numpy.ndarray, shape ``(3,)``
    moment_nam : numpy.ndarray, shape ``(3,)``
        nA m; z is 0 because a dipole along z is silent, not because it was measured.
    gof : float
        Share of the channels' noise-weighted power that the dipole explains.
    confidence_mm : float or None
        Radius of the sphere with the volume of the 95 % confidence ellipsoid; None at a bound,
        where the volume means nothing.
    confidence_axes_mm : numpy.ndarray, shape ``(3,)``, or None
        Half axes of that ellipsoid, longest first.
    confidence_volume_mm3 : float or None
    reduced_chi2 : float
        About one if noise and model errors are as assumed.
    at_bound : bool
        True if the fit ran into the edge of the volume that it searches.
    n_channels : int
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


def fit_dipole(
    field_pt: FloatArray, array: SensorArray, noise_pt: FloatArray | None = None
) -> DipoleFit:
    """Fit a dipole below the chest.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN channels and reference channels are left out.
    array : SensorArray
    noise_pt : numpy.ndarray, shape ``(n_channels,)``, optional
        Standard deviation of each channel; 2 % of the RMS field are added for errors of gain,
        place and angle of the heads.

    Raises
    ------
    AnalysisError
        Below `FEWEST_CHANNELS` channels or three heads, or if there is no field at all.
    """
    use = np.isfinite(field_pt) & array.is_chest
    if noise_pt is not None:
        use &= np.isfinite(noise_pt)
    part, data = array.subset(use), field_pt[use]
    if len(data) < FEWEST_CHANNELS:
        raise AnalysisError(
            f"{len(data)} channels are too few for a dipole, {FEWEST_CHANNELS} are needed",
            "check which heads are locked",
        )
    places = np.unique(np.round(part.positions_m, 3), axis=0)
    if len(places) < 3:
        raise AnalysisError(
            f"channels at {len(places)} places cannot locate a dipole, 3 are needed",
            "check which heads are locked",
        )
    if not np.any(data):
        raise AnalysisError("there is no field to fit a dipole to")
    deviation = effective_noise_pt(data, None if noise_pt is None else noise_pt[use])
    seen = data / deviation
    low = np.append(part.positions_m[:, :2].min(axis=0) - _MARGIN_M, _DEEPEST_M)
    high = np.append(part.positions_m[:, :2].max(axis=0) + _MARGIN_M, _SHALLOWEST_M)

    def leads(places_m: npt.NDArray[np.float64]) -> FloatArray:
        lead = lead_field(part.positions_m, part.orientations, places_m)[..., :2]
        return np.asarray(lead / deviation[:, None])

    def moment_at(place_m: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.lstsq(leads(place_m), seen, rcond=None)[0])

    def residual(place_m: FloatArray) -> FloatArray:
        lead = leads(place_m)
        return np.asarray(seen - lead @ np.linalg.lstsq(lead, seen, rcond=None)[0])

    best: optimize.OptimizeResult | None = None
    for start in _starts(leads, seen, low, high):
        # x_scale: places are centimetres, the residual counts in noise units.
        trial = optimize.least_squares(
            residual, start, bounds=(low, high), x_scale=0.01, xtol=1e-10, ftol=1e-12
        )
        if best is None or trial.cost < best.cost:
            best = trial
    assert best is not None  # there is always a start
    place = np.asarray(best.x, dtype=np.float64)
    moment = moment_at(place)
    chi2 = 2.0 * float(best.cost)
    freedom = len(data) - 5
    at_bound = bool(np.any((place - low < 1e-5) | (high - place < 1e-5)))
    axes_mm = None if at_bound else _confidence_axes_mm(leads, place, moment, chi2 / freedom)
    volume = None if axes_mm is None else float(4.0 / 3.0 * np.pi * np.prod(axes_mm))
    return DipoleFit(
        position_m=place,
        moment_nam=np.append(moment, 0.0),
        gof=1.0 - chi2 / float((seen**2).sum()),
        confidence_mm=None if axes_mm is None else float(np.prod(axes_mm) ** (1.0 / 3.0)),
        confidence_axes_mm=axes_mm,
        confidence_volume_mm3=volume,
        reduced_chi2=chi2 / freedom,
        at_bound=at_bound,
        n_channels=len(data),
    )


def _starts(leads: object, seen: FloatArray, low: FloatArray, high: FloatArray) -> list[FloatArray]:
    """The best places of a coarse grid, no two next to one another."""
    assert callable(leads)
    x, y = (np.linspace(low[i], high[i], 11)[1:-1] for i in (0, 1))
    z = -np.geomspace(0.015, 0.18, 8)
    grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    lead = leads(grid)
    basis, _ = np.linalg.qr(lead)
    explained = (np.einsum("kni,n->ki", basis, seen) ** 2).sum(axis=1)
    chosen: list[FloatArray] = []
    apart = 1.5 * float(max(x[1] - x[0], y[1] - y[0]))
    for index in np.argsort(explained)[::-1]:
        if all(np.linalg.norm(grid[index] - other) > apart for other in chosen):
            chosen.append(grid[index])
        if len(chosen) == _STARTS:
            break
    return chosen


def _confidence_axes_mm(
    leads: object, place_m: FloatArray, moment: FloatArray, reduced_chi2: float
) -> FloatArray | None:
    """Half axes of the 95 % ellipsoid of the place, the moment being free."""
    assert callable(leads)
    step = 1e-5
    jacobian = [
        (leads(place_m + step * unit) - leads(place_m - step * unit)) @ moment / (2.0 * step)
        for unit in np.eye(3)
    ]
    full = np.column_stack([*jacobian, leads(place_m)])
    try:
        covariance = np.linalg.inv(full.T @ full)[:3, :3]
    except np.linalg.LinAlgError:
        return None
    # A misfit beyond the assumed errors widens the volume, a lucky fit does not narrow it.
    covariance = covariance * max(1.0, reduced_chi2)
    variance = np.linalg.eigvalsh(covariance)[::-1]
    if np.any(variance <= 0.0):
        return None
    return np.asarray(np.sqrt(variance * stats.chi2.ppf(_CONFIDENCE, 3)) * 1e3)
