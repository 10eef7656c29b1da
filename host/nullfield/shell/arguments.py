"""Arguments of typed commands: heads, channels, switches, quantities with units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nullfield.errors import InputError
from nullfield.quantity import parse_quantity
from nullfield_protocol.catalogue import Command, Role

_NUMBER = re.compile(r"[-+]?(\d|\.\d)")


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Attributes
    ----------
    name : str
        For usage and errors.
    unit : str
        SI unit of a quantity, empty otherwise.
    per_unit : float
        Counts of the wire in one unit.
    words : tuple of str
        The only words that are taken, in the order of their numbers.
    first : int
        Number of the first word.
    most : int
        Largest whole number, for channels.
    is_heads : bool
        All remaining words are head numbers; none means all heads.
    """

    name: str
    unit: str = ""
    per_unit: float = 1.0
    words: tuple[str, ...] = ()
    first: int = 0
    most: int = -1
    is_heads: bool = False

    @property
    def usage(self) -> str:
        """How it is written in a command's usage."""
        if self.is_heads:
            return "[HEAD...]"
        if self.words:
            return "|".join(self.words)
        return f"{self.name.upper()}{f' [{self.unit}]' if self.unit else ''}"


HEADS = Argument("heads", is_heads=True)
SWITCH = Argument("switch", words=("off", "on"))

ROLE_COMMANDS: dict[Command, tuple[Role, tuple[Argument, ...], str]] = {
    Command.SENSOR_START: (Role.SENSOR, (HEADS,), "heater, laser, lock, field zero"),
    Command.SENSOR_ZERO: (Role.SENSOR, (HEADS,), "null the effective field at the cells"),
    Command.SENSOR_LOOP: (
        Role.SENSOR,
        (SWITCH, HEADS),
        "close (on) or open (off) the field loops",
    ),
    Command.SENSOR_MEASURE_BEAM: (Role.SENSOR, (HEADS,), "null the beam axis again"),
    Command.COIL_ENABLE: (Role.COIL, (SWITCH,), "output stage, at zero current"),
    Command.COIL_SET: (
        Role.COIL,
        (Argument("channel", most=7), Argument("current", "A", 1e9)),
        "ramp a channel to a current",
    ),
    Command.COIL_RAMP_TO_ZERO: (Role.COIL, (), "all currents to zero by the ramp"),
    Command.COIL_WAVEFORM_START: (Role.COIL, (), "all armed waveforms in one block"),
    Command.COIL_WAVEFORM_STOP: (Role.COIL, (), "waveforms end and ramp to zero"),
    Command.TABLE_HOME: (Role.TABLE, (), "find the home switch"),
    Command.TABLE_MOVE: (
        Role.TABLE,
        (Argument("position", "m", 1e6), Argument("speed", "m/s", 1e6)),
        "move by a trapezoidal profile",
    ),
    Command.TABLE_HOLD: (
        Role.TABLE,
        (
            Argument("direction", words=("out", "stand", "in"), first=-1),
            Argument("speed", "m/s", 1e6),
        ),
        "move while it is repeated; the board stops by itself",
    ),
    Command.TABLE_STOP: (Role.TABLE, (), "slow down and hold"),
    Command.TABLE_RELEASE: (Role.TABLE, (), "de-energise the motor"),
}
"""Commands of the roles, with their arguments as people type them."""


def take_arguments(name: str, arguments: Sequence[Argument], words: Sequence[str]) -> list[int]:
    """Numbers of the wire from the words behind a command.

    Head masks come first, as on the wire, wherever they stand in the line.

    Raises
    ------
    InputError
        Names the command and how it is used.
    """
    usage = " ".join([name, *(one.usage for one in arguments)])
    left = list(words)
    numbers: list[int] = []
    for argument in arguments:
        if argument.is_heads:
            numbers.insert(0, _heads(name, left))
            left = []
            continue
        if not left:
            raise InputError(f"{name}: {argument.name} is missing", f"usage: {usage}")
        word = left.pop(0)
        if argument.unit and left and not _NUMBER.match(left[0]):
            word += f" {left.pop(0)}"
        numbers.append(_number(name, argument, word, usage))
    if left:
        raise InputError(f"{name}: '{left[0]}' is too much", f"usage: {usage}")
    return numbers


def _number(name: str, argument: Argument, word: str, usage: str) -> int:
    if argument.words:
        if word.lower() not in argument.words:
            raise InputError(f"{name}: '{word}'", f"usage: {usage}")
        return argument.first + argument.words.index(word.lower())
    value = parse_quantity(word, argument.unit, f"{name}: {argument.name}") * argument.per_unit
    if argument.most >= 0 and not (value == int(value) and 0 <= value <= argument.most):
        raise InputError(
            f"{name}: there is no {argument.name} {word}", f"{argument.name}s: 0 to {argument.most}"
        )
    if abs(value) >= 1 << 31:
        raise InputError(f"{name}: {argument.name} {word} is far too large", f"usage: {usage}")
    return round(value)


def _heads(name: str, words: Sequence[str]) -> int:
    mask = 0
    for word in words:
        for part in filter(None, word.split(",")):
            if part not in ("0", "1", "2", "3"):
                raise InputError(f"{name}: there is no head '{part}'", "heads: 0, 1, 2, 3")
            mask |= 1 << int(part)
    return mask or 15
