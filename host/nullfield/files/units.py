"""Units of channels: the many ways in which files spell them, and whether values can be in them.

Magnetic values become picotesla, electric ones microvolts. A gradient (a field a metre) is none of
both: planar and axial gradiometers are left out, for nothing here models them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError

MAGNETIC = "magnetic"
ELECTRIC = "electric"
GRADIENT = "gradient"
OTHER = "other"

_PREFIXES = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "μ": 1e-6,
    "m": 1e-3,
    "": 1.0,
}
_WORD_PREFIXES = {
    "femto": "f",
    "pico": "p",
    "nano": "n",
    "micro": "u",
    "milli": "m",
}
_PER_LENGTH = re.compile(
    r"^(?P<field>.+?)\s*(?:/\s*|\s+per\s+|[·*. ])(?P<length>[cm]?m)(?:\^?-1|⁻¹)?$"
)
_OTHER_TEXT = (
    "a ma ua na v/nt k c °c degc deg rad s sec ms us µs μs ns m cm mm hz khz ohm kohm % bar pa bool"
    " boolean count counts bit bits w mw uw n/a g"
)
_OTHER = frozenset(_OTHER_TEXT.split(" "))
"""Units of what is in a file beside the field: left out without a question."""

PLAUSIBLE_PT = (1e-3, 1e7)
"""Spread of a channel of a magnetometer: from far below an OPM's noise to a tenth of the Earth's."""
PLAUSIBLE_UV = (1e-2, 1e6)
"""Spread of an electric channel."""
_LIKELY_PT = (0.01, 1e5)
_LIKELY_UV = (1.0, 5e4)


@dataclass(frozen=True)
class Unit:
    """A unit as a file spells it.

    Attributes
    ----------
    text : str
        As it stood.
    kind : str
        ``"magnetic"``, ``"electric"``, ``"gradient"`` or ``"other"``.
    factor : float
        To pT (magnetic) or µV (electric); NaN else.
    """

    text: str
    kind: str
    factor: float

    @property
    def standard(self) -> str:
        """``"pT"`` or ``"uV"``, the unit after multiplication with `factor`."""
        return "uV" if self.kind == ELECTRIC else "pT"


def parse_unit(text: str) -> Unit | None:
    """What a unit's spelling means.

    Parameters
    ----------
    text : str
        For instance ``pT``, ``femtotesla``, ``µT``, ``[nT]``, ``fT/cm``, ``mV``.

    Returns
    -------
    Unit or None
        None if it is no unit that is known.
    """
    stripped = text.strip().strip("[]()").strip()
    if not stripped:
        return None
    simple = _tesla_or_volt(stripped)
    if simple is not None:
        return Unit(text.strip(), *simple)
    rate = _PER_LENGTH.match(stripped)
    if rate is not None:
        base = _tesla_or_volt(rate["field"])
        if base is not None and base[0] == MAGNETIC:
            return Unit(text.strip(), GRADIENT, float("nan"))
    if stripped.lower() in _OTHER:
        return Unit(text.strip(), OTHER, float("nan"))
    return None


def _tesla_or_volt(text: str) -> tuple[str, float] | None:
    name = text
    for word, letter in _WORD_PREFIXES.items():
        if name.lower().startswith(word):
            name = letter + name[len(word) :]
            break
    lower = name.lower()
    for words, kind, to_standard in (
        (("teslas", "tesla", "t"), MAGNETIC, 1e12),
        (("volts", "volt", "v"), ELECTRIC, 1e6),
    ):
        for word in words:
            if not lower.endswith(word):
                continue
            prefix = name[: len(name) - len(word)].lower()
            # A bare lower-case t is a time or a name, not a tesla.
            if prefix in _PREFIXES and name != "t":
                # By decimal exponents, so that 1e-12 times 1e12 is one and not nearly one.
                exponent = round(np.log10(_PREFIXES[prefix] * to_standard))
                return kind, float(f"1e{exponent}")
    return None


def wanted_unit(text: str) -> Unit:
    """The unit that a user gave.

    Raises
    ------
    InputError
        If it is none of a field or a voltage.
    """
    unit = parse_unit(text)
    if unit is None or unit.kind not in (MAGNETIC, ELECTRIC):
        raise InputError(
            f"unit {text!r}: not a unit of a magnetic field or a voltage",
            "units: fT, pT, nT, uT, mT, T; nV, uV, mV, V",
        )
    return unit


def split_name(text: str) -> tuple[str, Unit | None]:
    """Name and unit of a column.

    The unit stands in brackets at the end (``B1 [pT]``, ``Bz (fT)``), or behind the last underscore,
    slash or space (``B1_pT``, ``Bz/fT``, ``field fT``).
    """
    text = text.strip()
    bracket = re.match(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]+)[\])]\s*$", text)
    if bracket is not None:
        unit = parse_unit(bracket["unit"])
        if unit is not None:
            return bracket["name"] or text, unit
    for pattern in (
        r"^(?P<name>.+)_(?P<unit>[^_]+)$",
        r"^(?P<name>[^/]+)/(?P<unit>.+)$",
        r"^(?P<name>.+)\s+(?P<unit>\S+)$",
    ):
        parts = re.match(pattern, text)
        if parts is None:
            continue
        unit = parse_unit(parts["unit"])
        # A single letter behind a space is as likely part of the name ("lead V", "sensor T").
        if unit is not None and (len(parts["unit"]) > 1 or "_" in pattern or "/" in pattern):
            return parts["name"], unit
    return text, None


def spread(values: npt.NDArray[np.float64]) -> float:
    """Median over the channels of the standard deviation, dead ones left out; NaN if all are dead.

    Parameters
    ----------
    values : numpy.ndarray, shape ``(n_channels, n_samples)``
    """
    one = np.full(len(values), np.nan)
    for channel, row in enumerate(values):
        finite = row[np.isfinite(row)]
        if len(finite) >= 2:
            # Steps between samples would hide a drift; the range without outliers sees both.
            low, high = np.percentile(finite, (5, 95))
            one[channel] = (high - low) / 3.29
    alive = one[np.isfinite(one) & (one > 0)]
    return float(np.median(alive)) if len(alive) else float("nan")


def check_plausible(where: str, values: npt.NDArray[np.float64], unit: Unit) -> None:
    """Refuse values that cannot be in the unit that the file gives.

    Parameters
    ----------
    where : str
        For the error: the file.
    values : numpy.ndarray, shape ``(n_channels, n_samples)``
        In pT or µV, converted by `unit`.

    Raises
    ------
    InputError
        It says which unit would be plausible.
    """
    found = spread(values)
    electric = unit.kind == ELECTRIC
    low, high = PLAUSIBLE_UV if electric else PLAUSIBLE_PT
    if not np.isfinite(found) or low <= found <= high:
        return
    raw = found / unit.factor
    likely = _LIKELY_UV if electric else _LIKELY_PT
    symbol = "V" if electric else "T"
    better = [
        letter + symbol
        for letter in ("f", "p", "n", "u", "m", "")
        if likely[0] <= raw * (parse_unit(letter + symbol) or unit).factor <= likely[1]
    ]
    hint = (
        f"in {' or '.join(better)} they would be plausible: check, and give the unit (--unit)"
        if better
        else "check the unit, and give it (--unit)"
    )
    raise InputError(
        f"{where}: says {unit.text}, but the values vary by {raw:.2g} {unit.text} only"
        if found < low
        else f"{where}: says {unit.text}, but the values vary by {raw:.2g} {unit.text}",
        hint,
    )
