"""``sweep``: step a setting of a sensor board and see what its heads make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from nullfield.analysis.plots.sweep import SweepPicture, sweep_figure
from nullfield.analysis.plots.write_figure import check_picture, write_figure
from nullfield.cli.board_access import BoardArgument, RigForBoardOption
from nullfield.cli.exam import JsonOption
from nullfield.cli.sensor_access import HeadOption, PlotOption, open_sensor, slots_of
from nullfield.cli.terminal import errors, output, print_json, progress_bars
from nullfield.instrument.sweep_parameter import PARAMETERS, find_parameter, sweep_values
from nullfield.instrument.sweep_setting import SweepPoint, SweepResult, sweep_setting
from nullfield.quantity import format_quantity, parse_quantity


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield sweep 8350b001 --rig bench4 --parameter modulation_amplitude "
        "--from 40nT --to 100nT --steps 7 --plot sweep.png[/]    "
        "[bold]nullfield sweep S01 --parameter laser_current --from 1.2mA --to 1.8mA --steps 5[/]"
    )(sweep)


def sweep(
    board: BoardArgument,
    parameter: Annotated[
        str, typer.Option("--parameter", help=f"One of: {', '.join(PARAMETERS)}.")
    ],
    low: Annotated[str, typer.Option("--from", help="First value, such as 1.2mA, 50nT, 10Hz.")],
    high: Annotated[str, typer.Option("--to", help="Last value.")],
    steps: Annotated[int, typer.Option("--steps", help="Number of values, both ends among them.")],
    head: HeadOption = None,
    duration_s: Annotated[
        float, typer.Option("--duration", min=2, max=120, help="Seconds of data at each value.")
    ] = 10.0,
    plot: PlotOption = None,
    rig: RigForBoardOption = None,
    is_json: JsonOption = False,
) -> None:
    """Measure noise, answer and light at several values of a setting, and suggest the best.

    Values stay within the limits that the board itself tells. After each step the heads are brought
    back to ready (zeroed or started again, as the setting needs) and their data must have settled.
    However it ends, Ctrl-C and errors included, the setting is what it was and the outputs are off.
    A heart would count as noise: nobody may lie in the device (on a virtual rig it is left out).
    """
    wanted = find_parameter(parameter)
    first = parse_quantity(low, wanted.unit, "--from")
    last = parse_quantity(high, wanted.unit, "--to")
    check_picture(plot)
    with progress_bars(is_json) as progress, open_sensor(board, rig) as opened:
        values = sweep_values(opened.board, wanted, first, last, steps)
        label = str(opened.board)
        result = sweep_setting(
            opened.board,
            opened.scales,
            wanted,
            values,
            slots_of(head),
            duration_s,
            progress,
            (lambda point: None) if is_json else lambda point: _tell(point, wanted.unit),
        )
    if plot is not None:
        write_figure(sweep_figure(_picture(result)), plot)
    if is_json:
        print_json(_json(label, result))
        return
    _show(label, result, plot)


def _tell(point: SweepPoint, unit: str) -> None:
    """A point as soon as it is there: of a sweep that is broken off these are left."""
    noise = (
        f"{float(np.nanmean(point.noise_ft_rthz)):.1f} fT/√Hz"
        if np.isfinite(point.noise_ft_rthz).any()
        else "no head works"
    )
    lost = "".join(f", head {slot}: {why}" for slot, why in point.failed.items())
    errors.print(f"[dim]{format_quantity(point.value, unit)}: {noise}{lost}[/]")


def _picture(result: SweepResult) -> SweepPicture:
    parameter, choice = result.parameter, result.choice
    # One prefix for the whole axis, by its greatest value.
    largest = float(np.abs(result.values()).max())
    shown = format_quantity(largest, parameter.unit).split(" ", 1)
    unit = shown[1] if len(shown) > 1 else ""
    factor = float(shown[0]) / largest if largest and unit != parameter.unit else 1.0
    factor = 10.0 ** round(np.log10(factor)) if factor != 1.0 else 1.0
    good = None if choice is None else result.values()[list(choice.as_good)] * factor
    points = result.points
    return SweepPicture(
        label=f"{parameter.what} ({unit})" if unit else parameter.what,
        values=result.values() * factor,
        names=[f"head {slot}" for slot in result.heads],
        # Both axes of a head are one number here: the root of their mean square.
        noise_ft_rthz=np.array([np.sqrt((p.noise_ft_rthz**2).mean(axis=1)) for p in points]),
        slope_na_per_nt=np.array([np.sqrt((p.slope_a_per_t**2).mean(axis=1)) for p in points]),
        light_ua=np.array([p.photocurrent_a for p in points]) * 1e6,
        present=result.present * factor,
        suggested=None if choice is None else choice.value * factor,
        as_good=None if good is None else (float(good.min()), float(good.max())),
    )


def _plain(table: Any) -> Any:
    """Nested lists with None for what could not be measured."""
    if isinstance(table, np.ndarray):
        return [_plain(row) for row in table]
    return float(f"{float(table):.6g}") if np.isfinite(table) else None


def _json(label: str, result: SweepResult) -> dict[str, Any]:
    choice = result.choice
    return {
        "board": label,
        "parameter": result.parameter.name,
        "setting": result.parameter.setting,
        "unit": result.parameter.unit,
        "heads": list(result.heads),
        "present": result.present,
        "points": [
            {
                "value": point.value,
                "noise_ft_rthz": _plain(point.noise_ft_rthz),
                "slope_na_per_nt": _plain(point.slope_a_per_t),
                "light_ua": _plain(point.photocurrent_a * 1e6),
                "failed": {str(slot): why for slot, why in point.failed.items()},
            }
            for point in result.points
        ],
        "suggested": None
        if choice is None
        else {
            "value": choice.value,
            "as_good": [result.points[k].value for k in choice.as_good],
            "relative_noise": _plain(choice.relative),
            "uncertainty": _plain(choice.uncertainty),
        },
    }


def _show(label: str, result: SweepResult, plot: Path | None) -> None:
    unit = result.parameter.unit
    output.print(f"{label}: {result.parameter.name}, was {format_quantity(result.present, unit)}")
    table = Table(box=None, pad_edge=False)
    table.add_column("value", justify="right")
    for slot in result.heads:
        table.add_column(f"head {slot} fT/√Hz", justify="right")
    for name in ("mean", "nA/nT", "light µA"):
        table.add_column(name, justify="right")
    for number, point in enumerate(result.points):
        mark = "*" if result.choice is not None and number == result.choice.index else ""
        table.add_row(
            f"{mark}{format_quantity(point.value, unit)}",
            *[_pair(row) for row in point.noise_ft_rthz],
            _mean(point.noise_ft_rthz, ".2f"),
            _mean(point.slope_a_per_t, ".0f"),
            _mean(point.photocurrent_a * 1e6, ".2f"),
        )
    output.print(table)
    output.print(_advice(result))
    for point in result.points:
        for slot, why in point.failed.items():
            value = format_quantity(point.value, unit)
            output.print(f"[red]head {slot} at {value}[/]: {why}")
    if plot is not None:
        output.print(f"figure  {plot}")


def _advice(result: SweepResult) -> str:
    choice, unit = result.choice, result.parameter.unit
    if choice is None:
        return "no head worked at any value: nothing to suggest"
    good = result.values()[list(choice.as_good)]
    words = f"suggested: {format_quantity(choice.value, unit)}"
    if len(good) > 1:
        low, high = (format_quantity(float(v), unit) for v in (good.min(), good.max()))
        why = "the highest" if result.parameter.prefer == "highest" else "nearest to the present"
        words += f" ({why} of {low} to {high}, which cannot be told apart by noise)"
    if choice.lowest_index in (0, len(result.points) - 1) and len(good) < len(result.points):
        words += "; the lowest noise lies at the end of the range: sweep farther"
    raw = format_quantity(
        result.parameter.to_setting(choice.value, 1000.0)
        if result.parameter.name == "bandwidth"
        else choice.value,
        "" if result.parameter.name == "bandwidth" else unit,
    )
    keep = f"set {result.parameter.setting} {raw}; save"
    return f"{words}\nto keep it: nullfield shell BOARD -c '{keep}'"


def _pair(row: Any) -> str:
    return "-" if not np.isfinite(row).any() else " / ".join(f"{value:.1f}" for value in row)


def _mean(table: Any, spec: str) -> str:
    return format(float(np.nanmean(table)), spec) if np.isfinite(table).any() else "-"
