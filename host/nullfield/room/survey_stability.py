"""How still a field stands: peak to peak over windows, drift, overlapping Allan deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
RowArray = npt.NDArray[np.float32]

_LEAST_TERMS = 4
"""Averages that a deviation has to rest on."""


@dataclass(frozen=True)
class Stability:
    """Of one set of channels.

    Attributes
    ----------
    time_s : (n,) array
        Of the averages, from the first row.
    field_pt : (n_channels, n) array
        Averages over `interval_s`; NaN where rows are missing.
    interval_s : float
    tau_s : (n_tau,) array
    allan_pt : (n_channels, n_tau) array
        Overlapping Allan deviation of the averages; NaN where too few are there.
    peak_to_peak_pt : dict of float to (n_channels,) array
        By length of the window in s: the largest of all windows of that length.
    slope_pt_per_min : (n_channels,) array
        Straight line through the whole series.
    """

    time_s: FloatArray
    field_pt: FloatArray
    interval_s: float
    tau_s: FloatArray
    allan_pt: FloatArray
    peak_to_peak_pt: dict[float, FloatArray]
    slope_pt_per_min: FloatArray


def averages(field_pt: RowArray | FloatArray, rate_hz: float, interval_s: float) -> FloatArray:
    """Means over successive intervals, shape ``(n_channels, n)``; NaN if half of one is missing."""
    length = max(1, round(interval_s * rate_hz))
    count = field_pt.shape[1] // length
    parts = field_pt[:, : count * length].reshape(len(field_pt), count, length)
    good = np.isfinite(parts)
    total = np.where(good, parts, 0.0).sum(axis=2, dtype=np.float64)
    number = good.sum(axis=2)
    return np.where(number > 0.5 * length, total / np.maximum(number, 1), np.nan)


def allan_deviation(series: FloatArray, interval_s: float, tau_s: FloatArray) -> FloatArray:
    """Overlapping Allan deviation of a series of averages (IEEE Std 1139-2008, annex B).

    Parameters
    ----------
    series : (n_channels, n) array
        Averages over `interval_s`, one behind the other; NaN is a gap.
    interval_s : float
    tau_s : (n_tau,) array
        Multiples of the interval.

    Returns
    -------
    (n_channels, n_tau) array
    """
    good = np.isfinite(series)
    filled = np.concatenate(
        [np.zeros((len(series), 1)), np.cumsum(np.where(good, series, 0.0), axis=1)], axis=1
    )
    missing = np.concatenate([np.zeros((len(series), 1)), np.cumsum(~good, axis=1)], axis=1)
    out = np.full((len(series), len(tau_s)), np.nan)
    for number, tau in enumerate(tau_s):
        m = max(1, round(tau / interval_s))
        if series.shape[1] < 2 * m + _LEAST_TERMS - 1:
            continue
        step = (filled[:, 2 * m :] - 2.0 * filled[:, m:-m] + filled[:, : -2 * m]) / m
        whole = (missing[:, 2 * m :] - missing[:, : -2 * m]) == 0
        terms = whole.sum(axis=1)
        square = np.where(whole, step**2, 0.0).sum(axis=1)
        enough = terms >= _LEAST_TERMS
        out[enough, number] = np.sqrt(0.5 * square[enough] / terms[enough])
    return out


def stability(
    field_pt: RowArray | FloatArray,
    rate_hz: float,
    *,
    interval_s: float = 0.5,
    windows_s: tuple[float, ...] = (10.0, 60.0, 300.0),
) -> Stability:
    """Stability of channels; rows that are not valid must be NaN.

    Parameters
    ----------
    field_pt : (n_channels, n_rows) array
    rate_hz : float
    interval_s : float
        Of the averages; takes mains and heart rate out of the figures.
    windows_s : tuple of float
        Longer windows than the record are left out; the whole record is always there.
    """
    series = averages(field_pt, rate_hz, interval_s)
    n = series.shape[1]
    steps = np.unique(np.round(np.geomspace(1, max(n // 3, 1), 16)).astype(np.int64))
    tau_s: FloatArray = np.asarray(steps * interval_s, dtype=np.float64)
    windows = {w: round(w / interval_s) for w in windows_s if round(w / interval_s) < n}
    whole_s = n * interval_s
    windows[whole_s] = n
    spread = {w: _largest_spread(series, m) for w, m in windows.items()}
    time_s: FloatArray = np.asarray((np.arange(n) + 0.5) * interval_s, dtype=np.float64)
    return Stability(
        time_s,
        series,
        interval_s,
        tau_s,
        allan_deviation(series, interval_s, tau_s),
        spread,
        60.0 * _slopes(time_s, series),
    )


def _largest_spread(series: FloatArray, length: int) -> FloatArray:
    if series.shape[1] < 2:
        return np.full(len(series), np.nan)
    parts = np.lib.stride_tricks.sliding_window_view(series, min(length, series.shape[1]), axis=1)
    high = np.where(np.isfinite(parts), parts, -np.inf).max(axis=2)
    low = np.where(np.isfinite(parts), parts, np.inf).min(axis=2)
    spread = np.asarray((high - low).max(axis=1))
    return np.where(np.isfinite(spread), spread, np.nan)


def _slopes(time_s: FloatArray, series: FloatArray) -> FloatArray:
    out = np.full(len(series), np.nan)
    for number, row in enumerate(series):
        good = np.isfinite(row)
        if good.sum() > 2:
            out[number] = np.polyfit(time_s[good], row[good], 1)[0]
    return out
