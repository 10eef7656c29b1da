"""From a column of times to a sampling rate and the places of missing rows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_GAP_STEPS = 1.5
"""A step that is longer than this many periods is a gap."""
_MOST_GAPS = 0.1
"""Share of steps that may be gaps; above it the samples are not evenly spaced."""
_MOST_MISSING_S = 60.0
_MOST_MISSING = 1_000_000


def most_missing(n_samples: int, rate_hz: float) -> float:
    """Samples that may be missing, so that one wrong time does not take all memory."""
    return 10.0 * n_samples + min(_MOST_MISSING_S * rate_hz, _MOST_MISSING)


@dataclass(frozen=True)
class TimeAxis:
    """Even samples, with gaps.

    Attributes
    ----------
    rate_hz : float
    start_s : float
    gap_rows : numpy.ndarray of int
        Rows in front of which samples are missing.
    gap_samples : numpy.ndarray of int
        How many, of each.
    """

    rate_hz: float
    start_s: float
    gap_rows: IntArray
    gap_samples: IntArray

    def sample_of_row(self, rows: IntArray) -> IntArray:
        """Sample index of each row."""
        before = np.concatenate(([0], np.cumsum(self.gap_samples)))
        return np.asarray(rows + before[np.searchsorted(self.gap_rows, rows, side="right")])


def even(rate_hz: float, start_s: float = 0.0) -> TimeAxis:
    """A time axis without gaps."""
    none = np.zeros(0, dtype=np.int64)
    return TimeAxis(rate_hz, start_s, none, none)


def axis_of_times(
    where: str, time_s: FloatArray, line_of_row: IntArray, rate_hz: float | None = None
) -> TimeAxis:
    """Find rate and gaps of a column of times.

    Parameters
    ----------
    where : str
        For errors: the file.
    time_s : numpy.ndarray, shape ``(n_rows,)``
    line_of_row : numpy.ndarray of int, shape ``(n_rows,)``
        For errors: line of each row in the file.
    rate_hz : float, optional
        If the user knows it.

    Raises
    ------
    InputError
        If the times go back, stand still, are missing, or are not evenly spaced.
    """
    lost = np.flatnonzero(~np.isfinite(time_s))
    if len(lost):
        raise InputError(
            f"{where}: line {line_of_row[lost[0]]}: no time", "fill the time column, or remove it"
        )
    start_s = float(time_s[0])
    if len(time_s) < 2:
        if rate_hz is None:
            raise InputError(f"{where}: one row only, so no sampling rate", "give --rate")
        return even(rate_hz, start_s)
    steps = np.diff(time_s)
    back = np.flatnonzero(steps < 0)
    if len(back):
        row = int(back[0])
        raise InputError(
            f"{where}: line {line_of_row[row + 1]}: time goes back"
            f" from {time_s[row]:g} s to {time_s[row + 1]:g} s",
            "sort the rows, or give one recording a file",
        )
    still = int((steps == 0).sum())
    if still and (rate_hz is None or still == len(steps)):
        row = int(np.flatnonzero(steps == 0)[0])
        raise InputError(
            f"{where}: line {line_of_row[row + 1]}: two rows at {time_s[row]:g} s",
            "write times with more digits, or remove the column and give --rate",
        )
    period_s = 1.0 / rate_hz if rate_hz is not None else float(np.median(steps))
    usual = float(np.median(steps[steps > 0]))
    if usual > _GAP_STEPS * period_s or (not still and usual < period_s / _GAP_STEPS):
        raise InputError(
            f"{where}: its times are {usual:.3g} s apart, which is not the {1 / period_s:g} Hz given",
            "give the right sampling rate, or none, or remove the time column",
        )
    wide = steps > _GAP_STEPS * period_s
    if rate_hz is None:
        close = steps[~wide]
        if (wide.sum() > 1 and wide.mean() > _MOST_GAPS) or close.std() > 0.35 * period_s:
            raise InputError(
                f"{where}: the samples are not evenly spaced"
                f" ({steps.min():.3g} to {steps.max():.3g} s apart)",
                "resample it evenly, or remove the time column and give --rate",
            )
        period_s = float(close.mean())
        resolution_s = float(np.abs(close - period_s).max())
        rate_hz = _round_rate(1.0 / period_s, resolution_s / max(1, len(close)) / period_s)
    rows = np.flatnonzero(wide) + 1
    missing = np.maximum(np.round(steps[wide] * rate_hz).astype(np.int64) - 1, 0)
    longest = steps[wide].max() if wide.any() else 0.0
    if missing.sum() > most_missing(len(time_s), rate_hz):
        row = int(np.flatnonzero(steps == longest)[0]) + 1
        raise InputError(
            f"{where}: line {line_of_row[row]}: a gap of {longest:.6g} s",
            "give what is before and behind it as two files",
        )
    return TimeAxis(rate_hz, start_s, rows.astype(np.int64), missing)


def _round_rate(rate_hz: float, uncertainty: float) -> float:
    """The whole number of hertz, if the digits of the times do not tell it from that."""
    whole = round(rate_hz)
    if whole and abs(rate_hz - whole) / rate_hz <= max(3.0 * uncertainty, 1e-9):
        return float(whole)
    return rate_hz


def rate_of_name(path: Path) -> float | None:
    """Sampling rate that a file's name tells (``..._360hz.csv``), or None."""
    found = re.findall(r"(?:^|[^0-9.])(\d+(?:\.\d+)?)[ _-]?(k?)hz(?![a-z])", path.name, re.I)
    if len(found) != 1:
        return None
    value = float(found[0][0]) * (1000.0 if found[0][1] else 1.0)
    return value if value > 0 and math.isfinite(value) else None
