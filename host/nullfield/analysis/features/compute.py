"""All features of an averaged beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import UNCALIBRATED, BoolArray, SensorArray, SensorUncertainty
from nullfield.analysis.features import dispersion, intervals, map_measures, smoothness
from nullfield.analysis.features.bootstrap import (
    FEW_BEATS,
    BeatBootstrap,
    percentile_interval,
    reflected_interval,
)
from nullfield.analysis.features.equivalent import EquivalentDipoles
from nullfield.analysis.features.feature import Definition, Feature
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.landmarks import BeatLandmarks, find_landmarks
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

N_RESAMPLES = 400
_LANDMARK_RESAMPLES = 100
_CHANNEL_RESAMPLES = 200
_WITHOUT = "no channel has a known place"


def compute_features(
    average: AveragedBeat,
    beat_fields: BeatGroups | None,
    array: SensorArray,
    landmarks: BeatLandmarks,
    *,
    interval_s: float | None = None,
    channels: BoolArray | None = None,
    uncertainty: SensorUncertainty = UNCALIBRATED,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    equivalents: Mapping[str, EquivalentDipoles] | None = None,
) -> tuple[Feature, ...]:
    """Compute every feature; one that the data do not support has no value, and says why.

    Intervals are 95 % bootstrap intervals over (groups of) beats. Those of the maps at R and T and
    of the changes as T rises hold the errors of calibration and interpolation too, which beats do
    not show.

    Parameters
    ----------
    average : AveragedBeat
        Working frame.
    beat_fields : BeatGroups or None
        None: no intervals.
    array : SensorArray
    landmarks : BeatLandmarks
        Of the same average.
    interval_s : float, optional
        Mean time between beats; without it there are no rate-corrected times.
    channels : numpy.ndarray of bool, shape ``(n_channels,)``, optional
        Good ones; all chest channels if left out.
    uncertainty : SensorUncertainty
        How well the array is known.
    n_resamples : int
    seed : int
    equivalents : mapping of str to EquivalentDipoles, optional
        Those of R and T, where they were fitted already with the same channels and uncertainty.

    Returns
    -------
    tuple of Feature
        Always the same names in the same order.
    """
    good = average.has_beats & array.is_chest
    good = good if channels is None else good & channels
    bootstrap = None
    if beat_fields is not None:
        possible = BeatBootstrap(average, beat_fields, n_resamples, seed)
        bootstrap = possible if possible.is_possible else None
    return (
        *_interval_features(average, landmarks, interval_s, good, bootstrap),
        *_map_features(
            average, landmarks, array, good, uncertainty, bootstrap, seed, equivalents or {}
        ),
        *_channel_features(average, landmarks, array, good, interval_s, bootstrap),
        *_pattern_features(average, landmarks, good, bootstrap),
    )


def _interval_features(
    average: AveragedBeat,
    landmarks: BeatLandmarks,
    interval_s: float | None,
    good: BoolArray,
    bootstrap: BeatBootstrap | None,
) -> list[Feature]:
    times = landmarks.times_s
    found = intervals.intervals_ms(times, interval_s)
    draws: list[dict[Definition, float]] = []
    if bootstrap is not None and found:
        few = replace(
            average,
            field_pt=average.field_pt[good],
            standard_error_pt=average.standard_error_pt[good],
            noise_pt=average.noise_pt[good],
            beats_used=average.beats_used[good],
        )
        for field in bootstrap.averages(_LANDMARK_RESAMPLES):
            marks = find_landmarks(replace(few, field_pt=field[good]), interval_s or 1.0)
            draws.append(intervals.intervals_ms(marks.times_s, interval_s))
    out = []
    for one in intervals.DEFINITIONS:
        if one not in found:
            out.append(one.at(None, reason=intervals.missing(one, times, landmarks.reasons)))
            continue
        span = percentile_interval(np.array([d.get(one, np.nan) for d in draws]))
        reason = "" if span else (FEW_BEATS if bootstrap is None else _UNSURE)
        out.append(one.at(found[one], span, reason))
    return out


_UNSURE = "its landmarks are not found in a tenth of the resamples or more: no interval"


def _map_features(
    average: AveragedBeat,
    landmarks: BeatLandmarks,
    array: SensorArray,
    good: BoolArray,
    uncertainty: SensorUncertainty,
    bootstrap: BeatBootstrap | None,
    seed: int,
    equivalents: Mapping[str, EquivalentDipoles],
) -> list[Feature]:
    peaks: dict[str, map_measures.Peak] = {}
    why: dict[str, str] = {}
    for name in ("R", "T"):
        time_s = landmarks.get(name)
        if time_s is None:
            why[name] = f"{name}: {landmarks.reasons.get(name, 'not found')}"
        elif not (good & array.has_place).any():
            why[name] = _WITHOUT
        else:
            try:
                peaks[name] = map_measures.look_at(
                    average,
                    time_s,
                    array,
                    good,
                    uncertainty,
                    bootstrap,
                    seed,
                    equivalents.get(name),
                )
            except AnalysisError as error:
                why[name] = error.message
    out: list[Feature] = []
    if "R" in peaks:
        out += map_measures.peak_features(map_measures.AT_R, peaks["R"])
    else:
        out += map_measures.missing_maps(why["R"], "R")
    if "T" not in peaks:
        lost = map_measures.missing_maps(why["T"], "T")
    else:
        t = peaks["T"]
        lost = map_measures.peak_features(map_measures.AT_T, t)
        lost += map_measures.change_features(average, t, good, bootstrap)
        begin, end = landmarks.get("QRS_offset"), landmarks.get("T_offset")
        if begin is None or end is None:
            missing = "QRS_offset" if begin is None else "T_offset"
            reason = f"{missing}: {landmarks.reasons.get(missing, 'not found')}"
            lost += [one.at(None, reason=reason) for one in map_measures.CLASSES]
        else:
            lost += map_measures.class_features(average, t, begin, end, bootstrap)
        lost.append(map_measures.residual_feature(average, t, array, bootstrap))
    out += lost
    if "R" in peaks and "T" in peaks:
        out.append(map_measures.angle_change(peaks["R"], peaks["T"]))
    else:
        out.append(map_measures.R_T_ANGLE.at(None, reason="; ".join(why.values())))
    return out


def _channel_features(
    average: AveragedBeat,
    landmarks: BeatLandmarks,
    array: SensorArray,
    good: BoolArray,
    interval_s: float | None,
    bootstrap: BeatBootstrap | None,
) -> list[Feature]:
    ends = (dispersion.QT_DISPERSION, dispersion.QTC_DISPERSION, dispersion.SMOOTHNESS_INDEX)
    every = (*ends, dispersion.T_AMPLITUDE_DISPERSION)
    t_s = landmarks.get("T")
    if t_s is None:
        reason = f"T: {landmarks.reasons.get('T', 'not found')}"
        return [one.at(None, reason=reason) for one in every]
    peak = average.index(t_s)
    normal = good & array.is_normal & array.has_place
    amplitude = dispersion.T_AMPLITUDE_DISPERSION.at(
        None, reason=f"fewer than {dispersion.FEWEST_CHANNELS} channels normal to the chest"
    )
    if normal.sum() >= dispersion.FEWEST_CHANNELS:
        value = float(dispersion.amplitude_dispersion(average.field_pt[normal, peak]))
        span = None
        if bootstrap is not None:
            draws = dispersion.amplitude_dispersion(bootstrap.fields(peak)[:, normal])
            span = percentile_interval(draws)
        amplitude = dispersion.T_AMPLITUDE_DISPERSION.at(
            value, span, FEW_BEATS if bootstrap is None else ""
        )
    use = dispersion.usable_channels(average.field_pt, average.noise_pt, array, normal, peak)
    latest = landmarks.times_s.get("T_offset", t_s + 0.12) + 0.06
    begin = max(0, average.index(t_s - 0.12))
    stretch = slice(begin, average.index(latest + 0.05) + 1)
    time_s = average.time_s[stretch]
    known = dispersion.t_ends_s(average.field_pt[:, stretch], time_s, t_s, latest)
    use &= np.isfinite(known)
    if use.sum() < dispersion.FEWEST_CHANNELS:
        reason = (
            f"the T wave stands out in {int(use.sum())} channels normal to the chest,"
            f" {dispersion.FEWEST_CHANNELS} are needed"
        )
        return [*(one.at(None, reason=reason) for one in ends), amplitude]
    neighbours = dispersion.neighbour_differences(array.positions_m[use])
    rate = np.nan if interval_s is None else 1e3 / np.sqrt(interval_s)

    def measures(of: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        wide = dispersion.spread(of)
        smooth = dispersion.smoothness_index(of, neighbours)
        return 1e3 * wide, rate * wide, rate * smooth

    values = measures(known[use])
    many: tuple[FloatArray, ...] | None = None
    if bootstrap is not None:
        fields = bootstrap.fields(stretch)[:_CHANNEL_RESAMPLES, use]
        many = measures(dispersion.t_ends_s(fields, time_s, t_s, latest))
    out = []
    for k, one in enumerate(ends):
        value = float(values[k])
        span = None if many is None else reflected_interval(value, many[k])
        reason = "" if np.isfinite(value) else "the time between beats is not known"
        out.append(one.at(value, span, reason or (FEW_BEATS if many is None else "")))
    return [*out, amplitude]


def _pattern_features(
    average: AveragedBeat,
    landmarks: BeatLandmarks,
    good: BoolArray,
    bootstrap: BeatBootstrap | None,
) -> list[Feature]:
    every = (smoothness.NON_DIPOLARITY, smoothness.PATTERN_RATIO)
    begin, end = landmarks.get("QRS_offset"), landmarks.get("T_offset")
    if begin is None or end is None or good.sum() < smoothness.FEWEST_CHANNELS:
        reason = "the bounds of the ST-T interval are not known"
        if begin is not None and end is not None:
            reason = f"{int(good.sum())} channels, {smoothness.FEWEST_CHANNELS} are needed"
        return [one.at(None, reason=reason) for one in every]
    first, last = average.index(begin), average.index(end)
    stretch = slice(first, last + 1, max(1, (last - first) // smoothness.MOST_TIMES))
    values = smoothness.singular_shares(average.field_pt[good, stretch])
    many = None
    if bootstrap is not None:
        fields = bootstrap.fields(stretch)[:_CHANNEL_RESAMPLES, good]
        many = smoothness.singular_shares(fields)
    return [
        one.at(
            float(values[k]),
            None if many is None else reflected_interval(float(values[k]), many[k]),
            FEW_BEATS if many is None else "",
        )
        for k, one in enumerate(every)
    ]
