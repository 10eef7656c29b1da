"""Settings of a backup onto a board."""

from __future__ import annotations

from nullfield.deploy.backup import RestorePlan, SavedSetting, plan_restore
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
