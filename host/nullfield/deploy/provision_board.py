"""What a board is: its definition, the name of the unit, and settings that come with both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nullfield.definitions.load import load_board
from nullfield.deploy.board_files import BoardFiles
from nullfield.deploy.board_state import BOOT_FILE, PROVISION_FILE, BootState, Provision
from nullfield.deploy.look import Found, Kind, read_manifest, read_provision
from nullfield.deploy.restart import reconnect
from nullfield.deploy.to_prompt import leave, open_files
from nullfield.deploy.write_slot import read_boot_state
from nullfield.devices.settings import Settings
from nullfield.errors import FlashError
from nullfield.link import Link
from nullfield_protocol.catalogue import Command

_FLASH_S = 5.0


@dataclass(frozen=True)
class ProvisionResult:
    """What became of a board.

    Attributes
    ----------
    provision : Provision
    is_running : bool
        Firmware for it runs; otherwise it waits to be flashed.
    settings : dict of str to float
        Settings that were written, as the board has them, in their unit.
    """

    provision: Provision
    is_running: bool
    settings: dict[str, float] = field(default_factory=dict)


def provision_board(
    found: Found, provision: Provision, settings: Mapping[str, float], replace: bool = False
) -> ProvisionResult:
    """Write what a board is, restart it, and save settings.

    Parameters
    ----------
    found : Found
    provision : Provision
    settings : mapping of str to float
        In the settings' units.
    replace : bool
        A board that is something else already may become another.

    Raises
    ------
    FlashError
        If the definition does not fit, or the board is something else already.
    RequestError
        If the board refuses a setting.
    """
    content = provision.format()
    definition = load_board(provision.board)
    if found.mcu not in ("virtual", definition.mcu):
        raise FlashError(
            f"{found.label} has the processor {found.mcu or 'unknown'}, {provision.board} needs a "
            f"{definition.mcu}",
            "take the definition for this processor: nullfield boards check",
        )
    if found.kind is Kind.RUNNING:
        link = Link(found.port.make_transport(), found.port.clock)
        link.open()
        leave(link)
    prompt, files = open_files(found.port, found.uid)
    with prompt:
        try:
            is_running = _prepare(found, files, provision, bool(settings), replace)
            files.replace(PROVISION_FILE, content)
        finally:
            prompt.reset()
    if not is_running:
        return ProvisionResult(provision, False)
    link = reconnect(found.port, found.uid)
    try:
        who = link.identity
        if (who.board_name, who.unit_name) != (provision.board, provision.unit):
            raise FlashError(
                f"{found.label} came back as {who.unit_name or 'no unit'}, a {who.board_name}",
                "run it again; if it stays, flash the board",
            )
        return ProvisionResult(provision, True, _write(link, settings))
    finally:
        link.close()


def _prepare(
    found: Found, files: BoardFiles, provision: Provision, has_settings: bool, replace: bool
) -> bool:
    """Check that the board may become this; True if firmware for it will run."""
    before = read_provision(files).board or found.board
    is_new = not before or before.startswith("bringup_")
    if not is_new and before != provision.board and not replace:
        raise FlashError(
            f"{found.label} is a {before} already",
            f"give --replace if it is a {provision.board} from now on",
        )
    active = read_boot_state(files).active
    manifest = read_manifest(files, active) if active else None
    fits = manifest is not None and manifest.facts.get("board") == provision.board
    will_run = fits or files.facts.has_built_in
    if has_settings and not will_run:
        raise FlashError(
            f"{found.label} has no firmware that could take settings",
            "provision and flash it first, then give the settings",
        )
    if active and not fits:
        # Firmware of another board must not start: built-in firmware does, or the prompt.
        files.replace(BOOT_FILE, BootState(note=f"provisioned as {provision.board}").format())
    return will_run


def _write(link: Link, wanted: Mapping[str, float]) -> dict[str, float]:
    if not wanted:
        return {}
    settings = Settings(link)
    settings.read_all()
    for name in wanted:
        if not settings.describe(name).is_persistent:
            raise FlashError(
                f"{link.label}: setting {name} is not kept in flash", "set it when it is needed"
            )
    there = {name: settings.set(name, value) for name, value in wanted.items()}
    link.command(Command.SAVE_SETTINGS, timeout_s=_FLASH_S)
    return there
