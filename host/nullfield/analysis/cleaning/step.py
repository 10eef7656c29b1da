"""What a step of cleaning did, or why it did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CleaningStep:
    """One step of cleaning.

    Attributes
    ----------
    name : str
        Short, as in the settings: ``"mains"``, ``"references"`` ...
    is_applied : bool
    reason : str
        What was found, or why the step was left out.
    removed_db : float or None
        Less RMS in 1 to 40 Hz between the beats; None where that cannot be told.
    heart_kept_share : float or None
        Least share of a heart's topography that the step leaves, over dipoles at 4 to 12 cm
        below the array; None for steps that work on each channel by itself.
    parameters : mapping
    """

    name: str
    is_applied: bool
    reason: str = ""
    removed_db: float | None = None
    heart_kept_share: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
