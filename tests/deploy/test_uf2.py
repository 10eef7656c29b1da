"""UF2 images and the drives of boards in BOOTSEL mode."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nullfield.deploy.boot_drive import choose_drive, copy_image, find_drives, read_drive
from nullfield.deploy.uf2 import parse_uf2, read_uf2
from nullfield.errors import FlashError, InputError

RP2040, ABSOLUTE, RP2350 = 0xE48BFF56, 0xE48BFF57, 0xE48BFF59
START = 0x10000000


def block(
    number: int, total: int, family: int = RP2350, address: int | None = None, flags: int = 0x2000
) -> bytes:
    at = START + 256 * number if address is None else address
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, at, 256, number, total, family)
    return (head + bytes([number & 255]) * 256).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def image(total: int = 5, family: int = RP2350) -> bytes:
    return b"".join(block(n, total, family) for n in range(total))


def make_drive(directory: Path, board_id: str = "RP2350") -> Path:
    directory.mkdir()
    (directory / "INFO_UF2.TXT").write_text(
        f"UF2 Bootloader v1.0\r\nModel: Raspberry Pi\r\nBoard-ID: {board_id}\r\n", newline=""
    )
    return directory


def test_good_images() -> None:
    assert parse_uf2(image(), "x").mcu == "rp2350"
    assert parse_uf2(image(family=RP2040), "x").mcu == "rp2040"
    assert parse_uf2(image(7), "x").payload_bytes == 7 * 256
    # The block that works round erratum RP2350-E10 comes first and counts by itself.
    with_absolute = block(0, 2, ABSOLUTE, 0x10FFFF00) + image()
    assert parse_uf2(with_absolute, "x").payload_bytes == 5 * 256


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no whole UF2 image"),
        (image()[:-1], "no whole UF2 image"),
        (image()[:-512], "cut short: 4 blocks of 5"),
        (image()[512:], "cut short"),
        (b"\x7fELF".ljust(512, b"\0"), "block 0 is no UF2 block"),
        (image() + bytes(512), "block 5 is no UF2 block"),
        (image(family=0x12345678), "unknown family 0x12345678"),
        (image(family=0xE48BFF5A), "is for rp2350-riscv"),
        (block(0, 2, RP2040) + block(1, 2, RP2350), "is for rp2040, rp2350"),
        (block(0, 1, address=0x20000000), "outside the flash"),
        (block(0, 2) + block(1, 2, address=START), "two blocks go to 0x10000000"),
        (block(0, 1, flags=0), "unknown family"),
        (block(0, 1, flags=0x2001), "does not go to flash"),
        (block(0, 2, ABSOLUTE, 0x10FFFF00), "no processor at all"),
    ],
)
def test_bad_images(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        parse_uf2(data, "image.uf2")
    assert "image.uf2" in refused.value.message
    assert refused.value.hint


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_uf2(tmp_path / "none.uf2")


@pytest.mark.parametrize(("board_id", "family"), [("RPI-RP2", RP2040), ("RP2350", RP2350)])
def test_an_image_is_copied_whole(tmp_path: Path, board_id: str, family: int) -> None:
    drive = read_drive(make_drive(tmp_path / "drive", board_id))
    data = image(700, family)
    shown: list[float] = []
    copy_image(parse_uf2(data, "x"), drive, shown.append)
    assert (drive.path / "firmware.uf2").read_bytes() == data
    assert shown == sorted(shown)
    assert len(shown) > 3
    assert shown[-1] == 1.0


def test_the_wrong_processor_is_refused(tmp_path: Path) -> None:
    drive = read_drive(make_drive(tmp_path / "drive", "RPI-RP2"))
    with pytest.raises(InputError, match=r"image is for rp2350, the board at .* is an rp2040"):
        copy_image(parse_uf2(image(), "x"), drive, lambda part: None)
    assert list(drive.path.glob("*.uf2")) == []


def test_a_full_drive_is_an_error_of_flashing(tmp_path: Path) -> None:
    drive = read_drive(make_drive(tmp_path / "drive"))
    (drive.path / "firmware.uf2").mkdir()
    with pytest.raises(FlashError, match="failed after 0 of 2560 bytes") as failed:
        copy_image(parse_uf2(image(), "x"), drive, lambda part: None)
    assert failed.value.exit_code == 15
    assert "BOOTSEL" in failed.value.hint


def mounts_of(tmp_path: Path, *directories: Path) -> Path:
    path = tmp_path / "mounts"
    lines = [f"/dev/sda1 {str(d).replace(' ', chr(92) + '040')} vfat rw 0 0" for d in directories]
    path.write_text("\n".join(["proc /proc proc rw 0 0", *lines]) + "\n")
    return path


def test_mounted_drives_are_found(tmp_path: Path) -> None:
    board = make_drive(tmp_path / "my board")
    (tmp_path / "stick").mkdir()
    mounts = mounts_of(tmp_path, board, tmp_path / "stick")
    assert [one.path for one in find_drives(mounts, tmp_path / "none")] == [board]
    assert choose_drive(None, mounts, tmp_path / "none").path == board


def test_which_drive_is_meant(tmp_path: Path) -> None:
    two = [make_drive(tmp_path / "one"), make_drive(tmp_path / "two", "RPI-RP2")]
    with pytest.raises(InputError, match="2 boards are in BOOTSEL mode") as many:
        choose_drive(None, mounts_of(tmp_path, *two), tmp_path / "none")
    assert "--drive" in many.value.hint
    with pytest.raises(InputError, match="no board is in BOOTSEL mode") as none:
        choose_drive(None, mounts_of(tmp_path), tmp_path / "none")
    assert "hold BOOTSEL" in none.value.hint


def test_a_drive_that_is_not_mounted(tmp_path: Path) -> None:
    labels = tmp_path / "by-label"
    labels.mkdir()
    (labels / "RP2350").write_text("")
    with pytest.raises(InputError, match="its drive is not mounted") as refused:
        choose_drive(None, mounts_of(tmp_path), labels)
    assert refused.value.hint == f"udisksctl mount -b {labels / 'RP2350'}"


def test_a_directory_that_is_no_drive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it has no INFO_UF2\.TXT"):
        choose_drive(tmp_path)
    with pytest.raises(InputError, match="unknown board Feather"):
        read_drive(make_drive(tmp_path / "feather", "Feather"))
