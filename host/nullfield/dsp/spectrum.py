"""Amplitude spectra and noise densities.

A heart's own field reaches far into 10-100 Hz and is a thousand times the sensor noise there, so a
plain spectrum of a recording tells the heart, not the noise. The noise density is therefore taken
from the quiet part between the T wave and the next P wave, in windows of a quarter second; with
`quiet` left out the caller asserts that there is no heart in the data.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray, shared_segments, usable

NOISE_WINDOW_S = 0.25
FEWEST_WINDOWS = 8
_LINES_HZ = (50.0, 60.0)


def amplitude_density(
    field_pt: FloatArray,
    rate_hz: float,
    *,
    window_s: float = 1.0,
    valid: BoolArray | None = None,
    quiet: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Amplitude spectral density by Welch's method, over all gap-free pieces.

    The median over the half-overlapping Hann windows, set right for its bias, is robust against
    single transients. Each window has its straight line taken out first.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
    rate_hz, window_s : float
    valid : numpy.ndarray of bool, same shape, optional
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``, optional
        Only these samples are used.

    Returns
    -------
    frequency_hz : numpy.ndarray, shape ``(n_frequencies,)``
    density_pt_rthz : numpy.ndarray, shape ``(n_channels, n_frequencies)``
        pT/sqrt(Hz), one-sided; NaN for a channel with too few windows.
    """
    good = usable(field_pt, valid)
    if quiet is not None:
        good = good & quiet[None, :]
    length = max(8, round(window_s * rate_hz))
    window = signal.get_window("hann", length)
    scale = 2.0 / (rate_hz * float((window**2).sum()))
    frequency_hz = np.fft.rfftfreq(length, 1.0 / rate_hz)
    powers: list[list[FloatArray]] = [[] for _ in range(len(field_pt))]
    for channels, start, stop in shared_segments(good):
        if stop - start < length:
            continue
        pieces = np.lib.stride_tricks.sliding_window_view(
            np.asarray(field_pt[channels, start:stop], dtype=np.float64), length, axis=1
        )[:, :: max(1, length // 2)]
        pieces = signal.detrend(pieces, axis=2) * window
        power = np.abs(np.fft.rfft(pieces, axis=2)) ** 2 * scale
        for row, channel in enumerate(channels):
            powers[channel].append(power[row])
    density = np.full((len(field_pt), len(frequency_hz)), np.nan)
    for channel, parts in enumerate(powers):
        if parts:
            rows = np.concatenate(parts)
            median = np.median(rows, axis=0) / _median_bias(len(rows))
            density[channel] = np.sqrt(median)
    return np.asarray(frequency_hz, dtype=np.float64), density


def noise_density_ft_rthz(
    field_pt: FloatArray,
    rate_hz: float,
    *,
    band_hz: tuple[float, float] = (10.0, 100.0),
    valid: BoolArray | None = None,
    quiet: BoolArray | None = None,
    window_s: float = NOISE_WINDOW_S,
    lines_hz: tuple[float, ...] = _LINES_HZ,
) -> FloatArray:
    """Noise density of each channel: the median over a band without the mains lines.

    Parameters
    ----------
    field_pt, rate_hz, valid, quiet
        As for `amplitude_density`; see the module's text on `quiet`.
    band_hz : (float, float)
    lines_hz : tuple of float
        These frequencies and their multiples are left out, two resolution steps to either side.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels,)``
        fT/sqrt(Hz); NaN where fewer than `FEWEST_WINDOWS` windows were found.
    """
    good = usable(field_pt, valid)
    if quiet is not None:
        good = good & quiet[None, :]
    frequency_hz, density = amplitude_density(field_pt, rate_hz, window_s=window_s, valid=good)
    out = band_density_ft_rthz(frequency_hz, density, band_hz=band_hz, lines_hz=lines_hz)
    out[count_windows(good, rate_hz, window_s) < FEWEST_WINDOWS] = np.nan
    return out


def band_density_ft_rthz(
    frequency_hz: FloatArray,
    density_pt_rthz: FloatArray,
    *,
    band_hz: tuple[float, float] = (10.0, 100.0),
    lines_hz: tuple[float, ...] = _LINES_HZ,
) -> FloatArray:
    """Median of each channel's density over a band, fT/sqrt(Hz); as `noise_density_ft_rthz`."""
    step_hz = frequency_hz[1]
    chosen = (frequency_hz >= band_hz[0]) & (frequency_hz <= band_hz[1])
    for line in lines_hz:
        multiple = np.maximum(1.0, np.round(frequency_hz / line)) * line
        chosen &= np.abs(frequency_hz - multiple) > 2.0 * step_hz
    if not chosen.any():
        return np.full(len(density_pt_rthz), np.nan)
    # Median over the band of chi-square-like values already averaged over many windows.
    return np.asarray(np.median(density_pt_rthz[:, chosen], axis=1) * 1e3)


def count_windows(good: BoolArray, rate_hz: float, window_s: float) -> IntArray:
    """Half-overlapping windows that lie in usable samples, shape ``(n_channels,)``."""
    length = max(8, round(window_s * rate_hz))
    windows = np.zeros(len(good), dtype=np.int64)
    for channels, start, stop in shared_segments(good):
        windows[channels] += max(0, (stop - start - length) // max(1, length // 2) + 1)
    return windows


def _median_bias(count: int) -> float:
    """Median over mean of `count` exponentially distributed values (Allen et al. 2012, eq. B1)."""
    odd = count if count % 2 else count - 1
    steps = np.arange(1, odd + 1)
    return float(np.sum(np.where(steps % 2, 1.0, -1.0) / steps))
