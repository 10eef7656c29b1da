"""Where the heart lies, told from a few of its own beats.

A current dipole is fitted at the R and T peaks of the averaged beat. The analysis' own chain is not
used: it cleans for the smallest T wave over a whole recording, and here a few beats must do.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from nullfield.analysis.average import (
    AveragedBeat,
    average_beats,
    find_r_s,
    find_t_s,
    remove_baseline,
)
from nullfield.analysis.beats import Beats, find_beats
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.sources.dipole_fit import DipoleFit, fit_dipole
from nullfield.dsp.filters import low_pass
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

FEWEST_BEATS = 4
_LOW_PASS_HZ = 30.0
"""Below the mains; the R peak loses height to it, which does not move the dipole."""
_LEAST_GOF = 0.85
"""Share of the field that the dipole explains at least; one beyond the array's edge does less."""
_LARGEST_SIGMA_M = 0.02
_LEAST_USABLE = 0.9
_EVEN_SHARE = 0.15
"""The heart's power leans to a side if its centre is off by this share of the array's half."""


@dataclass(frozen=True)
class Location:
    """Where the heart lies in the head frame.

    Attributes
    ----------
    offset_m : numpy.ndarray, shape ``(2,)``
        Of the heart from the array's centre, x and y.
    uncertainty_m : float
        One standard deviation of the offset along y.
    beats : int
        Heartbeats that were averaged.
    is_believed : bool
        False where no dipole below the array explains the field; then `offset_m` is where the
        field's power lies, which tells the side and no more.
    reason : str
        Why it is not believed; empty if it is.
    gof : float
        Best share of the field that a dipole explains.
    """

    offset_m: FloatArray
    uncertainty_m: float
    beats: int
    is_believed: bool
    reason: str = ""
    gof: float = 0.0


def locate_heart(recording: FieldRecording) -> Location:
    """Locate the heart from a stretch of live field.

    Parameters
    ----------
    recording : FieldRecording
        Array heads only, head frame, two or more axes a head.

    Raises
    ------
    AnalysisError
        If there are too few beats, or too few channels for a dipole.
    """
    usable = recording.usable.mean(axis=1) > _LEAST_USABLE
    live = recording.subset(usable)
    if not live.array.n_channels:
        raise AnalysisError("no channel is usable", "see 'nullfield boards' for the heads' state")
    beats = find_beats(live.subset(live.array.is_normal) if live.array.is_normal.any() else live)
    if beats.n_accepted < FEWEST_BEATS:
        raise AnalysisError(
            f"{beats.n_accepted} heartbeats are too few to locate the heart"
            + (f": {beats.reason}" if beats.reason else ""),
            f"{FEWEST_BEATS} are needed; check that the patient is below the array",
        )
    smooth = live.with_field(
        low_pass(live.field_pt, live.sampling_rate_hz, _LOW_PASS_HZ, valid=live.usable)
    )
    level, segment_s = remove_baseline(smooth, beats)
    average = average_beats(level, beats, segment_s)
    centre_m = array_centre_m(live)
    used = int(average.beats_used.max())
    fits, reason, gof = _fits(live, beats, average)
    if fits:
        place_m, sigma_m = _weighted(fits)
        return Location(place_m[:2] - centre_m, sigma_m, used, True, gof=gof)
    leaning_m = _power_centre_m(live, average) - centre_m
    half_m = float(np.ptp(live.array.positions_m[:, 1])) / 2.0
    return Location(leaning_m, half_m, used, False, reason, gof)


def array_centre_m(recording: FieldRecording) -> FloatArray:
    """Middle of the outermost heads, x and y: one head that is out does not shift it."""
    places = recording.array.positions_m[:, :2]
    return np.asarray((places.min(axis=0) + places.max(axis=0)) / 2.0)


def leans(location: Location) -> int:
    """Side along y to which the field's power leans: -1, 1, or 0 if it is even.

    For a location that is not believed; its uncertainty is half the array's length.
    """
    share = float(location.offset_m[1]) / max(location.uncertainty_m, 1e-9)
    return 0 if abs(share) < _EVEN_SHARE else int(np.sign(share))


def _fits(
    live: FieldRecording, beats: Beats, average: AveragedBeat
) -> tuple[list[DipoleFit], str, float]:
    r_s = find_r_s(average)
    moments = {"R": r_s}
    with suppress(AnalysisError):
        moments["T"] = find_t_s(average, r_s, beats.interval_s or 1.0)
    believed: list[DipoleFit] = []
    best = 0.0
    channels = np.ones(live.array.n_channels, dtype=bool)
    for name, time_s in moments.items():
        field_pt, error_pt = average.field_at(time_s, channels)
        fit = fit_dipole(field_pt, live.array, error_pt)
        if name == "R":
            best = fit.gof
        why = _why_not(fit)
        if why and name == "R":
            # Without R there is nothing to lean on: the T wave alone is weaker by far.
            return [], why, best
        if not why:
            believed.append(fit)
    return believed, "", best


def _why_not(fit: DipoleFit) -> str:
    """Why a fit is not to be believed; empty if it is."""
    if fit.at_bound:
        return "the dipole runs out of the volume below the array"
    if not fit.is_significant:
        return "the field at R is not told from noise"
    if fit.gof < _LEAST_GOF:
        return f"a dipole explains {100.0 * fit.gof:.0f} % of the field at R only"
    if fit.covariance_m2 is None:
        return fit.reason
    if float(np.sqrt(fit.covariance_m2[1, 1])) > _LARGEST_SIGMA_M:
        return "the dipole's place is uncertain by more than 20 mm"
    return ""


def _weighted(fits: list[DipoleFit]) -> tuple[FloatArray, float]:
    """Mean of the places by their variance along y; the larger of error and scatter with it."""
    places = np.array([fit.position_m for fit in fits])
    variance = np.array([fit.covariance_m2[1, 1] for fit in fits if fit.covariance_m2 is not None])
    weight = 1.0 / variance
    weight /= weight.sum()
    mean = weight @ places
    # Errors of gain and place are the same at both moments, so the mean is no better than the best.
    scatter = float(weight @ (places[:, 1] - mean[1]) ** 2)
    return np.asarray(mean), float(np.sqrt(max(float(variance.min()), scatter)))


def _power_centre_m(live: FieldRecording, average: AveragedBeat) -> FloatArray:
    near = np.abs(average.time_s) <= 0.04
    power = np.nan_to_num((average.field_pt[:, near] ** 2).mean(axis=1))
    return np.asarray(power @ live.array.positions_m[:, :2] / max(float(power.sum()), 1e-12))
