"""How a procedure tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, str], None]
"""``progress(step, fraction, detail)``: name of the step, 0..1, a few words."""


def silent(step: str, fraction: float, detail: str) -> None:
    """Progress that nobody looks at."""
