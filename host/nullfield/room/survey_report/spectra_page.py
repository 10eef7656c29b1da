"""Page on noise spectra and their lines."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.plots.style import new_axes, png_bytes
from nullfield.analysis.report.document import (
    Block,
    Column,
    Missing,
    Picture,
    Section,
    Text,
    decimal,
    table,
)
from nullfield.room.survey import Survey
from nullfield.room.survey_spectra import NoiseSpectra

_COLOURS = {"x": "#0072b2", "y": "#d55e00"}
_MOST_LINES = 20
_MOST_ROWS = 24
_HIGHEST_HZ = 300.0


def spectra_section(survey: Survey) -> Section:
    """Amplitude densities of every head and axis, level, corner, lines."""
    spectra = survey.spectra
    if spectra is None:
        missing = Missing("Noise spectra", survey.reasons.get("spectra", ""))
        return Section("spectra", "Noise spectra", (missing,))
    blocks: list[Block] = [_picture(survey, spectra)]
    names = survey.data.channel_names()
    known = [k for k in range(len(names)) if np.isfinite(spectra.level_ft_rthz[k])]
    chosen = known
    caption = "Noise of each channel"
    if len(known) > _MOST_ROWS:
        chosen = [known[int(k)] for k in np.linspace(0, len(known) - 1, _MOST_ROWS)]
        caption += f" ({_MOST_ROWS} of {len(known)}; all are in survey.json)"
    rows = [
        (names[k], decimal(float(spectra.level_ft_rthz[k]), 1),
         decimal(float(spectra.corner_hz[k]), 2), decimal(float(spectra.exponent[k]), 1))
        for k in chosen
    ]  # fmt: skip
    columns = (
        Column("Channel"),
        Column("10–100 Hz (fT/√Hz)", True, 1.4),
        Column("1/f corner (Hz)", True, 1.2),
        Column("exponent of power", True, 1.2),
    )
    blocks.append(table(caption, columns, rows))
    if spectra.lines:
        strongest = sorted(spectra.lines, key=lambda one: -float(one.amplitude_pt.max()))
        rows = [
            (decimal(line.frequency_hz, 2), line.kind, decimal(float(line.amplitude_pt.max()), 2),
             decimal(float(np.median(line.amplitude_pt[known])), 2) if known else "")
            for line in sorted(strongest[:_MOST_LINES], key=lambda one: one.frequency_hz)
        ]  # fmt: skip
        columns = (
            Column("Frequency (Hz)"),
            Column("Kind"),
            Column("largest (pT rms)", True, 1.2),
            Column("median (pT rms)", True, 1.2),
        )
        blocks.append(table("Lines", columns, rows))
    blocks.append(
        Text("Vibration: a line at 3–40 Hz that is no multiple of the mains; the array moves in the "
             "gradient. Noise is that of heads and room together, in closed loop, which follows to "
             "some 80 Hz; beam axes are not streamed.", "note")
    )  # fmt: skip
    return Section("spectra", "Noise spectra", tuple(blocks))


def _picture(survey: Survey, spectra: NoiseSpectra) -> Picture:
    figure, axes = new_axes(10.0, 4.2)
    chosen = (spectra.frequency_hz > 0) & (spectra.frequency_hz <= _HIGHEST_HZ)
    f = spectra.frequency_hz[chosen]
    for k, name in enumerate(survey.data.channel_names()):
        row = 1e3 * spectra.density_pt_rthz[k, chosen]
        if np.isfinite(row).all():
            axes.loglog(f, row, color=_COLOURS[name[-1]], linewidth=0.7, alpha=0.5)
    for axis, colour in _COLOURS.items():
        axes.plot([], [], color=colour, label=f"local {axis}")
    marks = {"mains": "v", "vibration": "o", "other": "s"}
    top = axes.get_ylim()[1]
    for kind, mark in marks.items():
        at = [
            line.frequency_hz
            for line in spectra.lines
            if line.kind == kind and line.frequency_hz <= _HIGHEST_HZ
        ]
        if at:
            axes.plot(at, [0.6 * top] * len(at), mark, color="0.25", markersize=5, label=kind)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("fT/√Hz")
    axes.grid(True, color="0.92", linewidth=0.6, which="both")
    axes.legend(frameon=False, fontsize=8, ncols=5, loc="lower left")
    level = spectra.level_ft_rthz
    middle = float(np.nanmedian(level)) if np.isfinite(level).any() else float("nan")
    caption = (
        f"Amplitude density of every streamed channel, {spectra.n_windows} windows, "
        f"{spectra.frequency_hz[1]:.2g} Hz resolution; marks: lines up to there."
    )
    alt = f"{caption} Median at 10-100 Hz: {decimal(middle, 1)} fT/√Hz."
    return Picture("spectra", png_bytes(figure), caption, alt)
