"""Firmware trees that differ from the source in one thing."""

from __future__ import annotations

import shutil
from pathlib import Path

from nullfield.places import firmware_directory


def other_tree(root: Path, **changes: tuple[str, str]) -> Path:
    """A copy of the firmware with texts replaced.

    Parameters
    ----------
    root : path
        Where it goes.
    **changes : (str, str)
        Old and new text by the module's path, ``__`` for the separator and without suffix.
    """
    copy = root / "firmware"
    shutil.copytree(firmware_directory(), copy)
    for name, (old, new) in changes.items():
        path = copy / (name.replace("__", "/") + ".py")
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    return copy


def old_version(root: Path) -> Path:
    """The firmware as another version, in which every file differs."""
    copy = other_tree(root)
    for path in [copy / "start.py", *(copy / "nullfield_fw").rglob("*.py")]:
        path.write_text(path.read_text(encoding="utf-8") + "\n_before = 1\n", encoding="utf-8")
    build = copy / "nullfield_fw" / "build.py"
    build.write_text('VERSION = "0.1.9"\nREVISION = "source"\n', encoding="utf-8")
    return copy
