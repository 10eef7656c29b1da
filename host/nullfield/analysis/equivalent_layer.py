"""A layer of magnetic poles below the array, whose field stands for the heart's.

Outside the body there are no currents, so the field is the gradient of a potential, and a layer of
magnetic poles can stand for whatever lies beneath it. No model of the torso enters, and channels of
any direction are used together.

Poles, because a layer of random ones has beforehand just the field that random currents have: a
current dipole in a conductor gives Bz ``k_y/k e^(-kd)`` at the wave number k, and so current
dipoles of all directions give the power ``e^(-2kd)`` of a layer of poles. (Magnetic dipoles would
give ``k^2 e^(-2kd)``: too little of what reaches far, and an error of Bx and By that is too small.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray, SensorUncertainty
from nullfield.analysis.map_grid import head_places_m, pitch_m

MODEL_ERROR = 0.02
"""Error of gain, place and angle of the heads, as a share of the RMS field over the channels."""
_CHANGE_M = 0.03
"""Over about so much the field of a heart at 9 cm changes by its RMS, where it changes fastest."""

_STEP_DEPTHS = 0.5
"""Step of the layer over its depth: its grain is down by exp(-2 pi / 0.5) at the array."""
_MARGIN_DEPTHS = 1.2
_GROWTH = 1.6
_FAR_STEPS = 6
"""Beyond the margin the layer goes on in growing steps: what the array does not see still has a
field, and the error of Bx and By, which reach far, must know of it."""
_LEAST_DEPTH_PITCHES = 1.25
"""Nearer, the field between the heads would be free to do anything."""
_LEAST_DEPTH_EXTENTS = 0.125
_MOST_DEPTH_EXTENTS = 0.9
_DEPTHS = 6
_CURVED_PITCHES = 0.25


@dataclass(frozen=True)
class EquivalentLayer:
    """Places of the layer's poles.

    Attributes
    ----------
    positions_m : numpy.ndarray, shape ``(n_sources, 3)``
    sizes : numpy.ndarray, shape ``(n_sources,)``
        Standard deviation of the strengths: the root of the share of the layer that each stands
        for, 1 in its middle.
    depth_m : float
        Below the lowest head.
    """

    positions_m: FloatArray
    sizes: FloatArray
    depth_m: float

    @property
    def step_m(self) -> float:
        """Distance of neighbouring poles."""
        return _STEP_DEPTHS * self.depth_m

    def kernel(self, points_m: FloatArray) -> FloatArray:
        """Field of each pole, ``R / R^3``.

        Returns
        -------
        numpy.ndarray, shape ``(3, n_points, n_sources)``
            1/m^2: the unit of the poles' strength is chosen so that it gives pT.
        """
        out = np.empty((3, len(points_m), len(self.positions_m)))
        for axis in range(3):
            np.subtract(points_m[:, None, axis], self.positions_m[None, :, axis], out=out[axis])
        out *= self._scale(out)
        return out

    def channel_kernel(self, array: SensorArray) -> FloatArray:
        """What the channels see of each pole, shape ``(n_channels, n_sources)``."""
        r = array.positions_m.T[:, :, None] - self.positions_m.T[:, None, :]
        along = sum(r[axis] * array.orientations[:, axis, None] for axis in range(3))
        return np.asarray(along * self._scale(r))

    def _scale(self, r: FloatArray) -> FloatArray:
        square = r[0] ** 2
        square += r[1] ** 2
        square += r[2] ** 2
        # A general power would take ten times as long.
        return np.asarray(self.sizes / (square * np.sqrt(square)))


def depths_m(array: SensorArray) -> FloatArray:
    """Depths below the array that are worth a trial, by its pitch and its extent."""
    pitch = pitch_m(array)
    extent = float(np.ptp(array.positions_m[:, :2], axis=0).max())
    low = max(_LEAST_DEPTH_PITCHES * pitch, _LEAST_DEPTH_EXTENTS * extent)
    high = max(2.5 * pitch, _MOST_DEPTH_EXTENTS * extent)
    return np.geomspace(low, high, _DEPTHS)


def lay(array: SensorArray, depth_m: float) -> EquivalentLayer:
    """A layer at a depth; it follows the bend of a curved array.

    Parameters
    ----------
    array : SensorArray
        All places are known.
    depth_m : float
        Below the array's surface at its lowest head.
    """
    places = head_places_m(array)
    lines, widths = zip(*(_graded_line(places[:, axis], depth_m) for axis in (0, 1)), strict=True)
    gx, gy = (part.ravel() for part in np.meshgrid(*lines))
    sizes = np.sqrt(np.outer(widths[1], widths[0]).ravel()) / (_STEP_DEPTHS * depth_m)
    height, slope_x, slope_y, below = _surface(places, pitch_m(array), gx, gy)
    normals = np.stack([-slope_x, -slope_y, np.ones_like(gx)], axis=1)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    positions = np.stack([gx, gy, height], axis=1) - (depth_m + below) * normals
    return EquivalentLayer(positions, sizes, depth_m)


def _graded_line(values_m: FloatArray, depth_m: float) -> tuple[FloatArray, FloatArray]:
    """Places along one axis and the width that each stands for."""
    margin = _MARGIN_DEPTHS * depth_m
    low, high = float(values_m.min()) - margin, float(values_m.max()) + margin
    count = max(2, round((high - low) / (_STEP_DEPTHS * depth_m)) + 1)
    inner = np.linspace(low, high, count)
    step = float(inner[1] - inner[0])
    widths = step * _GROWTH ** np.arange(1, _FAR_STEPS + 1)
    outward = 0.5 * step + np.cumsum(widths) - 0.5 * widths
    line = np.concatenate([low - outward[::-1], inner, high + outward])
    return line, np.concatenate([widths[::-1], np.full(count, step), widths])


def _surface(
    places_m: FloatArray, pitch: float, x_m: FloatArray, y_m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Height and slopes of the array's surface at places, and how far heads lie below it."""
    z = places_m[:, 2]
    flat = np.zeros_like(x_m)
    if float(np.ptp(z)) <= _CURVED_PITCHES * pitch or len(places_m) < 8:
        return flat + z.mean(), flat, flat, float(z.mean() - z.min())
    centre, scale = places_m[:, :2].mean(axis=0), max(float(np.ptp(places_m[:, :2])), 1e-3)

    def terms(x: FloatArray, y: FloatArray) -> FloatArray:
        one = np.ones_like(x)
        return np.stack([one, x, y, x * x, x * y, y * y], axis=1)

    u, v = ((places_m[:, :2] - centre) / scale).T
    shape = np.linalg.lstsq(terms(u, v), z, rcond=1e-6)[0]
    miss = terms(u, v) @ shape - z
    # Beyond the heads the parabola would plunge: it goes on level.
    a = np.clip((x_m - centre[0]) / scale, u.min(), u.max())
    b = np.clip((y_m - centre[1]) / scale, v.min(), v.max())
    slope_x = (shape[1] + 2.0 * shape[3] * a + shape[4] * b) / scale
    slope_y = (shape[2] + shape[4] * a + 2.0 * shape[5] * b) / scale
    return terms(a, b) @ shape, slope_x, slope_y, max(0.0, float(miss.max()))


def model_error_share(uncertainty: SensorUncertainty) -> float:
    """Error of a channel by what is not known of it, as a share of the RMS field.

    Gain, two tilts, place and cross-talk add as squares; 5 % uncalibrated, 2 % calibrated.
    """
    parts = (
        uncertainty.gain,
        np.sqrt(2.0) * uncertainty.angle_rad,
        uncertainty.position_m / _CHANGE_M,
        uncertainty.crosstalk,
    )
    return float(np.linalg.norm(parts))


def effective_noise_pt(
    data_pt: FloatArray, noise_pt: FloatArray | None, model_error: float = MODEL_ERROR
) -> FloatArray:
    """Sensor noise and model error together, shape ``(n_channels,)``."""
    floor = model_error * float(np.sqrt(np.mean(data_pt**2)))
    noise = np.zeros(len(data_pt)) if noise_pt is None else noise_pt
    return np.asarray(np.sqrt(noise**2 + max(floor, 1e-9) ** 2))
