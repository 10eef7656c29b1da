"""Page on the shielding factor against frequency."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.plots.style import new_axes, png_bytes
from nullfield.analysis.report.document import (
    Block,
    Column,
    Items,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    significant,
    table,
)
from nullfield.room.survey import Survey

_STYLES = {"x": ("#0072b2", "o"), "y": ("#009e73", "^"), "z": ("#d55e00", "s")}
_SIZES = {"x": 10, "y": 8, "z": 6}
"""Open marks of different size: axes that shield alike lie on one another."""


def shielding_section(survey: Survey) -> Section:
    """Factor by frequency and axis, from a known field outside."""
    steps = tuple(v for k, v in survey.reasons.items() if k.startswith("shielding "))
    if not survey.shielding:
        why = survey.reasons.get("shielding", "; ".join(steps))
        return Section("shielding", "Shielding factor", (Missing("Shielding factor", why),))
    blocks: list[Block] = [_picture(survey)]
    rows = [
        (p.axis, f"{p.frequency_hz:g}", decimal(p.outside_nt, 0), significant(p.inside_pt, 4),
         decimal(2 * p.inside_uncertainty_pt, 2),
         significant(p.factor, 4) if p.factor is not None else f"> {significant(p.at_least, 2)}",
         decimal(20 * np.log10(p.factor), 1) if p.factor is not None else "",
         significant(2 * p.factor_uncertainty, 2) if p.factor_uncertainty is not None else "")
        for p in survey.shielding
    ]  # fmt: skip
    columns = (
        Column("Axis", weight=0.5),
        Column("Hz", True, 0.6),
        Column("outside (nT)", True, 0.9),
        Column("inside (pT)", True, 0.9),
        Column("± (k = 2)", True, 0.8),
        Column("factor", True, 0.8),
        Column("dB", True, 0.6),
        Column("± (k = 2)", True, 0.8),
    )
    blocks.append(table("Peak amplitudes and shielding factor", columns, rows))
    for axis, (factor, corner) in survey.shield_models.items():
        blocks.append(
            Text(f"Along {axis} a static factor of {significant(factor, 3)} and a corner of "
                 f"{significant(corner, 3)} Hz describe the points: S = S0 √(1 + (f/fc)²).")
        )  # fmt: skip
    if steps:
        blocks.append(Items(steps, "Steps that could not be used"))
    blocks.append(
        Text("The factor is the field that the coil outside makes where the room stands, as its "
             "settings say, over the field at the array. It stands for this coil's place: a wall "
             "that is nearer to it, or a door, shields differently. The heads' response is taken as "
                "flat, see docs/survey.md.", "note")
    )  # fmt: skip
    return Section("shielding", "Shielding factor", tuple(blocks))


def _picture(survey: Survey) -> Picture:
    figure, axes = new_axes(10.0, 4.0)
    for axis, (colour, mark) in _STYLES.items():
        points = [p for p in survey.shielding if p.axis == axis]
        seen = [p for p in points if p.factor is not None]
        if seen:
            axes.errorbar(
                [p.frequency_hz for p in seen],
                [p.factor for p in seen],
                yerr=[2 * (p.factor_uncertainty or 0.0) for p in seen],
                fmt=mark,
                color=colour,
                markeredgewidth=1.5,
                markersize=_SIZES[axis],
                fillstyle="none",
                capsize=3,
                label=f"along {axis}",
            )
        bounds = [p for p in points if p.at_least is not None]
        if bounds:
            axes.plot(
                [p.frequency_hz for p in bounds],
                [p.at_least for p in bounds],
                "^",
                color=colour,
                fillstyle="none",
                markersize=9,
                label=f"at least, {axis}",
            )
        if axis in survey.shield_models and seen:
            factor, corner = survey.shield_models[axis]
            f = np.geomspace(min(p.frequency_hz for p in seen), max(p.frequency_hz for p in seen))
            axes.plot(f, factor * np.sqrt(1 + (f / corner) ** 2), color=colour, linewidth=0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("shielding factor")
    axes.grid(True, color="0.92", linewidth=0.6, which="both")
    axes.legend(frameon=False, fontsize=8)
    caption = "Shielding factor against frequency, bars k = 2; lines: one static factor and corner."
    told = "; ".join(
        f"{p.axis} {p.frequency_hz:g} Hz: {significant(p.factor, 3)}"
        for p in survey.shielding
        if p.factor is not None
    )
    return Picture("shielding", png_bytes(figure), caption, f"{caption} {told}.")
