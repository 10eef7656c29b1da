"""Zip files without compression or anything that varies: equal content, equal bytes.

Any unzip reads them. They are written here, not by `zipfile`, because a file is accepted only if
it is byte for byte what this writer makes of its content; that must not depend on the version of
Python. (Layout: PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.)
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable
from zlib import crc32

from nullfield.errors import BundleError

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_VERSION = 20
_UNIX = 3 << 8
_DOS_EPOCH = 1 << 5 | 1
"""1 January 1980, the first day that the format can say."""

_FILE_MODE = 0o100644 << 16


def write_stored(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Zip file of names and contents, in the order given."""
    body = bytearray()
    directory = bytearray()
    count = 0
    for name, content in entries:
        raw = name.encode("ascii")
        common = (0, 0, 0, _DOS_EPOCH, crc32(content), len(content), len(content), len(raw), 0)
        directory += _CENTRAL.pack(
            0x02014B50, _UNIX | _VERSION, _VERSION, *common, 0, 0, 0, _FILE_MODE, len(body)
        )
        directory += raw
        body += _LOCAL.pack(0x04034B50, _VERSION, *common) + raw + content
        count += 1
    end = _END.pack(0x06054B50, 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def read_stored(data: bytes, name: str) -> dict[str, bytes]:
    """Contents by name, in the file's order.

    Raises
    ------
    BundleError
        If the file is anything but what `write_stored` makes of these contents.
    """
    trouble = BundleError(
        f"{name} is damaged: it is not as a bundle is written", "build or fetch the bundle again"
    )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            # Nothing is unpacked that could grow: every entry lies in the file as it is.
            if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
                raise trouble
            entries = {info.filename: archive.read(info) for info in infos}
        is_same = len(entries) == len(infos) and write_stored(entries.items()) == data
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, EOFError, OSError):
        raise trouble from None
    if not is_same:
        raise trouble
    return entries
