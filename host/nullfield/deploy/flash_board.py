"""The whole way of new firmware onto one board, and back if it is no good.

At every step before the last line of `_install` the old firmware boots as if nothing had happened;
after it the new one has three starts to be confirmed. So this may end at any byte, and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from nullfield.deploy.backup import (
    Backup,
    SavedSetting,
    as_loaded,
    backups_of,
    mark_restored,
    not_migrated,
    pending_backup,
    raw_values,
    read_backup,
    saved_settings,
    write_backup,
)
from nullfield.deploy.board_files import BoardFiles
from nullfield.deploy.board_state import (
    BOOT_FILE,
    PROVISION_FILE,
    SETTINGS_FILE,
    Provision,
)
from nullfield.deploy.bundle import Bundle
from nullfield.deploy.fit import check_fit, check_interpreter
from nullfield.deploy.look import MAIN_FILE, Found, Kind, is_bootstrap, is_ours, read_provision
from nullfield.deploy.restart import reconnect
from nullfield.deploy.restore import restore
from nullfield.deploy.to_prompt import leave, open_files, restart
from nullfield.deploy.trial import check_slot, give_up
from nullfield.deploy.write_slot import activate, read_boot_state, write_slot
from nullfield.devices.settings import Settings, SettingValue
from nullfield.errors import FlashError, InputError, NullfieldError, ProtocolMismatchError
from nullfield.link import Link
from nullfield_protocol.catalogue import Command, SelfTestFlag

Progress = Callable[[str, float], None]
_SELF_TEST_S = 10.0
_FLASH_S = 5.0
_NOTHING = SelfTestFlag(0)


@dataclass(frozen=True)
class FlashOptions:
    """What the user decided.

    Attributes
    ----------
    bootstrap : bytes
        ``main.py`` for a board with official MicroPython.
    provision : Provision or None
        What an unprovisioned board becomes.
    replace_main : bool
        Somebody else's ``main.py`` may be overwritten.
    accepted : SelfTestFlag
        Findings of the self-test in spite of which the firmware is confirmed.
    backups : path, optional
        Root of the backups, by default the user's.
    """

    bootstrap: bytes
    provision: Provision | None = None
    replace_main: bool = False
    accepted: SelfTestFlag = _NOTHING
    backups: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a bootstrap that is none: on the board it would be an end to every start."""
        if not is_bootstrap(self.bootstrap):
            raise InputError(
                "what should become main.py is not Nullfield's bootstrap",
                "give the firmware tree's main.py",
            )


@dataclass(frozen=True)
class FlashResult:
    """What became of a board.

    Attributes
    ----------
    slot : str
    written_bytes : int
        Less than the bundle where an interrupted run is taken up.
    backup : path
    restored : dict of str to float
        Settings that were written again, in their unit.
    unknown, refused : list of str
        Settings of the backup that the new firmware does not have, or does not allow.
    self_test : SelfTestFlag
        What was found and accepted.
    """

    slot: str
    written_bytes: int
    backup: Path
    restored: dict[str, float] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    self_test: SelfTestFlag = _NOTHING


def flash_board(
    found: Found,
    bundle: Bundle,
    options: FlashOptions,
    now: datetime,
    progress: Progress = lambda step, part: None,
) -> FlashResult:
    """Flash one board, confirm the firmware after a good self-test, and bring its settings back.

    Parameters
    ----------
    found : Found
        Firmware of another protocol version goes through `bring_to_prompt` first.
    bundle : Bundle
        Its signature has been verified.
    options : FlashOptions
    now : datetime
        For the name of the backup.
    progress : callable
        Takes what is done, and the fraction of the whole.

    Raises
    ------
    FlashError
        If the board does not keep the new firmware; it then runs the old one.
    """
    try:
        check_fit(_as_provisioned(found, options), bundle.header)
    except NullfieldError:
        if found.kind is Kind.PROMPT:
            restart(found)
        raise
    progress("backup", 0.0)
    described = _leave(found)
    prompt, files = open_files(found.port, found.uid)
    with prompt:
        try:
            check_interpreter(found.label, files.facts, bundle.header)
            backup = _back_up(found, files, described, now, options.backups)
            backup_path = write_backup(backup, options.backups)
            slot, written = _install(
                found, files, bundle, options, lambda part: progress("writing", 0.05 + 0.75 * part)
            )
            progress("restart", 0.82)
        except NullfieldError:
            # Nothing counts yet: what ran before the application was stopped goes on.
            prompt.reset()
            raise
        prompt.reset()
    try:
        link = reconnect(found.port, found.uid)
    except ProtocolMismatchError as error:
        raise FlashError(
            f"{found.label} came back with its old firmware {error.firmware_version}",
            "run it again; if it stays, the new firmware does not start on this board",
        ) from error
    try:
        check_slot(found, link, bundle, slot)
        progress("self-test", 0.9)
        findings = SelfTestFlag(link.command(Command.SELF_TEST, timeout_s=_SELF_TEST_S))
        bad = findings & ~options.accepted
        if bad:
            raise give_up(found, link, slot, bad)
        link.command(Command.CONFIRM_FIRMWARE, timeout_s=_FLASH_S)
        progress("settings", 0.95)
        plan = restore(link, backup.settings)
    finally:
        link.close()
    mark_restored(backup_path)
    progress("done", 1.0)
    return FlashResult(slot, written, backup_path, plan.write, plan.unknown, plan.refused, findings)


def _as_provisioned(found: Found, options: FlashOptions) -> Found:
    """The board as it will be: one that nobody has named takes the name that was given."""
    wanted = options.provision
    if wanted is None or found.board == wanted.board:
        return found
    if found.board:
        raise FlashError(
            f"{found.label} is a {found.board}, not a {wanted.board}",
            f"nullfield provision {found.port.name} --board {wanted.board} makes it one",
        )
    return replace(found, board=wanted.board, unit=wanted.unit)


def _leave(found: Found) -> Mapping[str, SettingValue] | None:
    """Bring the board to its prompt; return its settings if its firmware could describe them."""
    if found.kind is Kind.PROMPT:
        return None
    link = Link(found.port.make_transport(), found.port.clock)
    link.open()
    try:
        settings = Settings(link)
        settings.read_all()
        described = settings.all()
    except BaseException:
        link.close()
        raise
    leave(link)
    return described


def _back_up(
    found: Found,
    files: BoardFiles,
    described: Mapping[str, SettingValue] | None,
    now: datetime,
    root: Path | None,
) -> Backup:
    """Backup of a board at its prompt, with the settings that count of it."""
    texts = {
        name: content.decode("utf-8", "replace")
        for name in (SETTINGS_FILE, PROVISION_FILE, BOOT_FILE)
        if (content := files.read(name)) is not None
    }
    uid = files.facts.uid
    if described is None:
        saved = _known_settings(uid, texts.get(SETTINGS_FILE), root)
    else:
        saved = _described_settings(uid, texts.get(SETTINGS_FILE, ""), described, root)
    return Backup(
        uid=uid,
        time=now.isoformat(timespec="seconds"),
        board=found.board,
        version=found.version,
        revision=found.revision,
        settings=saved,
        files=texts,
        pending=bool(saved),
    )


def _described_settings(
    uid: str, text: str, described: Mapping[str, SettingValue], root: Path | None
) -> tuple[SavedSetting, ...]:
    """Settings that running firmware told, but for those that an interrupted flashing left raw."""
    # What the flash holds is what the board has after a restart.
    in_file = raw_values(text.encode())
    own = {one.name: one for one in saved_settings(described, in_file)}
    pending = pending_backup(uid, root)
    if pending is not None:
        before = not_migrated(read_backup(pending), as_loaded(described, in_file))
        own |= {one.name: one for one in before}
    return tuple(own.values())


def _known_settings(uid: str, text: str | None, root: Path | None) -> tuple[SavedSetting, ...]:
    """Settings that no firmware could tell, of a backup that was made of the same settings file."""
    for path in reversed(backups_of(uid, root)):
        backup = read_backup(path)
        if backup.settings and backup.files.get(SETTINGS_FILE) == text:
            return backup.settings
    return ()


def _install(
    found: Found,
    files: BoardFiles,
    bundle: Bundle,
    options: FlashOptions,
    progress: Callable[[float], None],
) -> tuple[str, int]:
    """Write slot, provision and bootstrap; the last step makes the new slot the one to try."""
    main = None if files.facts.has_built_in else files.read(MAIN_FILE)
    if main is not None and not is_ours(main) and not options.replace_main:
        raise FlashError(
            f"{found.label} runs a program that is not ours (its {MAIN_FILE})",
            "save it (mpremote fs cp :main.py .), then flash with --replace-main",
        )
    slot = read_boot_state(files).free_slot
    written = write_slot(
        files, bundle, slot, lambda done, total: progress(done / total if total else 1.0)
    )
    if options.provision is not None and read_provision(files) != options.provision:
        files.replace(PROVISION_FILE, options.provision.format())
    if not files.facts.has_built_in and (main is None or not is_bootstrap(main)):
        files.replace(MAIN_FILE, options.bootstrap)
    activate(files, slot)
    return slot, written
