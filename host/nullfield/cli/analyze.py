"""``analyze``: from a recording of any kind to numbers, maps and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.analysis.cleaning.settings import CleaningSettings, External
from nullfield.analysis.data import CALIBRATED, UNCALIBRATED
from nullfield.analysis.result import Analysis
from nullfield.analysis.settings import AnalysisSettings, ImageMethod
from nullfield.analysis.sources.choice import DEFAULT_RADIUS_M, ModelChoice
from nullfield.cli.exam import JsonOption, check_folder
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError

PositionsOption = Annotated[
    Path | None,
    typer.Option("--positions", help="Places of the sensors: CSV or TSV name,x,y,z,nx,ny,nz."),
]
RateOption = Annotated[
    float | None, typer.Option("--rate", help="Samples a second, for tables without time.")
]
UnitOption = Annotated[
    str | None,
    typer.Option("--unit", help="Unit of the numbers, for files that tell none, or a wrong one."),
]
OutwardOption = Annotated[
    str | None,
    typer.Option(
        "--outward", help="Direction away from the body in the file's coordinates, like 0,0,1."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples: [bold]nullfield analyze subject_raw.fif --out runs/a1[/]   "
        "[bold]nullfield analyze opm.csv --positions heads.csv --rate 1000 --unit fT[/]"
    )(analyze)


def analyze(
    file: Annotated[
        Path, typer.Argument(help="Own recording, FIF, EDF, BDF, LVM, CSV, TSV or BIDS folder.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.")] = None,
    positions: PositionsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    outward: OutwardOption = None,
    low_pass: Annotated[
        float, typer.Option("--low-pass", min=10.0, help="Of the averaged beat, Hz.")
    ] = 100.0,
    mains: Annotated[
        float | None, typer.Option("--mains", help="Hz; found from the data if left out.")
    ] = None,
    external: Annotated[
        str,
        typer.Option(
            "--external", help="Outer field: auto, references, homogeneous or none take it out."
        ),
    ] = "auto",
    is_calibrated: Annotated[
        bool,
        typer.Option("--calibrated", help="Gains, places and axes are those of a calibration."),
    ] = False,
    model: Annotated[
        str, typer.Option("--model", help="Conductor: half-space, free, sphere or torso.")
    ] = "half-space",
    radius: Annotated[
        float, typer.Option("--radius", help="Of the sphere below the array, metres.")
    ] = DEFAULT_RADIUS_M,
    torso: Annotated[
        Path | None,
        typer.Option("--torso", help="Mesh of the torso (STL, OBJ, PLY, OFF), --model torso."),
    ] = None,
    torso_unit: Annotated[
        str | None, typer.Option("--torso-unit", help="Unit of the mesh: m, cm, mm or in.")
    ] = None,
    image: Annotated[
        str,
        typer.Option(
            "--image", help="Heart's surface at R: none, minimum-norm, sloreta or sparse."
        ),
    ] = "none",
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, max=100_000, help="Of the bootstrap; 0: none.")
    ] = 400,
    is_json: JsonOption = False,
) -> None:
    """Beats, averaged beat, maps, sources and features of a recording, with plots and a report.

    Parts that the data do not support are left out and the reason is told. Research use only: not
    a diagnosis.
    """
    from nullfield.files.analysis_folder import REPORT, write_analysis

    directory = out if out is not None else Path("runs") / f"analysis-{file.stem}"
    check_folder(directory)
    settings = AnalysisSettings(
        low_pass_hz=low_pass,
        cleaning=CleaningSettings(
            mains_hz=mains, external=_one_of("--external", external, External)
        ),
        model=ModelChoice(
            "torso" if torso is not None else model,
            radius,
            None if torso is None else str(torso),
            torso_unit,
        ),
        image=_one_of("--image", image, ImageMethod),
        outward=None if outward is None else _direction(outward),
        uncertainty=CALIBRATED if is_calibrated else UNCALIBRATED,
        resamples=resamples,
    )
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


def _direction(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--outward {text}: is no direction", "give three numbers, like 0,0,1"
        ) from None
    return x, y, z


def _one_of(option: str, name: str, known: Any) -> Any:
    if name not in get_args(known):
        raise InputError(f"{option} {name}: no such one", f"one of {', '.join(get_args(known))}")
    return name


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
