"""Butterfly, maps and arrows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nullfield.analysis.plots.series import analysis_series
from nullfield.analysis.plots.time_lapse import MOST_FRAMES
from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    significant,
    table,
)
from nullfield.analysis.report.pictures import frames_of, peaks_in_time, signed_ms
from nullfield.analysis.report.units import Units
from nullfield.analysis.result import Analysis, Landmark
from nullfield.errors import AnalysisError

_AT_PEAK_S = 1e-3
_ELECTRIC = "electric leads have no map"


def butterfly_section(analysis: Analysis, pictures: Mapping[str, Picture], units: Units) -> Section:
    """The averaged beat of all channels."""
    blocks: list[Block] = []
    average = analysis.average
    if "butterfly" in pictures:
        blocks.append(pictures["butterfly"])
    elif average is None:
        reason = analysis.reasons.get("average") or analysis.reasons.get("beats", "")
        blocks.append(Missing("Averaged beat", reason))
    else:
        blocks.append(Missing("Plot of the averaged beat", "it was not drawn"))
    rows = [
        (name, signed_ms(landmark.time_s), *_span(landmark))
        for name, landmark in peaks_in_time(analysis).items()
        if landmark is not None and np.isfinite(landmark.field_pt).any()
    ]
    if rows:
        blocks.append(
            table(
                "Size of the averaged beat at its landmarks, over the channels in use",
                (
                    Column("Landmark"),
                    Column("Time from R mark", True),
                    Column(f"Least ({units.signal})", True),
                    Column(f"Largest ({units.signal})", True),
                    Column(f"RMS ({units.signal})", True),
                ),
                rows,
            )
        )
    return Section("butterfly", "Averaged beat", tuple(blocks))


def map_section(analysis: Analysis, pictures: Mapping[str, Picture], units: Units) -> Section:
    """Series of maps, the time lapse, and the maps at the peaks with their numbers."""
    blocks: list[Block] = []
    blocks += [pictures[name] for name in ("series_QRS", "series_STT") if name in pictures]
    if "timelapse" in pictures:
        frames = frames_of(pictures["timelapse"], _moments(analysis))
        blocks.append(pictures["timelapse"] if frames is None else frames)
    blocks += [pictures[name] for name in ("map_R", "map_T") if name in pictures]
    rows = [
        _map_row(name, landmark, analysis.reasons)
        for name, landmark in peaks_in_time(analysis).items()
        if name in ("R", "T") or (landmark is not None and landmark.field_map is not None)
    ]
    mapped = any(one is not None and one.field_map is not None for one in _known(analysis))
    if not mapped:
        blocks.append(Missing("Maps", _why_no_map(analysis, units)))
    elif rows:
        blocks.append(
            table(
                "Maps at the peaks",
                (
                    Column("Peak", weight=0.6),
                    Column("Time (ms)", True, 0.8),
                    Column("Bz from … to (pT)", True, 1.5),
                    Column("Angle (°)", True, 0.8),
                    Column("Pole distance (mm)", True, 1.0),
                    Column("Pole ratio", True, 0.8),
                    Column("Explained (%)", True, 1.0),
                    Column("Channels", True, 1.0),
                    Column("Error (pT)", True, 0.9),
                    Column("Remark", weight=1.8),
                ),
                rows,
            )
        )
        blocks.append(
            Text(
                "x runs from the patient's right to left, y toward the head, z out of the chest. "
                "The angle points from the negative to the positive pole, counter-clockwise from "
                "+x as seen from in front. The error is the median standard error of the "
                "interpolation over the map, where it was estimated.",
                "note",
            )
        )
    return Section("maps", "Maps", tuple(blocks))


def arrow_section(analysis: Analysis, pictures: Mapping[str, Picture], units: Units) -> Section:
    """Pseudo-current arrows at the peaks."""
    blocks: list[Block] = []
    blocks += [pictures[name] for name in ("arrows_R", "arrows_T") if name in pictures]
    rows = [
        (name, signed_ms(one.time_s), decimal(one.features.arrow_angle_deg))
        for name, one in peaks_in_time(analysis).items()
        if one is not None and one.features is not None
    ]
    if rows:
        blocks.append(
            table(
                "Longest arrow",
                (
                    Column("Peak"),
                    Column("Time from R mark", True),
                    Column("Direction (°, counter-clockwise from +x)", True),
                ),
                rows,
            )
        )
    if not rows:
        blocks.append(Missing("Arrows", _why_no_map(analysis, units)))
    elif not ({"arrows_R", "arrows_T"} & set(pictures)) and {"map_R", "map_T"} & set(pictures):
        blocks.append(Text("The arrows are drawn in the maps above.", "note"))
    if rows:
        blocks.append(
            Text(
                "Arrows are (∂Bz/∂y, −∂Bz/∂x), after Hosaka and Cohen 1976. They are a picture of "
                "the field, not a solution for the currents.",
                "note",
            )
        )
    return Section("arrows", "Current arrows", tuple(blocks))


def _moments(analysis: Analysis) -> tuple[str, ...]:
    """What the frames of the time lapse show, landmarks by name."""
    try:
        times_s = analysis_series(analysis, "beat", MOST_FRAMES).times_s
    except AnalysisError:
        return ()
    peaks = [(name, at) for name, at in analysis.marks.times_s.items() if "_" not in name]
    out = []
    for time_s in times_s:
        near = [f"{name}, " for name, at in peaks if abs(at - time_s) < _AT_PEAK_S]
        out.append(f"{''.join(near[:1])}{signed_ms(float(time_s))}")
    return tuple(out)


def _known(analysis: Analysis) -> list[Landmark]:
    return [one for one in analysis.landmarks.values() if one is not None]


def _why_no_map(analysis: Analysis, units: Units) -> str:
    if not units.is_field:
        return _ELECTRIC
    reasons = analysis.reasons
    for key in ("R.map", "R", "average", "beats"):
        if reasons.get(key):
            return reasons[key]
    return "no landmark of the averaged beat was found"


def _span(landmark: Landmark) -> tuple[str, str, str]:
    values = landmark.field_pt[np.isfinite(landmark.field_pt)]
    rms = float(np.sqrt(np.mean(values**2)))
    return significant(float(values.min())), significant(float(values.max())), significant(rms)


def _map_row(
    name: str, landmark: Landmark | None, reasons: Mapping[str, str]
) -> tuple[str | None, ...]:
    if landmark is None:
        return (name, *[None] * 8, reasons.get(name, "not found"))
    remarks = []
    field_map, features = landmark.field_map, landmark.features
    if features is not None and not features.poles_inside:
        remarks.append("a pole lies on the map's edge")
    if f"{name}.map" in reasons:
        remarks.append(reasons[f"{name}.map"])
    bz = gof = channels = error = None
    if field_map is not None:
        low, high = (significant(float(one(field_map.bz_pt))) for one in (np.min, np.max))
        bz = f"{low} … {high}"
        gof = decimal(100.0 * field_map.gof, 2)
        channels = str(field_map.n_channels)
        if field_map.error_pt is not None:
            error = significant(float(np.nanmedian(field_map.error_pt)), 2)
        remarks += field_map.notes
    return (
        name,
        decimal(1e3 * landmark.time_s, 0),
        bz,
        None if features is None else decimal(features.angle_deg),
        None if features is None else decimal(features.pole_distance_mm, 0),
        None if features is None else decimal(features.pole_ratio, 2),
        gof,
        channels,
        error,
        "; ".join(remarks),
    )
