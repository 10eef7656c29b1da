"""Numbers with units as people write and read them: ``1.5 mA``, ``150 degC``, ``70 nT``."""

from __future__ import annotations

import math
import re

from nullfield.errors import InputError

_PREFIXES = {"p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6}
_SHOWN = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M"}
_ALIASES = {"°C": "degC", "C": "degC", "K/s": "degC/s", "°C/s": "degC/s", "C/s": "degC/s"}
_UNPREFIXED = frozenset({"", "degC", "degC/s", "count", "%"})
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*$")
_SWITCH = {"on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}


def parse_quantity(text: str, unit: str, what: str = "value") -> float:
    """Number in ``unit`` from text; a prefix of the unit is taken into account.

    Parameters
    ----------
    text : str
        ``1.5 mA``, ``1.5e-3``, ``on``. Without a unit the number is in ``unit``.
    unit : str
        SI unit that is meant, empty for plain numbers.
    what : str
        What the number is for, for the error.

    Raises
    ------
    InputError
        If it is no number, or has another unit.
    """
    word = text.strip().lower()
    if not unit and word in _SWITCH:
        return _SWITCH[word]
    match = _NUMBER.match(text)
    if match is None:
        example = f"1.5 {unit}".rstrip()
        raise InputError(f"{what}: '{text}' is not a number", f"give a number, such as {example}")
    number, given = float(match.group(1)), match.group(2)
    given = _ALIASES.get(given, given)
    if given in ("", unit):
        return number
    if unit not in _UNPREFIXED and given.endswith(unit):
        exponent = _PREFIXES.get(given[: -len(unit)])
        if exponent is not None:
            # Division by a power of ten is exact where multiplication by its inverse is not.
            return number / 10.0**-exponent if exponent < 0 else number * 10.0**exponent
    needed = f"give it in {unit}" if unit else "it is a plain number"
    raise InputError(f"{what}: '{text}' is not in {unit or 'plain numbers'}", needed)


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """Text with a fitting prefix: ``1.5 mA``."""
    if unit in _UNPREFIXED or value == 0 or not math.isfinite(value):
        return f"{value:.{max(digits, 6)}g} {unit}".rstrip()
    # Rounded first, or 0.99999 would be shown as 1000 m.
    value = float(f"{value:.{digits}g}")
    exponent = min(6, max(-15, 3 * math.floor(math.log10(abs(value)) / 3 + 1e-12)))
    return f"{value / 10.0**exponent:.{digits}g} {_SHOWN[exponent]}{unit}"
