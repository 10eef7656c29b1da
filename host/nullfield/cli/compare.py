"""``compare``: two recordings of one subject, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nullfield.analysis.settings import AnalysisSettings
from nullfield.cli.analysis_options import (
    PositionsOption,
    RateOption,
    UnitOption,
    takes_analysis,
)
from nullfield.cli.exam import JsonOption, check_folder
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError

if TYPE_CHECKING:
    from nullfield.analysis.result import Analysis

_EXAMINATION = "exam.json"
_ANALYSIS = "analysis.json"
_RESULTS = (".h5", ".hdf5")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield compare rest_raw.fif stress_raw.fif --out runs/c1[/]"
    )(compare)


@takes_analysis("outward", "low_pass", "mains", "external", "is_calibrated", "resamples")
def compare(
    first: Annotated[
        Path,
        typer.Argument(help="Recording, results (.h5), or folder of an examination or analysis."),
    ],
    second: Annotated[Path, typer.Argument(help="The same subject later, or under stress.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for results.")] = None,
    positions: PositionsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    *,
    settings: AnalysisSettings,
    is_json: JsonOption = False,
) -> None:
    """Compare two recordings of one subject: quality, averaged beat, maps, features, intervals.

    Both are analysed in the same way, with the options given here; results (.h5) are taken as they
    are. Differences are second minus first. Research use only: not a diagnosis.
    """
    from nullfield.analysis.report import write_document
    from nullfield.analysis.report.compare import compare as compare_analyses
    from nullfield.analysis.report.compare_pages import comparison_document
    from nullfield.analysis.report.document import significant

    directory = out if out is not None else Path("runs") / f"compare-{first.stem}-{second.stem}"
    check_folder(directory)
    how = {"positions": positions, "rate_hz": rate, "unit": unit}
    with progress_bars(is_json) as progress:
        sides = []
        for number, path in enumerate((first, second)):

            def tell(what: str, share: float, number: int = number) -> None:
                progress("analyse", 0.5 * (number + share), what)

            sides.append((_analysis(path, settings, how, tell), _facts(path)))
        (a, facts_a), (b, facts_b) = sides
        result = compare_analyses(a, b, _labels(first, second))
        progress("report", 0.0, "drawing")
        document = comparison_document(result, (facts_a, facts_b))
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result.to_json(), indent=1, allow_nan=False)
        (directory / "comparison.json").write_text(text + "\n", encoding="utf-8")
        for name in ("comparison.html", "comparison.pdf"):
            write_document(directory / name, document)
        progress("report", 1.0, str(directory))
    if is_json:
        print_json(result.to_json())
        return
    for warning in result.warnings:
        output.print(f"[yellow]doubtful[/]: {warning}")
    for one in (*result.sizes, *result.intervals, *result.features):
        if one.difference is not None:
            span = ""
            if one.interval is not None:
                low, high = (significant(edge) for edge in one.interval)
                span = f" (95 %: {low} to {high})"
            output.print(f"{one.name}: {significant(one.difference)} {one.unit}{span}")
    output.print(f"report  {directory / 'comparison.html'}")


def _analysis(
    path: Path,
    settings: AnalysisSettings,
    how: Mapping[str, Any],
    tell: Callable[[str, float], None],
) -> Analysis:
    from nullfield.analysis.chain import analyze_source
    from nullfield.files.read import open_source

    if not path.exists():
        raise InputError(f"{path}: does not exist", "give a recording, or a folder of one")
    if path.suffix.lower() in _RESULTS:
        from nullfield.files.results_hdf5 import read_results

        return read_results(path)
    return analyze_source(open_source(_recording(path), **how), settings, tell)


def _recording(path: Path) -> Path:
    """The recording that the folder of an examination or of an analysis is about."""
    inside = path / "recording"
    if (path / _EXAMINATION).is_file() and inside.exists():
        return inside
    try:
        told = json.loads((path / _ANALYSIS).read_text(encoding="utf-8"))
        source = Path(told["input"]["source"])
    except (OSError, ValueError, KeyError, TypeError):
        # No folder of ours: a recording.
        return path
    for place in (source, path / source.name, path.parent / source.name):
        if place.exists():
            return place
    raise InputError(
        f"{path}: its recording {source} is not there any more", "give the recording itself"
    )


def _facts(path: Path) -> dict[str, Any]:
    """What the record of an examination tells beside its recording."""
    facts: dict[str, Any] = {"file": path.name}
    try:
        told = json.loads((path / _EXAMINATION).read_text(encoding="utf-8"))
        null, record = told.get("null") or {}, told.get("record") or {}
        residual_pt = {
            state: float(null[f"measured_{state}_rms_pt"])
            for state in ("before", "after")
            if f"measured_{state}_rms_pt" in null
        }
        facts.update(
            subject=(told.get("notes") or {}).get("subject"),
            software=told.get("software"),
            residual_pt=residual_pt or None,
            losses=record.get("rows_lost"),
        )
    except (OSError, ValueError, AttributeError, TypeError):
        # A single file, or a record that was cut off: the recording itself is what counts.
        return facts
    return facts


def _labels(first: Path, second: Path) -> tuple[str, str]:
    """Names to tell both by: the last parts of the paths that differ."""
    for a, b in zip(
        reversed(first.resolve().parts), reversed(second.resolve().parts), strict=False
    ):
        if a != b:
            return a, b
    return first.name, second.name
