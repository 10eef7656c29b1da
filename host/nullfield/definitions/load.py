"""The one way to a definition: found, read, validated, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nullfield.definitions.checks import problems_of
from nullfield.definitions.literals import read_literal
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import NAME_PATTERN, BoardDefinition
from nullfield.errors import DefinitionError
from nullfield.places import boards_directory

_KEYS = "docs/boards.md lists every key"


def board_names() -> tuple[str, ...]:
    """Names of the definitions that ship."""
    return tuple(sorted(p.parent.name for p in boards_directory().glob("*/board.py")))


def find_definition(name: str | Path) -> Path:
    """File of a definition given by its name, its folder or its file.

    Raises
    ------
    DefinitionError
        If there is none.
    """
    path = Path(name)
    shipped = boards_directory() / path / "board.py"
    if path.parent == Path() and shipped.is_file():
        return shipped
    for candidate in (path, path / "board.py"):
        if candidate.is_file():
            return candidate
    raise DefinitionError(
        f"no board definition '{name}'", f"boards known: {', '.join(board_names())}"
    )


def validate(
    file: Path, content: dict[str, Any]
) -> tuple[BoardDefinition | None, tuple[Problem, ...]]:
    """The definition, if its keys are right, and all problems found.

    Parameters
    ----------
    file : path
        Where it stands; the folder is the board's name.
    content : dict
        The literal.
    """
    try:
        board = BoardDefinition.model_validate(content)
    except ValidationError as error:
        return None, tuple(_problem(detail) for detail in error.errors())
    folder = file.resolve().parent.name
    named: tuple[Problem, ...] = ()
    if board.name != folder:
        named = (
            Problem(
                "name",
                f"'{board.name}', but the folder is '{folder}'",
                f"write '{folder}', or rename the folder",
            ),
        )
    return board, (*named, *problems_of(board))


def check_definition(name: str | Path) -> tuple[BoardDefinition | None, tuple[Problem, ...]]:
    """The definition, if it can be understood, and everything that is wrong with it.

    Raises
    ------
    DefinitionError
        If there is none, or its file is not one literal.
    """
    file = find_definition(name)
    return validate(file, read_literal(file))


def load_board(name: str | Path) -> BoardDefinition:
    """A definition that has passed all checks.

    Raises
    ------
    DefinitionError
        Names file, key and trouble.
    """
    board, _ = _load(name)
    return board


def load_definition(name: str | Path) -> dict[str, Any]:
    """The literal of a definition that has passed all checks: what the firmware sees.

    Raises
    ------
    DefinitionError
        Names file, key and trouble.
    """
    _, content = _load(name)
    return content


def _load(name: str | Path) -> tuple[BoardDefinition, dict[str, Any]]:
    file = find_definition(name)
    content = read_literal(file)
    board, problems = validate(file, content)
    if problems or board is None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise DefinitionError(f"{file}: {first.key}: {first.text}{more}", first.fix)
    return board, content


def _problem(detail: ErrorDetails) -> Problem:
    """A pydantic error in the words of a definition."""
    key = ".".join(str(part) for part in detail["loc"]) or "BOARD"
    kind = detail["type"]
    text = detail["msg"].removeprefix("Value error, ")
    text = text[:1].lower() + text[1:]
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return Problem(key, "unknown key", f"remove it; {_KEYS}")
    if kind == "missing":
        if last == "safe":
            return Problem(key, "missing: an output has a safe level", "write 0 for off, 1 for on")
        return Problem(key, "missing key", f"add it; {_KEYS}")
    if kind == "string_pattern_mismatch":
        return Problem(
            key,
            f"{detail['input']!r} is no name of a board",
            f"small letters, digits and _, at most 24, as {NAME_PATTERN}",
        )
    return Problem(key, f"{text}, not {_short(detail['input'])}", f"correct it; {_KEYS}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
