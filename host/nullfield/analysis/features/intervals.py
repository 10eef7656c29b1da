"""Intervals between the landmarks of the averaged beat, with the QT time corrected for the rate.

Reference ranges are the 2nd and 98th percentiles of the 12-lead ECGs of 36,299 healthy women
(table 2 of PMC3825808, J. Electrocardiology 2013): neither of the magnetocardiogram nor of men. For
QTc by Bazett or Fridericia and for JT no table was at hand; the one cited corrects QT otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nullfield.analysis.features.feature import Definition

_STANDARD = "onset and offset over all channels, as in simultaneous leads"
_WOMEN = "2nd to 98th percentile, ECG of 36,299 healthy women: PMC3825808, table 2"

P = Definition("P_duration", "ms", "End minus beginning of the P wave.", _STANDARD)
PR = Definition(
    "PR", "ms", "Beginning of the QRS complex minus that of the P wave.",
    _STANDARD, (118.0, 212.0), _WOMEN,
)  # fmt: skip
QRS = Definition(
    "QRS", "ms", "End minus beginning of the QRS complex.", _STANDARD, (70.0, 104.0), _WOMEN
)
QT = Definition("QT", "ms", "End of the T wave minus beginning of the QRS complex.", _STANDARD)
QTC_BAZETT = Definition(
    "QTc_Bazett", "ms", "QT / sqrt(RR / 1 s).", "Bazett, Heart 7, 1920, 353-370"
)
QTC_FRIDERICIA = Definition(
    "QTc_Fridericia", "ms", "QT / cbrt(RR / 1 s).",
    "Fridericia, Acta Medica Scandinavica 53, 1920, 469-486",
)  # fmt: skip
JT = Definition("JT", "ms", "End of the T wave minus end of the QRS complex.", _STANDARD)
T_PEAK_END = Definition(
    "Tpeak_Tend", "ms", "End minus peak of the T wave.",
    "Rautaharju et al., PMC3825808; of the RMS over all channels here",
    (63.0, 112.0), f"{_WOMEN}, there adjusted for the heart rate",
)  # fmt: skip

_BOUNDS = {
    P: ("P_onset", "P_offset"),
    PR: ("P_onset", "QRS_onset"),
    QRS: ("QRS_onset", "QRS_offset"),
    QT: ("QRS_onset", "T_offset"),
    JT: ("QRS_offset", "T_offset"),
    T_PEAK_END: ("T", "T_offset"),
}
DEFINITIONS = (P, PR, QRS, QT, QTC_BAZETT, QTC_FRIDERICIA, JT, T_PEAK_END)


def intervals_ms(times_s: Mapping[str, float], interval_s: float | None) -> dict[Definition, float]:
    """All intervals whose landmarks are known.

    Parameters
    ----------
    times_s : mapping of str to float
        Of `BeatLandmarks`.
    interval_s : float or None
        Mean time between beats, for the rate-corrected QT times.
    """
    found = {
        one: 1e3 * (times_s[end] - times_s[begin])
        for one, (begin, end) in _BOUNDS.items()
        if begin in times_s and end in times_s
    }
    if QT in found and interval_s is not None and interval_s > 0.0:
        found[QTC_BAZETT] = found[QT] / float(np.sqrt(interval_s))
        found[QTC_FRIDERICIA] = found[QT] / float(np.cbrt(interval_s))
    return found


def missing(one: Definition, times_s: Mapping[str, float], reasons: Mapping[str, str]) -> str:
    """Why an interval is not known."""
    begin, end = _BOUNDS.get(one, _BOUNDS[QT])
    for name in (begin, end):
        if name not in times_s:
            return f"{name}: {reasons.get(name, 'not found')}"
    return "the time between beats is not known"
