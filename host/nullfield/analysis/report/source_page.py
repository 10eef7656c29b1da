"""Sources: the dipole at each landmark, its path, and the image on the heart's surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Section,
    Text,
    decimal,
    printable,
    significant,
    table,
)
from nullfield.analysis.report.pictures import peaks_in_time
from nullfield.analysis.report.settings_page import flat
from nullfield.analysis.report.units import Units
from nullfield.analysis.result import Analysis, Landmark

_PATH_ROWS = 14


def source_section(analysis: Analysis, units: Units) -> Section:
    """Dipole table with confidence, moving dipole and source image where they are there."""
    blocks: list[Block] = []
    if units.is_field:
        blocks += _dipoles(analysis)
        blocks += _moving(analysis)
        blocks += _image(analysis)
    else:
        blocks.append(Missing("Sources", "electric leads have no source here"))
    return Section("source", "Source", tuple(blocks))


def _dipoles(analysis: Analysis) -> list[Block]:
    shown = {
        name: landmark
        for name, landmark in peaks_in_time(analysis).items()
        if name in ("R", "T") or (landmark is not None and landmark.dipole is not None)
    }
    if not any(one is not None and one.dipole is not None for one in shown.values()):
        reasons = [
            analysis.reasons[key]
            for key in ("R.dipole", "T.dipole", "R", "average", "beats")
            if analysis.reasons.get(key)
        ]
        return [Missing("Dipole", reasons[0] if reasons else "no landmark was found")]
    columns = (
        Column("Peak", weight=0.6),
        Column("Time (ms)", True, 0.8),
        Column("x, y, z (mm)", True, 1.5),
        Column("Moment x, y (µA·m)", True, 1.4),
        Column("Size (µA·m)", True, 0.9),
        Column("Explained (%)", True, 1.05),
        Column("95 % radius (mm)", True, 0.9),
        Column("95 % half axes (mm)", True, 1.4),
        Column("χ² per freedom", True, 1.0),
        Column("Remark", weight=1.8),
    )
    rows = [_dipole_row(name, one, analysis.reasons) for name, one in shown.items()]
    note = (
        "The place is that of one current dipole in the model named beside it (a half-space where "
        "none is named), whose part along z is silent and not known. The 95 % radius is that "
        "of a sphere with the volume of the confidence ellipsoid; it covers noise and the errors "
        "of gain, place and angle that were assumed, not the error of the model."
    )
    if not analysis.frame.is_identity:
        note += " Places are in the working frame of the maps; analysis.json has them in the file's"
        note += " own coordinates."
    return [table("Current dipole at the peaks", columns, rows), Text(note, "note")]


def _dipole_row(
    name: str, landmark: Landmark | None, reasons: Mapping[str, str]
) -> tuple[str | None, ...]:
    if landmark is None:
        return (name, *[None] * 8, reasons.get(name, "not found"))
    time = decimal(1e3 * landmark.time_s, 0)
    dipole = landmark.dipole
    if dipole is None:
        return (name, time, *[None] * 7, reasons.get(f"{name}.dipole", "not fitted"))
    axes = dipole.confidence_axes_mm
    model = str(getattr(dipole, "model", ""))
    remarks = [model] if model else []
    if dipole.at_bound:
        remarks.append("the fit ran into the edge of its volume")
    # A current dipole of the whole heart is some microampere metres at its R peak.
    moment = dipole.moment_nam / 1e3
    return (
        name,
        time,
        ", ".join(decimal(float(one), 0) for one in dipole.position_m * 1e3),
        ", ".join(decimal(float(one), 2) for one in moment[:2]),
        decimal(float(np.linalg.norm(moment)), 2),
        decimal(100.0 * dipole.gof, 2),
        decimal(dipole.confidence_mm),
        None if axes is None else ", ".join(decimal(float(one)) for one in axes),
        significant(dipole.reduced_chi2, 2),
        "; ".join(remarks),
    )


def _moving(analysis: Analysis) -> list[Block]:
    moving = getattr(analysis, "moving_dipole", None)
    if moving is None:
        return [Missing("Moving dipole", analysis.reasons.get("moving_dipole", "not asked for"))]
    times = np.asarray(getattr(moving, "times_s", getattr(moving, "time_s", [])), dtype=float)
    position = np.asarray(getattr(moving, "position_m", getattr(moving, "positions_m", [])))
    if not len(times) or position.shape != (len(times), 3):
        return [Missing("Moving dipole", "no moment gave a dipole")]
    moment = getattr(moving, "moment_nam", getattr(moving, "moments_nam", None))
    gof = getattr(moving, "gof", None)
    radius = getattr(moving, "confidence_mm", None)
    known = np.flatnonzero(np.isfinite(position).all(axis=1))
    if not len(known):
        return [Missing("Moving dipole", "no moment gave a dipole")]
    chosen = known[np.unique(np.linspace(0, len(known) - 1, _PATH_ROWS).round().astype(int))]
    rows = [
        (
            decimal(1e3 * float(times[i]), 0),
            ", ".join(decimal(1e3 * float(one), 0) for one in position[i]),
            None if moment is None else decimal(float(np.linalg.norm(moment[i])) / 1e3, 2),
            None if gof is None else decimal(100.0 * float(gof[i])),
            None if radius is None or radius[i] is None else decimal(float(radius[i])),
        )
        for i in chosen
    ]
    columns = (
        Column("Time (ms)"),
        Column("x, y, z (mm)", True, 1.5),
        Column("Size (µA·m)", True),
        Column("Explained (%)", True),
        Column("95 % radius (mm)", True),
    )
    caption = f"Moving dipole: {len(chosen)} of {len(known)} moments"
    return [table(caption, columns, rows)]


def _image(analysis: Analysis) -> list[Block]:
    image = getattr(analysis, "image", None)
    if image is None:
        return [Missing("Source image", analysis.reasons.get("image", "not asked for"))]
    rows = list(flat(_plain_fields(image)))
    columns = (Column("What", weight=1.6), Column("Value", weight=3.4))
    return [table("Source image on the heart's surface", columns, rows)]


def _plain_fields(thing: Any) -> dict[str, Any]:
    """What a result holds, arrays by their extent: an image has thousands of values."""
    fields: dict[str, Any] = {}
    for name in getattr(thing, "__dataclass_fields__", {}):
        value = getattr(thing, name)
        if isinstance(value, np.ndarray) and value.size > 12:
            finite = value[np.isfinite(value)]
            span = "no finite value"
            if finite.size:
                low, high = significant(float(finite.min())), significant(float(finite.max()))
                span = f"{low} … {high}"
            fields[name] = f"{span} ({' × '.join(map(str, value.shape))} values)"
        elif isinstance(value, np.ndarray):
            fields[name] = value.tolist()
        elif hasattr(value, "__dataclass_fields__"):
            fields[name] = _plain_fields(value)
        else:
            fields[name] = value if isinstance(value, int | float) else printable(value)
    return fields
