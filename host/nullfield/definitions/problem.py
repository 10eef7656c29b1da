"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One fault of a definition.

    Attributes
    ----------
    key : str
        Where it is: keys joined by dots.
    text : str
        What is wrong, with the pin if there is one.
    fix : str
        What to write instead.
    """

    key: str
    text: str
    fix: str
