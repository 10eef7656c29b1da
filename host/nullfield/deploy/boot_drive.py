"""Boards in BOOTSEL mode: a small drive that takes a UF2 image."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nullfield.deploy.uf2 import Uf2Image
from nullfield.errors import FlashError, InputError

INFO_FILE = "INFO_UF2.TXT"
BOARD_IDS = {"RPI-RP2": "rp2040", "RP2350": "rp2350"}
"""Processor by the ``Board-ID`` of the boot ROM's information file."""

LABELS = ("RPI-RP2", "RP2350")
"""Volume labels of the two boot ROMs."""

_MOUNTS = Path("/proc/mounts")
_BY_LABEL = Path("/dev/disk/by-label")
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class BootDrive:
    """A mounted drive of a board in BOOTSEL mode."""

    path: Path
    board_id: str
    mcu: str


def read_drive(path: Path) -> BootDrive:
    """The drive that is mounted at a directory.

    Raises
    ------
    InputError
        If it is no drive of a board in BOOTSEL mode.
    """
    try:
        text = (path / INFO_FILE).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path} is no drive of a board in BOOTSEL mode: it has no {INFO_FILE}",
            "hold BOOTSEL while plugging the board in, and give the drive that appears",
        ) from error
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    board_id = lines.get("Board-ID", "").strip()
    if board_id not in BOARD_IDS:
        raise InputError(
            f"{path} belongs to the unknown board {board_id or 'without a Board-ID'}",
            f"give the drive of one of {', '.join(BOARD_IDS)}",
        )
    return BootDrive(path, board_id, BOARD_IDS[board_id])


def find_drives(mounts: Path = _MOUNTS, volumes: Path = Path("/Volumes")) -> list[BootDrive]:
    """Mounted drives of boards in BOOTSEL mode.

    Parameters
    ----------
    mounts : path
        The kernel's list of mounts.
    volumes : path
        Where macOS mounts drives.
    """
    points = []
    if mounts.exists():
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            fields = line.split(" ")
            if len(fields) > 2 and fields[2] in ("vfat", "msdos"):
                # The kernel writes a space as \040.
                points.append(Path(fields[1].replace("\\040", " ")))
    points += sorted(volumes.glob("*")) if volumes.is_dir() else []
    return [read_drive(point) for point in points if (point / INFO_FILE).is_file()]


def choose_drive(
    drive: Path | None, mounts: Path = _MOUNTS, by_label: Path = _BY_LABEL
) -> BootDrive:
    """The drive that was given, or the only one there is.

    Raises
    ------
    InputError
        If there is none or more than one; says how to mount one that is plugged in.
    """
    if drive is not None:
        return read_drive(drive)
    found = find_drives(mounts)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{len(found)} boards are in BOOTSEL mode: {', '.join(str(one.path) for one in found)}",
            "give one of them with --drive",
        )
    plugged = [by_label / label for label in LABELS if (by_label / label).exists()]
    if plugged:
        raise InputError(
            f"a board in BOOTSEL mode is plugged in ({plugged[0].name}), but its drive is not mounted",
            f"udisksctl mount -b {plugged[0]}",
        )
    raise InputError(
        "no board is in BOOTSEL mode",
        "hold BOOTSEL while plugging the board in; or give the drive's directory with --drive",
    )


def copy_image(image: Uf2Image, drive: BootDrive, progress: Callable[[float], None]) -> None:
    """Write an image to a drive; the board starts it by itself.

    Parameters
    ----------
    image : Uf2Image
    drive : BootDrive
    progress : callable
        Takes the fraction that is written.

    Raises
    ------
    InputError
        If the image is for another processor.
    FlashError
        If the drive goes away before all is written.
    """
    if image.mcu != drive.mcu:
        raise InputError(
            f"the image is for {image.mcu}, the board at {drive.path} is an {drive.mcu}",
            f"give the image for {drive.mcu}: 'make firmware' builds both",
        )
    target = drive.path / "firmware.uf2"
    written = 0
    try:
        with target.open("wb", buffering=0) as stream:
            while written < len(image.data):
                written += stream.write(image.data[written : written + _PIECE_BYTES])
                # Each piece reaches the board before the next: a bar that shows what is so.
                os.fsync(stream.fileno())
                progress(written / len(image.data))
    except OSError as error:
        # With the last block the board restarts and its drive is gone, which ends the last fsync
        # in an error; what misses a block never restarts.
        if written < len(image.data) or drive.path.exists():
            raise FlashError(
                f"writing to {target} failed after {written} of {len(image.data)} bytes "
                f"({error.strerror})",
                "plug the board in again with BOOTSEL held, and run it again: the boot ROM stays",
            ) from error
        progress(1.0)
