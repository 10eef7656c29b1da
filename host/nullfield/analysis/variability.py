"""Heart-rate variability, by NeuroKit2: intervals between normal beats only.

Measures and least lengths follow the Task Force of the European Society of Cardiology (Circulation
93, 1996): a minute for HF, two for LF.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nullfield.analysis.beats import Beats
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError
from nullfield.extras import library

FEWEST_INTERVALS = 10
_HF_S = 60.0
_LF_S = 120.0
_LONGEST = 1.8
"""Interval over the usual one from which a beat was missed between (a gap, a dropped beat)."""
_MOST_LEFT_OUT = 0.1
"""Share of left-out intervals beyond which the interpolation between them makes the spectrum."""


@dataclass(frozen=True)
class Variability:
    """Heart-rate variability.

    Attributes
    ----------
    values : dict of str to float
        ``mean_nn_ms``, ``sdnn_ms``, ``rmssd_ms``, ``pnn50_percent``, and ``lf_ms2``, ``hf_ms2``,
        ``lf_hf`` where the recording is long enough.
    n_intervals : int
        Between normal neighbours; those beside ectopic beats and gaps are left out.
    beat_times_s : numpy.ndarray, shape ``(n_intervals,)``
        End of each interval on the recording's clock.
    intervals_ms : numpy.ndarray, shape ``(n_intervals,)``
    reasons : dict of str to str
        Why a measure is missing.
    """

    values: dict[str, float]
    n_intervals: int
    beat_times_s: FloatArray
    intervals_ms: FloatArray
    reasons: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values with the series of intervals, for `json.dump`."""
        return {
            "values": dict(self.values),
            "n_intervals": self.n_intervals,
            "beat_times_s": self.beat_times_s.tolist(),
            "intervals_ms": self.intervals_ms.tolist(),
            "reasons": dict(self.reasons),
        }


def heart_rate_variability(beats: Beats) -> Variability:
    """Variability of the intervals between normal beats.

    An interval counts if both of its beats are accepted ones and it is shorter than 1.8 times the
    usual one (else a beat was missed or a gap lies in it). RMSSD and pNN50 use differences of
    intervals that follow one another only; pNN50 is over their number plus one, as NeuroKit2 has
    it. Spectra need nine tenths of all intervals.

    Raises
    ------
    AnalysisError
        Below `FEWEST_INTERVALS` intervals, or if NeuroKit2 is not installed.
    """
    times_s, intervals_ms = normal_intervals(beats)
    count = len(intervals_ms)
    if count < FEWEST_INTERVALS:
        raise AnalysisError(
            f"{count} intervals between normal beats are too few, {FEWEST_INTERVALS} are needed",
            "record for longer",
        )
    kit = library("neurokit2", "heart-rate variability needs NeuroKit2", "imaging")
    series = {"RRI": intervals_ms, "RRI_Time": times_s - times_s[0] + intervals_ms[0] / 1e3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on bands that are not asked for
        timed = kit.hrv_time(series, sampling_rate=1000).iloc[0]
        values = {
            "mean_nn_ms": float(timed["HRV_MeanNN"]),
            "sdnn_ms": float(timed["HRV_SDNN"]),
            "rmssd_ms": float(timed["HRV_RMSSD"]),
            "pnn50_percent": float(timed["HRV_pNN50"]),
        }
        reasons: dict[str, str] = {}
        length_s = float(times_s[-1] - times_s[0])
        left_out = 1.0 - count / (len(beats.times_s) - 1)
        if length_s >= _HF_S and left_out <= _MOST_LEFT_OUT:
            banded = kit.hrv_frequency(series, sampling_rate=1000, normalize=False).iloc[0]
            values["hf_ms2"] = float(banded["HRV_HF"])
            if length_s >= _LF_S:
                values["lf_ms2"] = float(banded["HRV_LF"])
                values["lf_hf"] = float(banded["HRV_LFHF"])
    for name, least_s in (("hf_ms2", _HF_S), ("lf_ms2", _LF_S), ("lf_hf", _LF_S)):
        if name not in values:
            reasons[name] = (
                f"{length_s:.0f} s are too short, {least_s:.0f} s are needed"
                if length_s < least_s
                else f"{100 * left_out:.0f} % of the intervals are not between normal beats"
            )
        elif not np.isfinite(values[name]):
            del values[name]
            reasons[name] = "the intervals do not give it"
    return Variability(values, count, times_s, intervals_ms, reasons)


def normal_intervals(beats: Beats) -> tuple[FloatArray, FloatArray]:
    """Intervals between neighbours that are both normal, with no missing beat between.

    Returns
    -------
    end_s, interval_ms : numpy.ndarray, shape ``(n_intervals,)``
    """
    interval_s = np.diff(beats.times_s)
    both = beats.accepted[1:] & beats.accepted[:-1]
    if not both.any():
        return np.zeros(0), np.zeros(0)
    usual_s = float(np.median(interval_s[both]))
    use = both & (interval_s < _LONGEST * usual_s)
    return np.asarray(beats.times_s[1:][use]), np.asarray(interval_s[use] * 1e3)
