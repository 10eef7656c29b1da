"""Where firmware, board definitions and rigs lie (checkout or package), and the user's own files."""

from __future__ import annotations

import os
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


def user_configuration_directory() -> Path:
    """Folder of the user's keys and settings of Nullfield; it may not exist yet."""
    return _user_directory("XDG_CONFIG_HOME", ".config")


def user_data_directory() -> Path:
    """Folder of what Nullfield keeps for the user, backups for instance; it may not exist yet."""
    return _user_directory("XDG_DATA_HOME", ".local/share")


def _user_directory(variable: str, default: str) -> Path:
    base = os.environ.get(variable, "")
    # The base directory specification says that a relative value is to be ignored.
    return (Path(base) if base.startswith("/") else Path.home() / default) / "nullfield"
