"""Backups of settings, and what of them a new firmware takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nullfield.deploy.backup import (
    Backup,
    SavedSetting,
    backups_of,
    plan_restore,
    read_backup,
    saved_settings,
    write_backup,
)
from nullfield.devices.settings import SettingValue, scaled
from nullfield.errors import InputError

UID = "0123456789abcdef"


def setting(name: str, raw: int, exponent: int = -3, unit: str = "s", **other: Any) -> SettingValue:
    given: dict[str, Any] = {
        "minimum": 0, "maximum": 10000, "default": 2000,
        "is_boolean": False, "is_persistent": True, "is_read_only": False, "index": 0,
    }  # fmt: skip
    given |= other
    for limit in ("minimum", "maximum", "default"):
        given[limit] = scaled(given[limit], exponent)
    return SettingValue(
        name=name, raw=raw, exponent=exponent, unit=unit, value=scaled(raw, exponent), **given
    )


def by_name(*settings: SettingValue) -> dict[str, SettingValue]:
    return {one.name: one for one in settings}


def test_there_and_back(tmp_path: Path) -> None:
    backup = Backup(
        uid=UID,
        time="2026-01-02T03:04:05+00:00",
        board="coil_pico2",
        settings=saved_settings(by_name(setting("host_timeout", 3500))),
        files={"provision.txt": "board=coil_pico2\n"},
    )
    path = write_backup(backup, tmp_path)
    assert path == tmp_path / UID / "20260102T030405Z.json"
    assert read_backup(path) == backup
    # A second one of the same second takes nothing away.
    assert write_backup(backup, tmp_path) != path
    assert len(backups_of(UID, tmp_path)) == 2
    assert not list(path.parent.glob("*.new"))


def test_what_was_changed_and_not_saved_is_left_out() -> None:
    settings = by_name(setting("a", 1111), setting("b", 2222), setting("c", 5, is_persistent=False))
    in_flash = saved_settings(settings, {"a": 1500})
    assert {one.name: one.raw for one in in_flash} == {"a": 1500, "b": 2000}
    assert {one.name: one.raw for one in saved_settings(settings)} == {"a": 1111, "b": 2222}


def test_migration_goes_by_name_and_value() -> None:
    saved = (
        SavedSetting(name="same", unit="s", exponent=-3, raw=3500),
        SavedSetting(name="finer", unit="s", exponent=-3, raw=3500),
        SavedSetting(name="coarser", unit="s", exponent=-3, raw=3501),
        SavedSetting(name="gone", unit="s", exponent=-3, raw=1),
        SavedSetting(name="other_unit", unit="s", exponent=-3, raw=1),
        SavedSetting(name="too_large", unit="s", exponent=-3, raw=9000),
        SavedSetting(name="too_small", unit="s", exponent=-3, raw=10),
        SavedSetting(name="locked", unit="s", exponent=-3, raw=10),
    )
    now = by_name(
        setting("same", 3500),
        setting("finer", 2_000_000, -6, maximum=10_000_000, default=2_000_000),
        setting("coarser", 2, 0, maximum=10, default=2),
        setting("other_unit", 2000, unit="m"),
        setting("too_large", 2000, maximum=8000),
        setting("too_small", 2000, minimum=100),
        setting("locked", 2000, is_read_only=True),
        setting("new", 2000),
    )
    plan = plan_restore(saved, now)
    assert plan.write == {"finer": 3.5, "coarser": 3.501}
    assert plan.unknown == ["gone"]
    assert plan.refused == [
        "other_unit: its unit was 's', now it is 'm'",
        "too_large: 9 is above 8 s",
        "too_small: 0.01 is below 0.1 s",
    ]


def test_nothing_to_do_where_all_is_kept() -> None:
    settings = by_name(setting("a", 1), setting("b", -5, -15, minimum=-10, default=0))
    plan = plan_restore(saved_settings(settings), settings)
    assert (plan.write, plan.unknown, plan.refused) == ({}, [], [])


def test_a_value_at_its_limit_is_within() -> None:
    # 0.1 and 0.3 have no exact binary form.
    saved = (SavedSetting(name="a", unit="s", exponent=-7, raw=3_000_000),)
    plan = plan_restore(saved, by_name(setting("a", 1, -1, minimum=1, maximum=3, default=1)))
    assert plan.write == {"a": 0.3}


def test_what_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="No such file"):
        read_backup(path)
    path.write_text("{")
    with pytest.raises(InputError, match="is no backup"):
        read_backup(path)
    path.write_text(json.dumps({"format": 2, "uid": UID, "time": "t"}))
    with pytest.raises(InputError, match="backup format 2"):
        read_backup(path)
    with pytest.raises(InputError, match="no board uid"):
        backups_of("../x", tmp_path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    backup = Backup(uid=UID, time="2026-01-02T03:04:05+00:00")
    with pytest.raises(InputError, match="cannot be written") as refused:
        write_backup(backup, tmp_path / "file")
    assert "nothing was flashed" in refused.value.hint
