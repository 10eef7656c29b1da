"""What is frozen into an image: the firmware, the board definitions, and the image's own label."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import nullfield
from nullfield.errors import InputError, ToolchainError
from nullfield.toolchain import recipe
from nullfield.toolchain.rp2_recipe import Mcu

TOP_MODULES = ("main.py", "start.py")
_VIRTUAL_HAL = "nullfield_fw/hal/virtual.py"
_LABEL = re.compile(rb"nullfield-image ([ -:<-~]+);")


@dataclass(frozen=True)
class Content:
    """The frozen modules of an image.

    Parameters
    ----------
    files : dict
        Source of each module by its path on the board.
    label : dict
        What the image says about itself.
    """

    files: dict[str, bytes]
    label: dict[str, str]

    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any module."""
        sums = [f"{name} {hashlib.sha256(self.files[name]).hexdigest()}" for name in self.files]
        return hashlib.sha256("\n".join(sorted(sums)).encode()).hexdigest()[:12]


def collect(mcu: Mcu, firmware: Path, boards: Path, revision: str) -> Content:
    """Collect the modules for one chip.

    Parameters
    ----------
    mcu : Mcu
        Only boards with this chip are taken.
    firmware, boards : Path
        The directories of the repository.
    revision : str
        Of the sources, see `nullfield.toolchain.revision`.
    """
    if not (firmware / "nullfield_fw").is_dir():
        raise ToolchainError(
            f"{firmware} holds no firmware", "run this in the repository or give --firmware"
        )
    paths = [firmware / name for name in TOP_MODULES if (firmware / name).exists()]
    paths += (firmware / "nullfield_fw").rglob("*.py")
    files = {path.relative_to(firmware).as_posix(): path.read_bytes() for path in paths}
    files.pop(_VIRTUAL_HAL, None)
    files["_boot.py"] = (firmware / "image/_boot.py").read_bytes()
    names = _add_boards(files, mcu, boards)
    label = {
        "version": _constant(files.get("nullfield_fw/build.py"), "VERSION")
        or nullfield.__version__,
        "revision": revision,
        "fingerprint": _fingerprint(files["nullfield_fw/wire.py"]),
        "mcu": mcu.name,
        "micropython": recipe.MICROPYTHON_VERSION,
        "boards": ",".join(names) or "none",
    }
    files["nullfield_fw/build.py"] = _build_module(label)
    return Content(dict(sorted(files.items())), label)


def _build_module(label: dict[str, str]) -> bytes:
    words = " ".join(f"{name}={value}" for name, value in label.items())
    return (
        '"""What this firmware was built from; written by the image builder."""\n\n'
        f"VERSION = {label['version']!r}\n"
        f"REVISION = {label['revision']!r}\n"
        # Found in the image by `read_label`.
        f"IMAGE = {f'nullfield-image {words};'!r}\n"
    ).encode()


def read_label(image: bytes) -> dict[str, str]:
    """Find what an image says about itself; raises `InputError` if it is not one of ours.

    Parameters
    ----------
    image : bytes
        The flash contents, not the UF2 file.
    """
    found = _LABEL.search(image)
    if found is None:
        raise InputError("the image is not Nullfield's: it carries no label", "see 'make firmware'")
    return dict(word.split("=", 1) for word in found.group(1).decode().split(" ") if "=" in word)


def _add_boards(files: dict[str, bytes], mcu: Mcu, boards: Path) -> list[str]:
    """Add the definitions of boards with this chip; return their names."""
    names = []
    for path in sorted(boards.glob("*/board.py")):
        source = path.read_bytes()
        board = _literal(source, "BOARD")
        if not isinstance(board, dict) or board.get("mcu") != mcu.name:
            continue
        name = path.parent.name
        names.append(name)
        files[f"nullfield_boards/{name}.py"] = source
    files["nullfield_boards/__init__.py"] = (
        f'"""Board definitions in this image."""\n\nNAMES = {tuple(names)!r}\n'.encode()
    )
    return names


def _literal(source: bytes, name: str) -> object:
    """Value of a top-level assignment of a literal, None if there is none."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            value = node.value
            # MicroPython's const() around it.
            if isinstance(value, ast.Call) and value.args:
                value = value.args[0]
            return ast.literal_eval(value)
    return None


def _constant(source: bytes | None, name: str) -> str | None:
    value = _literal(source, name) if source is not None else None
    return value if isinstance(value, str) else None


def _fingerprint(wire: bytes) -> str:
    value = _literal(wire, "FINGERPRINT")
    if not isinstance(value, bytes):
        raise ToolchainError(
            "nullfield_fw/wire.py names no catalogue fingerprint",
            "python -m nullfield_protocol.generate",
        )
    return value.hex()
