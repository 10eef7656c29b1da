"""Whether a bundle belongs on a board."""

from __future__ import annotations

from nullfield.deploy.board_files import BoardFacts
from nullfield.deploy.bundle import BundleHeader
from nullfield.deploy.look import Found
from nullfield.errors import FlashError, WrongRoleError


def check_fit(found: Found, header: BundleHeader) -> None:
    """Refuse a bundle for another board, role or processor, as far as the board has told.

    Raises
    ------
    WrongRoleError
        If the board has another role.
    FlashError
        If it is another board or processor, or nobody has said what the board is.
    """
    role = found.identity.role if found.identity else None
    if role is not None and header.role != role.name.lower():
        raise WrongRoleError(
            f"{found.label} is a {role.name.lower()} board, the bundle is for a {header.role} board",
            f"build the bundle of this board: nullfield bundle build {found.board}",
        )
    if not found.board:
        raise FlashError(
            f"{found.label}: nobody has said what this board is",
            "say it with --board NAME (and --unit NAME): the names are those of the folder boards",
        )
    if header.board != found.board:
        raise FlashError(
            f"{found.label} is a {found.board}, the bundle is for {header.board}",
            f"build the bundle of this board: nullfield bundle build {found.board}",
        )
    if found.mcu and header.mcu != found.mcu:
        mcu = " --mcu virtual" if found.mcu == "virtual" else ""
        raise FlashError(
            f"{found.label} has the processor {found.mcu}, the bundle is for {header.mcu}",
            f"build the bundle for it: nullfield bundle build {found.board}{mcu}",
        )


def check_interpreter(label: str, facts: BoardFacts, header: BundleHeader) -> None:
    """Refuse a bundle that the board's MicroPython cannot load.

    Raises
    ------
    FlashError
        Names both versions.
    """
    update = f"flash an image first, with BOOTSEL held: nullfield flash --uf2 ({facts.machine})"
    if facts.implementation != "micropython":
        raise FlashError(f"{label} runs {facts.implementation}, not MicroPython", update)
    minimum = tuple(int(part) for part in header.micropython_minimum.split("."))
    if facts.version < minimum:
        version = ".".join(map(str, facts.version))
        raise FlashError(
            f"{label} has MicroPython {version}, the firmware needs {header.micropython_minimum}",
            update,
        )
    if facts.mpy_version != header.mpy_version:
        raise FlashError(
            f"{label} loads .mpy files of version {facts.mpy_version}, the bundle has "
            f"{header.mpy_version}",
            update,
        )
    if facts.mcu != header.mcu:
        raise FlashError(
            f"{label} is a {facts.machine} ({facts.mcu or 'unknown processor'}), the bundle is for "
            f"{header.mcu}",
            "build the bundle of this board: nullfield bundle build NAME",
        )
