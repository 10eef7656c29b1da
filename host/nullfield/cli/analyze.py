"""``analyze``: from a recording of any kind to numbers, maps and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.analysis.settings import AnalysisSettings
from nullfield.cli.analysis_options import (
    PositionsOption,
    RateOption,
    UnitOption,
    takes_analysis,
)
from nullfield.cli.exam import JsonOption, check_folder
from nullfield.cli.terminal import output, print_json, progress_bars

if TYPE_CHECKING:
    from nullfield.analysis.result import Analysis


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples: [bold]nullfield analyze subject_raw.fif --out runs/a1[/]   "
        "[bold]nullfield analyze opm.csv --positions heads.csv --rate 1000 --unit fT[/]"
    )(analyze)


@takes_analysis()
def analyze(
    file: Annotated[
        Path, typer.Argument(help="Own recording, FIF, EDF, BDF, LVM, CSV, TSV or BIDS folder.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.")] = None,
    positions: PositionsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    *,
    settings: AnalysisSettings,
    is_json: JsonOption = False,
) -> None:
    """Beats, averaged beat, maps, sources and features of a recording, with plots and a report.

    Parts that the data do not support are left out and the reason is told. Research use only: not
    a diagnosis.
    """
    from nullfield.analysis.report import REPORT
    from nullfield.files.analysis_folder import write_analysis

    directory = out if out is not None else Path("runs") / f"analysis-{file.stem}"
    check_folder(directory)
    with progress_bars(is_json) as progress:
        progress("analyse", 0.0, "reading")
        analysis = write_analysis(
            file,
            directory,
            settings,
            positions=positions,
            rate_hz=rate,
            unit=unit,
            progress=lambda what, share: progress("analyse", share, what),
        )
    if is_json:
        print_json(analysis.to_json())
        return
    _show(analysis)
    output.print(f"report  {directory / REPORT}")


def _show(analysis: Analysis) -> None:
    beats = analysis.beats
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rate = "" if beats.rate_bpm is None else f", {beats.rate_bpm:.0f} /min"
    table.add_row("beats", f"{len(beats.samples)}{rate}, {beats.n_accepted} averaged")
    noise = analysis.noise_summary_ft_rthz()
    if noise is not None:
        table.add_row("noise", f"{noise[0]:.1f} fT/√Hz median, {noise[1]:.1f} worst")
    if analysis.average is not None and analysis.average.snr_db is not None:
        table.add_row("signal to noise", f"{analysis.average.snr_db:.0f} dB")
    for name in ("R", "T"):
        landmark = analysis.landmarks.get(name)
        if landmark is None:
            continue
        parts = [f"{landmark.time_s * 1e3:.0f} ms"]
        if landmark.features is not None:
            parts.append(f"field angle {landmark.features.angle_deg:.0f}°")
        if landmark.dipole is not None:
            place = ", ".join(
                f"{v * 1e3:.0f}"
                for v in analysis.frame.points_to_device_m(landmark.dipole.position_m)
            )
            parts.append(f"dipole at ({place}) mm")
        table.add_row(name, "; ".join(parts))
    output.print(table)
    for note in analysis.metadata.get("notes", ()):
        output.print(f"[dim]note: {escape(str(note))}[/]")
    for part, why in analysis.reasons.items():
        output.print(f"[yellow]{part}[/]: {escape(why)}")
