"""Putting the console together: one console a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_bench import Opened

from nullfield.console.build import build_console, lock_folder
from nullfield.errors import StoreError


def test_the_first_start_makes_folder_database_and_administrator(tmp_path: Path) -> None:
    built = build_console(tmp_path / "new" / "data", "bench4", Opened("bench4"))
    assert built.password
    assert built.recovered == ()
    assert (tmp_path / "new" / "data" / "studies.sqlite3").is_file()
    built.lock.close()
    again = build_console(tmp_path / "new" / "data", "bench4", Opened("bench4"))
    assert again.password is None
    again.lock.close()


def test_a_second_console_on_the_folder_is_refused(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    with pytest.raises(StoreError, match="another console") as refused:
        build_console(tmp_path, "bench4", Opened("bench4"))
    assert "--data" in refused.value.hint
    lock.close()
    lock_folder(tmp_path).close()


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        lock_folder(tmp_path / "data")
