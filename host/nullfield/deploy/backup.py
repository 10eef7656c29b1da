"""The host's copy of a board's settings and calibration, and the way back by name.

Flash of a board can be lost whatever firmware does (the stock boot script formats it when it cannot
be mounted), so every flashing begins with a backup below the user's data directory:
``backups/<uid>/<time>.json``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nullfield.deploy.board_state import SETTINGS_FILE
from nullfield.deploy.text_file import parse_values
from nullfield.devices.settings import SettingValue, scaled
from nullfield.errors import InputError
from nullfield.places import user_data_directory

FORMAT_VERSION = 1
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_UID = re.compile(r"[0-9a-f]{16}")
# Exponents of one value may differ between versions; steps are compared within rounding.
_RELATIVE = 1e-9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SavedSetting(_Strict):
    """One setting as the board had it: ``raw * 10**exponent`` is in ``unit``."""

    name: str
    unit: str
    exponent: Annotated[int, Field(ge=-30, le=30)]
    raw: int

    @property
    def value(self) -> float:
        """Value in the unit."""
        return scaled(self.raw, self.exponent)


class Backup(_Strict):
    """What a board had before it was flashed.

    Attributes
    ----------
    uid : str
        Board uid, 16 hex digits.
    time : str
        UTC, ISO 8601.
    board, version, revision : str
        Firmware that it ran; empty where none answered.
    settings : tuple of SavedSetting
        Persistent settings; empty where no firmware could describe them.
    files : dict of str to str
        Text files of its flash (settings, provision, boot state), as they were.
    pending : bool
        The flashing has not come to its end: the settings may not be on the board yet, and what the
        new firmware says of them may be the old raw values in a unit that is not theirs.
    """

    format: int = FORMAT_VERSION
    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    time: str
    board: str = ""
    version: str = ""
    revision: str = ""
    settings: tuple[SavedSetting, ...] = ()
    files: dict[str, str] = {}
    pending: bool = False


@dataclass
class RestorePlan:
    """What to do so that a board has the settings of a backup.

    Attributes
    ----------
    write : dict of str to float
        Settings to write, in their unit.
    unknown : list of str
        Settings of the backup that the new firmware does not have.
    refused : list of str
        One line a setting that the new firmware does not allow: it keeps its default.
    """

    write: dict[str, float] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def saved_settings(
    settings: Mapping[str, SettingValue], in_flash: Mapping[str, int] | None = None
) -> tuple[SavedSetting, ...]:
    """Persistent settings for a backup.

    Parameters
    ----------
    settings : mapping of str to SettingValue
        As the running firmware describes them.
    in_flash : mapping of str to int, optional
        Raw values of the board's settings file. Then those count, with the default for what is not in
        it: a value that was changed and not saved ends with the next start, flashed or not.
    """
    found = []
    for name, one in settings.items():
        if not one.is_persistent or one.is_read_only:
            continue
        raw = one.raw
        if in_flash is not None:
            default = round(one.default * 10.0**-one.exponent)
            raw = in_flash.get(name, default)
        found.append(SavedSetting(name=name, unit=one.unit, exponent=one.exponent, raw=raw))
    return tuple(found)


def backup_directory(uid: str, root: Path | None = None) -> Path:
    """Where the backups of a board lie.

    Raises
    ------
    InputError
        If ``uid`` is none.
    """
    if not _UID.fullmatch(uid):
        raise InputError(f"{uid!r} is no board uid", "give 16 hexadecimal digits")
    return (root or user_data_directory() / "backups") / uid


def write_backup(backup: Backup, root: Path | None = None) -> Path:
    """Write a backup so that it is whole or not there; return its file."""
    directory = backup_directory(backup.uid, root)
    name = datetime.fromisoformat(backup.time).strftime(_TIME_FORMAT)
    path = directory / f"{name}.json"
    number = 1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        while path.exists():
            number += 1
            path = directory / f"{name}-{number}.json"
        _write(path, backup)
    except OSError as error:
        raise InputError(
            f"the backup {path} cannot be written: {error.strerror}",
            "set XDG_DATA_HOME to a directory you can write; nothing was flashed",
        ) from error
    return path


def mark_restored(path: Path) -> None:
    """Note in a backup that its settings are on the board."""
    backup = read_backup(path)
    if not backup.pending:
        return
    try:
        _write(path, backup.model_copy(update={"pending": False}))
    except OSError as error:
        raise InputError(
            f"the backup {path} cannot be written: {error.strerror}",
            "make it writable and run it again; the settings are on the board",
        ) from error


def _write(path: Path, backup: Backup) -> None:
    scratch = path.with_suffix(".new")
    with scratch.open("w", encoding="utf-8") as stream:
        json.dump(backup.model_dump(mode="json"), stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.rename(path)


def read_backup(path: Path) -> Backup:
    """Read a backup.

    Raises
    ------
    InputError
        If it cannot be read or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{path}: {reason}", "give a file of nullfield/backups") from error
    try:
        backup = Backup.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path} is no backup: {where}: {first['msg']}", "give a file of nullfield/backups"
        ) from error
    if backup.format != FORMAT_VERSION:
        raise InputError(
            f"{path} has backup format {backup.format}, this host reads {FORMAT_VERSION}",
            "restore it with the version of nullfield that wrote it",
        )
    return backup


def backups_of(uid: str, root: Path | None = None) -> list[Path]:
    """Backups of a board, oldest first."""
    return sorted(backup_directory(uid, root).glob("*.json"), key=_age)


def _age(path: Path) -> tuple[str, int]:
    time, _, number = path.stem.partition("-")
    return time, int(number) if number.isdecimal() else 1


def newest_with_settings(uid: str, root: Path | None = None) -> Path | None:
    """The newest backup of a board that has settings, None if there is none."""
    return next((p for p in reversed(backups_of(uid, root)) if read_backup(p).settings), None)


def pending_backup(uid: str, root: Path | None = None) -> Path | None:
    """The backup of a flashing that has not come to its end, None if the last one has."""
    newest = newest_with_settings(uid, root)
    return newest if newest is not None and read_backup(newest).pending else None


def not_migrated(backup: Backup, now: Mapping[str, SettingValue]) -> tuple[SavedSetting, ...]:
    """Settings of a backup that the new firmware has as raw values of the old file.

    Only these are wrong; what was set since the flashing was interrupted differs from the file.
    """
    in_file = raw_values(backup.files.get(SETTINGS_FILE, "").encode())
    return tuple(
        one
        for one in backup.settings
        if one.name not in now or now[one.name].raw == loaded_raw(now[one.name], in_file)
    )


def raw_values(content: bytes) -> dict[str, int]:
    """Raw values of a board's settings file; none if it is damaged, as the board takes it."""
    try:
        values = parse_values(content, SETTINGS_FILE)
    except InputError:
        return {}
    return {name: int(text) for name, text in values.items() if text.lstrip("-").isdecimal()}


def loaded_raw(setting: SettingValue, in_file: Mapping[str, int]) -> int:
    """What firmware has after it loaded its settings file: a value outside the limits is left out."""
    raw = in_file.get(setting.name)
    if raw is None or not _within(scaled(raw, setting.exponent), setting):
        return round(setting.default * 10.0**-setting.exponent)
    return raw


def as_loaded(
    settings: Mapping[str, SettingValue], in_file: Mapping[str, int]
) -> dict[str, SettingValue]:
    """Settings as they are after a restart, without what was changed and not saved."""
    return {name: replace(one, raw=loaded_raw(one, in_file)) for name, one in settings.items()}


def plan_restore(saved: tuple[SavedSetting, ...], now: Mapping[str, SettingValue]) -> RestorePlan:
    """Compare a backup with the settings of the firmware that runs now.

    Settings are matched by name and taken over by value, so a change of exponent or order does no
    harm. Nothing is clipped: a value outside the new limits is refused, and the default stays.
    """
    plan = RestorePlan()
    for one in saved:
        there = now.get(one.name)
        if there is None:
            plan.unknown.append(one.name)
        elif there.is_read_only:
            continue
        elif there.unit != one.unit:
            plan.refused.append(f"{one.name}: its unit was {one.unit!r}, now it is {there.unit!r}")
        elif not _within(one.value, there):
            limit = (
                f"above {there.maximum:g}"
                if one.value > there.maximum
                else f"below {there.minimum:g}"
            )
            plan.refused.append(f"{one.name}: {one.value:g} is {limit} {there.unit}".rstrip())
        elif round(one.value / _step(there)) != there.raw:
            plan.write[one.name] = one.value
    return plan


def _step(setting: SettingValue) -> float:
    return scaled(1, setting.exponent)


def _within(value: float, setting: SettingValue) -> bool:
    margin = _RELATIVE * max(abs(value), _step(setting))
    return setting.minimum - margin <= value <= setting.maximum + margin
