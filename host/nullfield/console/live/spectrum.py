"""Amplitude densities of a window of live channels, for the engineer's spectra.

`nullfield.dsp` does the estimate, as for a recording. Here only the resolution is chosen: one hertz
shows mains lines apart from the noise beside them, and a window of a few seconds still holds enough
pieces for it.
"""

from __future__ import annotations

import numpy as np

from nullfield.dsp.gaps import FloatArray, usable
from nullfield.dsp.spectrum import amplitude_density

RESOLUTION_S = 1.0
FEWEST_SAMPLES = 64
FEWEST_PIECES = 3
"""Half-overlapping pieces in the window; the median of fewer is no better than one of them."""


def densities(field_pt: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """One-sided amplitude spectral density of each channel by Welch's method.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        The newest samples; NaN where one was lost.
    rate_hz : float

    Returns
    -------
    frequency_hz : numpy.ndarray, shape ``(n_frequencies,)``
        From the first step above zero to half the rate. Empty if the window is too short.
    density_ft_rthz : numpy.ndarray, shape ``(n_channels, n_frequencies)``
        fT/sqrt(Hz); NaN for a channel whose gaps leave no piece whole.
    """
    n_channels, n_samples = field_pt.shape
    if n_samples < FEWEST_SAMPLES:
        return np.empty(0), np.empty((n_channels, 0))
    # `FEWEST_PIECES` half-overlapping pieces cover half as many lengths and another half.
    longest_s = n_samples / rate_hz * 2.0 / (FEWEST_PIECES + 1)
    frequency_hz, density_pt = amplitude_density(
        field_pt, rate_hz, window_s=min(RESOLUTION_S, longest_s), valid=usable(field_pt)
    )
    # The straight line taken out of each piece leaves nothing to see at zero frequency.
    return frequency_hz[1:], density_pt[:, 1:] * 1e3
