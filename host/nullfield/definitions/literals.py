"""Reads ``board.py`` without running it: one assignment of literals."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Any

from nullfield.errors import DefinitionError

_ONLY = "a definition is one 'BOARD = {...}' of numbers, texts, True, False and None"


def read_literal(file: Path) -> dict[str, Any]:
    """The dictionary that a definition's file assigns to ``BOARD``.

    Raises
    ------
    DefinitionError
        If the file cannot be read, holds anything but that assignment, or has a key twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DefinitionError(
            f"{file}: {error.strerror}", "give the name of a board, its folder or its board.py"
        ) from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{file}: not UTF-8: {error}", _ONLY) from error
    return parse_literal(text, file)


def parse_literal(text: str, file: Path) -> dict[str, Any]:
    """The dictionary in the text of a definition's file.

    Raises
    ------
    DefinitionError
        As `read_literal`.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise DefinitionError(f"{file}: not Python: {error}", _at(line)) from error
    body = [node for node in tree.body if not _is_docstring(node)]
    for node in body:
        if not (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "BOARD"
        ):
            raise DefinitionError(f"{file}: line {node.lineno} is not 'BOARD = {{...}}'", _ONLY)
    if len(body) != 1:
        raise DefinitionError(f"{file}: {len(body)} assignments of BOARD", _ONLY)
    (assignment,) = body
    assert isinstance(assignment, ast.Assign)
    return _evaluate(file, assignment.value)


def _evaluate(file: Path, expression: ast.expr) -> dict[str, Any]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Dict):
            keys = Counter(key.value for key in node.keys if isinstance(key, ast.Constant))
            for name, count in keys.items():
                if count > 1:
                    raise DefinitionError(
                        f"{file}: {name!r} stands {count} times in the table of line {node.lineno}",
                        "keep one of them: Python would silently take the last",
                    )
    try:
        value = ast.literal_eval(expression)
    except ValueError as error:
        raise DefinitionError(f"{file}: not a literal: {error}", _ONLY) from error
    if not isinstance(value, dict):
        raise DefinitionError(f"{file}: BOARD is not a dictionary", _ONLY)
    return value


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _at(line: int | None) -> str:
    return f"correct line {line}" if line else _ONLY
