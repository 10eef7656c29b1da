"""From what a survey brought home to what it says of the room."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nullfield.room.field_model import FieldModel, MeanGradient, fit_field, fit_gradient
from nullfield.room.shielding_point import ShieldingPoint
from nullfield.room.survey_data import BeamSeries, RowArray, StaticMap, SurveyData
from nullfield.room.survey_shielding import first_order_corner, shielding
from nullfield.room.survey_spectra import NoiseSpectra, noise_spectra
from nullfield.room.survey_stability import Stability, stability

FloatArray = npt.NDArray[np.float64]

_LEAST_RECORD_S = 10.0
_LEAST_UNCERTAINTY_PT = 1.0


@dataclass(frozen=True)
class FieldAtPoint:
    """Field of the model somewhere, head frame."""

    position_m: tuple[float, float, float]
    field_pt: FloatArray
    uncertainty_pt: FloatArray


@dataclass(frozen=True)
class Residual:
    """Static field of the room.

    Attributes
    ----------
    measured_pt : (n_heads, 3) array
        Head frame, mean over the maps; NaN where a head was not valid.
    repeatability_pt : (3,) array
        Of a single zero, along local axes.
    model : FieldModel
    centre_m, centre_pt, centre_uncertainty_pt : (3,) arrays
        Middle of the array's heads, and the model there.
    gradient : MeanGradient or None
        None with too few readings.
    moved_pt : (n_heads, 3) array or None
        Last map minus first, head frame; None with one map.
    moved_s : float
        Between them.
    points : tuple of FieldAtPoint
        That were asked for.
    """

    measured_pt: FloatArray
    repeatability_pt: FloatArray
    model: FieldModel
    centre_m: FloatArray
    centre_pt: FloatArray
    centre_uncertainty_pt: FloatArray
    gradient: MeanGradient | None
    moved_pt: FloatArray | None
    moved_s: float
    points: tuple[FieldAtPoint, ...]


@dataclass(frozen=True)
class Survey:
    """All that a survey says; a part that is None has its reason.

    Attributes
    ----------
    data : SurveyData
    residual : Residual or None
    stability : Stability or None
        Of the streamed channels, `SurveyData.channel_names`.
    spectra : NoiseSpectra or None
    shielding : tuple of ShieldingPoint
    shield_models : dict of str to (float, float)
        By axis: static factor and corner frequency in Hz.
    reasons : dict of str to str
    """

    data: SurveyData
    residual: Residual | None = None
    stability: Stability | None = None
    spectra: NoiseSpectra | None = None
    shielding: tuple[ShieldingPoint, ...] = ()
    shield_models: dict[str, tuple[float, float]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def evaluate(
    data: SurveyData, points_m: FloatArray | None = None, mains_hz: float = 50.0
) -> Survey:
    """Evaluate a survey, whole or not.

    Parameters
    ----------
    data : SurveyData
    points_m : (n, 3) array, optional
        Where the field model is asked as well.
    mains_hz : float
    """
    reasons: dict[str, str] = {}
    points = np.zeros((0, 3)) if points_m is None else points_m
    left = data.ended_early or "it was not measured"
    residual = None
    if data.maps and np.isfinite(data.maps[0].field_pt).all(axis=1).any():
        try:
            residual = _residual(data, points, reasons)
        except ValueError as error:
            reasons["residual"] = str(error)
    else:
        reasons["residual"] = f"there is no map ({left})"
    still, spectra = None, None
    if data.quiet is not None and data.quiet.duration_s >= _LEAST_RECORD_S:
        rows = _usable(data, data.quiet.field_pt)
        still = stability(rows, data.quiet.rate_hz)
        spectra = noise_spectra(rows, data.quiet.rate_hz, mains_hz)
    else:
        reasons["stability"] = reasons["spectra"] = (
            f"the record at rest is shorter than {_LEAST_RECORD_S:g} s ({left})"
        )
    found: tuple[ShieldingPoint, ...] = ()
    models: dict[str, tuple[float, float]] = {}
    if data.excitation is None or data.excited is None:
        reasons["shielding"] = "there was no excitation" if not data.ended_early else left
    else:
        rows = _usable(data, data.excited.field_pt)
        is_array = np.repeat(~data.is_reference(), 2)
        time_s = data.excited.start_s + np.arange(rows.shape[1]) / data.excited.rate_hz
        beams = data.beams
        if beams is not None:
            near = ~data.is_reference()
            beams = BeamSeries(beams.time_s, beams.field_pt[near])
        found, missing = shielding(
            rows[is_array],
            data.directions()[is_array],
            time_s,
            data.excitation,
            mains_hz=mains_hz,
            beams=beams,
            beam_directions=data.axes()[~data.is_reference(), 2],
        )
        for number, text in enumerate(missing):
            reasons[f"shielding {number + 1}"] = text
        for axis in data.excitation.axes:
            model = first_order_corner(found, axis)
            if model is not None:
                models[axis] = model
    return Survey(data, residual, still, spectra, found, models, reasons)


def _usable(data: SurveyData, rows: RowArray) -> RowArray:
    """Rows without the heads that the survey set aside."""
    bad = np.array([head.name in data.dead for head in data.heads], dtype=np.bool_)
    if not bad.any():
        return rows
    kept = rows.copy()
    kept[np.repeat(bad, 2)] = np.nan
    return kept


def _mean_map(maps: list[StaticMap]) -> FloatArray:
    stacked = np.stack([one.field_pt for one in maps])
    good = np.isfinite(stacked)
    total = np.where(good, stacked, 0.0).sum(axis=0)
    count = good.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _residual(data: SurveyData, points_m: FloatArray, reasons: dict[str, str]) -> Residual:
    position, axes = data.positions_m(), data.axes()
    local = _mean_map(data.maps)
    repeatability = np.sqrt(np.mean([m.repeatability_pt() ** 2 for m in data.maps], axis=0))
    count = sum(len(m.repeats_pt) for m in data.maps)
    one = np.maximum(np.nan_to_num(repeatability) / np.sqrt(count), _LEAST_UNCERTAINTY_PT)
    uncertainty = np.where(np.isfinite(local), one, np.nan)
    model = fit_field(position, axes, local, uncertainty, data.is_reference())
    near = ~data.is_reference() & np.isfinite(local).all(axis=1)
    centre = position[near].mean(axis=0)
    gradient = None
    try:
        gradient = fit_gradient(position[near], axes[near], local[near])
    except ValueError as error:
        reasons["gradient"] = str(error)
    moved = None
    if len(data.maps) > 1:
        moved = _head_frame(data.maps[-1].field_pt - data.maps[0].field_pt, axes)
    return Residual(
        _head_frame(local, axes),
        repeatability,
        model,
        centre,
        model.field_pt(centre[None])[0],
        model.field_uncertainty_pt(centre[None])[0],
        gradient,
        moved,
        data.maps[-1].time_s - data.maps[0].time_s,
        tuple(
            FieldAtPoint(
                (float(p[0]), float(p[1]), float(p[2])),
                model.field_pt(p[None])[0],
                model.field_uncertainty_pt(p[None])[0],
            )
            for p in points_m
        ),
    )


def _head_frame(local_pt: FloatArray, axes: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("nak,na->nk", axes, local_pt))
