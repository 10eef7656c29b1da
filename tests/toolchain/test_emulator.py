"""Setting up the emulator: what is missing is named with its Debian package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nullfield.emulated import EmulatedBoard, emulator
from nullfield.errors import InputError, ToolchainError


def test_missing_node_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"node \(Debian package: nodejs\)") as refused:
        emulator.find_node()
    assert "apt-get install nodejs npm" in refused.value.hint


def test_old_node_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v16.20.2\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(emulator.shutil, "which", lambda program: str(tmp_path / program))
    with pytest.raises(ToolchainError, match=r"node v16\.20\.2 is too old: 18 or newer"):
        emulator.find_node()


def test_lock_file_pins_one_package_by_hash_and_names_no_registry() -> None:
    package, lock = (json.loads(path.read_text()) for path in emulator._PACKAGE_FILES)
    assert package["dependencies"] == {"rp2040js": "1.4.1"}
    entry = lock["packages"]["node_modules/rp2040js"]
    assert entry["version"] == "1.4.1"
    assert entry["integrity"].startswith("sha512-")
    assert "resolved" not in entry
    assert set(lock["packages"]) == {"", "node_modules/rp2040js"}


def test_image_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no image") as refused:
        EmulatedBoard(tmp_path / "none.uf2")
    assert refused.value.hint == "make firmware"
