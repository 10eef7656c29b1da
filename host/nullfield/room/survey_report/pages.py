"""From a survey to the document of its report, one section a topic."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.report.document import (
    Block,
    Column,
    Document,
    Items,
    Missing,
    Section,
    Text,
    decimal,
    name_runs,
    printable,
    significant,
    table,
)
from nullfield.room.survey import Survey
from nullfield.room.survey_report.field_page import gradient_section, residual_section
from nullfield.room.survey_report.shielding_page import shielding_section
from nullfield.room.survey_report.spectra_page import spectra_section
from nullfield.room.survey_report.stability_page import stability_section

_PAIR = (Column("What", weight=1.5), Column("Value", weight=3.5))


def survey_document(survey: Survey, date: str = "", who: str = "") -> Document:
    """The report's content.

    Returns
    -------
    Document
        Sections ``summary``, ``residual``, ``gradient``, ``stability``, ``spectra``, ``shielding``,
        ``uncertainty`` and ``conditions``, always all of them: a part that is not there says why.
    """
    return Document(
        title="Survey of a magnetically shielded room",
        who=" · ".join(printable(p) for p in (survey.data.rig, who, date) if p),
        sections=(
            _summary(survey),
            residual_section(survey),
            gradient_section(survey),
            stability_section(survey),
            spectra_section(survey),
            shielding_section(survey),
            _uncertainty(survey),
            _conditions(survey),
        ),
        created=date,
    )


def _summary(survey: Survey) -> Section:
    blocks: list[Block] = []
    if survey.data.ended_early:
        blocks.append(
            Text(f"The survey ended early, {survey.data.ended_early}. It holds what was measured.",
                 "warning")
        )  # fmt: skip
    if "Instrument" in survey.data.conditions:
        blocks.append(Text(f"Instrument: {printable(survey.data.conditions['Instrument'])}."))
    rows: list[tuple[str, str]] = []
    residual = survey.residual
    if residual is not None:
        size = float(np.linalg.norm(residual.centre_pt))
        spread = float(np.linalg.norm(residual.centre_uncertainty_pt))
        rows.append(
            ("Residual field at the array's middle",
             f"{decimal(size / 1e3, 2)} nT ± {decimal(2 * spread / 1e3, 2)} nT (k = 2)")
        )  # fmt: skip
        if residual.gradient is not None:
            rows.append(
                ("Mean gradient over the array",
                 f"{decimal(residual.gradient.size_pt_per_m / 1e3, 1)} nT/m ± "
                 f"{decimal(2 * residual.gradient.size_uncertainty_pt_per_m / 1e3, 1)} nT/m (k = 2)")
            )  # fmt: skip
    still = survey.stability
    if still is not None:
        for window_s, spread_pt in sorted(still.peak_to_peak_pt.items()):
            known = np.isfinite(spread_pt).any()
            worst = float(np.nanmax(spread_pt)) if known else float("nan")
            name = (
                f" ({survey.data.channel_names()[int(np.nanargmax(spread_pt))]})" if known else ""
            )
            rows.append(
                (f"Largest peak to peak in {window_s:g} s", f"{decimal(worst, 0)} pT{name}")
            )
    spectra = survey.spectra
    if spectra is not None and np.isfinite(spectra.level_ft_rthz).any():
        rows.append(
            ("Noise density at 10–100 Hz, median of the channels",
             f"{decimal(float(np.nanmedian(spectra.level_ft_rthz)), 1)} fT/√Hz")
        )  # fmt: skip
    for axis in dict.fromkeys(p.axis for p in survey.shielding):
        told = [
            f"{significant(p.factor, 3)} at {p.frequency_hz:g} Hz"
            for p in survey.shielding
            if p.axis == axis and p.factor is not None
        ]
        if told:
            rows.append((f"Shielding factor along {axis}", ", ".join(told)))
    if rows:
        blocks.append(table("What the room is", _PAIR, rows))
    dead = [f"{name}: {reason}" for name, reason in survey.data.dead.items()]
    alive = [h.name for h in survey.data.heads if h.name not in survey.data.dead]
    blocks.append(Text(f"Heads in every figure: {name_runs(alive) or 'none'}."))
    if dead:
        blocks.append(Items(tuple(printable(d) for d in dead), "Heads that are in no figure"))
    return Section("summary", "Summary", tuple(blocks))


def _uncertainty(survey: Survey) -> Section:
    residual = survey.residual
    if residual is None:
        return Section(
            "uncertainty",
            "Uncertainty",
            (Missing("Statement of uncertainty", survey.reasons.get("residual", "")),),
        )
    r = residual.repeatability_pt
    count = sum(len(one.repeats_pt) for one in survey.data.maps)
    rows: list[tuple[str, str, str, str]] = [
        ("Repeatability of one zero", "A", f"{decimal(r[0], 1)}, {decimal(r[1], 1)}, "
         f"{decimal(r[2], 1)} pT", f"local x, y, beam; {count} zeros, pooled over heads"),
        ("Scatter of the heads about the model", "A", f"{decimal(residual.model.extra_noise_pt, 0)} "
         "pT", "angles, gains and places of heads, and what the model leaves out"),
        ("Model at the array's middle", "A", ", ".join(decimal(u, 0) for u in
         residual.centre_uncertainty_pt) + " pT", "x, y, z; from the two above"),
    ]  # fmt: skip
    if residual.moved_pt is not None and np.isfinite(residual.moved_pt).any():
        rms = float(np.sqrt(np.nanmean(residual.moved_pt**2)))
        rows.append(
            ("Drift between first and last map", "A", f"{decimal(rms, 0)} pT",
             f"rms over heads and axes in {residual.moved_s:.0f} s")
        )  # fmt: skip
    rows.append(
        ("Gain of the heads", "B", "not in the figures above",
         "common to all heads: traceable only by a calibration of the on-head coils")
    )  # fmt: skip
    columns = (
        Column("Contribution", weight=1.6),
        Column("Type", weight=0.4),
        Column("Standard uncertainty", weight=1.3),
        Column("Remark", weight=1.9),
    )
    notes = (
        "Type A: from the scatter of these measurements; type B: otherwise (JCGM 100:2008). Expanded "
        "uncertainties in this report are given with k = 2 and say so.",
        "A common error of gain scales fields, gradients, noise and shielded amplitudes alike. It "
        "was not measured here: without a calibration the report is not traceable to the SI.",
    )
    return Section(
        "uncertainty",
        "Uncertainty",
        (table("Contributions to the residual field", columns, rows), *(Text(n) for n in notes)),
    )


def _conditions(survey: Survey) -> Section:
    data = survey.data
    rows = list(data.conditions.items())
    rows.append(("Record at rest", _length(survey)))
    excitation = data.excitation
    if excitation is not None:
        rows.append(
            ("Excitation outside",
             f"{excitation.amplitude_nt:g} nT peak along {', '.join(excitation.axes)}; "
             f"{', '.join(f'{f:g}' for f in excitation.frequencies_hz)} Hz; at least "
             f"{excitation.dwell_s:g} s and {excitation.least_cycles:g} cycles each")
        )  # fmt: skip
    blocks: list[Block] = [table("Conditions", _PAIR, [(a, printable(b)) for a, b in rows])]
    if survey.reasons:
        missing = [(k, printable(v)) for k, v in survey.reasons.items()]
        blocks.append(table("What could not be had", _PAIR, missing))
    positions = [
        (h.name, "reference" if h.is_reference else "array",
         ", ".join(decimal(1e3 * p, 0) for p in h.position_m), data.dead.get(h.name, ""))
        for h in data.heads
    ]  # fmt: skip
    columns = (
        Column("Head", weight=0.8),
        Column("Kind", weight=0.8),
        Column("x, y, z in mm", weight=1.4),
        Column("Remark", weight=2.0),
    )
    blocks.append(table("Heads", columns, positions))
    return Section("conditions", "Conditions", tuple(blocks))


def _length(survey: Survey) -> str:
    quiet = survey.data.quiet
    got = 0.0 if quiet is None else quiet.duration_s
    return f"{got:.0f} s of {survey.data.planned_s:.0f} s asked for, nobody in the room"
