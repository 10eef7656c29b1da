"""Files of transfer standards, and the rig with one laid on its array.

A standard travels from rig to rig with its coil board, so it has a file of its own.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from nullfield.errors import RigError
from nullfield.places import rigs_directory
from nullfield.rig import BoardEntry, Rig, StandardEntry
from nullfield.toml_file import first_trouble, read_toml


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
    content = read_toml(
        file,
        "standard file",
        "correct that line; compare with rigs/standards/plate8.toml",
        RigError,
    )
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
        raise RigError(
            f"{file}: {first_trouble(error)}",
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
