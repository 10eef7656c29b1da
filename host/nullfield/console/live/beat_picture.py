"""An averaged beat as the screen draws it, of a running recording or of a finished examination."""

from __future__ import annotations

from typing import Any

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import SensorArray
from nullfield.analysis.landmarks import NAMES, BeatLandmarks

_SHOWN_RATE_HZ = 250.0
_GOOD_SNR_DB, _FAIR_SNR_DB = 30.0, 20.0
_GOOD_SHARE, _FAIR_SHARE = 0.95, 0.8


def beat_picture(
    average: AveragedBeat,
    array: SensorArray,
    landmarks: BeatLandmarks,
    count: int,
    lights: dict[str, str],
    reason: str = "",
) -> dict[str, Any]:
    """Traces thinned to what a screen shows, landmarks and quality.

    Parameters
    ----------
    average : AveragedBeat
    array : SensorArray
        Names its channels.
    landmarks : BeatLandmarks
    count : int
        Beats in the average.
    lights : dict of str to str
        Of `quality_lights`.
    reason : str
        What is missing, and why.
    """
    rate_hz = 1.0 / float(average.time_s[1] - average.time_s[0])
    step = max(int(rate_hz / _SHOWN_RATE_HZ), 1)
    shown = average.has_beats
    times = {name: landmarks.get(name) for name in NAMES}
    return {
        "count": count,
        "time_ms": [round(float(t) * 1e3, 1) for t in average.time_s[::step]],
        "traces_pt": {
            name: [round(float(v), 3) for v in average.field_pt[number, ::step]]
            for number, name in enumerate(array.names)
            if shown[number]
        },
        "landmarks_ms": {
            name: None if at is None else round(at * 1e3, 1) for name, at in times.items()
        },
        "quality": {"lights": lights},
        "reason": reason,
    }


def quality_lights(
    snr_db: float | None, accepted_share: float, usable_share: float
) -> dict[str, str]:
    """``good``, ``fair`` or ``poor`` of signal, beats and heads.

    Parameters
    ----------
    snr_db : float or None
        Of the averaged beat.
    accepted_share, usable_share : float
        Beats that were averaged, of those found; channels that can be used, of all.
    """
    return {
        "signal": _light(snr_db, _GOOD_SNR_DB, _FAIR_SNR_DB),
        "beats": _light(accepted_share, _GOOD_SHARE, _FAIR_SHARE),
        "heads": _light(usable_share, _GOOD_SHARE, _FAIR_SHARE),
    }


def _light(value: float | None, good: float, fair: float) -> str:
    if value is None or value < fair:
        return "poor"
    return "good" if value >= good else "fair"
