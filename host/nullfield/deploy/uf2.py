"""UF2 images: read and judged before they are copied to a board in BOOTSEL mode.

The format is Microsoft's: blocks of 512 bytes, each complete by itself. The family says which processor
an image is for (RP2040 data sheet 2.8.4.2, RP2350 data sheet 5.5.3).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from nullfield.errors import InputError

BLOCK_BYTES = 512
FAMILIES = {
    0xE48BFF56: "rp2040",
    0xE48BFF57: "absolute",
    0xE48BFF59: "rp2350",
    0xE48BFF5A: "rp2350-riscv",
    0xE48BFF5B: "rp2350",
}
"""Family numbers: RP2040, absolute, RP2350 ARM secure, RISC-V, ARM non-secure."""

_HEADER = struct.Struct("<8I")
_FIRST_MAGIC = 0x0A324655
_SECOND_MAGIC = 0x9E5D5157
_LAST_MAGIC = 0x0AB16F30
_NOT_MAIN_FLASH = 0x00000001
_HAS_FAMILY = 0x00002000
_PAYLOAD_LIMIT = 476
_FLASH_START = 0x10000000
_FLASH_END = 0x11000000
"""The first 16 MiB of execute-in-place space: the largest flash of either processor's chip select 0."""

_LARGEST_IMAGE_BYTES = 64 << 20


@dataclass(frozen=True)
class Uf2Image:
    """A checked image.

    Attributes
    ----------
    mcu : str
        ``rp2040`` or ``rp2350``.
    blocks : int
        Blocks of 512 bytes in the file.
    payload_bytes : int
        Bytes that go to flash.
    data : bytes
        The file.
    """

    mcu: str
    blocks: int
    payload_bytes: int
    data: bytes


def read_uf2(path: Path) -> Uf2Image:
    """Read an image; raises as `parse_uf2`, or if the file cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_IMAGE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "give a file .uf2") from error
    return parse_uf2(data, str(path))


def parse_uf2(data: bytes, name: str) -> Uf2Image:
    """Check an image.

    Raises
    ------
    InputError
        If it is no UF2 file, is cut short, leaves the flash, or is for another processor.
    """
    if not data or len(data) % BLOCK_BYTES or len(data) > _LARGEST_IMAGE_BYTES:
        raise InputError(
            f"{name} is no whole UF2 image: {len(data)} bytes are no number of 512-byte blocks",
            "build it with 'make firmware', or fetch it again",
        )
    numbers: dict[str, set[int]] = defaultdict(set)
    totals: dict[str, set[int]] = defaultdict(set)
    addresses: set[int] = set()
    payload = 0
    for at in range(0, len(data), BLOCK_BYTES):
        mcu, number, total, address, size = _block(data, at, name)
        # The absolute block works round erratum RP2350-E10 and counts by itself.
        if mcu == "absolute":
            continue
        if address in addresses:
            raise InputError(f"{name}: two blocks go to 0x{address:08x}", "fetch the image again")
        addresses.add(address)
        numbers[mcu].add(number)
        totals[mcu].add(total)
        payload += size
    if len(numbers) != 1:
        families = ", ".join(sorted(numbers)) or "no processor at all"
        raise InputError(f"{name} is for {families}", "give an image for one processor")
    mcu = next(iter(numbers))
    if mcu not in ("rp2040", "rp2350"):
        raise InputError(f"{name} is for {mcu}", "give an image for RP2040 or RP2350 (ARM)")
    if totals[mcu] != {len(numbers[mcu])} or numbers[mcu] != set(range(len(numbers[mcu]))):
        raise InputError(
            f"{name} is cut short: {len(numbers[mcu])} blocks of {max(totals[mcu])} are there",
            "build it with 'make firmware', or fetch it again",
        )
    return Uf2Image(mcu, len(data) // BLOCK_BYTES, payload, data)


def _block(data: bytes, at: int, name: str) -> tuple[str, int, int, int, int]:
    """Processor, number, count, address and size of a block."""
    first, second, flags, address, size, number, total, family = _HEADER.unpack_from(data, at)
    last = struct.unpack_from("<I", data, at + BLOCK_BYTES - 4)[0]
    where = f"{name}: block {at // BLOCK_BYTES}"
    if (first, second, last) != (_FIRST_MAGIC, _SECOND_MAGIC, _LAST_MAGIC):
        raise InputError(f"{where} is no UF2 block", "give a file .uf2, or fetch it again")
    if not flags & _HAS_FAMILY or family not in FAMILIES:
        raise InputError(
            f"{where} is for the unknown family 0x{family:08x}",
            "give an image for RP2040 or RP2350",
        )
    if flags & _NOT_MAIN_FLASH or size > _PAYLOAD_LIMIT:
        raise InputError(f"{where} does not go to flash", "fetch the image again")
    if not _FLASH_START <= address <= _FLASH_END - size:
        raise InputError(f"{where} goes to 0x{address:08x}, outside the flash", "fetch it again")
    return FAMILIES[family], number, total, address, size
