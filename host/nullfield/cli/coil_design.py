"""``nullfield coil-design``: bi-planar windings from room, volume and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nullfield.cli.exam import JsonOption, check_folder
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.errors import InputError

Triple = tuple[float, float, float]

_EXAMPLES = (
    "Examples: [bold]nullfield coil-design --spacing 1.6 --plane 2 2 --volume 0.4 0.4 0.4 "
    "--out coils[/]   "
    "[bold]nullfield coil-design -c uniform_x --spacing 1.5 --plane 1.6 1.6 "
    "--volume 0.4 0.4 0.4 --tolerance 0.05 --wall-distance 1.2 --out bx[/]"
)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("coil-design", epilog=_EXAMPLES)(coil_design)


def coil_design(
    spacing: Annotated[float, typer.Option("--spacing", help="Distance of the two planes, m.")],
    plane: Annotated[
        tuple[float, float], typer.Option("--plane", help="Size of each plane, m: two numbers.")
    ],
    volume: Annotated[
        Triple, typer.Option("--volume", help="Box with the wanted field, m: along x, y, z.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for drawings, picture and JSON.")],
    component: Annotated[
        list[str] | None,
        typer.Option(
            "--component",
            "-c",
            help="uniform_x, gradient_xz, second_zzz ...; again for more. Default: the three "
            "uniform fields and five gradients.",
        ),
    ] = None,
    room: Annotated[
        Triple | None, typer.Option("--room", help="Inside of the room, m; planes must fit.")
    ] = None,
    normal: Annotated[str, typer.Option("--normal", help="Normal of the planes: x, y or z.")] = "z",
    centre: Annotated[
        Triple, typer.Option("--centre", help="Centre of the box, m, from midway between planes.")
    ] = (0.0, 0.0, 0.0),
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Largest deviation, as a share: 0.02 is 2 %.")
    ] = 0.02,
    turns: Annotated[
        int, typer.Option("--turns", help="Contours in the highest lobe of the stream function.")
    ] = 20,
    wire_mm: Annotated[float, typer.Option("--wire-mm", help="Diameter of the copper, mm.")] = 0.5,
    wall_distance: Annotated[
        float | None,
        typer.Option(
            "--wall-distance", help="From the middle to mu-metal walls behind the planes."
        ),
    ] = None,
    modes: Annotated[int, typer.Option("--modes", help="Sine modes along an edge, 2..24.")] = 8,
    minimise: Annotated[
        str, typer.Option("--minimise", help="What is kept small: power or curvature.")
    ] = "power",
    scale: Annotated[int, typer.Option("--scale", min=1, help="Of the SVG: 10 is 1:10.")] = 10,
    dxf: Annotated[bool, typer.Option("--dxf/--no-dxf", help="Drawings as DXF as well.")] = True,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare the field with magpylib's.")
    ] = True,
    is_json: JsonOption = False,
) -> None:
    """Design bi-planar coils: windings, figures, SVG and DXF drawings, one folder."""
    # The figures' libraries take a while to load: only those who ask for coils wait.
    from nullfield.room.coil_design.request import CoilRequest
    from nullfield.room.coil_design.targets import FIRST_ORDER

    request = CoilRequest(
        spacing_m=spacing,
        plane_m=plane,
        volume_m=volume,
        normal=_choice("normal", normal, ("x", "y", "z")),
        centre_m=centre,
        room_m=room,
        tolerance=tolerance,
        turns=turns,
        wire_diameter_m=1e-3 * wire_mm,
        wall_distance_m=wall_distance,
        n_modes=modes,
        penalty=_choice("minimise", minimise, ("power", "curvature")),
    )
    names = tuple(dict.fromkeys(component or FIRST_ORDER))
    check_folder(out)
    with progress_bars(is_json) as progress:
        summary = _run(request, names, out, scale, dxf, check, progress)
    if is_json:
        print_json(summary)
    else:
        _show(summary, out)


def _choice(option: str, value: str, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise InputError(f"--{option} {value}", f"choose from {', '.join(allowed)}")
    return value


def _run(
    request: Any,
    names: tuple[str, ...],
    out: Path,
    scale: int,
    is_dxf: bool,
    is_checked: bool,
    progress: Any,
) -> dict[str, Any]:
    from nullfield.room.coil_design.design import coupling, design_coils, impurity
    from nullfield.room.coil_design.design_json import design_json
    from nullfield.room.coil_design.drawing_dxf import write_dxf
    from nullfield.room.coil_design.drawing_svg import svg_text
    from nullfield.room.coil_design.figures import homogeneity
    from nullfield.room.coil_design.independent_check import difference_from_magpylib
    from nullfield.room.coil_design.preview import preview_png
    from nullfield.room.coil_design.square_pair import pair_component, square_pair

    designs = design_coils(request, names, lambda share, detail: progress("coils", share, detail))
    progress("figures", 0.0, "coupling")
    couplings, impurities = coupling(request, designs), impurity(request, designs)
    squares = {
        name: homogeneity(request, pair_component(name), square_pair(request, name))
        for name in names
        if not name.startswith("second")
    }
    checks = {}
    if is_checked:
        progress("figures", 0.5, "magpylib")
        points = request.grid_m(3)
        checks = {d.component: difference_from_magpylib(d.loops_m, points) for d in designs}
    progress("figures", 1.0, "")
    out.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(designs):
        progress("drawings", number / len(designs), one.component)
        (out / f"{one.component}.svg").write_text(svg_text(request, one, scale), encoding="utf-8")
        (out / f"{one.component}.png").write_bytes(preview_png(request, one))
        if is_dxf:
            write_dxf(out / f"{one.component}.dxf", request, one)
    progress("drawings", 1.0, str(out))

    def as_json(with_wires: bool) -> dict[str, Any]:
        return design_json(
            request,
            designs,
            squares=squares,
            couplings=couplings,
            impurities=impurities,
            checks=checks,
            with_wires=with_wires,
        )

    (out / "coil-design.json").write_text(json.dumps(as_json(True)) + "\n", encoding="utf-8")
    return as_json(False)


def _show(summary: dict[str, Any], out: Path) -> None:
    table = Table(box=None, pad_edge=False)
    columns = (
        "coil", "constant", "unit", "max %", "rms %", "pair max %", "turns", "m", "Ω", "mH", "mm"
    )  # fmt: skip
    for name in columns:
        is_text = name in ("coil", "unit")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    for coil in summary["coils"]:
        pair = coil["square_pair"]
        table.add_row(
            coil["component"],
            f"{coil['constant']:.3f}",
            coil["unit"],
            f"{100 * coil['max_deviation']:.2f}",
            f"{100 * coil['rms_deviation']:.2f}",
            "" if pair is None else f"{100 * pair['max_deviation']:.2f}",
            str(coil["n_loops"]),
            f"{coil['wire_length_m']:.0f}",
            f"{coil['resistance_ohm']:.1f}",
            f"{1e3 * coil['inductance_h']:.2f}",
            f"{1e3 * coil['least_distance_m']:.1f}",
        )
    output.print(table)
    off = [
        (abs(value), summary["coils"][i]["component"], summary["coils"][j]["component"])
        for i, row in enumerate(summary["coupling"])
        for j, value in enumerate(row)
        if i < j
    ]
    if off:
        worst = max(off)
        output.print(f"largest inductive coupling {worst[0]:.3f} ({worst[1]}, {worst[2]})")
    checks = [c["difference_from_magpylib"] for c in summary["coils"]]
    if all(value is not None for value in checks):
        output.print(f"field differs from magpylib's by {max(checks):.1e} at most")
    output.print(f"drawings  {out}")
