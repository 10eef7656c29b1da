"""Zero-phase filters that never reach across a gap.

Every filter runs forwards and backwards over each gap-free piece by itself. What is not usable,
and pieces too short for the filter to mean anything, come out as NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal

from nullfield.dsp.gaps import BoolArray, FloatArray, shared_segments, usable

DEFAULT_ORDER = 2
"""Order of one pass; forwards and backwards double it."""
MAINS_HZ = (50.0, 60.0)
NOTCH_WIDTH_HZ = 1.0
_MAINS_RATIO = 4.0
_BLOCK_VALUES = 2**18


def high_pass(
    field_pt: FloatArray,
    rate_hz: float,
    cut_hz: float,
    *,
    order: int = DEFAULT_ORDER,
    valid: BoolArray | None = None,
) -> FloatArray:
    """Zero-phase Butterworth high-pass, -6 dB at `cut_hz`; see `band_pass`."""
    return _butterworth(field_pt, rate_hz, "highpass", (cut_hz,), order, valid)


def low_pass(
    field_pt: FloatArray,
    rate_hz: float,
    cut_hz: float,
    *,
    order: int = DEFAULT_ORDER,
    valid: BoolArray | None = None,
) -> FloatArray:
    """Zero-phase Butterworth low-pass, -6 dB at `cut_hz`; see `band_pass`."""
    return _butterworth(field_pt, rate_hz, "lowpass", (cut_hz,), order, valid)


def band_pass(
    field_pt: FloatArray,
    rate_hz: float,
    low_hz: float,
    high_hz: float,
    *,
    order: int = DEFAULT_ORDER,
    valid: BoolArray | None = None,
) -> FloatArray:
    """Zero-phase Butterworth band-pass, -6 dB at both edges.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        NaN is a gap.
    rate_hz, low_hz, high_hz : float
    order : int
        Of one pass.
    valid : numpy.ndarray of bool, same shape, optional

    Returns
    -------
    numpy.ndarray
        Same shape; NaN in gaps and in pieces shorter than half a period of the lower edge.

    Raises
    ------
    ValueError
        If an edge is not between 0 and half the sampling rate.
    """
    return _butterworth(field_pt, rate_hz, "bandpass", (low_hz, high_hz), order, valid)


def _butterworth(
    field_pt: FloatArray,
    rate_hz: float,
    kind: Literal["highpass", "lowpass", "bandpass"],
    edges_hz: tuple[float, ...],
    order: int,
    valid: BoolArray | None,
) -> FloatArray:
    if not all(0.0 < edge < rate_hz / 2 for edge in edges_hz) or sorted(edges_hz) != list(edges_hz):
        raise ValueError(f"filter edges {edges_hz} Hz do not fit a rate of {rate_hz:g} Hz")
    edges: float | tuple[float, ...] = edges_hz[0] if len(edges_hz) == 1 else edges_hz
    sos = signal.butter(order, edges, kind, fs=rate_hz, output="sos")
    # One time constant of the slowest edge: shorter pieces would be all edge effect.
    pad = max(3 * (2 * len(sos) + 1), round(rate_hz / (2.0 * min(edges_hz))))

    def run(piece: FloatArray) -> FloatArray:
        return np.asarray(
            signal.sosfiltfilt(sos, piece, axis=1, padlen=min(pad * 3, piece.shape[1] - 1))
        )

    return _by_segment(field_pt, valid, run, shortest=pad)


def notch_mains(
    field_pt: FloatArray,
    rate_hz: float,
    mains_hz: float,
    *,
    harmonics: int = 4,
    width_hz: float = NOTCH_WIDTH_HZ,
    valid: BoolArray | None = None,
) -> FloatArray:
    """Zero-phase notches at the mains frequency and its harmonics below 0.45 of the rate.

    Parameters
    ----------
    field_pt, valid
        As for `band_pass`.
    mains_hz : float
        50 or 60; `detect_mains_hz` finds it.
    harmonics : int
        Number of lines, the fundamental counted.
    width_hz : float
        Width of each notch at -3 dB of one pass, the same for all lines: a narrow one takes little
        of a QRS complex with it.
    """
    lines = [mains_hz * k for k in range(1, harmonics + 1) if mains_hz * k < 0.45 * rate_hz]
    if not lines:
        return _by_segment(field_pt, valid, lambda piece: piece.copy(), shortest=1)
    sos = np.vstack(
        [signal.tf2sos(*signal.iirnotch(line, line / width_hz, fs=rate_hz)) for line in lines]
    )
    pad = round(rate_hz / width_hz)

    def run(piece: FloatArray) -> FloatArray:
        return np.asarray(
            signal.sosfiltfilt(sos, piece, axis=1, padlen=min(pad, piece.shape[1] - 1))
        )

    return _by_segment(field_pt, valid, run, shortest=round(rate_hz / mains_hz))


def detect_mains_hz(
    field_pt: FloatArray, rate_hz: float, *, valid: BoolArray | None = None
) -> float | None:
    """Find out whether 50 or 60 Hz mains are in the data.

    Returns
    -------
    float or None
        The stronger line, if it stands `_MAINS_RATIO` in amplitude above its surroundings in the
        channels together, else None.
    """
    good = usable(field_pt, valid)
    length = int(2 * rate_hz)
    best: tuple[float, float] | None = None
    power = np.zeros(length // 2 + 1)
    for channels, start, stop in shared_segments(good):
        if stop - start < length:
            continue
        _, one = signal.welch(field_pt[channels, start:stop], rate_hz, nperseg=length, axis=1)
        # The median over channels: a line in one channel alone is that channel's trouble.
        power += np.median(one, axis=0) * (stop - start) * len(channels)
    if not power.any():
        return None
    frequency = np.fft.rfftfreq(length, 1.0 / rate_hz)
    for line in MAINS_HZ:
        if line + 6.0 > rate_hz / 2:
            continue
        near = np.abs(frequency - line)
        beside = np.median(power[(near > 2.0) & (near < 6.0)])
        ratio = float(np.sqrt(power[near <= 1.0].max() / max(float(beside), 1e-300)))
        if ratio >= _MAINS_RATIO and (best is None or ratio > best[0]):
            best = (ratio, line)
    return None if best is None else best[1]


def detrend(
    field_pt: FloatArray, *, linear: bool = True, valid: BoolArray | None = None
) -> FloatArray:
    """Take the mean, or the straight line, out of each gap-free piece."""

    def run(piece: FloatArray) -> FloatArray:
        if linear and piece.shape[1] > 1:
            return np.asarray(signal.detrend(piece, axis=1))
        return np.asarray(piece - piece.mean(axis=1, keepdims=True))

    return _by_segment(field_pt, valid, run, shortest=1)


def _by_segment(
    field_pt: npt.NDArray[np.float64],
    valid: BoolArray | None,
    run: Callable[[FloatArray], FloatArray],
    shortest: int,
) -> FloatArray:
    if field_pt.ndim != 2:
        raise ValueError(f"arrays are (n_channels, n_samples), not of shape {field_pt.shape}")
    good = usable(field_pt, valid)
    out = np.empty(field_pt.shape)
    for channels, start, stop in shared_segments(good):
        long_enough = stop - start > shortest
        # A few channels at a time: copies that stay in the processor's cache cost nearly nothing.
        rows = max(1, _BLOCK_VALUES // (stop - start))
        for first in range(0, len(channels), rows):
            some = channels[first : first + rows]
            if long_enough:
                piece = run(np.asarray(field_pt[some, start:stop], dtype=np.float64))
                out[some, start:stop] = piece
            else:
                out[some, start:stop] = np.nan
    out[~good] = np.nan
    return out
