"""Noise densities of an empty room: level, 1/f corner, mains and vibration lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from nullfield.dsp.spectrum import amplitude_density, band_density_ft_rthz

FloatArray = npt.NDArray[np.float64]
RowArray = npt.NDArray[np.float32]

WINDOW_S = 10.0
"""Resolution of 0.1 Hz: lines of vibration stand apart."""
VIBRATION_HZ = (3.0, 40.0)
_CHANNELS_AT_ONCE = 8
"""Windows of an hour of forty heads would not fit into memory."""
_LINE_RATIO = 4.0
"""Power over that of its surroundings from which a bin counts as a line."""
_STEADY = np.log(2.0)
"""The density is a median set right for noise; a steady line has no scatter and is told too high."""
_FIT_HZ = (0.2, 90.0)
_NEAR_MAINS_HZ = 0.35
_WIDEST_BINS = 12


@dataclass(frozen=True)
class SpectralLine:
    """One line.

    Attributes
    ----------
    frequency_hz : float
    amplitude_pt : (n_channels,) array
        Rms, the noise below it taken out; 0 where it does not stand out.
    kind : {'mains', 'vibration', 'other'}
    """

    frequency_hz: float
    amplitude_pt: FloatArray
    kind: Literal["mains", "vibration", "other"]


@dataclass(frozen=True)
class NoiseSpectra:
    """Spectra of channels.

    Attributes
    ----------
    frequency_hz : (n_f,) array
    density_pt_rthz : (n_channels, n_f) array
        NaN for a channel without enough rows.
    level_ft_rthz : (n_channels,) array
        Median over 10-100 Hz without mains.
    corner_hz, exponent : (n_channels,) arrays
        Of ``level^2 (1 + (corner / f)^exponent)``; NaN where it could not be fitted.
    lines : tuple of SpectralLine
        By frequency.
    n_windows : int
    """

    frequency_hz: FloatArray
    density_pt_rthz: FloatArray
    level_ft_rthz: FloatArray
    corner_hz: FloatArray
    exponent: FloatArray
    lines: tuple[SpectralLine, ...]
    n_windows: int


def noise_spectra(
    field_pt: RowArray | FloatArray, rate_hz: float, mains_hz: float, window_s: float = WINDOW_S
) -> NoiseSpectra:
    """Spectra of a record of a room with nobody in it.

    Parameters
    ----------
    field_pt : (n_channels, n_rows) array
        Rows that are not valid must be NaN.
    rate_hz, mains_hz : float
    window_s : float
        Shortened to a sixth of the record if that is shorter.
    """
    window_s = min(window_s, field_pt.shape[1] / rate_hz / 6.0)
    parts = []
    for first in range(0, len(field_pt), _CHANNELS_AT_ONCE):
        part = np.asarray(field_pt[first : first + _CHANNELS_AT_ONCE], dtype=np.float64)
        frequency, one = amplitude_density(part, rate_hz, window_s=window_s)
        parts.append(one)
    density = np.concatenate(parts)
    level = band_density_ft_rthz(frequency, density, lines_hz=(mains_hz,))
    background = _background(frequency, density)
    lines = _lines(frequency, density, background, mains_hz)
    corners = [_corner(frequency, row, mains_hz) for row in background]
    return NoiseSpectra(
        frequency,
        density,
        level,
        np.array([corner for corner, _ in corners]),
        np.array([exponent for _, exponent in corners]),
        lines,
        int(2 * field_pt.shape[1] / rate_hz / window_s) - 1,
    )


def _background(frequency_hz: FloatArray, density: FloatArray) -> FloatArray:
    """Running median over a third of an octave and 2 Hz at least: spectra without their lines."""
    out = np.full_like(density, np.nan)
    step = frequency_hz[1]
    for k in range(1, len(frequency_hz)):
        half = max(round(0.12 * k), round(1.0 / step), 1)
        low, high = max(1, k - half), min(len(frequency_hz), k + half + 1)
        # At the low end the window must not lean to one side of a steep slope.
        reach = min(k - low, high - 1 - k)
        out[:, k] = np.median(density[:, k - reach : k + reach + 1], axis=1)
    return out


def _lines(
    frequency_hz: FloatArray, density: FloatArray, background: FloatArray, mains_hz: float
) -> tuple[SpectralLine, ...]:
    known = np.isfinite(density[:, 1:]).all(axis=1)
    if not known.any():
        return ()
    step = float(frequency_hz[1])
    power = density**2 - background**2
    ratio = np.nan_to_num(density[known] ** 2 / np.maximum(background[known] ** 2, 1e-30))
    height = np.quantile(ratio, 0.75, axis=0)
    height[(frequency_hz < 1.0) | (frequency_hz > frequency_hz[-1] - 2.0)] = 0.0
    lines: list[SpectralLine] = []
    while True:
        peak = int(np.argmax(height))
        if height[peak] < _LINE_RATIO:
            break
        # A Hann window spreads a line over four bins.
        low, high = max(1, peak - 2), min(len(frequency_hz), peak + 3)
        rms = np.sqrt(np.maximum(power[:, low:high].sum(axis=1) * step * _STEADY, 0.0))
        rms = np.where(density[:, peak] ** 2 > 2.0 * background[:, peak] ** 2, rms, 0.0)
        at = float(np.average(frequency_hz[low:high], weights=height[low:high] + 1e-12))
        multiple = max(1.0, round(at / mains_hz)) * mains_hz
        kind: Literal["mains", "vibration", "other"] = "other"
        if abs(at - multiple) < _NEAR_MAINS_HZ:
            kind, at = "mains", multiple
        elif VIBRATION_HZ[0] <= at <= VIBRATION_HZ[1]:
            kind = "vibration"
        lines.append(SpectralLine(at, np.nan_to_num(rms), kind))
        # The foot of a strong line is as wide as what stands above the background on either side.
        reach = 4
        while reach < _WIDEST_BINS and (
            height[min(peak + reach, len(height) - 1)] > 2.0 or height[max(peak - reach, 0)] > 2.0
        ):
            reach += 1
        height[max(0, peak - reach) : peak + reach + 1] = 0.0
    return tuple(sorted(lines, key=lambda one: one.frequency_hz))


def _corner(
    frequency_hz: FloatArray, background: FloatArray, mains_hz: float
) -> tuple[float, float]:
    """Corner and exponent of 1/f noise, by least squares of the logarithm at log-spaced points."""
    chosen = (frequency_hz >= _FIT_HZ[0]) & (frequency_hz <= _FIT_HZ[1])
    chosen &= np.abs(frequency_hz - mains_hz) > 2.0
    f, row = frequency_hz[chosen], background[chosen]
    good = np.isfinite(row) & (row > 0)
    if good.sum() < 12:
        return float("nan"), float("nan")
    f, row = f[good], row[good]
    points = np.geomspace(f[0], f[-1], 60)
    level = np.interp(points, f, np.log(row))

    def error(p: FloatArray) -> FloatArray:
        return np.asarray(0.5 * np.log1p((np.exp(p[1]) / points) ** p[2]) + p[0] - level)

    start = np.array([level[-15:].mean(), np.log(3.0), 2.0])
    fit = least_squares(
        error, start, loss="soft_l1", bounds=([-np.inf, -5.0, 0.3], [np.inf, 5.0, 6.0])
    )
    corner = float(np.exp(fit.x[1]))
    is_seen = _FIT_HZ[0] < corner < _FIT_HZ[1]
    return (corner, float(fit.x[2])) if is_seen else (float("nan"), float("nan"))
