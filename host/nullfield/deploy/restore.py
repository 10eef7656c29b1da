"""Settings of a backup onto a board."""

from __future__ import annotations

from pathlib import Path

from nullfield.deploy.backup import (
    RestorePlan,
    SavedSetting,
    mark_restored,
    not_migrated,
    plan_restore,
    read_backup,
)
from nullfield.deploy.look import Found
from nullfield.devices.settings import Settings
from nullfield.link import Link
from nullfield_protocol.catalogue import Command

_FLASH_S = 5.0


def restore(link: Link, saved: tuple[SavedSetting, ...]) -> RestorePlan:
    """Write the settings that differ and save them; return what was written, and what could not be.

    Parameters
    ----------
    link : Link
        Open; the board's outputs are off.
    saved : tuple of SavedSetting
    """
    settings = Settings(link)
    settings.read_all()
    plan = plan_restore(saved, settings.all())
    for name, value in plan.write.items():
        settings.set(name, value)
    if plan.write:
        link.command(Command.SAVE_SETTINGS, timeout_s=_FLASH_S)
    return plan


def finish_interrupted(found: Found, pending: Path) -> RestorePlan:
    """Bring the settings over that a flashing left behind when it was interrupted at its end.

    Parameters
    ----------
    found : Found
        Runs the new firmware, confirmed.
    pending : path
        The backup of that flashing; it is marked as restored.
    """
    link = Link(found.port.make_transport(), found.port.clock)
    link.open()
    try:
        link.command(Command.SAFE_OFF)
        link.command(Command.STREAM_STOP)
        settings = Settings(link)
        settings.read_all()
        plan = restore(link, not_migrated(read_backup(pending), settings.all()))
    finally:
        link.close()
    mark_restored(pending)
    return plan
