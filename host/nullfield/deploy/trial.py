"""Firmware on trial: is it the new one that runs, and the way back if it is no good."""

from __future__ import annotations

from nullfield.deploy.board_state import BOOT_FILE, BootState
from nullfield.deploy.bundle import Bundle
from nullfield.deploy.look import Found
from nullfield.deploy.restart import reconnect
from nullfield.deploy.to_prompt import leave, open_files
from nullfield.deploy.write_slot import read_boot_state
from nullfield.errors import FlashError
from nullfield.link import Link
from nullfield_protocol.catalogue import SelfTestFlag


def check_slot(found: Found, link: Link, bundle: Bundle, slot: str) -> None:
    """The board must have come back with the new firmware."""
    who = link.identity
    where = who.slot.name.lower()
    if (where, who.firmware_revision) == (slot, bundle.header.revision):
        return
    note = _note(found, link)
    raise FlashError(
        f"{found.label} came back with its old firmware {who.firmware_version} "
        f"({who.firmware_revision}, slot {where}){': ' + note if note else ''}",
        "run it again; if it stays, the new firmware does not start on this board",
    )


def _note(found: Found, link: Link) -> str:
    """Why the board gave the trial up, as it wrote down; leaves it running."""
    leave(link)
    prompt, files = open_files(found.port, found.uid)
    with prompt:
        note = read_boot_state(files).note
        prompt.reset()
    return note


def give_up(found: Found, link: Link, slot: str, findings: SelfTestFlag) -> FlashError:
    """Send the board back to the firmware it had, if it had one; return the error that says so."""
    names = ", ".join(str(flag.name).lower() for flag in SelfTestFlag if flag in findings)
    leave(link)
    prompt, files = open_files(found.port, found.uid)
    with prompt:
        state = read_boot_state(files)
        has_old = bool(state.active) or files.facts.has_built_in
        files.replace(
            BOOT_FILE, BootState(state.active, note=f"slot {slot} failed its self-test").format()
        )
        prompt.reset()
    end = "it runs its old firmware again"
    if has_old:
        reconnect(found.port, found.uid).close()
    else:
        end = "it had no firmware before, and is at its prompt"
    return FlashError(
        f"{found.label}: the new firmware failed its self-test ({names}); {end}",
        f"mend the board; or keep the firmware in spite of it with --accept {names.split(', ')[0]}",
    )
