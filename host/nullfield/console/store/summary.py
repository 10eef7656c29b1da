"""The main figures of an analysis, for lists of exams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def summary_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Main figures of an analysis.

    Parameters
    ----------
    document : mapping
        In the form of `nullfield.analysis.document.AnalysisDocument`; what is not in it is None.
    """

    def told(*keys: str) -> Any:
        value: Any = document
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        # JSON of databases has no NaN.
        return None if isinstance(value, float) and not math.isfinite(value) else value

    bad, dead = told("quality", "bad_channels"), told("quality", "dead_heads")
    return {
        "duration_s": told("input", "duration_s"),
        "beats_found": told("beats", "found"),
        "beats_accepted": told("beats", "accepted"),
        "rate_bpm": told("beats", "rate_bpm"),
        "snr_db": told("average", "snr_db"),
        "noise_median_ft_rthz": told("noise", "median"),
        "noise_worst_ft_rthz": told("noise", "worst"),
        "bad_channels": len(bad) if isinstance(bad, list) else None,
        "dead_heads": dead,
        "reasons": told("reasons"),
        "software": told("software"),
    }
