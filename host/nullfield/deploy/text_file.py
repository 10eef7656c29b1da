"""The boards' small text files: ``key=value`` lines and a CRC-32 of everything before it.

Firmware side: ``nullfield_fw/text_file.py`` and, standing alone, the bootstrap ``main.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zlib import crc32

from nullfield.errors import InputError


def format_lines(lines: Iterable[str]) -> bytes:
    """File content of some lines."""
    body = "".join(line + "\n" for line in lines).encode()
    return body + b"#%08x\n" % crc32(body)


def parse_lines(content: bytes, name: str) -> list[str]:
    """Lines of a file's content.

    Parameters
    ----------
    content : bytes
    name : str
        What the file is called in an error.

    Raises
    ------
    InputError
        If the checksum is missing or wrong.
    """
    mark = content.rfind(b"#")
    trouble = InputError(f"{name} is damaged: its checksum is wrong", "flash the board again")
    if mark < 0 or content[mark:] != b"#%08x\n" % crc32(content[:mark]):
        raise trouble
    try:
        text = content[:mark].decode()
    except UnicodeDecodeError:
        raise trouble from None
    return text.split("\n")[:-1]


def format_values(values: Mapping[str, str]) -> bytes:
    """File content of values by key, in order of the keys, as the board writes it."""
    return format_lines(f"{key}={values[key]}" for key in sorted(values))


def parse_values(content: bytes, name: str) -> dict[str, str]:
    """Values by key; raises as `parse_lines`."""
    values = {}
    for line in parse_lines(content, name):
        key, _, value = line.partition("=")
        values[key] = value
    return values
