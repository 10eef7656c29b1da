"""Map of Bz over the chest from all channels, by equivalent sources.

Outside the body there are no currents, so the field is the gradient of a potential, and a layer of
vertical magnetic dipoles below the array can stand for whatever lies beneath it. No model of the
torso enters, channels of any direction are used together, and the layer has no net magnetic charge.
The minimum-norm layer that explains the data is chosen by generalised cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import SensorArray
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

FEWEST_CHANNELS = 4
MODEL_ERROR = 0.02
"""Error of gain, place and angle of the heads, as a share of the RMS field over the channels."""
_STEP_M = 0.005
_DEPTH_PITCHES = 2.5
_MARGIN_PITCHES = 3.0


@dataclass(frozen=True)
class FieldMap:
    """Bz on a regular grid at one height.

    Attributes
    ----------
    x_m : numpy.ndarray, shape ``(n_x,)``
    y_m : numpy.ndarray, shape ``(n_y,)``
    z_m : float
    bz_pt : numpy.ndarray, shape ``(n_y, n_x)``
    gof : float
        Share of the channels' power that the layer explains.
    n_channels : int
    """

    x_m: FloatArray
    y_m: FloatArray
    z_m: float
    bz_pt: FloatArray
    gof: float
    n_channels: int


@dataclass(frozen=True)
class EquivalentLayer:
    """Strengths of a layer of vertical magnetic dipoles, in the unit that gives pT."""

    positions_m: FloatArray
    strengths: FloatArray
    gof: float

    def field_pt(self, points_m: npt.ArrayLike) -> FloatArray:
        """Field at points above the layer, shape ``(n_points, 3)``, pT."""
        kernel = _kernel(np.asarray(points_m, dtype=np.float64), self.positions_m)
        return np.asarray(np.einsum("nmc,m->nc", kernel, self.strengths))


def fit_layer(
    field_pt: FloatArray, array: SensorArray, noise_pt: FloatArray | None = None
) -> EquivalentLayer:
    """Fit the layer to the field of one moment.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN channels and reference channels are left out.
    array : SensorArray
    noise_pt : numpy.ndarray, shape ``(n_channels,)``, optional
        Standard deviation; only its relative size matters.

    Raises
    ------
    AnalysisError
        Below `FEWEST_CHANNELS` channels, or if none of them looks along the chest normal.
    """
    use = np.isfinite(field_pt) & array.is_chest
    if noise_pt is not None:
        use &= np.isfinite(noise_pt)
    if use.sum() < FEWEST_CHANNELS:
        raise AnalysisError(
            f"{int(use.sum())} channels are too few for a map, {FEWEST_CHANNELS} are needed",
            "check which heads are locked",
        )
    if not (use & array.is_normal).any():
        raise AnalysisError(
            "no channel measures the field normal to the chest", "turn the heads, or their axes"
        )
    part = array.subset(use)
    data = field_pt[use]
    deviation = effective_noise_pt(data, None if noise_pt is None else noise_pt[use])
    sources = _layer_positions(part)
    kernel = np.einsum("nmc,nc->nm", _kernel(part.positions_m, sources), part.orientations)
    scale = float(np.sqrt(np.mean(kernel**2)))
    left, singular, right = np.linalg.svd(
        kernel / (scale * deviation[:, None]), full_matrices=False
    )
    seen = left.T @ (data / deviation)
    # What the layer cannot give at any regularisation stays a residual in the validation.
    rest = max(0.0, float(((data / deviation) ** 2).sum() - (seen**2).sum()))
    ridge = _cross_validated(singular, seen, rest, len(data))
    strengths = right.T @ (singular / (singular**2 + ridge) * seen) / scale
    error = (kernel @ strengths - data) / deviation
    gof = 1.0 - float((error**2).sum() / max(float(((data / deviation) ** 2).sum()), 1e-300))
    return EquivalentLayer(sources, strengths, gof)


def map_bz(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    x_m: FloatArray | None = None,
    y_m: FloatArray | None = None,
    z_m: float | None = None,
) -> FieldMap:
    """Map of Bz over the array; parameters as for `fit_layer`.

    Parameters
    ----------
    x_m, y_m : numpy.ndarray, optional
        Grid lines; the extent of the chest channels in steps of 5 mm if left out.
    z_m : float, optional
        Height; the mean of the chest channels if left out.
    """
    layer = fit_layer(field_pt, array, noise_pt)
    chest = array.positions_m[array.is_chest]
    x = grid_line(chest[:, 0]) if x_m is None else x_m
    y = grid_line(chest[:, 1]) if y_m is None else y_m
    height = float(chest[:, 2].mean()) if z_m is None else z_m
    gx, gy = np.meshgrid(x, y)
    points = np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, height)], axis=1)
    bz = layer.field_pt(points)[:, 2].reshape(gx.shape)
    count = int((np.isfinite(field_pt) & array.is_chest).sum())
    return FieldMap(x, y, height, bz, layer.gof, count)


def effective_noise_pt(data_pt: FloatArray, noise_pt: FloatArray | None) -> FloatArray:
    """Sensor noise and model error together, shape ``(n_channels,)``."""
    floor = MODEL_ERROR * float(np.sqrt(np.mean(data_pt**2)))
    noise = np.zeros_like(data_pt) if noise_pt is None else noise_pt
    return np.asarray(np.sqrt(noise**2 + max(floor, 1e-9) ** 2))


def grid_line(values_m: FloatArray, step_m: float = _STEP_M) -> FloatArray:
    """Evenly spaced values from the least to the largest, about `step_m` apart."""
    low, high = float(values_m.min()), float(values_m.max())
    return np.linspace(low, high, max(2, round((high - low) / step_m) + 1))


def _layer_positions(array: SensorArray) -> FloatArray:
    places = np.unique(np.round(array.positions_m, 4), axis=0)
    pitch = 0.04
    if len(places) > 1:
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        pitch = float(np.median(apart.min(axis=1)))
    # So far below: nearer, the layer's grain shows in the map; deeper, it is ill-conditioned.
    depth = float(places[:, 2].mean()) - _DEPTH_PITCHES * pitch
    margin = _MARGIN_PITCHES * pitch
    lines = []
    for axis in (0, 1):
        low, high = places[:, axis].min() - margin, places[:, axis].max() + margin
        lines.append(np.linspace(low, high, max(2, round((high - low) / (0.75 * pitch)) + 1)))
    gx, gy = np.meshgrid(*lines)
    return np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, depth)], axis=1)


def _kernel(points_m: FloatArray, sources_m: FloatArray) -> FloatArray:
    """Field of unit vertical magnetic dipoles, ``(3 (m.R) R - m R^2) / R^5``, ``(n, m, 3)``."""
    r = points_m[:, None, :] - sources_m[None, :, :]
    distance2 = (r**2).sum(axis=2)
    field = 3.0 * r[..., 2:3] * r
    field[..., 2] -= distance2
    return np.asarray(field / distance2[..., None] ** 2.5)


def _cross_validated(singular: FloatArray, seen: FloatArray, rest: float, n_data: int) -> float:
    """Ridge with the least generalised cross-validation score (Golub, Heath and Wahba 1979)."""
    top = float(singular[0]) ** 2
    trials = top * np.logspace(-10, 0, 81)
    scores = []
    for ridge in trials:
        miss = ridge / (singular**2 + ridge)
        freedom = n_data - len(singular) + float(miss.sum())
        scores.append((float(((miss * seen) ** 2).sum()) + rest) / max(freedom, 1e-9) ** 2)
    return float(trials[int(np.argmin(scores))])
