"""Faults and errors in plain words: what happened, and what to do.

The procedures' own messages name the board and the numbers; an operator who is no physicist needs
one sentence each that can be acted on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    """What happened, and what to do; both in English, which is the key of the catalogue."""

    happened: str
    remedy: str


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a string translated later
    """Mark a text for the catalogue."""
    return text


EXPLANATIONS: Mapping[str, Explanation] = {}


def explained(translate: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """All explanations by code, translated, as the pages' scripts take them.

    Parameters
    ----------
    translate : callable
        From English into the page's language.
    """
    return {
        code: {"happened": translate(entry.happened), "remedy": translate(entry.remedy)}
        for code, entry in EXPLANATIONS.items()
    }
