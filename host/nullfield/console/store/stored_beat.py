"""The averaged beat of a stored exam, for the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nullfield.analysis.result import Analysis


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
    count = int(np.median(average.beats_used[used])) if used.any() else 0
    return beat_picture(average, analysis.array, analysis.marks, count, lights)
