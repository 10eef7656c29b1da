"""What is asked about a subject before an exam."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

SUBJECT_PATTERN = r"^[A-Za-z0-9_-]{1,32}$"
Sex = Literal["F", "M", "other", "unknown"]


class SubjectForm(BaseModel):
    """Subject of an exam. The name goes into the database only, never into a file."""

    model_config = ConfigDict(str_strip_whitespace=True)

    subject_id: Annotated[str, Field(pattern=SUBJECT_PATTERN, description="pseudonym")]
    name: Annotated[str | None, Field(max_length=200)] = None
    sex: Sex = "unknown"
    year_of_birth: Annotated[int | None, Field(ge=1900, le=2200)] = None
    notes: Annotated[str, Field(max_length=2000)] = ""

    @field_validator("name", "notes")
    @classmethod
    def _printable(cls, text: str | None) -> str | None:
        """Refuse what no screen shows and no database of every kind keeps."""
        if text is not None and any(
            (ord(letter) < 32 and letter not in "\n\r\t") or 0xD800 <= ord(letter) < 0xE000
            for letter in text
        ):
            raise ValueError("has control characters: leave them out")
        return text or (None if text is None else "")
