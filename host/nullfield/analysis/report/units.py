"""Units of what was recorded: a magnetic field, or the voltage of an electric lead."""

from __future__ import annotations

from dataclasses import dataclass

from nullfield.analysis.result import Analysis


@dataclass(frozen=True)
class Units:
    """Unit of the samples."""

    signal: str = "pT"

    @property
    def is_field(self) -> bool:
        """False for electric leads, which have no map and no source here."""
        return self.signal == "pT"


def units_of(analysis: Analysis) -> Units:
    """Units of a recording's samples."""
    return Units("µV") if analysis.unit == "uV" else Units()
