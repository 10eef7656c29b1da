"""What the rows of a coil board tell of its current sources.

The board trims each current by the sensed one (docs/coil-board.md), so a wrong source or a wrong sense
resistor hides behind the trim after a second or two. With the loops' gains at zero there is no trim:
what is sensed against the command is the source's gain by the sense amplifier's, its offset, and its
linearity. A common error of both cannot be seen without an ammeter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ROW_S = 1e-3
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


def ramp_ends(is_ramping: BoolArray, count: int) -> npt.NDArray[np.int64]:
    """First row at the end of each ramp, by the flag that says when a ramp runs.

    Raises
    ------
    ValueError
        If there are not as many ramps as expected.
    """
    padded = np.concatenate([[False], is_ramping, [False]])
    ends = np.flatnonzero(padded[:-1] & ~padded[1:])
    if len(ends) != count:
        raise ValueError(f"{len(ends)} ramps for {count} set points")
    return ends


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
