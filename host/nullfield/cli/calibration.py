"""``calibrate`` and ``calibration show``: gains, axes, places and cross-talk of the array."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from nullfield.cli.exam import (
    JsonOption,
    PaceOption,
    RigOption,
    SeedOption,
    check_folder,
    check_pace,
)
from nullfield.cli.procedures import start_heads
from nullfield.cli.session import open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import CalibrationError
from nullfield.instrument.calibrate import CalibrationResult, calibrate
from nullfield.instrument.move_table import home_table
from nullfield.rig import Rig, load_rig
from nullfield.room.calibration import Calibration
from nullfield.room.calibration_file import (
    calibrations_directory,
    default_path,
    load_calibration,
    newest_of,
    refuse_other_rig,
    save_calibration,
    to_json,
)
from nullfield.room.gauge import MODES
from nullfield.standard_file import with_standard

StandardOption = Annotated[
    str | None,
    typer.Option("--standard", help="Transfer standard on the array: a file, or one that ships."),
]
PlotsOption = Annotated[Path | None, typer.Option("--plots", help="Folder for pictures.")]

shown = typer.Typer(
    help="Calibrations of the array that are kept.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "calibrate",
        epilog="Example: [bold]nullfield calibrate --rig demo36 --standard plate8 --plots runs/c[/]",
    )(calibrate_command)
    shown.command(
        "show",
        epilog="Example: [bold]nullfield calibration show cal.json --plots runs/c[/]",
    )(show)
    shown.command("list", epilog="Example: [bold]nullfield calibration list[/]")(list_kept)
    app.add_typer(shown, name="calibration")


def calibrate_command(
    rig: RigOption,
    standard: StandardOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File; default: the user's data folder.")
    ] = None,
    plots: PlotsOption = None,
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    is_json: JsonOption = False,
) -> None:
    """Calibrate the array: starts the heads, nulls, drives all coils at once, fits and keeps it.

    Without --standard scale, rotation, translation and length of the whole cannot be told.
    """
    _check_files(out, plots)
    entry = load_rig(rig)[0]
    before_path = newest_of(entry.name, entry.fingerprint)
    before = None if before_path is None else load_calibration(before_path)
    with (
        progress_bars(is_json) as progress,
        open_session(
            rig,
            seed=seed,
            pace=check_pace(pace),
            change_rig=None if standard is None else lambda one: with_standard(one, standard),
        ) as session,
    ):
        instrument = session.instrument
        start_heads(session, progress)
        if instrument.table is not None:
            home_table(instrument, progress)
        made_at = datetime.now().astimezone().isoformat(timespec="seconds")
        result = calibrate(instrument, made_at, progress, before)
        used = session.rig
    path = out or default_path(result.calibration)
    save_calibration(result.calibration, path)
    drawn = {} if plots is None else _draw(result.calibration, used, plots)
    if is_json:
        print_json(_result_json(result, path, drawn))
        return
    _print(result.calibration)
    for change in result.changes:
        output.print(f"[red]{change.text}[/] since {before.made_at if before else ''}")
    if result.left_out:
        output.print(f"[red]not calibrated[/]: {', '.join(result.left_out)}")
    output.print(f"unseen     {result.fit.rank.n_silent} of {result.fit.rank.n_unknowns} unknowns")
    output.print(f"written to {path}")
    for name, place in drawn.items():
        output.print(f"{name:<10} {place}")


def show(
    file: Annotated[Path, typer.Argument(help="A calibration.")],
    rig: Annotated[
        str | None, typer.Option("--rig", help="Rig to hold it against, and for pictures.")
    ] = None,
    plots: PlotsOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show a calibration; with --rig refuse it if it is of another array."""
    calibration = load_calibration(file)
    entry = None
    if rig is not None:
        entry = load_rig(rig)[0]
        refuse_other_rig(calibration, entry.name, entry.fingerprint)
    drawn: dict[str, Path] = {}
    if plots is not None:
        _check_files(None, plots)
        if entry is None:
            entry = load_rig(calibration.rig_name)[0]
            refuse_other_rig(calibration, entry.name, entry.fingerprint)
        drawn = _draw(calibration, entry, plots)
    if is_json:
        print_json(to_json(calibration))
        return
    _print(calibration)
    output.print(_head_table(calibration))
    for name, place in drawn.items():
        output.print(f"{name:<10} {place}")


def list_kept(is_json: JsonOption = False) -> None:
    """List the calibrations in the user's data folder."""
    folder = calibrations_directory()
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if is_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        output.print(str(path))
    if not paths:
        output.print(f"none in {folder}; 'nullfield calibrate' makes one")


def _check_files(out: Path | None, plots: Path | None) -> None:
    """Refuse what cannot be written before minutes of work go into it."""
    if out is not None and out.is_dir():
        raise CalibrationError(f"{out}: is a folder", "give a file with --out")
    if out is not None:
        check_folder(out.parent)
    if plots is not None:
        check_folder(plots)


def _draw(calibration: Calibration, rig: Rig, plots: Path) -> dict[str, Path]:
    # Matplotlib takes a second to load: only those who want pictures wait.
    from nullfield.room.calibration_plots import write_calibration_plots

    heads = {head.name: head for head in rig.heads}
    chosen = [heads[name] for name in calibration.heads]
    nominal_m = np.array([head.position_m for head in chosen])
    axes = np.array([head.axes for head in chosen])
    return write_calibration_plots(calibration, nominal_m, axes, plots)


def _result_json(result: CalibrationResult, path: Path, drawn: dict[str, Path]) -> dict[str, Any]:
    one = result.calibration
    return {
        "file": str(path),
        "heads": len(one.heads),
        "left_out": list(result.left_out),
        "standard": one.standard or None,
        "gain_sigma": one.typical_gain_sigma,
        "angle_sigma_rad": one.typical_angle_sigma_rad,
        "position_sigma_m": one.typical_position_sigma_m,
        "gauge_sigma": dict(zip(MODES, (float(v) for v in one.gauge_sigma), strict=True)),
        "unseen_modes": result.fit.rank.n_silent,
        "unknowns": result.fit.rank.n_unknowns,
        "reduced_chi2": one.reduced_chi2,
        "shield_image": one.shield_image,
        "crosstalk_strength": [float(v) for v in one.crosstalk_strength],
        "changed": [{"head": c.head, "axis": c.axis, "share": c.share} for c in result.changes],
        "duration_s": result.duration_s,
        "plots": {name: str(place) for name, place in drawn.items()},
    }


def _print(one: Calibration) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("rig", f"{one.rig_name} ({one.rig_fingerprint}), {one.made_at}")
    table.add_row(
        "heads", f"{len(one.heads)}, cells at {np.nanmean(one.cell_temperature_c):.1f} °C"
    )
    table.add_row("standard", one.standard or "none")
    gain, degrees = one.head_gain, np.degrees(one.typical_angle_sigma_rad)
    table.add_row(
        "gain",
        f"{gain.min():.3f} to {gain.max():.3f}, known to {100 * one.typical_gain_sigma:.2f} %",
    )
    table.add_row("axes", f"known to {degrees:.3f} °")
    table.add_row("places", f"known to {1e3 * one.typical_position_sigma_m:.2f} mm a coordinate")
    strength = ", ".join(
        f"{100 * v:.2f} ± {100 * s:.2f}"
        for v, s in zip(one.crosstalk_strength, one.crosstalk_sigma, strict=True)
    )
    table.add_row("cross-talk", f"{strength} % (x, y, beam coils at 40 mm)")
    table.add_row("walls", f"image {one.shield_image:.2f} of the coils")
    table.add_row("fit", f"reduced chi squared {one.reduced_chi2:.2f}")
    output.print(table)
    if not one.standard:
        spread = one.gauge_sigma
        output.print(
            "[bold]no standard[/]: eight modes of the whole cannot be seen by coils and heads alone and"
            f" hang on the rig file: scale ({100 * spread[0]:.2f} %), rotation"
            f" ({np.degrees(spread[1:4]).max():.2f} °), translation ({1e3 * spread[4:7].max():.2f} mm),"
            f" length ({100 * spread[7]:.2f} %)"
        )
    for fault in one.faults:
        output.print(f"[red]{fault}[/]")


def _head_table(one: Calibration) -> Table:
    table = Table(title="heads", title_justify="left")
    for name in ("head", "gain x", "y", "beam", "±", "angle ± °", "x mm", "y mm", "z mm", "±"):
        table.add_column(name, justify="left" if name == "head" else "right")
    for i, name in enumerate(one.heads):
        place = 1e3 * one.head_position_m[i]
        table.add_row(
            name,
            *(f"{g:.4f}" for g in one.head_gain[i]),
            f"{one.head_gain_sigma[i].max():.4f}",
            f"{np.degrees(one.head_angle_sigma_rad[i].max()):.3f}",
            *(f"{v:.2f}" for v in place),
            f"{1e3 * one.head_position_sigma_m[i].max():.2f}",
        )
    return table
