"""TOML files that people write: read with errors that name file, line or key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nullfield.errors import InputError


def read_toml(file: Path, kind: str, hint: str, error: type[InputError]) -> dict[str, Any]:
    """Content of a file.

    Parameters
    ----------
    file : Path
    kind : str
        What it is, for the error of a file that cannot be read: ``rig file``.
    hint : str
        For one that is no TOML.
    error : type of InputError
        What is raised.

    Raises
    ------
    InputError
        Or its subclass that was given.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as trouble:
        raise error(f"{file}: {trouble.strerror}", f"give a readable {kind}") from trouble
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as trouble:
        raise error(f"{file}: not a TOML file: {trouble}", hint) from trouble


def first_trouble(error: ValidationError) -> str:
    """Key and text of the first thing that is wrong."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text = "unknown key"
    return f"{where + ': ' if where else ''}{text}"
