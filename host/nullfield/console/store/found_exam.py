"""What the folder of an exam tells by itself: state, subject, and what was recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nullfield.console.store.exam_folder import RECORDING, ExamFolders
from nullfield.console.store.exam_id import order_of
from nullfield.console.store.form import SUBJECT_PATTERN, SubjectForm
from nullfield.console.store.summary import summary_of
from nullfield.errors import NullfieldError

UNKNOWN_SUBJECT = "unknown"


@dataclass(frozen=True)
class FoundExam:
    """An exam as its folder tells it.

    Attributes
    ----------
    state : str
        ``done``, ``failed`` or ``interrupted``.
    reason : str
    summary : mapping or None
    form : SubjectForm
        Without name: no file has it.
    rig : str
    begun_at : datetime
        UTC; where the folder does not tell it, the day of the id.
    """

    state: str
    reason: str
    summary: dict[str, Any] | None
    form: SubjectForm
    rig: str
    begun_at: datetime


def read_folder(folders: ExamFolders, exam_id: str) -> FoundExam:
    """Look at the folder of an exam that is not running."""
    content = folders.record(exam_id) or {}
    document = content.get("analysis")
    summary = summary_of(document) if isinstance(document, Mapping) else None
    told = content.get("notes")
    notes = told if isinstance(told, Mapping) else {}
    state = content.get("state")
    if state == "failed":
        reason = storable(content.get("error") or "failed")
    elif state == "done":
        reason = ""
    else:
        state = "interrupted"
        step = storable(content.get("step") or "")
        recorded = recording_state(folders.of(exam_id) / RECORDING)
        reason = f"interrupted after '{step}'; {recorded}" if step else f"interrupted; {recorded}"
    return FoundExam(
        state=str(state),
        reason=reason,
        summary=summary,
        form=_form(notes),
        rig=storable(content.get("rig") or "")[:120],
        begun_at=_begun_at(notes, exam_id),
    )


def recording_state(path: Path) -> str:
    """What can be read of a recording, in words; everything before a cut is."""
    # The readers take a second to import, which the start of the server should not.
    from nullfield.recording.sections import SectionedRecording

    if not path.is_dir():
        return "nothing was recorded"
    try:
        recording = SectionedRecording(path)
    except (NullfieldError, OSError) as error:
        return f"its recording cannot be read: {storable(error)}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # A header of another program's making. It must not keep the console from starting.
        return f"its recording cannot be read: its header is odd ({storable(error)})"
    seconds = recording.n_samples / recording.sampling_rate_hz
    cut = ", its end is missing" if recording.metadata.get("truncated") else ""
    return f"{seconds:.1f} s of recording can be read{cut}"


def storable(value: object) -> str:
    """Text that every database takes: no lone surrogates, no zero bytes."""
    return str(value).encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _form(notes: Mapping[str, Any]) -> SubjectForm:
    subject = str(notes.get("subject") or "")
    if not re.fullmatch(SUBJECT_PATTERN, subject):
        subject = UNKNOWN_SUBJECT
    try:
        return SubjectForm(
            subject_id=subject,
            sex=notes.get("sex") or "unknown",
            year_of_birth=notes.get("year_of_birth"),
            notes=notes.get("notes") or "",
        )
    except ValidationError:
        # Written by another program, or by hand.
        return SubjectForm(subject_id=subject)


def _begun_at(notes: Mapping[str, Any], exam_id: str) -> datetime:
    try:
        told = datetime.fromisoformat(str(notes["begun_at"]))
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (KeyError, ValueError, OverflowError):
        pass
    try:
        return datetime.strptime(str((order_of(exam_id) or (0, 0))[0]), "%Y%m%d").replace(
            tzinfo=UTC
        )
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
