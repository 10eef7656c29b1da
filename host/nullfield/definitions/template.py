"""A new definition from one that ships: its text with comments, under another name."""

from __future__ import annotations

import re
from pathlib import Path

from nullfield.definitions.literals import parse_literal, read_literal
from nullfield.definitions.load import board_names, find_definition, load_board, validate
from nullfield.definitions.mcus import MCUS
from nullfield.definitions.pages.page import NOTES, page
from nullfield.definitions.schema import NAME_PATTERN
from nullfield.errors import DefinitionError

_NOTES = """\
- Started from `{template}`. Describe here what the definition cannot say: what sits behind each
  channel, which pins are tied, what the circuit does by itself.
"""


def template_for(role: str, mcu: str) -> str:
    """Name of the shipped board of a role on a microcontroller.

    Raises
    ------
    DefinitionError
        If there is none.
    """
    boards = [load_board(name) for name in board_names()]
    for board in boards:
        if board.role == role and board.mcu == mcu:
            return board.name
    pairs = ", ".join(f"{board.role}/{board.mcu}" for board in boards)
    raise DefinitionError(f"no shipped board of role '{role}' on '{mcu}'", f"there are: {pairs}")


def create_board(name: str, template: str, directory: Path, mcu: str | None = None) -> list[Path]:
    """Write ``board.py``, ``notes.md`` and ``README.md`` of a new board.

    Parameters
    ----------
    name : str
        Its name and its folder's.
    template : str
        Name, folder or file of a definition that passes the checks.
    directory : path
        Where the folder goes.
    mcu : str, optional
        Another microcontroller than the template's.

    Raises
    ------
    DefinitionError
        If the name is none, the folder is there, or the result would not pass the checks.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise DefinitionError(
            f"{name!r} is no name of a board", "small letters, digits and _, at most 24"
        )
    if mcu is not None and mcu not in MCUS:
        raise DefinitionError(f"unknown microcontroller '{mcu}'", f"there are: {', '.join(MCUS)}")
    folder = directory / name
    if folder.exists():
        raise DefinitionError(
            f"{folder} is there already",
            "give another name, or another --out; nothing is overwritten",
        )
    source = find_definition(template)
    origin = load_board(template)
    wanted = {**read_literal(source), "name": name, "mcu": mcu or origin.mcu}
    board, problems = validate(folder / "board.py", wanted)
    if board is None or problems:
        raise DefinitionError(
            f"{template} does not fit an {MCUS[wanted['mcu']].title}: {problems[0].key}: "
            f"{problems[0].text}",
            f"take a template for that microcontroller, or first: {problems[0].fix}",
        )
    text = _renamed(source.read_text(encoding="utf-8"), origin.name, name, origin.mcu, board.mcu)
    if parse_literal(text, source) != wanted:
        raise DefinitionError(
            f'{source}: its lines "name" and "mcu" could not be replaced',
            'write them as "name": "...", and "mcu": "...", each on a line of its own',
        )
    notes = _NOTES.format(template=origin.name)
    contents = {"board.py": text, NOTES: notes, "README.md": page(board, notes)}
    try:
        folder.mkdir(parents=True)
        for file, content in contents.items():
            (folder / file).write_text(content, encoding="utf-8")
    except OSError as error:
        raise DefinitionError(
            f"{folder}: {error.strerror}", "give a folder that can be written: --out DIR"
        ) from error
    return [folder / file for file in contents]


def _renamed(text: str, name: str, new_name: str, mcu: str, new_mcu: str) -> str:
    text = re.sub(rf'("name": )"{re.escape(name)}"', rf'\1"{new_name}"', text, count=1)
    text = re.sub(rf'("mcu": )"{re.escape(mcu)}"', rf'\1"{new_mcu}"', text, count=1)
    head = f'"""{new_name}, started from {name}. Literals only; read with ast.literal_eval."""'
    return re.sub(r'\A""".*?"""', lambda _: head, text, count=1, flags=re.DOTALL)
