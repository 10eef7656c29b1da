"""A virtual board's end of the exchange with the rig process, and its flash.

Below the firmware, like a chip's boot code: `main.py` and ``hal/virtual.py`` of whichever version use
it. Message layouts stand in the host's ``nullfield.virtual.exchange``.
"""

import os
import vfs

root = "/flash"

_descriptor = int(os.getenv("NULLFIELD_RIG_FD"))
received = open(_descriptor, "rb")
sent = open(_descriptor, "wb")


def _hello():
    # `readinto` goes on until the buffer is full, so every message has a known length.
    message = bytearray(24)
    message[0] = 66  # 'B': who am I
    sent.write(message)
    received.readinto(message)
    return message


_who = _hello()
uid = bytes(_who[8:16])
reset_cause = _who[4]
_blocks = _who[5] | _who[6] << 8
_scratch = [int.from_bytes(_who[at : at + 4], "little") for at in (16, 20)]
_request = bytearray(8 + 4096)
_done = bytearray(1)
_scratch_message = bytearray(8)
_scratch_message[0] = 87  # 'W'


class Blocks:
    """Block device behind the file system: 4096-byte blocks, 256-byte program pages."""

    def readblocks(self, block, buffer, offset=0):
        _flash(0, block, offset, buffer)

    def writeblocks(self, block, buffer, offset=0):
        _flash(1, block, offset, buffer)

    def ioctl(self, operation, argument):
        if operation == 4:
            return _blocks
        if operation == 5:
            return 4096
        if operation == 6:
            _flash(2, argument, 0, b"")
            return 0
        return 0


def _flash(operation, block, offset, buffer):
    """One flash operation: 0 read, 1 program, 2 erase."""
    count = len(buffer)
    _request[0] = 70  # 'F'
    _request[1] = operation
    # Nothing is allocated: the application switches the collector off, and a file is many operations.
    _request[2] = block & 255
    _request[3] = block >> 8
    _request[4] = offset & 255
    _request[5] = offset >> 8
    _request[6] = count & 255
    _request[7] = count >> 8
    size = 8
    if operation == 1:
        for at in range(count):
            _request[8 + at] = buffer[at]
        size += count
    sent.write(_request, size)
    if (received.readinto(buffer) if operation == 0 else received.readinto(_done)) == 0:
        raise SystemExit


def mount():
    """Mount the flash; a new (all erased) one is formatted, a damaged one never."""
    blocks = Blocks()
    try:
        volume = vfs.VfsLfs2(blocks, readsize=256, progsize=256)  # type: ignore[arg-type]
    except OSError:
        part = bytearray(256)
        erased = b"\xff" * 256
        # As ``_boot.py`` of our images: both superblocks, whole.
        for block in (0, 1):
            for offset in range(0, 4096, 256):
                blocks.readblocks(block, part, offset)
                if part != erased:
                    return
        vfs.VfsLfs2.mkfs(blocks, readsize=256, progsize=256)  # type: ignore[arg-type]
        volume = vfs.VfsLfs2(blocks, readsize=256, progsize=256)  # type: ignore[arg-type]
    vfs.mount(volume, root)


def leave(reason):
    """End this process: 0 for a reset, 1 for good. Outputs fall to their safe levels."""
    sent.write(bytes((81, reason)))  # 'Q'
    raise SystemExit


class Chip:
    """What ``main.py`` needs of the processor."""

    root = root
    # As on the RP2 series, every reset but power-on reads as one by the watchdog.
    was_watchdog = reset_cause == 2

    def scratch(self, number):
        return _scratch[number]

    def set_scratch(self, number, value):
        _scratch[number] = value
        message = _scratch_message
        message[1] = number
        for place in range(4):
            message[4 + place] = value >> 8 * place & 255
        sent.write(message)
        received.readinto(_done)

    def is_held(self):
        return False

    def has_built_in(self):
        return os.getenv("NULLFIELD_IMAGE") != "stock"

    def interrupted(self):
        """The next reset is no crash; the prompt feeds the watchdog itself."""
        self.set_scratch(0, 0x4E460001)  # CLEAN, see main.py

    def guard(self):
        """The rig process notices a board that hangs."""

    def keep_prompt(self):
        """Without firmware the prompt is all there is; else the rig process tells what went wrong."""
        if os.getenv("NULLFIELD_IMAGE") != "stock":
            leave(1)

    def reset(self):
        leave(0)
