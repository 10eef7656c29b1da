"""Dependency rules on the board: start -> app -> {drivers, control, link}; only start picks a hal."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
PACKAGE = FIRMWARE / "nullfield_fw"

# What the modules of a folder may import from the package, by the first part of the name.
ALLOWED = {
    "control": {"control", "fixed", "lockin", "bits"},
    "drivers": {"drivers", "bits"},
    "hal": {"hal", "bits", "wire"},
    "app": {
        "app",
        "boot_state",
        "control",
        "drivers",
        "link",
        "wire",
        "bits",
        "faults",
        "schedule",
        "settings",
        "text_file",
        "trace",
    },
}


def imported(path: Path) -> set[str]:
    """Parts of the package that a module imports, relative names resolved."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level == 0 and not (node.module or "").startswith("nullfield_fw"):
            continue
        inside = path.relative_to(PACKAGE).parts[:-1]
        base = list(inside[: len(inside) - (node.level - 1)]) if node.level else []
        name = (node.module or "").removeprefix("nullfield_fw").strip(".")
        full = [*base, *name.split(".")] if name else base
        full = [part for part in full if part]
        names = [alias.name for alias in node.names]
        found |= {full[0]} if full else set(names) - {"VERSION", "REVISION"}
    return found


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    modules = sorted((PACKAGE / folder).glob("*.py"))
    assert modules
    for module in modules:
        extra = imported(module) - ALLOWED[folder]
        assert not extra, f"{module.relative_to(FIRMWARE)} imports {sorted(extra)}"


def test_only_start_picks_a_hal() -> None:
    users = [
        path.relative_to(FIRMWARE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "hal" and "hal" in imported(path)
    ]
    assert users == []
    assert "nullfield_fw.hal" in (FIRMWARE / "start.py").read_text(encoding="utf-8")


def test_the_boot_code_stands_alone() -> None:
    tree = ast.parse((FIRMWARE / "main.py").read_text(encoding="utf-8"))
    imports = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    # `nullfield_boards` is looked for, not used: it tells an own image from official MicroPython.
    own = {"nullfield_boards", "start"}
    assert imports == own | {"binascii", "hashlib", "machine", "os", "rp2", "sys", "time"}
