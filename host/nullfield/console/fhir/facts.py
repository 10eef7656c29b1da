"""What an examination must tell for its FHIR resources."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

State = Literal["running", "done", "failed", "interrupted"]

_NAMESPACE = uuid.UUID("8ae35c2b-66f0-4d0d-8a5f-7f1a3c2b9d64")


@dataclass(frozen=True)
class ExamFacts:
    """An examination without its analysis.

    Attributes
    ----------
    exam_id : str
    subject_id : str
        The pseudonym; no name goes out.
    rig : str
        Name of the instrument.
    software : str
        Version of Nullfield that made the analysis.
    begun, ended : datetime
        UTC; ``ended`` is None while it runs.
    state : str
    reason : str
        Why it is not done, or what recovery found.
    is_simulated : bool
        True if the boards were simulated: the resources are then marked as test data.
    pdf_url : str or None
        Where the report can be had; None if there is none.
    """

    exam_id: str
    subject_id: str
    rig: str
    software: str
    begun: datetime
    ended: datetime | None
    state: State
    reason: str = ""
    is_simulated: bool = False
    pdf_url: str | None = None

    def urn(self, part: str) -> str:
        """Address of a resource within the bundle: the same for the same examination, always."""
        named = "|".join(
            (self.rig, self.exam_id, self.subject_id, instant(self.begun), part),
        )
        return f"urn:uuid:{uuid.uuid5(_NAMESPACE, named)}"


def instant(time: datetime) -> str:
    """A FHIR instant: to the millisecond, with the zone.

    Raises
    ------
    ValueError
        If the time has no zone: nobody could tell what it means.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time.isoformat()} has no time zone")
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
