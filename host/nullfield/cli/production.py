"""``bench-test``, ``bench-results`` and ``certificate``: boards as they leave production."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli.bench_session import OpenBench, open_port_bench, open_rig_bench
from nullfield.cli.exam import JsonOption, SeedOption, check_folder
from nullfield.cli.prove_defects import prove
from nullfield.cli.terminal import errors, output, print_json, progress_bars
from nullfield.deploy.signing import KeyRing
from nullfield.errors import InputError
from nullfield.instrument.progress import Progress
from nullfield.production.certificate import sign, verify_file
from nullfield.production.database import Point, Results, Run, default_url
from nullfield.production.fixture import Fixture, load_fixture
from nullfield.production.plan import CheckResult, PlanResult, run_plan
from nullfield.production.record import Subject, make_record
from nullfield.production.roles import plan_of
from nullfield.production.statistics import drift, individuals_chart, pareto, yield_of
from nullfield.production.verdict import Outcome
from nullfield_protocol.catalogue import Role

NOT_PASSED = 20
"""Exit code of a board that did not pass: nothing is wrong with the program."""
_STYLES = {
    Outcome.PASS: "[green]pass[/]",
    Outcome.FAIL: "[bold red]fail[/]",
    Outcome.ERROR: "[bold yellow]error[/]",
    Outcome.SKIPPED: "[dim]skipped[/]",
}

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL; SQLite in the data folder else.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "bench-test",
        epilog="Example: [bold]nullfield bench-test coil --rig acceptance --fixture coil[/]    "
        "[bold]nullfield bench-test any --port /dev/ttyACM0 --fixture my.toml --unit C07[/]    "
        "Exit code 20: the board did not pass.",
    )(bench_test)
    app.command(
        "bench-results",
        epilog="Example: [bold]nullfield bench-results --board coil --test gain --chart gain.png[/]",
    )(bench_results)
    certificates = typer.Typer(help="Signed test certificates.", no_args_is_help=True)
    certificates.command(
        "verify", epilog="Example: [bold]nullfield certificate verify C07.json[/]"
    )(verify)
    app.add_typer(certificates, name="certificate")


def bench_test(
    board: Annotated[
        str, typer.Argument(help="Uid, role, or definition of the board; 'any' at a port.")
    ] = "any",
    fixture: Annotated[
        str, typer.Option("--fixture", help="Fixture file, or the name of a shipped one.")
    ] = "",
    rig: Annotated[str | None, typer.Option("--rig", help="Rig that has the board.")] = None,
    port: Annotated[str | None, typer.Option("--port", help="Port of the board.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for certificate, label.")
    ] = None,
    database: DatabaseOption = None,
    unit: Annotated[str, typer.Option("--unit", help="Name of the unit, if it has none yet.")] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Run this test; may be repeated.")
    ] = None,
    stop_at_failure: Annotated[
        bool, typer.Option("--stop-at-failure", help="Leave the rest out after a failure.")
    ] = False,
    list_tests: Annotated[
        bool, typer.Option("--list", help="List the fixture's plan and end.")
    ] = False,
    prove_defects: Annotated[
        bool, typer.Option("--prove-defects", help="Seed every defect on virtual boards.")
    ] = False,
    seed: SeedOption = 1,
    is_json: JsonOption = False,
) -> None:
    """Run the acceptance plan of a board: limits, certificate, label, database.

    Leaving by any way, Ctrl-C included, switches the board's outputs off. A test of a part of the plan
    (--only, --stop-at-failure) is shown, but neither certified nor stored.
    """
    if prove_defects:
        prove([] if board == "any" else [board], is_json)
        return
    if not fixture:
        raise InputError("--fixture is missing", "name a fixture: sensor, coil, table, or a file")
    attached = load_fixture(fixture)
    if list_tests:
        _list_plan(attached, is_json)
        return
    if (rig is None) == (port is None):
        raise InputError("give either --rig or --port", "for example --rig acceptance")
    is_partial = bool(only) or stop_at_failure
    if out is not None:
        check_folder(out)
    # A database or key that cannot be used shows before minutes of measuring.
    results = None if is_partial else Results(database or default_url())
    key = KeyRing(tell=errors.print).signing_key()
    with progress_bars(is_json) as progress:
        started = datetime.now(UTC)
        with _opened(rig, port, board, attached, seed, progress) as opened:
            bench = opened.bench
            plan = plan_of(bench.board.identity.role, attached)
            subject = Subject.of(bench.board.identity, attached, opened.target, unit)
            began_s = bench.clock.now_s()
            found = run_plan(bench, plan, only=only or (), stop_at_failure=stop_at_failure)
            duration_s = bench.clock.now_s() - began_s
        progress("bench", 1.0, str(found.outcome))
    record = make_record(subject, found, started, duration_s)
    files: dict[str, str] = {}
    if results is not None:
        folder = out if out is not None else Path("runs") / f"bench-{record['result_id']}"
        # The database first: a folder that cannot be written must not lose a finished run.
        results.add(record)
        results.close()
        try:
            files = _write(folder, record, sign(record, key), key.key_id, key.name)
        except OSError as error:
            raise InputError(
                f"{folder}: {error.strerror}; the result is in the database",
                "give a folder that can be written with --out",
            ) from error
    if is_json:
        print_json({"record": record, "files": files})
    else:
        _show(found, record)
        for what, path in files.items():
            errors.print(f"{what}: {path}")
    if found.outcome != Outcome.PASS:
        raise typer.Exit(code=NOT_PASSED)


@contextmanager
def _opened(
    rig: str | None, port: str | None, board: str, fixture: Fixture, seed: int, progress: Progress
) -> Iterator[OpenBench]:
    ask: Callable[[str], None] | None = None
    if fixture.operator and sys.stdin.isatty():

        def ask(text: str) -> None:
            if not typer.confirm(text, default=True):
                raise InputError(f"the operator said no to: {text}", "run it again when it is done")

    if port is not None:
        with open_port_bench(port, board, fixture, ask, progress) as opened:
            yield opened
        return
    assert rig is not None
    name = fixture.role if board == "any" else board
    with open_rig_bench(rig, name, fixture, seed=seed, ask=ask, progress=progress) as opened:
        yield opened


def _write(
    folder: Path, record: dict[str, Any], certificate: bytes, key_id: str, signer: str
) -> dict[str, str]:
    # Fonts and pictures take a while to load: only this command waits.
    from nullfield.production.label import label_png
    from nullfield.production.pdf import certificate_pdf, label_pdf

    stem = f"{record['subject']['unit']}-{record['result_id']}"
    files = {
        "certificate": (f"{stem}.json", certificate),
        "certificate for people": (f"{stem}.pdf", certificate_pdf(record, key_id, signer)),
        "label": (f"{stem}-label.pdf", label_pdf(record)),
        "label picture": (f"{stem}-label.png", label_png(record)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.values():
        (folder / name).write_bytes(content)
    return {what: str(folder / name) for what, (name, _) in files.items()}


def _list_plan(fixture: Fixture, is_json: bool) -> None:
    plan = plan_of(Role[fixture.role.upper()], fixture)
    rows = []
    for check in plan:
        lacks = [lack for need in check.needs if (lack := fixture.lacks(need))]
        doc = (check.procedure.__doc__ or "").strip().splitlines()[0]
        rows.append((check.name, check.title, doc, lacks[0] if lacks else ""))
    if is_json:
        keys = ("name", "title", "what", "skipped")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    table = Table("test", "what it does", "left out because")
    for name, _, doc, lack in rows:
        table.add_row(name, escape(doc), escape(lack))
    output.print(table)


def _show(found: PlanResult, record: dict[str, Any]) -> None:
    table = Table(title=f"{record['subject']['unit']}, {record['subject']['board']}")
    for column in ("test", "outcome", "value", "limit", "values"):
        table.add_column(column)
    for result in found.results:
        shown, limit = _telling(result)
        table.add_row(
            result.title, _STYLES[result.outcome], shown, limit, str(len(result.values) or "")
        )
    output.print(table)
    output.print(f"{_STYLES[found.outcome]}  result {record['result_id']}")


def _telling(result: CheckResult) -> tuple[str, str]:
    """The first bad value, else the first of all; without values the reason."""
    if not result.values:
        return escape(result.reason), ""
    value = result.first_bad or result.values[0]
    return escape(value.text()), escape(value.limit.text())


def verify(
    file: Annotated[Path, typer.Argument(help="Certificate, JSON.")], is_json: JsonOption = False
) -> None:
    """Check that a certificate is unchanged and signed by a key that is trusted here."""
    found = verify_file(file, KeyRing())
    subject = found.record["subject"]
    if is_json:
        print_json(
            {
                "signer": found.signer,
                "key_id": found.key_id,
                "result_id": found.record["result_id"],
                "outcome": found.record["outcome"],
                "subject": subject,
            }
        )
        return
    output.print(
        f"[green]good[/]: {escape(subject['unit'])}, {subject['board']}, uid {subject['uid']}, "
        f"{subject['target']} board, outcome [bold]{found.record['outcome']}[/], "
        f"signed by {escape(found.signer)} ({found.key_id})"
    )


def bench_results(
    board: Annotated[
        str, typer.Option("--board", help="Unit, uid, board definition or role.")
    ] = "",
    test: Annotated[str, typer.Option("--test", help="Name of a test.")] = "",
    value: Annotated[str, typer.Option("--value", help="Which value, e.g. 'channel 3'.")] = "",
    target: Annotated[str, typer.Option("--target", help="real, virtual or emulated.")] = "",
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Picture: control chart, or failures.")
    ] = None,
    is_csv: Annotated[bool, typer.Option("--csv", help="Every value on standard output.")] = False,
    database: DatabaseOption = None,
    is_json: JsonOption = False,
) -> None:
    """Yield, commonest failures, control chart and drift over many boards."""
    results = Results(database or default_url())
    runs = results.runs(board, target)
    if not runs:
        raise InputError("no runs match", "leave --board and --target out, or check --database")
    points = results.points(test, board, target) if test or is_csv else []
    results.close()
    if value:
        points = [p for p in points if p.name == value]
    if is_csv:
        _print_csv(points)
        return
    summary = _summary(runs)
    if test:
        summary["series"] = _series(points, test, value, chart)
    elif chart is not None:
        from nullfield.production.charts import pareto_chart

        rows = [(r["test"], r["count"], r["cumulative"]) for r in summary["failures"]]
        if not rows:
            raise InputError("no run failed: there is nothing to draw", "give --test for a chart")
        pareto_chart(rows, chart)
    if is_json:
        print_json(summary)
        return
    _show_summary(summary)
    if chart is not None:
        errors.print(f"chart: {chart}")


def _print_csv(points: list[Point]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    fields = list(Point.__dataclass_fields__)
    writer.writerow(fields)
    writer.writerows([getattr(point, name) for name in fields] for point in points)


def _summary(runs: list[Run]) -> dict[str, Any]:
    overall = yield_of([(f"{r.uid}/{r.unit}", r.outcome == Outcome.PASS) for r in runs])
    first_failed = []
    for run in runs:
        bad = [t.name for t in run.tests if t.outcome in (Outcome.FAIL, Outcome.ERROR)]
        first_failed += bad[:1]
    return {
        "runs": len(runs),
        "boards": overall.boards,
        "first_pass_yield": overall.first,
        "final_yield": overall.final,
        "final_yield_95_percent": [overall.lower, overall.upper],
        "failures": [
            {"test": name, "count": count, "cumulative": share}
            for name, count, share in pareto(first_failed)
        ],
    }


def _series(points: list[Point], test: str, value: str, chart: Path | None) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(point.name for point in points))
    if not names:
        raise InputError(f"no values of a test '{test}' {value}".rstrip(), "see --csv for names")
    series: list[dict[str, Any]] = []
    for name in names:
        some = [p for p in points if p.name == name and p.value is not None]
        numbers = [p.value for p in some if p.value is not None]
        if len(numbers) < 2:
            continue
        made = individuals_chart(numbers)
        slope = drift(numbers) if len(numbers) >= 3 else None
        if chart is not None and not any(one.get("chart") for one in series):
            from nullfield.production.charts import control_chart

            control_chart(some, made, slope, chart)
        series.append(
            {
                "value": name,
                "unit": some[0].measured_in,
                "boards": len(numbers),
                "mean": made.centre,
                "lower_control_limit": made.lower,
                "upper_control_limit": made.upper,
                "sigma": made.sigma,
                "outside": [some[i].unit for i in made.outside],
                "long_runs": [some[i].unit for i in made.runs],
                "drift_a_board": slope.slope if slope else None,
                "drift_uncertainty": slope.uncertainty if slope else None,
                "is_drifting": bool(slope and slope.is_significant),
                "chart": str(chart) if chart is not None and not series else None,
            }
        )
    if not series:
        raise InputError(f"test '{test}' has one board only", "a chart needs at least two")
    return series


def _show_summary(summary: dict[str, Any]) -> None:
    low, high = summary["final_yield_95_percent"]
    output.print(
        f"{summary['runs']} runs of {summary['boards']} boards: first-pass yield "
        f"{summary['first_pass_yield']:.1%}, final yield {summary['final_yield']:.1%} "
        f"(95 %: {low:.1%} to {high:.1%})"
    )
    if summary["failures"]:
        table = Table("first test that failed", "runs", "cumulative")
        for row in summary["failures"]:
            table.add_row(row["test"], str(row["count"]), f"{row['cumulative']:.0%}")
        output.print(table)
    if "series" in summary:
        table = Table("value", "boards", "mean", "control limits", "σ", "beyond", "drift a board")
        for one in summary["series"]:
            limits = f"{one['lower_control_limit']:.4g} .. {one['upper_control_limit']:.4g}"
            slope = ""
            if one["drift_a_board"] is not None:
                slope = f"{one['drift_a_board']:.2g} ± {one['drift_uncertainty']:.1g}"
                slope += " [bold yellow]drifts[/]" if one["is_drifting"] else ""
            table.add_row(
                one["value"], str(one["boards"]), f"{one['mean']:.5g} {one['unit']}", limits,
                f"{one['sigma']:.2g}", ", ".join(one["outside"]) or "none", slope,
            )  # fmt: skip
        output.print(table)
