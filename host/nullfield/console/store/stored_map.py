"""Magnetic maps of a stored exam's averaged beat, moment by moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullfield.console.live.map_picture import map_picture
from nullfield.errors import AnalysisError

if TYPE_CHECKING:
    from nullfield.analysis.data import FloatArray
    from nullfield.analysis.map_operator import MapOperator
    from nullfield.analysis.result import Analysis

_KEPT = 4


@dataclass(frozen=True)
class _Mapped:
    analysis: Analysis
    operator: MapOperator
    field_pt: FloatArray  # NaN for channels that are not used


class StoredMaps:
    """Maps by exam; the operator is chosen once for an analysis, so that moments compare."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Mapped] = OrderedDict()

    def picture(self, exam_id: str, analysis: Analysis, time_ms: float | None) -> dict[str, Any]:
        """Map of one moment.

        Parameters
        ----------
        exam_id : str
        analysis : Analysis
            Of that exam.
        time_ms : float, optional
            Relative to the R mark; the nearest sample is taken. By default the R peak.

        Raises
        ------
        AnalysisError
            If there is no averaged beat, the moment lies outside it, or the array gives no map.
        """
        average = analysis.average
        if average is None:
            raise AnalysisError(
                f"exam {exam_id} has no averaged beat", analysis.reasons.get("average", "")
            )
        times_ms = 1e3 * average.time_s
        peak_s = analysis.marks.times_s.get("R", 0.0)
        wanted_ms = 1e3 * peak_s if time_ms is None else time_ms
        half_ms = 0.5e3 / analysis.sampling_rate_hz
        first_ms, last_ms = float(times_ms[0]), float(times_ms[-1])
        if not first_ms - half_ms <= wanted_ms <= last_ms + half_ms:
            raise AnalysisError(
                f"{wanted_ms:g} ms lies outside the averaged beat",
                f"give a time from {first_ms:.0f} to {last_ms:.0f} ms",
            )
        mapped = self._mapped(exam_id, analysis)
        index = average.index(1e-3 * wanted_ms)
        used = analysis.used & (average.beats_used > 0)
        return {
            "time_ms": round(float(times_ms[index]), 3),
            **map_picture(mapped.operator, mapped.field_pt[:, index], analysis.array),
            "beats": int(np.median(average.beats_used[used])) if used.any() else 0,
            "times_ms": [round(first_ms, 3), round(last_ms, 3)],
            "landmarks_ms": {
                name: round(1e3 * at, 3) for name, at in analysis.marks.times_s.items()
            },
        }

    def _mapped(self, exam_id: str, analysis: Analysis) -> _Mapped:
        from nullfield.analysis.map_operator import MapOperator

        with self._lock:
            held = self._held.get(exam_id)
            if held is None or held.analysis is not analysis:
                average = analysis.average
                assert average is not None
                known = average.has_beats & analysis.used
                field_pt = np.where(known[:, None], average.field_pt, np.nan)
                # One beat has no scatter: then all channels count alike.
                noise = average.noise_pt if np.isfinite(average.noise_pt[known]).all() else None
                operator = MapOperator.build(analysis.array, noise, data_pt=field_pt)
                held = _Mapped(analysis, operator, field_pt)
            self._held[exam_id] = held
            self._held.move_to_end(exam_id)
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
            return held
