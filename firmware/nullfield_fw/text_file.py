"""Small text files on the board's flash: ``key=value`` lines and a CRC-32, replaced as a whole."""

import binascii
import os

_ENOENT = 2


def read_lines(path):
    """Lines of a file whose checksum holds; None if there is no such file.

    Raises
    ------
    ValueError
        If the checksum is wrong or missing.
    OSError
        If the file system cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            text = stream.read()
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise
        return None
    mark = text.rfind(b"#")
    if mark < 0 or text[mark + 1 : mark + 9] != b"%08x" % binascii.crc32(text[:mark]):
        raise ValueError(path + " is damaged")
    return text[:mark].decode().split("\n")[:-1]


def read_values(path):
    """Values by key; empty if there is no such file. Raises as `read_lines`."""
    values = {}
    for line in read_lines(path) or ():
        key, _, value = line.partition("=")
        values[key] = value
    return values


def write_lines(path, lines):
    """Write by way of a second file, so that a power cut keeps the old or the new one whole.

    Raises
    ------
    OSError
        If the file system refuses; the old file is then still in place.
    """
    body = "".join([line + "\n" for line in lines]).encode()
    with open(path + ".new", "wb") as stream:
        stream.write(body)
        stream.write(b"#%08x\n" % binascii.crc32(body))
    os.rename(path + ".new", path)


def write_values(path, values):
    """Write values by key; raises as `write_lines`."""
    write_lines(path, ["%s=%s" % (key, values[key]) for key in sorted(values)])
