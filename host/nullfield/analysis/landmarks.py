"""Landmarks of the averaged beat: P, QRS, T, their beginnings and ends.

All channels together mark one time, so that no lead has to be chosen. Three curves are used:

- the global field power, the RMS over the channels (hills: P, R, T);
- its speed, the RMS over the channels of the field's rate of change (QRS begins and ends where the
  field begins and ends to move fast);
- the field projected on the pattern at R (Q and S are turns against R's direction).

T ends where the tangent at its steepest fall meets the base line (Lepeschkin and Surawicz,
Circulation 6, 1952); P and the beginning of T are found by the same construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from nullfield.analysis.average import AveragedBeat, find_r_s, find_t_s
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

NAMES = (
    "P_onset", "P", "P_offset", "QRS_onset", "Q", "R", "S", "QRS_offset", "T_onset", "T", "T_offset",
)  # fmt: skip
"""In the order of time."""
PEAKS = ("P", "Q", "R", "S", "T")

_SPEED_SMOOTH_S = 0.003
_HILL_SMOOTH_S = 0.006
_FAST_SHARE = 0.06
"""Share of the QRS's greatest speed below which the field counts as slow; that of T is 2 to 5 %."""
_SLOW_FOR_S = 0.020
"""Longer than the turn at the bottom of a broad S."""
_LONGEST_QRS_S = 0.20
_TURN_SHARE = 0.03
_NOISE_FACTOR = 3.0
_P_FROM_S = 0.30
_P_GAP_S = 0.03
_P_SHARE = 0.01
_FOOT = 0.15
"""Share of a hill's height at which its flank is over."""


@dataclass(frozen=True)
class BeatLandmarks:
    """Times of the landmarks, relative to the marks of the beats.

    Attributes
    ----------
    times_s : dict of str to float
        By name, see `NAMES`; only those that were found.
    reasons : dict of str to str
        Why the others were not.
    """

    times_s: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> float | None:
        """Time of a landmark, s, or None."""
        return self.times_s.get(name)


def find_landmarks(
    average: AveragedBeat, interval_s: float, channels: npt.NDArray[np.bool_] | None = None
) -> BeatLandmarks:
    """Find the landmarks of an averaged beat.

    Parameters
    ----------
    average : AveragedBeat
    interval_s : float
        Usual interval between beats; the window for T goes with its square root.
    channels : numpy.ndarray of bool, shape ``(n_channels,)``, optional
        Those to use; all that have beats if left out.

    Returns
    -------
    BeatLandmarks
        Always; without R nothing else is looked for.
    """
    found = BeatLandmarks()
    chosen = average.has_beats if channels is None else average.has_beats & channels
    try:
        r_s = find_r_s(average, chosen)
    except AnalysisError as error:
        found.reasons.update(dict.fromkeys(NAMES, error.message))
        return found
    curves = _Curves.of(average, chosen)
    found.times_s["R"] = r_s
    onset, offset = _qrs(curves, average.index(r_s), found)
    _turns(curves, average.index(r_s), onset, offset, found)
    _t_wave(average, curves, chosen, r_s, offset, interval_s, found)
    _p_wave(curves, onset, found)
    return BeatLandmarks(
        {name: found.times_s[name] for name in NAMES if name in found.times_s}, found.reasons
    )


@dataclass(frozen=True)
class _Curves:
    time_s: FloatArray
    power: FloatArray
    speed: FloatArray
    along_r: FloatArray
    noise: float
    speed_noise: float

    @property
    def rate_hz(self) -> float:
        return 1.0 / float(self.time_s[1] - self.time_s[0])

    @staticmethod
    def of(average: AveragedBeat, chosen: npt.NDArray[np.bool_]) -> _Curves:
        field_pt = average.field_pt[chosen]
        rate_hz = 1.0 / float(average.time_s[1] - average.time_s[0])
        power = np.sqrt((field_pt**2).mean(axis=0))
        slope = ndimage.gaussian_filter1d(
            field_pt, max(0.5, _SPEED_SMOOTH_S * rate_hz), axis=1, order=1
        )
        r_index = average.index(find_r_s(average, chosen))
        pattern = field_pt[:, r_index] / max(float(np.linalg.norm(field_pt[:, r_index])), 1e-300)
        known = np.nan_to_num(average.noise_pt[chosen])
        low, high = average.baseline_s
        flat = (average.time_s >= low) & (average.time_s <= high)
        speed = np.sqrt((slope**2).mean(axis=0))
        return _Curves(
            time_s=average.time_s,
            power=power,
            speed=speed,
            along_r=pattern @ field_pt / np.sqrt(max(1, len(pattern))),
            noise=float(np.sqrt((known**2).mean())),
            speed_noise=float(np.median(speed[flat])) if flat.any() else 0.0,
        )


def _qrs(curves: _Curves, r_index: int, found: BeatLandmarks) -> tuple[int | None, int | None]:
    """Walk outward from R to where the field stays slow."""
    rate_hz = curves.rate_hz
    reach = round(_LONGEST_QRS_S * rate_hz)
    low, high = max(0, r_index - reach), min(len(curves.speed) - 1, r_index + reach)
    top = float(curves.speed[low : high + 1].max())
    limit = max(_FAST_SHARE * top, _NOISE_FACTOR * curves.speed_noise)
    slow = curves.speed < limit
    calm = round(_SLOW_FOR_S * rate_hz)
    # R itself is a turning point and may be slow: begin where the field is fast.
    fast = np.flatnonzero(~slow[low : high + 1]) + low
    if not len(fast):
        found.reasons["QRS_onset"] = found.reasons["QRS_offset"] = (
            "the QRS complex does not stand out from the noise"
        )
        return None, None
    near = fast[np.abs(fast - r_index) <= round(0.05 * rate_hz)]
    begin = int(near[0]) if len(near) else r_index
    end = int(near[-1]) if len(near) else r_index
    onset = _leave(slow, begin, -1, calm, low)
    offset = _leave(slow, end, 1, calm, high)
    for name, index in (("QRS_onset", onset), ("QRS_offset", offset)):
        if index is None:
            found.reasons[name] = "the field does not come to rest beside the QRS complex"
        else:
            found.times_s[name] = float(curves.time_s[index])
    return onset, offset


def _leave(slow: npt.NDArray[np.bool_], start: int, step: int, calm: int, bound: int) -> int | None:
    """First sample beyond `start` after which `calm` samples are slow."""
    index = start
    while index != bound:
        ahead = (
            slow[index : index + calm] if step > 0 else slow[max(0, index - calm + 1) : index + 1]
        )
        if len(ahead) == calm and ahead.all():
            return index
        index += step
    return None


def _turns(
    curves: _Curves, r_index: int, onset: int | None, offset: int | None, found: BeatLandmarks
) -> None:
    """Q and S: the field turned against R's pattern, before and after it."""
    size = float(curves.along_r[r_index])
    least = max(_TURN_SHARE * size, _NOISE_FACTOR * curves.noise)
    for name, begin, end in (("Q", onset, r_index), ("S", r_index, offset)):
        if begin is None or end is None or end - begin < 2:
            found.reasons[name] = "the bounds of the QRS complex are not known"
            continue
        index = begin + int(np.argmin(curves.along_r[begin : end + 1]))
        if curves.along_r[index] < -least:
            found.times_s[name] = float(curves.time_s[index])
        else:
            found.reasons[name] = "the field does not turn against that of R there"


def _t_wave(
    average: AveragedBeat,
    curves: _Curves,
    chosen: npt.NDArray[np.bool_],
    r_s: float,
    offset: int | None,
    interval_s: float,
    found: BeatLandmarks,
) -> None:
    try:
        t_s = find_t_s(average, r_s, interval_s, chosen)
    except AnalysisError as error:
        found.reasons.update(dict.fromkeys(("T_onset", "T", "T_offset"), error.message))
        return
    found.times_s["T"] = t_s
    peak = average.index(t_s)
    smooth = _smooth(curves, 2.0)
    end = _tangent(smooth, peak, len(smooth) - 1, curves.noise)
    if end is None:
        found.reasons["T_offset"] = "the beat's window ends before the T wave does"
    else:
        found.times_s["T_offset"] = float(curves.time_s[end])
    start = offset if offset is not None else average.index(r_s + 0.06)
    begin = _tangent(smooth, peak, start, float(smooth[start : peak + 1].min()))
    if begin is None or begin <= start:
        found.reasons["T_onset"] = "the T wave rises straight from the QRS complex"
    else:
        found.times_s["T_onset"] = float(curves.time_s[begin])


def _p_wave(curves: _Curves, onset: int | None, found: BeatLandmarks) -> None:
    names = ("P_onset", "P", "P_offset")
    if onset is None:
        found.reasons.update(dict.fromkeys(names, "the beginning of the QRS complex is not known"))
        return
    rate_hz = curves.rate_hz
    low = max(0, onset - round(_P_FROM_S * rate_hz))
    high = onset - round(_P_GAP_S * rate_hz)
    smooth = _smooth(curves, 1.0)
    peaks, facts = signal.find_peaks(smooth[low : max(low, high)], prominence=0.0)
    least = max(2.0 * curves.noise, _P_SHARE * float(curves.power.max()))
    clear = facts["prominences"] > least
    if not clear.any():
        found.reasons.update(dict.fromkeys(names, "no P wave stands out before the QRS complex"))
        return
    peak = low + int(peaks[clear][np.argmax(facts["prominences"][clear])])
    found.times_s["P"] = float(curves.time_s[peak])
    for name, bound in (("P_onset", 0), ("P_offset", onset)):
        floor = float(smooth[min(bound, peak) : max(bound, peak) + 1].min())
        index = _tangent(smooth, peak, bound, floor)
        if index is None:
            found.reasons[name] = (
                "the P wave reaches beyond the beat's window"
                if name == "P_onset"
                else "the P wave does not come down before the QRS complex"
            )
        else:
            found.times_s[name] = float(curves.time_s[index])


def _smooth(curves: _Curves, factor: float) -> FloatArray:
    return np.asarray(
        ndimage.gaussian_filter1d(curves.power, factor * _HILL_SMOOTH_S * curves.rate_hz)
    )


def _tangent(values: FloatArray, peak: int, bound: int, floor: float) -> int | None:
    """Where the tangent at the steepest slope between a peak and a bound reaches the floor."""
    low, high = min(peak, bound), max(peak, bound)
    if high - low < 3:
        return None
    # From the peak outward.
    run = values[low : high + 1] if bound > peak else values[low : high + 1][::-1]
    # The flank of this hill, notches of its top (a P wave's two atria) and all, not of one beyond.
    foot = np.flatnonzero(run < floor + _FOOT * (run[0] - floor))
    end = max(2, int(foot[0]) + 1) if len(foot) else len(run)
    fall = -np.gradient(run)[:end]
    steepest = int(np.argmax(fall))
    size = float(fall[steepest])
    if size <= 0.0:
        return None
    reached = round(steepest + (float(run[steepest]) - floor) / size)
    if reached >= len(run):
        return None
    return peak + reached if bound > peak else peak - reached
