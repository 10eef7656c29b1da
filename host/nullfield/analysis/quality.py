"""How good the data are: noise between beats, missing samples, channels to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import BoolArray, FloatArray, runs
from nullfield.dsp.spectrum import (
    FEWEST_WINDOWS,
    NOISE_WINDOW_S,
    amplitude_density,
    band_density_ft_rthz,
    count_windows,
    noise_density_ft_rthz,
)

_T_END_S = 0.42
_P_START_S = 0.22
_SHORTEST_WINDOW_S = 0.1
_DEAD_SHARE = 0.5
_NOISY_FACTOR = 10.0
_MOST_PAUSES = 100
"""Of a section, for spectra: a median over a hundred windows is right to some percent."""


@dataclass(frozen=True)
class Quality:
    """Quality of a recording.

    Attributes
    ----------
    noise_ft_rthz : numpy.ndarray, shape ``(n_channels,)``
        Median density over the band, between beats; NaN where it cannot be told.
    noise_raw_ft_rthz : numpy.ndarray, shape ``(n_channels,)``
        The same before mains notches and reference regression.
    missing_share : numpy.ndarray, shape ``(n_channels,)``
        Share of samples that are missing or unusable.
    bad_channels : numpy.ndarray of bool, shape ``(n_channels,)``
        Left out of maps and fits.
    dead_heads : tuple of str
        Heads of which no channel is good.
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``
        Samples between T wave and next P wave.
    noise_window_s : float or None
        Window of the noise spectra, short enough for the pauses; None where there are none.
    reason : str
        Why the noise cannot be told; empty if it can.
    spectrum_hz : numpy.ndarray, shape ``(n_frequencies,)``
    spectrum_ft_rthz : numpy.ndarray, shape ``(n_channels, n_frequencies)``
        Of the cleaned data between beats.
    """

    noise_ft_rthz: FloatArray
    noise_raw_ft_rthz: FloatArray
    missing_share: FloatArray
    bad_channels: BoolArray
    dead_heads: tuple[str, ...]
    quiet: BoolArray
    noise_window_s: float | None = None
    reason: str = ""
    spectrum_hz: FloatArray = field(default_factory=lambda: np.zeros(0))
    spectrum_ft_rthz: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))


def quiet_samples(recording: FieldRecording, beats: Beats) -> BoolArray:
    """Samples between the T wave and the next P wave; all of them if there is no heart.

    Both margins go with the square root of the interval, as the QT time does. Longer pauses than
    two intervals are not quiet: a beat may have been missed there.
    """
    rate_hz = recording.sampling_rate_hz
    quiet = np.zeros(recording.n_samples, dtype=bool)
    if len(beats.samples) == 0:
        return ~quiet
    for before, after in pairwise(beats.samples):
        interval_s = (after - before) / rate_hz
        if beats.interval_s is not None and interval_s > 2.0 * beats.interval_s:
            continue
        scale = float(np.sqrt(min(1.0, interval_s)))
        start = int(before) + round(_T_END_S * scale * rate_hz)
        stop = int(after) - round(_P_START_S * scale * rate_hz)
        quiet[start : max(start, stop)] = True
    return quiet


def assess(
    raw: FieldRecording,
    cleaned: FieldRecording,
    bad: BoolArray,
    quiet: BoolArray,
    band_hz: tuple[float, float],
) -> Quality:
    """Judge a recording; see `Quality`.

    Parameters
    ----------
    raw, cleaned : FieldRecording
        Before and after mains notches and reference regression.
    bad : numpy.ndarray of bool, shape ``(n_channels,)``
        Channels that cleaning found to be bad.
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``
        From `quiet_samples`.
    band_hz : (float, float)
    """
    rate_hz = raw.sampling_rate_hz
    window_s = _window_s(quiet, rate_hz)
    n_channels = raw.array.n_channels
    noise = noise_raw = np.full(n_channels, np.nan)
    spectrum_hz, spectrum = np.zeros(0), np.zeros((n_channels, 0))
    reason = ""
    if raw.unit != "pT":
        reason = "an electric channel has no field noise"
    elif window_s is None:
        reason = "the pauses between beats are too short for a noise spectrum"
    else:
        chosen = _thinned(quiet)
        noise_raw = noise_density_ft_rthz(
            raw.field_pt,
            rate_hz,
            band_hz=band_hz,
            valid=raw.usable,
            quiet=chosen,
            window_s=window_s,
        )
        good = cleaned.usable & chosen
        spectrum_hz, density = amplitude_density(
            cleaned.field_pt, rate_hz, window_s=window_s, valid=good
        )
        density[count_windows(good, rate_hz, window_s) < FEWEST_WINDOWS] = np.nan
        spectrum = density * 1e3
        noise = band_density_ft_rthz(spectrum_hz, density, band_hz=band_hz)
        if not np.isfinite(noise).any():
            reason = "too little usable data for a noise spectrum"
    missing = 1.0 - raw.usable.mean(axis=1) if raw.n_samples else np.ones(n_channels)
    bad = bad | (missing > _DEAD_SHARE) | _stuck(raw) | _noisy(raw, noise)
    heads = dict.fromkeys(raw.array.head_names)
    good_heads = {raw.array.head_names[i] for i in np.flatnonzero(~bad)}
    dead = tuple(head for head in heads if head not in good_heads)
    return Quality(
        noise,
        noise_raw,
        np.asarray(missing),
        bad,
        dead,
        quiet,
        window_s,
        reason,
        spectrum_hz,
        spectrum,
    )


def _thinned(quiet: BoolArray) -> BoolArray:
    """Evenly spread pauses, `_MOST_PAUSES` at most: more tell the spectrum no better."""
    pauses = runs(quiet)
    if len(pauses) <= _MOST_PAUSES:
        return quiet
    out = np.zeros_like(quiet)
    for index in np.linspace(0, len(pauses) - 1, _MOST_PAUSES).astype(int):
        out[slice(*pauses[index])] = True
    return out


def _window_s(quiet: BoolArray, rate_hz: float) -> float | None:
    lengths = [stop - start for start, stop in runs(quiet)]
    if not lengths:
        return None
    # Most pauses have to hold a window, or the noise would be that of the longest few.
    usual = float(np.quantile(lengths, 0.25)) / rate_hz
    if usual < _SHORTEST_WINDOW_S:
        usual = float(np.max(lengths)) / rate_hz
    return min(NOISE_WINDOW_S, usual) if usual >= _SHORTEST_WINDOW_S else None


def _stuck(recording: FieldRecording) -> BoolArray:
    """Channels that never change: a railed or unplugged head."""
    good = recording.usable
    stuck = np.zeros(len(good), dtype=bool)
    for channel, row in enumerate(good):
        values = recording.field_pt[channel, row]
        stuck[channel] = len(values) == 0 or bool(np.all(values == values[0]))
    return stuck


def _noisy(recording: FieldRecording, noise: FloatArray) -> BoolArray:
    """Channels much noisier than their like: same local axis, same place (chest or reference)."""
    array = recording.array
    noisy = np.zeros(array.n_channels, dtype=bool)
    for reference in (False, True):
        for axis in np.unique(array.axis_index):
            alike = (array.axis_index == axis) & (array.is_reference == reference)
            known = noise[alike & np.isfinite(noise)]
            if len(known) >= 3:
                noisy |= alike & (noise > _NOISY_FACTOR * float(np.median(known)))
    return noisy
