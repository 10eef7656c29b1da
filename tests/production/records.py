"""Records for tests, made by the bench's own code from given values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from nullfield.production.plan import CheckResult, PlanResult
from nullfield.production.record import Subject, make_record
from nullfield.production.verdict import Limit, Value, worst

GAIN_LIMIT = Limit(-0.01, 0.01, "design")


def record_of(gains: list[float], unit: str = "C01", minute: int = 0) -> dict[str, Any]:
    """Record of a run with a value a channel; NaN for one that was not seen."""
    values = tuple(
        Value(f"channel {n}", gain, "A/A", GAIN_LIMIT, 9, 1e-6) for n, gain in enumerate(gains)
    )
    result = CheckResult("gain", "Gain", worst(v.outcome for v in values), "", values, 1.5)
    subject = Subject(
        unit, "e66138528351b001", "coil", "coil_pico2", "0.2.0", "source", "0011", "bench",
        "virtual",
    )  # fmt: skip
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(minutes=minute)
    return make_record(subject, PlanResult([result]), started, 12.5)


NOT_SEEN = math.nan
