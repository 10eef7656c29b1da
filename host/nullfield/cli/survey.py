"""``nullfield survey``: what the room is, measured by the instrument that works in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nullfield.cli.exam import JsonOption, PaceOption, RigOption, SeedOption, check_out, check_pace
from nullfield.cli.procedures import start_heads
from nullfield.cli.session import Session, open_session
from nullfield.cli.terminal import errors, output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.instrument.survey_room import StartExcitation, SurveyPlan, survey_room
from nullfield.room.excitation_coil import Excitation
from nullfield.room.survey import Survey, evaluate
from nullfield.room.survey_data import SurveyData
from nullfield.room.survey_json import survey_json
from nullfield.toml_file import first_trouble, read_toml

RESULT, ROWS = "survey.json", "survey-rows.npz"
_VIRTUAL_DELAY_S = 1.0
"""The virtual world is computed an eighth of a second ahead."""
_HINT = "write amplitude_nt, frequencies_hz and dwell_s; docs/survey.md has an example"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Examples: [bold]nullfield survey --rig bench4 --out survey[/]   "
        "[bold]nullfield survey --rig demo36 --duration 600 --excitation coil.toml "
        "--points 0,0,-0.08 --out survey[/]"
    )(survey)


def survey(
    rig: RigOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")],
    duration: Annotated[
        float, typer.Option("--duration", min=10, max=86400, help="Record at rest, s.")
    ] = 300.0,
    points: Annotated[
        list[str] | None,
        typer.Option(
            "--points", help="Where the field is told as well: x,y,z in m. Again for more."
        ),
    ] = None,
    excitation: Annotated[
        Path | None,
        typer.Option(
            "--excitation", help="Settings of the coil outside (TOML); see docs/survey.md."
        ),
    ] = None,
    mains: Annotated[float, typer.Option("--mains", help="Mains frequency, Hz.")] = 50.0,
    note: Annotated[str, typer.Option("--note", help="Room, place, operator: on the title.")] = "",
    seed: SeedOption = 1,
    pace: PaceOption = "max",
    is_json: JsonOption = False,
) -> None:
    """Survey the empty room: residual field, gradient, stability, noise, shielding; with a report."""
    where = _points(points or [])
    settings = None if excitation is None else read_excitation(excitation)
    check_out(out, RESULT, "a survey")
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=check_pace(pace), is_empty=True) as session,
    ):
        instrument = session.instrument
        started = start_heads(session, progress)
        date = datetime.now().astimezone().isoformat(timespec="minutes")
        data, trouble = survey_room(
            instrument,
            SurveyPlan(duration, settings),
            started.failed,
            None if settings is None else _starter(session),
            progress,
        )
    if session.is_virtual:
        data.conditions["Instrument"] = f"virtual, seed {seed}: simulated data"
    done = _write(out, data, where, mains, date, note)
    if trouble is not None:
        errors.print(f"[bold]ended early[/] {data.ended_early}; what was measured is in {out}")
        raise trouble
    if is_json:
        print_json(survey_json(done))
    else:
        _show(done, out)


def read_excitation(path: Path) -> Excitation:
    """Read the settings of an excitation coil.

    Raises
    ------
    InputError
        Naming file, key and trouble.
    """
    from pydantic import TypeAdapter, ValidationError

    content = read_toml(path, "TOML file", _HINT, InputError)
    try:
        return TypeAdapter(Excitation).validate_python(content)
    except ValidationError as error:
        raise InputError(f"{path}: {first_trouble(error)}", _HINT) from error


def _points(texts: list[str]) -> np.ndarray:
    rows = []
    for text in texts:
        try:
            row = [float(part) for part in text.split(",")]
        except ValueError:
            row = []
        if len(row) != 3 or not np.isfinite(row).all():
            raise InputError(f"--points {text}: not a point", "write x,y,z in metres: 0,0,-0.08")
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _starter(session: Session) -> StartExcitation:
    """Whoever switches the excitation on: the virtual world, or the person at the generator."""
    put_on: Callable[[Excitation], None] | None = session.excite

    def start(excitation: Excitation) -> float:
        now_s = session.clock.now_s()
        if put_on is not None:
            put_on(replace(excitation, start_s=now_s + _VIRTUAL_DELAY_S))
            return now_s + _VIRTUAL_DELAY_S
        errors.print(
            f"Set the generator to {excitation.amplitude_nt:g} nT peak outside the room, "
            f"{len(excitation.steps())} steps, {excitation.duration_s:.0f} s in all."
        )
        typer.prompt("Start it and press Enter", default="", show_default=False, err=True)
        return session.clock.now_s()

    return start


def _write(
    out: Path,
    data: SurveyData,
    points_m: np.ndarray,
    mains_hz: float,
    date: str,
    note: str,
) -> Survey:
    """Rows first: they cannot be had again."""
    from nullfield.room.survey_report import write_survey_report

    out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = {
        name: record.field_pt
        for name, record in (("quiet_pt", data.quiet), ("excited_pt", data.excited))
        if record is not None
    }
    rates = [r.rate_hz for r in (data.quiet, data.excited) if r is not None]
    np.savez_compressed(
        out / ROWS, channels=np.array(data.channel_names()), rate_hz=np.array(rates), **rows
    )
    done = evaluate(data, points_m, mains_hz)
    (out / RESULT).write_text(json.dumps(survey_json(done), indent=1) + "\n", encoding="utf-8")
    write_survey_report(out, done, date, note)
    return done


def _show(done: Survey, out: Path) -> None:
    residual = done.residual
    if residual is not None:
        size, spread = (
            float(np.linalg.norm(v)) / 1e3
            for v in (residual.centre_pt, residual.centre_uncertainty_pt)
        )
        output.print(f"residual field  {size:.2f} nT ± {2 * spread:.2f} nT (k = 2)")
        if residual.gradient is not None:
            output.print(f"mean gradient   {residual.gradient.size_pt_per_m / 1e3:.2f} nT/m")
    if done.stability is not None:
        for window_s, spread_pt in sorted(done.stability.peak_to_peak_pt.items()):
            if np.isfinite(spread_pt).any():
                output.print(f"in {window_s:4g} s       {np.nanmax(spread_pt):.0f} pT peak to peak")
    if done.spectra is not None and np.isfinite(done.spectra.level_ft_rthz).any():
        level = float(np.nanmedian(done.spectra.level_ft_rthz))
        output.print(f"noise           {level:.1f} fT/√Hz at 10-100 Hz")
    for point in done.shielding:
        text = f"{point.factor:.0f}" if point.factor is not None else f"above {point.at_least:.0f}"
        output.print(f"shielding {point.axis} {point.frequency_hz:7g} Hz  {text}")
    for name, reason in done.data.dead.items():
        output.print(f"[red]{name}[/]: {reason}")
    output.print(f"report          {out / 'survey.html'}, {out / 'survey.pdf'}")
