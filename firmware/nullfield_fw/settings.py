"""Settings: described, limited and kept by the board itself.

A setting is an int32; its description says unit and power of ten. Limits of the board definition
narrow the application's and no write can pass them.
"""

from array import array

from . import wire
from .text_file import read_lines, write_lines

_FILE = "settings.txt"


class Setting:
    """Description of one setting; `value * 10**exponent` is in `unit`."""

    def __init__(
        self,
        name,
        unit,
        exponent,
        minimum,
        maximum,
        default,
        kind=0,
        persistent=True,
        read_only=False,
    ):
        if not minimum <= default <= maximum:
            raise ValueError(name)
        self.name = name.encode()
        self.unit = unit.encode()
        self.exponent = exponent
        self.minimum = minimum
        self.maximum = maximum
        self.default = default
        self.kind = kind
        self.flags = (wire.SETTING_FLAG_PERSISTENT if persistent else 0) | (
            wire.SETTING_FLAG_READ_ONLY if read_only else 0
        )


class Settings:
    """All settings of a board, by index.

    Attributes
    ----------
    value : array of int32
        The values in force; the application reads them by index.
    items : list of Setting
    """

    def __init__(self, items):
        self.items = items
        self.value = array("i", [item.default for item in items])

    def index(self, name):
        """Index of a setting by its name, for start-up code."""
        wanted = name.encode()
        for number, item in enumerate(self.items):
            if item.name == wanted:
                return number
        raise KeyError(name)

    def write(self, number, value):
        """Change one value; returns an error code and changes nothing unless it is OK."""
        if not 0 <= number < len(self.items):
            return wire.ERROR_CODE_UNKNOWN_SETTING
        item = self.items[number]
        if item.flags & wire.SETTING_FLAG_READ_ONLY:
            return wire.ERROR_CODE_READ_ONLY
        if value < item.minimum:
            return wire.ERROR_CODE_BELOW_MINIMUM
        if value > item.maximum:
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        self.value[number] = value
        return wire.ERROR_CODE_OK

    def defaults(self):
        """Every value to its default."""
        for number in range(len(self.items)):
            self.value[number] = self.items[number].default

    def save(self, root):
        """Write the persistent values to flash by way of a second file, so a power cut keeps one.

        Raises
        ------
        OSError
            If the file system refuses; the old file is then still in place.
        """
        lines = [
            "%s=%d" % (item.name.decode(), self.value[number])
            for number, item in enumerate(self.items)
            if item.flags & wire.SETTING_FLAG_PERSISTENT
        ]
        write_lines(root + "/" + _FILE, lines)

    def load(self, root):
        """Read values from flash. True if a good file was read, False if there is none.

        Unknown names are passed over and values outside the limits keep their default, so a file
        of another firmware version does no harm.

        Raises
        ------
        ValueError
            If the file's checksum is wrong; the values are then the defaults.
        """
        lines = read_lines(root + "/" + _FILE)
        if lines is None:
            return False
        for line in lines:
            name, _, number = line.partition("=")
            try:
                self.write(self.index(name), int(number))
            except KeyError:
                continue
        return True
