"""The page of a board: diagram, wiring, scales, parts, power-up and notes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nullfield.definitions.load import find_definition, load_board
from nullfield.definitions.mcus import GROUND_PINS, HEADER_PINS, MCUS
from nullfield.definitions.mcus import names as pin_names
from nullfield.definitions.pages.diagram import diagram
from nullfield.definitions.pages.parts import part_rows
from nullfield.definitions.pages.power_up import power_up_steps
from nullfield.definitions.pin_use import free_pins, pin_uses
from nullfield.definitions.roles import ROLES
from nullfield.definitions.schema import BoardDefinition

NOTES = "notes.md"

_GENERATED = (
    "<!-- Generated from board.py and notes.md: python -m nullfield.definitions --write -->"
)
_INPUTS_NOTE = (
    "Level: of an output while the board is safe, of an input its pull. Outputs have their safe "
    "level from the resistor while the module is in reset or not fitted, then from the firmware."
)

WIRING_COLUMNS = ("pin", "GPIO", "signal", "dir", "by", "connects to", "level")


def wiring_rows(board: BoardDefinition) -> list[tuple[str, ...]]:
    """One row a pin, in the order of the module's pins."""

    def place(gpio: int) -> int:
        return HEADER_PINS.get(gpio, 100 + gpio)

    return [
        (
            str(HEADER_PINS.get(use.gpio, "module")),
            f"GPIO{use.gpio}",
            use.signal,
            use.direction,
            use.served_by,
            use.connects_to,
            use.level,
        )
        for use in sorted(pin_uses(board), key=lambda use: place(use.gpio))
    ]


def page(board: BoardDefinition, notes: str) -> str:
    """Text of ``README.md``.

    Parameters
    ----------
    notes : str
        What ``notes.md`` says.
    """
    sections = [
        f"# {board.name}\n\n{_GENERATED}\n",
        f"{_introduction(board)}\n",
        f"## Block diagram\n\n{diagram(board)}\n",
        f"## Wiring\n\n{table(WIRING_COLUMNS, wiring_rows(board))}\n\n{_around(board)}\n",
        *_quantities(board),
        "## Key parts\n\n"
        + table(("Part", "n", "Purpose", "Maker", "Data sheet"), part_rows(board))
        + "\n",
        "## Power-up\n\nDo them in order; stop at the first that is not so.\n\n"
        + "\n".join(f"{n}. {step}" for n, step in enumerate(power_up_steps(board), 1))
        + "\n",
    ]
    if notes.strip():
        sections.append(f"## Notes\n\n{notes.strip()}\n")
    return "\n".join(sections)


def page_of(name: str | Path) -> tuple[Path, str]:
    """Where the page of a definition stands and what it must say."""
    file = find_definition(name)
    notes = file.with_name(NOTES)
    text = notes.read_text(encoding="utf-8") if notes.is_file() else ""
    return file.with_name("README.md"), page(load_board(file), text)


def stale_pages(names: Iterable[str]) -> list[tuple[Path, str]]:
    """Pages that are not what their definitions say, with the right text."""
    pages = (page_of(name) for name in names)
    return [
        (path, text)
        for path, text in pages
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    head = tuple(columns)
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _introduction(board: BoardDefinition) -> str:
    mcu = MCUS[board.mcu]
    title = ROLES[board.role].title
    text = (
        f"{title[:1].upper()}{title[1:]}. Role `{board.role}`, on a {mcu.module} ({mcu.title}). "
        "`nullfield boards check` has passed it."
    )
    if board.chips:
        text += " **None has been built**: this is what the definition says, not a measurement."
    return text


def _around(board: BoardDefinition) -> str:
    grounds = ", ".join(map(str, GROUND_PINS))
    return (
        f"{_INPUTS_NOTE} Pin: of the module; ground is on {grounds}. "
        f"Free: {pin_names(free_pins(board))}."
    )


def _quantities(board: BoardDefinition) -> list[str]:
    needs = ROLES[board.role]
    found = []
    for title, values, known in (
        ("Scales", board.scales, needs.scales),
        ("Limits", board.limits, needs.limits),
    ):
        if not values:
            continue
        rows = []
        for name, value in values.items():
            quantity = known[name]
            allowed = (
                "fixed by the firmware"
                if quantity.is_fixed
                else f"{quantity.text(quantity.minimum)} .. {quantity.text(quantity.maximum)}"
            )
            rows.append((f"`{name}`", str(value), quantity.text(value), quantity.meaning, allowed))
        columns = ("Key", "Number", "Value", "Meaning", "Allowed")
        found.append(f"## {title}\n\n{table(columns, rows)}\n")
    return found
