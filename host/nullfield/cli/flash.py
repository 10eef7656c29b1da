"""``flash``: firmware onto boards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.deploy.boot_drive import choose_drive, copy_image
from nullfield.deploy.uf2 import read_uf2
from nullfield.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog="Example: [bold]nullfield flash --uf2 nullfield-rp2350.uf2[/]    "
        "[bold]nullfield flash --uf2 image.uf2 --drive /media/me/RP2350[/]"
    )(flash)


def flash(
    uf2: Annotated[
        Path | None, typer.Option("--uf2", help="Image for a board in BOOTSEL mode.")
    ] = None,
    drive: Annotated[
        Path | None, typer.Option("--drive", help="Where its drive is mounted.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Put firmware on boards."""
    if uf2 is not None:
        _flash_image(uf2, drive, is_json)
        return
    raise InputError("nothing to do", "give --uf2")


def _flash_image(file: Path, directory: Path | None, is_json: bool) -> None:
    image = read_uf2(file)
    drive = choose_drive(directory)
    with progress_bars(is_json) as progress:
        copy_image(image, drive, lambda part: progress("flash", part, str(drive.path)))
    if is_json:
        print_json(
            {
                "file": str(file),
                "drive": str(drive.path),
                "board_id": drive.board_id,
                "mcu": image.mcu,
                "payload_bytes": image.payload_bytes,
            }
        )
    else:
        output.print(
            f"{image.payload_bytes} bytes for {image.mcu} are on the board at {drive.path}; "
            "it starts by itself"
        )
