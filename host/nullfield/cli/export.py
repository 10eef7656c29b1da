"""``export``: a recording in the formats of others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nullfield.analysis.data import FieldRecording
from nullfield.analysis.sections import Source
from nullfield.cli.analysis_options import PositionsOption, RateOption, UnitOption
from nullfield.cli.exam import check_folder
from nullfield.cli.terminal import output
from nullfield.errors import InputError

_ENDINGS = {
    "fif": "_raw.fif",
    "bids": "_bids",
    "csv": ".csv",
    "edf": ".edf",
    "bdf": ".bdf",
    "hdf5": ".h5",
    "dicom": "_dicom",
}
FORMATS = tuple(_ENDINGS)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: [bold]nullfield export runs/today/recording --to fif[/]")(export)


def export(
    recording: Annotated[Path, typer.Argument(help="Own recording, or a file of another system.")],
    to: Annotated[
        str, typer.Option("--to", help="Format: fif, bids, csv, edf, bdf, hdf5, dicom.")
    ] = "fif",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; for bids and dicom a folder.")
    ] = None,
    positions: PositionsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="BIDS: the subject's label.")
    ] = None,
    task: Annotated[str, typer.Option("--task", help="BIDS: what the subject did.")] = "rest",
    patient: Annotated[
        str, typer.Option("--patient", help="DICOM: patient's name, Family^Given.")
    ] = "",
    patient_id: Annotated[str, typer.Option("--patient-id", help="DICOM: patient's id.")] = "",
    study_time: Annotated[
        str, typer.Option("--study-time", help="DICOM: when, like 2026-01-31T14:30.")
    ] = "",
) -> None:
    """Write a recording in another format: for MNE, for a data set, for a spreadsheet.

    hdf5 and dicom hold results: the recording is analysed for them.
    """
    if to not in FORMATS:
        raise InputError(f"--to {to}: no such format", f"formats: {', '.join(FORMATS)}")
    from nullfield.files import open_source

    target = out if out is not None else default_target(recording, to)
    check_folder(target.parent)
    if target.exists() and recording.exists() and target.samefile(recording):
        raise InputError(f"{target}: is the recording itself", "give another name by --out")
    source = open_source(recording, positions=positions, rate_hz=rate, unit=unit)
    if to == "dicom":
        day, _, clock = study_time.replace(" ", "T").partition("T")
        given = {"patient_name": patient, "patient_id": patient_id}
        _dicom(source, target, {**given, "study_date": day, "study_time": clock})
    elif to == "hdf5":
        _hdf5(source, target)
    else:
        field = source.read(0, source.n_samples)
        target.parent.mkdir(parents=True, exist_ok=True)
        if to == "bids":
            from nullfield.files import write_bids

            target = write_bids(field, target, subject=subject, task=task)
        else:
            _WRITERS[to](field, target)
    output.print(f"written to {target}")
    for note in source.metadata.get("notes", ()):
        output.print(f"[yellow]note[/]: {note}", highlight=False)


def default_target(recording: Path, to: str) -> Path:
    """Where an export goes if nothing is said: beside the recording."""
    stem = recording.name.removesuffix(".gz").partition(".")[0] if recording.is_file() else ""
    stem = stem or recording.name or recording.resolve().name
    for ending in ("_raw", "_meg"):
        stem = stem.removesuffix(ending)
    return recording.parent / f"{stem}{_ENDINGS[to]}"


def _fif(field: FieldRecording, target: Path) -> None:
    from nullfield.files import write_fif

    write_fif(field, target)


def _csv(field: FieldRecording, target: Path) -> None:
    from nullfield.files import write_csv

    _, places = write_csv(field, target)
    output.print(f"positions in {places}")


def _edf(field: FieldRecording, target: Path) -> None:
    from nullfield.files import write_edf

    scaling = write_edf(field, target)
    output.print(
        f"positions in {scaling.positions}; samples rounded by"
        f" {scaling.largest_error.max(initial=0.0):.2g} {field.unit} at most"
    )


def _hdf5(source: Source, target: Path) -> None:
    from nullfield.analysis.chain import analyze_source
    from nullfield.files.results_hdf5 import write_results

    analysis = analyze_source(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_results(analysis, target)


def _dicom(source: Source, folder: Path, given: dict[str, str]) -> None:
    from nullfield.analysis.chain import analyze_source
    from nullfield.analysis.plots import write_plots
    from nullfield.analysis.report import write_report
    from nullfield.files.dicom import exam_of, write_dicom

    exam = exam_of(source.metadata, **given)
    analysis = analyze_source(source)
    with tempfile.TemporaryDirectory() as scratch:
        plots = write_plots(analysis, Path(scratch))
        pdf = Path(scratch) / "report.pdf"
        write_report(pdf, analysis, plots, {"subject": exam.patient_id, "date": exam.study_date})
        for path in write_dicom(analysis, folder, exam, pdf):
            output.print(f"{path.name} written")


_WRITERS: dict[str, Callable[[FieldRecording, Path], None]] = {
    "fif": _fif,
    "csv": _csv,
    "edf": _edf,
    "bdf": _edf,
}
