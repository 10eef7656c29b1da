"""``boards check``, ``boards show`` and ``boards new``: definitions of boards, no board needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors, output, print_json
from nullfield.definitions import (
    BoardDefinition,
    Problem,
    board_names,
    check_definition,
    find_definition,
    load_board,
)
from nullfield.definitions.mcus import MCUS
from nullfield.definitions.pages.page import WIRING_COLUMNS, wiring_rows
from nullfield.definitions.pin_use import pin_uses
from nullfield.definitions.roles import ROLES
from nullfield.definitions.template import create_board, template_for
from nullfield.errors import DefinitionError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog="Example: [bold]nullfield boards check[/]    "
        "[bold]nullfield boards check boards/myboard --json[/]"
    )(check)
    app.command(epilog="Example: [bold]nullfield boards show sensor_pico2[/]")(show)
    app.command(
        epilog="Example: [bold]nullfield boards new mysensor --role sensor --mcu rp2350[/]    "
        "[bold]nullfield boards new mycoil --from coil_pico2 --out boards[/]"
    )(new)


def check(
    definitions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|PATH]...", help="Definitions; all that ship by default."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Check board definitions: pins, peripherals, streams, safety, scales, limits."""
    results = [_check(name) for name in definitions or board_names()]
    if is_json:
        print_json(results)
    else:
        _show_results(results)
    if not all(result["ok"] for result in results):
        raise typer.Exit(code=DefinitionError.exit_code)


def _check(name: str) -> dict[str, Any]:
    try:
        file = str(find_definition(name))
        board, problems = check_definition(name)
    except DefinitionError as error:
        return _result(name, name, None, (Problem("", error.message, error.hint),))
    return _result(name, file, board, problems)


def _result(
    name: str, file: str, board: BoardDefinition | None, problems: tuple[Problem, ...]
) -> dict[str, Any]:
    return {
        "board": board.name if board is not None else name,
        "file": file,
        "role": board.role if board is not None else "",
        "mcu": board.mcu if board is not None else "",
        "pins": len({use.gpio for use in pin_uses(board)}) if board is not None else 0,
        "ok": not problems,
        "problems": [{"key": p.key, "text": p.text, "fix": p.fix} for p in problems],
    }


def _show_results(results: list[dict[str, Any]]) -> None:
    table = Table("board", "role", "mcu", "pins", "result")
    for one in results:
        count = len(one["problems"])
        text = "[green]good[/]" if one["ok"] else f"[red]{count} problem{'s' * (count > 1)}[/]"
        table.add_row(escape(one["board"]), one["role"], one["mcu"], str(one["pins"] or ""), text)
    output.print(table)
    for one in results:
        for problem in one["problems"]:
            where = f"{one['file']}: {problem['key']}: " if problem["key"] else ""
            errors.print(f"[bold red]error:[/] {escape(where + problem['text'])}")
            errors.print(f"[bold]fix:[/]   {escape(problem['fix'])}")


def show(
    name: Annotated[str, typer.Argument(help="Name, folder or file of a definition.")],
    is_json: JsonOption = False,
) -> None:
    """Wiring of a board, pin by pin; its page has diagram, parts and power-up checklist."""
    board = load_board(name)
    if is_json:
        wiring = [dict(zip(WIRING_COLUMNS, row, strict=True)) for row in wiring_rows(board)]
        print_json({"board": board.model_dump(), "wiring": wiring})
        return
    mcu = MCUS[board.mcu]
    table = Table(*WIRING_COLUMNS, title=f"{board.name}: {ROLES[board.role].title}, {mcu.module}")
    for row in wiring_rows(board):
        table.add_row(*(escape(cell) for cell in row))
    output.print(table)
    page = find_definition(name).with_name("README.md")
    if page.is_file():
        output.print(f"page: {escape(str(page))}")


def new(
    name: Annotated[str, typer.Argument(help="Name of the new board, and of its folder.")],
    template: Annotated[
        str | None, typer.Option("--from", help="Definition to start from.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option("--role", help=f"Start from the shipped board of a role: {', '.join(ROLES)}."),
    ] = None,
    mcu: Annotated[
        str | None, typer.Option("--mcu", help=f"Microcontroller: {', '.join(MCUS)}.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the board's folder.")] = Path(
        "boards"
    ),
) -> None:
    """Make a board definition from a template, with its page; overwrites nothing."""
    if (template is None) == (role is None):
        raise typer.BadParameter("give --from TEMPLATE, or --role ROLE with --mcu MCU")
    if template is None:
        if mcu is None:
            raise typer.BadParameter("--role needs --mcu, too")
        assert role is not None
        template = template_for(role, mcu)
    for path in create_board(name, template, out, mcu):
        output.print(escape(str(path)))
    errors.print(f"next: edit board.py, then: nullfield boards check {escape(str(out / name))}")
