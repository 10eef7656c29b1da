"""Where firmware, board definitions and rigs lie: in the checkout, or in the installed package."""

from __future__ import annotations

from pathlib import Path

from nullfield.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def _find(name: str) -> Path:
    for root in (_PACKAGE.parents[1], _PACKAGE / "_bundle"):
        candidate = root / name
        if candidate.is_dir() and ((root / "pyproject.toml").exists() or root.name == "_bundle"):
            return candidate
    raise InputError(
        f"the folder '{name}' of Nullfield is missing",
        "install the package again, or run from a clone",
    )


def firmware_directory() -> Path:
    """Folder with ``main.py`` and ``nullfield_fw``."""
    return _find("firmware")


def boards_directory() -> Path:
    """Folder with one folder a board definition."""
    return _find("boards")


def rigs_directory() -> Path:
    """Folder with the rigs that ship."""
    return _find("rigs")
