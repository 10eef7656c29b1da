"""Maps through the averaged beat: which moments, and all of them by one operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import BoolArray, FloatArray, SensorArray
from nullfield.analysis.field_map import FieldMap, apply_operator
from nullfield.analysis.landmarks import BeatLandmarks
from nullfield.analysis.map_grid import MapGrid
from nullfield.analysis.map_operator import MapOperator
from nullfield.errors import AnalysisError

_STEPS_MS = (1, 2, 4, 5, 10, 20, 25, 40, 50, 100)
_QRS_HALF_S = 0.05
_PQ_S = 0.04


@dataclass(frozen=True)
class MapSeries:
    """Maps of several moments of the averaged beat.

    Attributes
    ----------
    field_map : FieldMap
        With a last axis of moments.
    times_s : numpy.ndarray, shape ``(n_times,)``
        Relative to the R mark of the beats.
    """

    field_map: FieldMap
    times_s: FloatArray

    @property
    def limit_pt(self) -> float:
        """Largest size of Bz in all maps."""
        return max(float(np.abs(self.field_map.bz_pt).max()), 1e-6)


def map_series(
    average: AveragedBeat,
    array: SensorArray,
    times_s: FloatArray,
    channels: BoolArray | None = None,
    *,
    grid: MapGrid | None = None,
) -> MapSeries:
    """Maps at moments of an averaged beat.

    The operator is chosen on all samples from the first moment to the last.

    Parameters
    ----------
    average : AveragedBeat
    array : SensorArray
    times_s : numpy.ndarray, shape ``(n_times,)``
        Rising; the nearest samples are taken.
    channels : numpy.ndarray of bool, shape ``(n_channels,)``, optional
        Those to use; all if left out.
    grid : MapGrid, optional

    Raises
    ------
    AnalysisError
        As `map_field`.
    """
    index = np.unique([average.index(float(time)) for time in times_s])
    data = average.field_pt.copy()
    known = average.has_beats if channels is None else average.has_beats & channels
    data[~known] = np.nan
    # One beat has no scatter: then all channels count alike, and the data tell the noise.
    noise = average.noise_pt if np.isfinite(average.noise_pt[known]).all() else None
    window = data[:, int(index[0]) : int(index[-1]) + 1]
    operator = MapOperator.build(array, noise, grid, data_pt=window)
    return MapSeries(apply_operator(operator, data[:, index], array), average.time_s[index])


def series_window_s(marks: BeatLandmarks, which: str) -> tuple[float, float]:
    """Begin and end of ``"QRS"``, ``"STT"`` or ``"beat"``, relative to the R mark.

    Raises
    ------
    AnalysisError
        If the landmarks that it needs were not found.
    """
    times = marks.times_s
    r, t = times.get("R"), times.get("T")
    if r is None:
        raise AnalysisError("no R peak: there is no beat to map", "check the averaged beat")
    begin = times.get("QRS_onset", r - _QRS_HALF_S)
    end = times.get("QRS_offset", r + _QRS_HALF_S)
    if which == "QRS":
        return begin, end
    if which == "beat":
        begin = times.get("P_onset", begin - _PQ_S)
        return begin, end if t is None else times.get("T_offset", t + 0.3 * (t - r))
    if t is None:
        raise AnalysisError("no T peak: ST-T is not mapped", marks.reasons.get("T", "more beats"))
    return end, times.get("T_offset", t + 0.3 * (t - r))


def series_times_s(window_s: tuple[float, float], centre_s: float, most: int) -> FloatArray:
    """Moments in a window, in round steps that hit a peak; at most `most` of them."""
    begin, end = window_s
    for step_ms in _STEPS_MS:
        step = 1e-3 * step_ms
        first = np.ceil((begin - centre_s) / step - 1e-6)
        last = np.floor((end - centre_s) / step + 1e-6)
        if last - first + 1 <= most:
            break
    return np.asarray(centre_s + step * np.arange(first, last + 1))
