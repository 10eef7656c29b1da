"""What the running firmware knows of its own start, and how it is confirmed.

``main.py`` on the board chose the slot; it keeps ``boot.txt`` by its own code, because upgrades
never touch it. The keys: ``active`` and ``trial`` (``a``, ``b`` or empty for built-in and none),
``attempts`` (starts of the trial so far), ``note`` (why the last trial was given up).
"""

import hashlib

from .text_file import read_lines, read_values, write_values

FILE = "boot.txt"
SLOTS = ("", "a", "b")
TRIAL_LIMIT_BLOCKS = 60000
"""A trial that nobody confirmed for so long resets the board: 60 s of 1 ms blocks."""


class Boot:
    """The start of this firmware.

    Parameters
    ----------
    slot : str
        ``a``, ``b`` or empty for built-in.
    is_trial : bool
    unit : str
        Name of the unit, from ``provision.txt``.
    """

    def __init__(self, slot="", is_trial=False, unit=""):
        self.slot = slot
        self.is_trial = is_trial
        self.unit = unit

    @property
    def number(self):
        """Slot as the wire has it."""
        return SLOTS.index(self.slot)

    def confirm(self, root):
        """Make the firmware on trial the one that boots. Raises OSError if flash refuses."""
        if not self.is_trial:
            return
        write_values(
            root + "/" + FILE, {"active": self.slot, "trial": "", "attempts": "0", "note": ""}
        )
        self.is_trial = False

    def damaged_file(self, root, feed):
        """Path of the first file of this slot that differs from its manifest; None if all are good.

        Built-in firmware has no manifest: its image carries checksums of its own.
        """
        if not self.slot:
            return None
        folder = root + "/slots/" + self.slot
        return first_damaged(folder, feed)


def first_damaged(folder, feed):
    """Path of the first file below a slot's folder that differs from its manifest, or None.

    `feed` is called before each file: the watchdog's time is short for all of them together.
    """
    lines = read_lines(folder + "/manifest.txt")
    if lines is None:
        return "manifest.txt"
    for line in lines:
        if not line.startswith("file="):
            continue
        feed()
        size, digest, path = line[5:].split(" ", 2)
        if _digest(folder + "/" + path, int(size)) != digest:
            return path
    return None


def _digest(path, size):
    """SHA-256 of a file in hex digits; empty if it is missing or has another size."""
    checksum = hashlib.sha256()
    buffer = bytearray(512)
    total = 0
    try:
        with open(path, "rb") as stream:
            while True:
                count = stream.readinto(buffer)
                if not count:
                    break
                checksum.update(memoryview(buffer)[:count])
                total += count
    except OSError:
        return ""
    if total != size:
        return ""
    return "".join(["%02x" % byte for byte in checksum.digest()])


def provision(root):
    """Values of ``provision.txt``: ``board`` and ``unit``; empty if the board was never provisioned.

    Empty, too, if the flash or the file cannot be read: the board then comes up as its firmware
    says, or as a bare module, and tells the host of its flash, instead of ending at the prompt.
    """
    try:
        return read_values(root + "/provision.txt")
    except (OSError, ValueError):
        return {}
