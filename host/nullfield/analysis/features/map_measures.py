"""Features of the maps at R and T, with intervals that hold beats, calibration and interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import BoolArray, SensorArray, SensorUncertainty
from nullfield.analysis.features import current_vectors, park2005, smoothness
from nullfield.analysis.features.bootstrap import (
    FEW_BEATS,
    BeatBootstrap,
    circular_interval,
    percentile_interval,
    reflected_interval,
)
from nullfield.analysis.features.equivalent import EquivalentDipoles, fit_equivalent_dipoles
from nullfield.analysis.features.feature import Definition, Feature, Interval
from nullfield.analysis.features.field_angle import difference_deg
from nullfield.analysis.features.poles import ONE_POLE, PoleFinder, PoleSet
from nullfield.analysis.sources.half_space import lead_field
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

OUTSIDE = "a pole lies outside the array: extrapolated"
_POLES = (
    "poles of the map of Bz as in Park et al., Ann. Noninvasive Electrocardiol. 10, 2005, 312-323"
)
_ARROWS = (
    "Hosaka and Cohen, J. Electrocardiology 9, 1976; maximum current as in Lim et al., "
    "Ann. Med. 39, 2007, 617-627"
)
_SERIES_RESAMPLES = 120
_CLASS_RESAMPLES = 100


def _at(peak: str) -> tuple[Definition, ...]:
    where = f"at the {peak} peak"
    return (
        Definition(
            f"{peak}_angle", "deg",
            f"Direction from the negative to the positive pole {where}, counter-clockwise from the"
            " patient's right-to-left axis.", _POLES,
        ),
        Definition(
            f"{peak}_pole_distance", "mm", f"Distance between the poles of Bz {where}.", _POLES
        ),
        Definition(
            f"{peak}_pole_ratio", "",
            f"Largest over the size of the least Bz {where}.", _POLES,
        ),
        Definition(
            f"{peak}_arrow_angle", "deg",
            f"Direction of the longest pseudo-current arrow {where}.", _ARROWS,
        ),
        Definition(
            f"{peak}_arrow_maximum", "pT/m",
            f"Length of the longest pseudo-current arrow {where}.", _ARROWS,
        ),
    )  # fmt: skip


AT_R, AT_T = _at("R"), _at("T")
R_T_ANGLE = Definition(
    "R_T_angle_change", "deg", "Field-map angle at the T peak minus that at the R peak.",
    "own combination of the two angles",
)  # fmt: skip
CHANGES = (park2005.ANGLE_CHANGE, park2005.DISTANCE_CHANGE, park2005.RATIO_CHANGE)
CLASSES = (
    current_vectors.MEAN_CLASS, current_vectors.LEFT_DOWN_SHARE, current_vectors.SEVERAL_CLUSTERS,
)  # fmt: skip


@dataclass(frozen=True)
class Peak:
    """The field of one moment by equivalent dipoles.

    Attributes
    ----------
    index : int
        Sample of the average.
    equivalent : EquivalentDipoles
    finder : PoleFinder
    poles : PoleSet
        Of the average.
    resampled : PoleSet or None
        Of the resamples.
    errors_nam : numpy.ndarray or None
        Drawn errors of calibration and interpolation, one a resample.
    """

    index: int
    equivalent: EquivalentDipoles
    finder: PoleFinder
    poles: PoleSet
    resampled: PoleSet | None
    errors_nam: FloatArray | None


def look_at(
    average: AveragedBeat,
    time_s: float,
    array: SensorArray,
    good: BoolArray,
    uncertainty: SensorUncertainty,
    bootstrap: BeatBootstrap | None,
    seed: int,
    equivalent: EquivalentDipoles | None = None,
) -> Peak:
    """Find the poles of the average and the resamples at one moment.

    `equivalent` are the dipoles fitted there with the same uncertainty; None: they are fitted here.

    Raises
    ------
    AnalysisError
        As `fit_equivalent_dipoles`.
    """
    index = average.index(time_s)
    field, noise = average.field_at(time_s, good)
    if equivalent is None:
        equivalent = fit_equivalent_dipoles(field, array, noise, uncertainty=uncertainty)
    finder = PoleFinder(equivalent, array.subset(equivalent.used))
    resampled = errors = None
    if bootstrap is not None:
        random = np.random.default_rng([seed, index])
        errors = equivalent.draw_errors(bootstrap.n_resamples, random)
        resampled = finder.find(bootstrap.fields(index), errors)
    poles = finder.find(field[None])
    return Peak(index, equivalent, finder, poles, resampled, errors)


def peak_features(definitions: tuple[Definition, ...], peak: Peak) -> list[Feature]:
    """Angle, distance, ratio and longest arrow of one moment; `definitions` as `AT_R` or `AT_T`."""
    one, many = peak.poles, peak.resampled
    few = "" if many is not None else FEW_BEATS
    reason = few if one.inside[0] else "; ".join(filter(None, [OUTSIDE, few]))
    if not np.isfinite(one.positive_pt[0]):
        poles = [definition.at(None, reason=ONE_POLE) for definition in definitions[:3]]
    else:
        angle, distance, ratio = (float(v[0]) for v in (one.angle_deg, one.distance_mm, one.ratio))
        spans: tuple[Interval | None, ...] = (None, None, None)
        if many is not None:
            spans = (
                circular_interval(angle, many.angle_deg),
                percentile_interval(many.distance_mm),
                percentile_interval(many.ratio),
            )
        poles = [
            definition.at(value, span, reason)
            for definition, value, span in zip(
                definitions[:3], (angle, distance, ratio), spans, strict=True
            )
        ]
    direction, length = float(one.arrow_angle_deg[0]), float(one.arrow_length_pt_per_m[0])
    return [
        *poles,
        definitions[3].at(
            direction,
            None if many is None else circular_interval(direction, many.arrow_angle_deg),
            few,
        ),
        definitions[4].at(
            length, None if many is None else percentile_interval(many.arrow_length_pt_per_m), few
        ),
    ]


def angle_change(r: Peak, t: Peak) -> Feature:
    """From the R to the T peak."""
    value = float(difference_deg(t.poles.angle_deg, r.poles.angle_deg)[0])
    if not np.isfinite(value):
        return R_T_ANGLE.at(None, reason=ONE_POLE)
    if r.resampled is None or t.resampled is None:
        return R_T_ANGLE.at(value, reason=FEW_BEATS)
    draws = difference_deg(t.resampled.angle_deg, r.resampled.angle_deg)
    return R_T_ANGLE.at(value, circular_interval(value, draws))


def change_features(
    average: AveragedBeat, t: Peak, good: BoolArray, bootstrap: BeatBootstrap | None
) -> list[Feature]:
    """Changes as the T wave rises; see `park2005`."""
    used = t.equivalent.used & good
    stretch = park2005.rising_samples(average, float(average.time_s[t.index]), used)
    step_s = float(average.time_s[1] - average.time_s[0]) * stretch.step
    fields = average.field_pt[:, stretch].T
    if len(fields) < 3:
        return [one.at(None, reason="the T wave rises in less than 3 samples") for one in CHANGES]
    values = park2005.changes(t.finder.find(fields), 1, step_s)
    draws: tuple[FloatArray, ...] | None = None
    if bootstrap is not None and t.errors_nam is not None:
        n = min(_SERIES_RESAMPLES, bootstrap.n_resamples)
        size = np.sqrt(np.mean(fields[:, used] ** 2, axis=1))
        # What calibration does to the map goes with the field: the same draw at all times.
        share = size / size[-1]
        many = np.swapaxes(bootstrap.fields(stretch)[:n], 1, 2)
        errors = share[:, None, None] * t.errors_nam[:n, None]
        flat = errors.reshape(-1, *errors.shape[2:])
        poles = t.finder.find(many.reshape(-1, many.shape[2]), flat)
        draws = park2005.changes(poles, n, step_s)
    out = []
    for k, one in enumerate(CHANGES):
        value = float(values[k][0])
        span = None if draws is None else reflected_interval(value, draws[k])
        lost = "" if np.isfinite(value) else f"{ONE_POLE} at some of the times"
        out.append(one.at(value, span, lost or ("" if draws is not None else FEW_BEATS)))
    return out


def class_features(
    average: AveragedBeat, t: Peak, begin_s: float, end_s: float, bootstrap: BeatBootstrap | None
) -> list[Feature]:
    """Classes of the arrow maps over ST-T; see `current_vectors`."""
    times = np.linspace(begin_s, end_s, current_vectors.N_MAPS)
    index = np.array([average.index(float(time)) for time in times])
    finder = t.finder
    columns = (finder.x_m >= finder.low[0] - 1e-9) & (finder.x_m <= finder.high[0] + 1e-9)
    rows = (finder.y_m >= finder.low[1] - 1e-9) & (finder.y_m <= finder.high[1] + 1e-9)
    if columns.sum() < 3 or rows.sum() < 3:
        return [one.at(None, reason="the array covers no area") for one in CLASSES]

    def measures(fields: FloatArray) -> FloatArray:
        bz = finder.bz_pt(fields)[:, rows][:, :, columns]
        classes, share, clusters = current_vectors.classify(
            bz, finder.x_m[columns], finder.y_m[rows]
        )
        return np.array([classes.mean(), share.mean(), (clusters > 1).mean()])

    values = measures(average.field_pt[:, index].T)
    draws = None
    if bootstrap is not None:
        stretch = slice(int(index[0]), int(index[-1]) + 1)
        many = bootstrap.fields(stretch)[:_CLASS_RESAMPLES][:, :, index - index[0]]
        draws = np.array([measures(one.T) for one in many])
    return [
        one.at(
            float(values[k]),
            None if draws is None else percentile_interval(draws[:, k]),
            FEW_BEATS if draws is None else "",
        )
        for k, one in enumerate(CLASSES)
    ]


def residual_feature(
    average: AveragedBeat, t: Peak, array: SensorArray, bootstrap: BeatBootstrap | None
) -> Feature:
    """What one dipole leaves at the T peak."""
    place, used = t.equivalent.dipole_m, t.equivalent.used
    if place is None:
        return smoothness.DIPOLE_RESIDUAL.at(None, reason="no dipole could be fitted")
    lead = lead_field(array.positions_m[used], array.orientations[used], place)[:, :2]
    value = float(smoothness.dipole_residual(average.field_pt[used, t.index], lead))
    if bootstrap is None:
        return smoothness.DIPOLE_RESIDUAL.at(value, reason=FEW_BEATS)
    draws = smoothness.dipole_residual(bootstrap.fields(t.index)[:, used], lead)
    return smoothness.DIPOLE_RESIDUAL.at(value, reflected_interval(value, draws))


def missing_maps(error: AnalysisError | str, peak: str) -> list[Feature]:
    """All features of a peak that has no map."""
    reason = error if isinstance(error, str) else error.message
    if peak == "R":
        return [one.at(None, reason=reason) for one in AT_R]
    every = (*AT_T, *CHANGES, *CLASSES, smoothness.DIPOLE_RESIDUAL)
    return [one.at(None, reason=reason) for one in every]
