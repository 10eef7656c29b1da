"""Names of exams: the day in UTC and a number, ``20260131-001``. They only ever grow."""

from __future__ import annotations

import re
from datetime import datetime

EXAM_ID_PATTERN = r"^[0-9]{8}-[0-9]{3,6}$"
_SHAPE = re.compile(r"([0-9]{8})-([0-9]{3,6})")


def order_of(exam_id: str) -> tuple[int, int] | None:
    """Day and number, by which ids are in order; None for what is no exam's id."""
    found = _SHAPE.fullmatch(exam_id)
    return None if found is None else (int(found[1]), int(found[2]))


def next_exam_id(now: datetime, last: str | None) -> str:
    """The next id.

    Parameters
    ----------
    now : datetime
        UTC.
    last : str, optional
        The greatest id so far. If the clock was set back, its day goes on: ids stay in the order
        in which the exams were begun.
    """
    day, number = int(now.strftime("%Y%m%d")), 0
    before = None if last is None else order_of(last)
    if before is not None and before[0] >= day:
        day, number = before
    return f"{day:08d}-{number + 1:03d}"
