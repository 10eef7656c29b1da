"""Where the table stands, kept in flash while it stands: a restart then needs no homing.

Flash stops the processor for some milliseconds, and writing a file allocates: all of this is for a
table that stands, with its motor off. The spindle locks itself, so it stays where it was left.
"""

import gc
import os

from ..text_file import read_values, write_values

_FILE = "/place.txt"
_KEY = "microsteps"


class TablePlace:
    """The place in flash.

    Attributes
    ----------
    is_able : bool
        There is a file system that takes it.
    is_kept : bool
        A file says where the table stands.
    is_found : bool
        One was there at the start, and nobody has taken it over yet.
    microsteps : int
        What it says.
    """

    def __init__(self):
        self.is_able = False
        self.is_kept = False
        self.is_found = False
        self.microsteps = 0
        self._path = ""

    def load(self, root):
        """Read the file at the start; False if it is damaged, which makes the place unknown."""
        try:
            os.stat(root or "/")
        except OSError:
            return True  # without a file system nothing is kept
        self._path = root + _FILE
        self.is_able = True
        try:
            values = read_values(self._path)
            if _KEY in values:
                self.microsteps = int(values[_KEY])
                self.is_kept = self.is_found = True
        except (OSError, ValueError):
            self.is_kept = True  # and is taken away
            return False
        return True

    def keep(self, microsteps):
        """Write the place; False if the flash refuses, and then it is not tried again."""
        gc.enable()
        try:
            write_values(self._path, {_KEY: microsteps})
            self.is_kept = True
        except OSError:
            self.is_able = False
        finally:
            gc.collect()
            gc.disable()
        return self.is_kept

    def forget(self):
        """Take the file away; False if the flash refuses: then it still tells a place.

        Before a move it is tried again, at rest it is not.
        """
        gc.enable()
        try:
            os.remove(self._path)
            self.is_kept = False
        except OSError:
            self.is_able = False
        finally:
            gc.collect()
            gc.disable()
        return not self.is_kept
