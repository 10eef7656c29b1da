"""Amplitude spectra and noise densities.

A heart's own field reaches far into 10-100 Hz and is a thousand times the sensor noise there, so a
plain spectrum of a recording tells the heart, not the noise. The noise density is therefore taken
from the quiet part between the T wave and the next P wave, in windows of a quarter second; with
`quiet` left out the caller asserts that there is no heart in the data.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from nullfield.dsp.gaps import BoolArray, FloatArray, shared_segments, usable

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
        for begin in range(start, stop - length + 1, max(1, length // 2)):
            piece = signal.detrend(field_pt[channels, begin : begin + length], axis=1)
            power = np.abs(np.fft.rfft(piece * window, axis=1)) ** 2 * scale
            for row, channel in enumerate(channels):
                powers[channel].append(power[row])
    density = np.full((len(field_pt), len(frequency_hz)), np.nan)
    for channel, rows in enumerate(powers):
        if rows:
            median = np.median(np.array(rows), axis=0) / _median_bias(len(rows))
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
    step_hz = frequency_hz[1]
    chosen = (frequency_hz >= band_hz[0]) & (frequency_hz <= band_hz[1])
    for line in lines_hz:
        multiple = np.maximum(1.0, np.round(frequency_hz / line)) * line
        chosen &= np.abs(frequency_hz - multiple) > 2.0 * step_hz
    length = max(8, round(window_s * rate_hz))
    windows = np.zeros(len(field_pt), dtype=int)
    for channels, start, stop in shared_segments(good):
        windows[channels] += max(0, (stop - start - length) // max(1, length // 2) + 1)
    out = np.full(len(field_pt), np.nan)
    enough = windows >= FEWEST_WINDOWS
    if chosen.any() and enough.any():
        # Median over the band of chi-square-like values already averaged over many windows.
        out[enough] = np.median(density[enough][:, chosen], axis=1) * 1e3
    return out


def _median_bias(count: int) -> float:
    """Median over mean of `count` exponentially distributed values (Allen et al. 2012, eq. B1)."""
    odd = count if count % 2 else count - 1
    steps = np.arange(1, odd + 1)
    return float(np.sum(np.where(steps % 2, 1.0, -1.0) / steps))
