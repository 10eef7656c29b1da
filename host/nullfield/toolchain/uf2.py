"""UF2: the file that a board in its boot loader takes, as USB drive or from picotool.

Blocks of 512 bytes, each with 256 bytes of the image, its address and the family of the chip.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nullfield.errors import InputError

FLASH_START = 0x10000000
_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_FAMILY_PRESENT = 0x2000
_NOT_MAIN_FLASH = 0x0001
_BLOCK_BYTES = 512
_PAYLOAD_BYTES = 256
_HEAD = struct.Struct("<8I")


@dataclass(frozen=True)
class Uf2Image:
    """What a UF2 file holds.

    Parameters
    ----------
    family : int
        Which chip it is for.
    address : int
        Of the first byte.
    data : bytes
        The image; places between blocks are 0xFF.
    """

    family: int
    address: int
    data: bytes


def encode_uf2(data: bytes, family: int, address: int = FLASH_START) -> bytes:
    """Make a UF2 file.

    Parameters
    ----------
    data : bytes
        The image; its end is filled up with 0xFF.
    family : int
        Which chip it is for.
    address : int
        Where the image begins.
    """
    count = -(-len(data) // _PAYLOAD_BYTES)
    blocks = []
    for number in range(count):
        at = number * _PAYLOAD_BYTES
        head = _HEAD.pack(
            *_MAGIC[:2], _FAMILY_PRESENT, address + at, _PAYLOAD_BYTES, number, count, family
        )
        payload = data[at : at + _PAYLOAD_BYTES].ljust(_PAYLOAD_BYTES, b"\xff")
        fill = bytes(_BLOCK_BYTES - _HEAD.size - _PAYLOAD_BYTES - 4)
        blocks.append(head + payload + fill + struct.pack("<I", _MAGIC[2]))
    return b"".join(blocks)


def decode_uf2(file: bytes) -> Uf2Image:
    """Read a UF2 file; raises `InputError` if it is none, is cut short or holds two families.

    Parameters
    ----------
    file : bytes
        The whole file.
    """
    if not file or len(file) % _BLOCK_BYTES:
        raise InputError(f"no UF2 file: {len(file)} bytes are not a number of blocks of 512")
    pieces: dict[int, bytes] = {}
    families = set()
    for number in range(len(file) // _BLOCK_BYTES):
        block = file[number * _BLOCK_BYTES : (number + 1) * _BLOCK_BYTES]
        first, second, flags, address, size, index, count, family = _HEAD.unpack_from(block)
        (last,) = struct.unpack_from("<I", block, _BLOCK_BYTES - 4)
        if (first, second, last) != _MAGIC:
            raise InputError(f"no UF2 file: block {number} has other magic numbers")
        if flags & _NOT_MAIN_FLASH:
            continue
        if not flags & _FAMILY_PRESENT:
            raise InputError(f"block {number} of the UF2 file names no family of chips")
        if index != number or count != len(file) // _BLOCK_BYTES:
            raise InputError(f"the UF2 file is cut: block {index} of {count} at place {number}")
        if size > _BLOCK_BYTES - _HEAD.size - 4:
            raise InputError(f"block {number} of the UF2 file says it holds {size} bytes")
        families.add(family)
        pieces[address] = block[_HEAD.size : _HEAD.size + size]
    if len(families) != 1:
        raise InputError(f"the UF2 file is for {len(families)} families of chips, not for one")
    start = min(pieces)
    data = bytearray(b"\xff" * (max(at + len(piece) for at, piece in pieces.items()) - start))
    for at, piece in pieces.items():
        data[at - start : at - start + len(piece)] = piece
    return Uf2Image(families.pop(), start, bytes(data))
