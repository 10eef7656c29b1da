"""A UF2 image onto a board in BOOTSEL mode."""

from __future__ import annotations

from pathlib import Path

from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.deploy.boot_drive import choose_drive, copy_image
from nullfield.deploy.uf2 import read_uf2


def flash_image(file: Path, directory: Path | None, is_json: bool) -> None:
    """Check an image, copy it to the drive, and say so."""
    image = read_uf2(file)
    drive = choose_drive(directory)
    with progress_bars(is_json) as progress:
        copy_image(image, drive, lambda part: progress("Image", part, str(drive.path)))
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
