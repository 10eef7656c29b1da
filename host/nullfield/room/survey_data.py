"""What a survey of a room brings home: maps, a record at rest, a record with an excitation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nullfield.room.excitation_coil import Excitation

FloatArray = npt.NDArray[np.float64]
RowArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SurveyedHead:
    """One head as the rig file has it; ``axes`` in rows."""

    name: str
    position_m: tuple[float, float, float]
    axes: tuple[tuple[float, float, float], ...]
    is_reference: bool


@dataclass(frozen=True)
class StaticMap:
    """The field at every head on three axes, from several zeros one behind the other.

    Attributes
    ----------
    time_s : float
        Middle, from the start of the survey.
    repeats_pt : (n_repeats, n_heads, 3) array
        Along local axes; NaN where a head was not valid.
    """

    time_s: float
    repeats_pt: FloatArray

    @property
    def field_pt(self) -> FloatArray:
        """Mean of the repeats, (n_heads, 3); NaN for heads that were valid in none."""
        good = np.isfinite(self.repeats_pt)
        count = good.sum(axis=0)
        total = np.where(good, self.repeats_pt, 0.0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def repeatability_pt(self) -> FloatArray:
        """Standard deviation of a single repeat by axis, (3,), pooled over heads; NaN for one."""
        if len(self.repeats_pt) < 2:
            return np.full(3, np.nan)
        away = self.repeats_pt - self.field_pt
        # Two repeats of a head are one degree of freedom.
        count = np.isfinite(away).sum(axis=0) - 1
        free = np.maximum(count, 0).sum(axis=0)
        square = np.nansum(away**2, axis=(0, 1))
        return np.where(free > 0, np.sqrt(square / np.maximum(free, 1)), np.nan)


@dataclass(frozen=True)
class RowRecord:
    """Rows of all heads' streamed axes.

    Attributes
    ----------
    start_s : float
        First row, from the start of the survey.
    rate_hz : float
    field_pt : (2 * n_heads, n_rows) float32 array
        Local x and y, head by head; NaN where a row is missing or a board flags it.
    saturated_share : (n_heads,) array
        Share of the rows that a board flagged as saturated or out of range.
    """

    start_s: float
    rate_hz: float
    field_pt: RowArray
    saturated_share: FloatArray

    @property
    def duration_s(self) -> float:
        """Length."""
        return float(self.field_pt.shape[1] / self.rate_hz)

    @property
    def valid_share(self) -> FloatArray:
        """Share of good rows of each head, (n_heads,)."""
        if not self.field_pt.shape[1]:
            return np.zeros(len(self.field_pt) // 2)
        good = np.isfinite(self.field_pt).mean(axis=1)
        return np.asarray(good.reshape(-1, 2).min(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class BeamSeries:
    """Readings along the beams, one behind the other.

    Attributes
    ----------
    time_s : (n,) array
        From the start of the excitation.
    field_pt : (n_heads, n) array
        Along the beam; NaN where a head was not valid.
    """

    time_s: FloatArray
    field_pt: FloatArray


@dataclass
class SurveyData:
    """Filled while the survey goes on, so that what is there outlives an interruption.

    Attributes
    ----------
    rig : str
    heads : tuple of SurveyedHead
        That were ready at the start.
    dead : dict of str to str
        Heads that were not, or were lost on the way, with the reason.
    maps : list of StaticMap
    quiet, excited : RowRecord or None
    beams : BeamSeries or None
        Read while the excitation ran slowly along an axis that no streamed channel sees.
    excitation : Excitation or None
        As it ran; `excited` counts from ``excitation.start_s``.
    planned_s : float
        Length of the record at rest that was asked for.
    conditions : dict of str to str
        What a reader needs to know of the circumstances; `Instrument` stands in the summary, too.
    ended_early : str
        Why, or empty.
    """

    rig: str
    heads: tuple[SurveyedHead, ...] = ()
    dead: dict[str, str] = field(default_factory=dict)
    maps: list[StaticMap] = field(default_factory=list)
    quiet: RowRecord | None = None
    excited: RowRecord | None = None
    beams: BeamSeries | None = None
    excitation: Excitation | None = None
    planned_s: float = 0.0
    conditions: dict[str, str] = field(default_factory=dict)
    ended_early: str = ""

    def positions_m(self) -> FloatArray:
        """Positions, (n_heads, 3)."""
        return np.array([h.position_m for h in self.heads], dtype=np.float64).reshape(-1, 3)

    def axes(self) -> FloatArray:
        """Local axes in rows, (n_heads, 3, 3)."""
        return np.array([h.axes for h in self.heads], dtype=np.float64).reshape(-1, 3, 3)

    def is_reference(self) -> BoolArray:
        """Heads far from the array, (n_heads,)."""
        return np.array([h.is_reference for h in self.heads], dtype=np.bool_)

    def directions(self) -> FloatArray:
        """Unit vectors of the streamed channels, (2 * n_heads, 3)."""
        return self.axes()[:, :2].reshape(-1, 3)

    def channel_names(self) -> tuple[str, ...]:
        """Names of the streamed channels."""
        return tuple(f"{h.name}.{axis}" for h in self.heads for axis in "xy")
