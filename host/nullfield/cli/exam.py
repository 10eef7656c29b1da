"""``demo``, ``exam`` and ``score``: the main job."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nullfield.analysis import RESEARCH_USE
from nullfield.cli.session import Pace, open_session
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError
from nullfield.recording.store import FILE_PATTERN
from nullfield.rig import load_rig

RigOption = Annotated[str, typer.Option("--rig", help="Rig file, or the name of a shipped rig.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder for results.")]
HeartOption = Annotated[
    Path | None,
    typer.Option("--heart", help="Frank vectorcardiogram, CSV time_s,vx_mV,vy_mV,vz_mV."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Reproduces a virtual run.")]
BeatsOption = Annotated[int, typer.Option("--beats", min=3, max=10000, help="Heartbeats.")]
PaceOption = Annotated[str, typer.Option("--pace", help="max, or realtime (wall clock).")]
CalibrationOption = Annotated[
    Path | None,
    typer.Option("--calibration", help="Of this array, from 'nullfield calibrate'."),
]
CompensateOption = Annotated[
    bool,
    typer.Option("--compensate", help="Hold the field from reference heads while recording."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog="Example: [bold]nullfield demo[/]    [bold]nullfield demo --rig bench4 --beats 20[/]"
    )(demo)
    app.command(
        epilog="Example: [bold]nullfield exam --rig demo36 --out runs/today --heart vcg.csv[/]"
    )(exam)
    app.command(epilog="Example: [bold]nullfield score runs/today[/]")(score)


def demo(
    rig: RigOption = "demo36",
    beats: BeatsOption = 60,
    seed: SeedOption = 1,
    heart: HeartOption = None,
    out: OutOption = None,
) -> None:
    """A complete examination on the virtual instrument, scored against the plant's truth."""
    directory = out if out is not None else _fresh(Path("runs"), f"demo-{rig}")
    run_exam(rig, directory, beats, seed, heart, "max", is_json=False, is_demo=True)


def exam(
    rig: RigOption,
    out: OutOption = None,
    heart: HeartOption = None,
    seed: SeedOption = 1,
    beats: BeatsOption = 60,
    pace: PaceOption = "max",
    calibration: CalibrationOption = None,
    compensate: CompensateOption = False,
    is_json: JsonOption = False,
) -> None:
    """Examine: start the heads, move the patient in, null the room, record, map, report."""
    directory = out if out is not None else _fresh(Path("runs"), f"exam-{Path(rig).stem}")
    run_exam(
        rig, directory, beats, seed, heart, check_pace(pace), is_json=is_json,
        calibration=calibration,
        is_compensated=compensate,
    )  # fmt: skip


def check_pace(pace: str) -> Pace:
    """Pace from the command line."""
    if pace == "max":
        return "max"
    if pace == "realtime":
        return "realtime"
    raise InputError(f"--pace {pace}: no such pace", "use max or realtime")


def check_folder(directory: Path) -> None:
    """Refuse a folder that cannot be made, before minutes of work go into what it shall hold.

    Raises
    ------
    InputError
        If a file stands in its place.
    """
    for place in (directory, *directory.parents):
        if place.exists() and not place.is_dir():
            raise InputError(f"{place}: is a file, not a folder", "give another folder with --out")


def check_out(directory: Path, pattern: str, what: str) -> None:
    """Refuse a folder that cannot take the results, or holds such results already.

    Raises
    ------
    InputError
    """
    check_folder(directory)
    if any(directory.glob(pattern)):
        raise InputError(f"{directory}: holds {what} already", "give another folder with --out")


def run_exam(
    rig: str,
    directory: Path,
    beats: int,
    seed: int,
    heart: Path | None,
    pace: Pace,
    *,
    is_json: bool,
    is_demo: bool = False,
    calibration: Path | None = None,
    is_compensated: bool = False,
) -> None:
    """Run one examination and show what came of it."""
    # The analysis that it ends with takes a second to import, which no other command should.
    from nullfield.instrument.compensate import BANDWIDTH_HZ
    from nullfield.instrument.examine import ExamHooks, examine
    from nullfield.instrument.use_calibration import calibration_for

    in_force = calibration_for(load_rig(rig)[0], calibration)
    check_out(directory, "exam.json", "an examination")
    check_out(directory / "recording", FILE_PATTERN, "a recording")
    with (
        progress_bars(is_json) as progress,
        open_session(rig, seed=seed, pace=pace, heart=heart, truth_directory=directory) as session,
    ):
        session.instrument.calibration = in_force
        result = examine(
            session.instrument,
            directory,
            beats,
            progress,
            notes={"seed": seed, "heart": heart.name if heart else None}
            if session.is_virtual
            else None,
            wall_s=time.perf_counter,
            hooks=ExamHooks(compensation_hz=BANDWIDTH_HZ if is_compensated else None),
        )
        is_virtual = session.is_virtual
    scores = None
    if is_virtual and is_demo:
        from nullfield.virtual.score import score_directory

        scores = score_directory(directory)
    if is_json:
        print_json(result.content)
        return
    _show(directory, result.content, scores)


def score(
    directory: Annotated[Path, typer.Argument(help="Folder of an examination.")],
    is_json: JsonOption = False,
) -> None:
    """Compare an examination with the plant's truth; writes DIR/score.json."""
    from nullfield.virtual.score import score_directory

    scores = score_directory(directory)
    if is_json:
        print_json(scores)
        return
    output.print(_score_table(scores))
    output.print(f"written to {directory / 'score.json'}")


def _fresh(parent: Path, name: str) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return parent / f"{name}-{stamp}"


def _show(directory: Path, content: dict[str, Any], scores: dict[str, Any] | None) -> None:
    analysis = content["analysis"]
    beats = analysis["beats"]
    for change in content.get("calibration", {}).get("changed", ()):
        output.print(
            f"[red]head {change['head']}[/]: its {change['axis']} gain is {change['share']:+.1%} from"
            " its calibration"
        )
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    ready, failed = content["start_up"]["ready"], content["start_up"]["failed"]
    table.add_row("heads", f"{len(ready)} ready" + (f", failed: {failed}" if failed else ""))
    null = content["null"]
    table.add_row(
        "field",
        f"{null['measured_before_rms_pt']:.0f} -> {null['measured_after_rms_pt']:.0f} pT rms",
    )
    compensation = content.get("compensation", {})
    if "left_out" in compensation:
        table.add_row("compensation", f"left out: {compensation['left_out']}")
    rate = f", {beats['rate_bpm']:.0f} /min" if beats.get("rate_bpm") else ""
    table.add_row("beats", f"{len(beats['times_s'])}{rate}")
    lost = sum(content["record"]["rows_lost"].values())
    table.add_row("samples", f"{content['record']['rows_received']} received, {lost} lost")
    wall = content["wall_timings_s"].get("total")
    table.add_row(
        "time", f"{content['timings_s']['total']:.0f} s" + (f", {wall:.0f} s wall" if wall else "")
    )
    output.print(table)
    if scores is not None:
        output.print(_score_table(scores))
    output.print(f"\nreport     {directory / 'report.html'}")
    output.print(f"plots      {directory}/*.png")
    output.print(f"recording  {directory / 'recording'}")
    output.print(f"[dim]{RESEARCH_USE}[/]")


def _score_table(scores: dict[str, Any]) -> Table:
    table = Table(title="against the plant's truth", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    residual, true = scores["residual_pt"], scores["true_residual_pt"]

    def text(value: float | None, unit: str, digits: int = 0) -> str:
        return "-" if value is None else f"{value:.{digits}f} {unit}".strip()

    for name, key in (
        ("before, rms", "before_rms"),
        ("after, rms", "after_rms"),
        ("after, max", "after_max"),
    ):
        table.add_row(f"effective field {name}", text(residual[key], "pT"))
    table.add_row("true field after, rms", text(true["after_rms"], "pT"))
    for landmark, value in scores["map_correlation"].items():
        table.add_row(f"map correlation at {landmark}", text(value, "", 4))
    table.add_row("dipole error", text(scores["dipole_error_mm"], "mm", 1))
    noise = scores["noise_density_ft_rthz"]
    table.add_row("noise 10-100 Hz, median", text(noise["median"], "fT/√Hz", 1))
    table.add_row("noise 10-100 Hz, worst", text(noise["worst"], "fT/√Hz", 1))
    table.add_row("samples lost", f"{sum(scores['samples']['lost'].values())}")
    return table
