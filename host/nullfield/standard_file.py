"""Files of transfer standards, and the rig with one laid on its array.

A standard travels from rig to rig with its coil board, so it has a file of its own.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nullfield.errors import RigError
from nullfield.places import rigs_directory
from nullfield.rig import BoardEntry, Rig, StandardEntry


def with_standard(rig: Rig, path: Path | str) -> Rig:
    """The rig with a standard's plate on its array and the plate's coil board among its boards.

    Parameters
    ----------
    rig : Rig
    path : path
        A TOML file, or the name of a standard that ships.

    Raises
    ------
    RigError
        Naming the file and the key.
    """
    file = resolve_standard(path)
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RigError(f"{file}: {error.strerror}", "give a readable standard file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RigError(
            f"{file}: not a TOML file: {error}",
            "correct that line; compare with rigs/standards/plate8.toml",
        ) from error
    board = content.pop("board", None)
    try:
        entry = BoardEntry.model_validate(board)
        standard = StandardEntry.model_validate({**content, "board": entry.uid})
        together = rig.model_dump() | {
            "boards": (*(b.model_dump() for b in rig.boards), entry.model_dump()),
            "standard": standard.model_dump(),
        }
        found = Rig.model_validate(together)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            text = "unknown key"
        raise RigError(
            f"{file}: {where + ': ' if where else ''}{text}",
            "compare with rigs/standards/plate8.toml; docs/calibration.md lists every key",
        ) from error
    if found.is_virtual != rig.is_virtual:
        raise RigError(
            f"{file}: the standard's board is {'virtual' if entry.is_virtual else 'real'},"
            f" the rig {rig.name} is not",
            "set the port under [board]",
        )
    return found


def resolve_standard(path: Path | str) -> Path:
    """Path of a standard's file, or of one that ships, given by its name.

    Raises
    ------
    RigError
        If there is none.
    """
    file = Path(path)
    if file.is_file():
        return file
    folder = rigs_directory() / "standards"
    shipped = folder / f"{file.name.removesuffix('.toml')}.toml"
    if file.parent == Path() and shipped.exists():
        return shipped
    names = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
    raise RigError(f"{file}: no such standard", f"standards that ship with Nullfield: {names}")
