"""The averaged beat of a stored exam, for the screen, and whether its subject lay still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nullfield.analysis.movement import FieldChange
    from nullfield.analysis.result import Analysis


_STILL, _RESTLESS = 0.1, 0.2
"""Change of the field at R: a heart 8 cm deep that moves by 10 mm makes some 0.15 of it."""


def change_of(analysis: Analysis) -> FieldChange | None:
    """Change of the field at the R peak from the first to the last third of the beats, or None."""
    from nullfield.analysis.movement import field_change

    average, groups = analysis.average, analysis.groups
    if average is None or groups is None:
        return None
    index = average.index(analysis.marks.times_s.get("R", 0.0))
    return field_change(groups, index, analysis.used & average.has_beats)


def movement_words(analysis: Analysis) -> str:
    """A warning if the field changed so much that the subject may have moved; else empty."""
    change = change_of(analysis)
    if change is None or change.share < _RESTLESS:
        return ""
    return (
        f"the heart's field changed by {change.share:.0%} while it was recorded: "
        "the subject may have moved"
    )


def stored_beat(analysis: Analysis) -> dict[str, Any] | None:
    """The beat as `nullfield.console.live.beat_picture` draws it; None if there is none.

    Parameters
    ----------
    analysis : Analysis
    """
    # The analysis takes a second to import, which the start of the server should not.
    from nullfield.console.live.beat_picture import beat_picture, quality_lights

    average = analysis.average
    if average is None:
        return None
    used = analysis.used & average.has_beats
    found = len(analysis.beats.samples)
    lights = quality_lights(
        average.snr_db, analysis.beats.n_accepted / max(found, 1), float(used.mean())
    )
    change = change_of(analysis)
    if change is not None:
        level = "good" if change.share < _STILL else "fair" if change.share < _RESTLESS else "poor"
        lights["movement"] = level
    count = int(np.median(average.beats_used[used])) if used.any() else 0
    return beat_picture(average, analysis.array, analysis.marks, count, lights)
