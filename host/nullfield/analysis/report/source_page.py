"""Sources: the dipole at each landmark, its path, and the image on the heart's surface."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Section,
    Text,
    decimal,
    significant,
    table,
)
from nullfield.analysis.report.pictures import peaks_in_time
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
        "The place is that of one current dipole in the model named beside it; in a half-space the "
        "part of the moment along z is silent and not known. The 95 % radius is that "
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
    remarks = [dipole.model]
    if not dipole.is_significant:
        remarks.append(f"no field without a source excluded (p = {significant(dipole.p_value, 2)})")
    if dipole.at_bound:
        remarks.append("the fit ran into the edge of its volume")
    if dipole.reason:
        remarks.append(dipole.reason)
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
    moving = analysis.moving_dipole
    if moving is None:
        return [Missing("Moving dipole", analysis.reasons.get("moving_dipole", "not asked for"))]
    known = np.flatnonzero([fit is not None for fit in moving.fits])
    if not len(known):
        why = next((one for one in moving.reasons if one), "no moment gave a dipole")
        return [Missing("Moving dipole", why)]
    chosen = known[np.unique(np.linspace(0, len(known) - 1, _PATH_ROWS).round().astype(int))]
    trusted, places_m = moving.is_trusted, moving.positions_m
    sizes_nam = np.linalg.norm(moving.moments_nam, axis=1)
    rows = [
        (
            decimal(1e3 * float(moving.time_s[i]), 0),
            ", ".join(decimal(1e3 * float(one), 0) for one in places_m[i]),
            decimal(float(sizes_nam[i]) / 1e3, 2),
            decimal(100.0 * float(moving.gof[i])),
            decimal(float(moving.confidence_mm[i])),
            "" if trusted[i] else "not to be trusted: not significant, or without a region",
        )
        for i in chosen
    ]
    columns = (
        Column("Time (ms)", weight=0.8),
        Column("x, y, z (mm)", True, 1.2),
        Column("Size (µA·m)", True),
        Column("Explained (%)", True),
        Column("95 % radius (mm)", True, 1.1),
        Column("Remark", weight=2.0),
    )
    path = "" if moving.path_mm is None else f", path {moving.path_mm:.0f} mm through trusted ones"
    caption = f"Moving dipole: {len(chosen)} of {len(known)} moments shown{path}"
    return [table(caption, columns, rows)]


def _image(analysis: Analysis) -> list[Block]:
    image = analysis.image
    if image is None:
        return [Missing("Source image", analysis.reasons.get("image", "not asked for"))]
    size = np.linalg.norm(image.density, axis=1)
    rows = [
        ("Method", f"{image.method}, {image.model}"),
        ("Surface", f"{len(image.vertices_m)} vertices, {len(image.active)} with current"),
        (
            "Largest at x, y, z (mm)",
            ", ".join(decimal(1e3 * float(one), 0) for one in image.peak_m),
        ),
        ("Largest density", f"{significant(float(size.max()))} {image.unit}"),
        (
            "Moment of all together (µA·m)",
            decimal(float(np.linalg.norm(image.total_moment_nam)) / 1e3, 2),
        ),
        ("Explained (%)", decimal(100.0 * image.gof, 2)),
        ("χ² per channel", significant(image.reduced_chi2, 2)),
        ("Channels", str(image.n_channels)),
    ]
    if image.spread_m is not None:
        spread = float(np.median(image.spread_m))
        rows.append(("Spread of a point source, median (mm)", decimal(1e3 * spread, 0)))
    if image.localisation_error_m is not None:
        error = float(np.median(image.localisation_error_m))
        rows.append(("Shift of a point source, median (mm)", decimal(1e3 * error, 0)))
    columns = (Column("What", weight=1.6), Column("Value", weight=3.4))
    return [table("Source image on the heart's surface", columns, rows)]
