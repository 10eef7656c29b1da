"""Channels that cannot be used."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work

_DEAD_SHARE = 0.5


def bad_channel_step(work: Work) -> CleaningStep:
    """Mark bad channels in `work.bad`."""
    reasons: dict[str, str] = {}
    for channel, row in enumerate(work.field_pt):
        finite = np.isfinite(row)
        if 1.0 - finite.mean() > _DEAD_SHARE:
            reasons[work.array.names[channel]] = "dead"
        elif np.all(row[finite] == row[finite][0]):
            reasons[work.array.names[channel]] = "stuck"
        else:
            continue
        work.bad[channel] = True
    return CleaningStep("bad channels", True, f"{len(reasons)} bad", parameters={"bad": reasons})
