"""What the rows of a coil board tell of its current sources.

The board trims each current by the sensed one (docs/firmware.md), so a wrong source or a wrong sense
resistor hides behind the trim after a second or two. The trim is an integral of what the rows show,
so it can be followed from outside: the source is asked for command plus trim, and what is sensed
against that is the source's gain by the sense amplifier's, its offset, and its linearity. A common
error of both cannot be seen without an ammeter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ROW_S = 1e-3
TRIM_SHARE = 1.0 / 512.0
"""Part of the error that the board's loop adds to the trim each block."""
TRIM_LIMIT_A = 200e-6
ERROR_LIMIT_A = 1e-3
LATENCY_ROWS = 1.5
"""Two blocks from a command to the row that senses it, less half of one: a held step of the DAC is
sensed where its block ends, on average half a block after its middle."""


@dataclass(frozen=True)
class SourceFit:
    """Straight line through sensed current against what the source was asked for.

    Attributes
    ----------
    gain_error : float
        Slope less one.
    offset_a : float
    nonlinearity_a : float
        Largest distance of a set point from the line.
    gain_uncertainty, offset_uncertainty_a : float
        Standard errors.
    points : int
    """

    gain_error: float
    offset_a: float
    nonlinearity_a: float
    gain_uncertainty: float
    offset_uncertainty_a: float
    points: int


def command_of_rows(
    is_ramping: BoolArray, targets_a: list[float], ramp_a_per_row: float
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Command of a channel after each row, from the flag that says when the ramp runs.

    Parameters
    ----------
    is_ramping : (n,) bool array
        From rows in which this channel alone was moved, from zero through `targets_a`, each step
        many rows long.
    targets_a : list of float
    ramp_a_per_row : float

    Returns
    -------
    command_a : (n,) array
    ends : (len(targets_a),) int array
        First row at each target.

    Raises
    ------
    ValueError
        If there are not as many ramps as targets.
    """
    padded = np.concatenate([[False], is_ramping, [False]])
    begins = np.flatnonzero(~padded[:-1] & padded[1:])
    ends = np.flatnonzero(padded[:-1] & ~padded[1:])
    if len(begins) != len(targets_a):
        raise ValueError(f"{len(begins)} ramps for {len(targets_a)} set points")
    command = np.zeros(len(is_ramping))
    now = 0.0
    for begin, end, target in zip(begins, ends, targets_a, strict=True):
        sign = np.sign(target - now)
        command[begin:end] = now + sign * ramp_a_per_row * np.arange(1, end - begin + 1)
        command[end:] = target
        now = target
    return command, ends


def trim_of_rows(command_a: FloatArray, sensed_a: FloatArray) -> FloatArray:
    """Trim after each row, by the board's own law, from zero before the first row.

    The row's error counts against the command before the row's step.
    """
    before = np.concatenate([[0.0], command_a[:-1]])
    step = np.clip(before - sensed_a, -ERROR_LIMIT_A, ERROR_LIMIT_A) * TRIM_SHARE
    trim = np.empty(len(command_a))
    now = 0.0
    for row, change in enumerate(step):
        now = min(max(now + change, -TRIM_LIMIT_A), TRIM_LIMIT_A)
        trim[row] = now
    return trim


def fit_source(asked_a: FloatArray, sensed_a: FloatArray) -> SourceFit:
    """Straight line by least squares through set points.

    Parameters
    ----------
    asked_a, sensed_a : (n,) array
        n >= 3.
    """
    count = len(asked_a)
    if count < 3:
        raise ValueError("a straight line with its errors needs three points")
    centre = float(asked_a.mean())
    spread = float(((asked_a - centre) ** 2).sum())
    slope = float(((asked_a - centre) * (sensed_a - sensed_a.mean())).sum()) / spread
    offset = float(sensed_a.mean()) - slope * centre
    residual = sensed_a - offset - slope * asked_a
    variance = float((residual**2).sum()) / (count - 2)
    return SourceFit(
        gain_error=slope - 1.0,
        offset_a=offset,
        nonlinearity_a=float(np.abs(residual).max()),
        gain_uncertainty=float(np.sqrt(variance / spread)),
        offset_uncertainty_a=float(np.sqrt(variance * (1.0 / count + centre**2 / spread))),
        points=count,
    )


def ramp_lag_s(
    asked_a: FloatArray, sensed_a: FloatArray, begin: int, end: int, gain: float
) -> tuple[float, float]:
    """How long the sensed current is behind what the source was asked for, late in a ramp.

    Parameters
    ----------
    begin, end : int
        Rows of the ramp; its first third is left out, as the lag has to build up.
    gain : float
        Of the source.

    Returns
    -------
    lag_s, uncertainty_s : float
    """
    steady = slice(begin + (end - begin) // 3, end)
    rate = float(np.mean(np.diff(asked_a[steady]))) / ROW_S
    lag = (asked_a[steady] - sensed_a[steady] / gain) / rate
    return float(lag.mean()), float(lag.std(ddof=1) / np.sqrt(len(lag)))


def settling_rows(sensed_a: FloatArray, start: int, stop: int, band_a: float) -> int:
    """Rows from `start` until the current stays within a band around where it ends."""
    final = float(np.mean(sensed_a[stop - 20 : stop]))
    outside = np.flatnonzero(np.abs(sensed_a[start:stop] - final) > band_a)
    return int(outside[-1]) + 1 if len(outside) else 0
