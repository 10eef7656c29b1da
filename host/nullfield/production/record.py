"""The record of one run: what certificate, label and database are made of."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nullfield import __version__
from nullfield.link_answers import Identity
from nullfield.production.fixture import Fixture
from nullfield.production.plan import CheckResult, PlanResult
from nullfield.production.verdict import Outcome, Value

FORMAT = "nullfield-test-record-1"
DIGITS = 9
"""Significant digits of values in a record: more than any instrument here has."""

Target = Literal["real", "virtual", "emulated"]


def canonical(content: Any) -> bytes:
    """The one way to write a JSON document: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


@dataclass(frozen=True)
class Subject:
    """Which board was tested, with what.

    Attributes
    ----------
    unit : str
        Name on the label.
    target : str
        A virtual board's certificate must never be taken for a real one's.
    """

    unit: str
    uid: str
    role: str
    board: str
    firmware_version: str
    firmware_revision: str
    fingerprint: str
    fixture: str
    target: Target

    @classmethod
    def of(cls, identity: Identity, fixture: Fixture, target: Target, unit: str = "") -> Subject:
        """Subject from the handshake; a unit name given by hand comes first."""
        return cls(
            unit=unit or identity.unit_name or identity.uid[-6:].upper(),
            uid=identity.uid,
            role=identity.role.name.lower(),
            board=identity.board_name,
            firmware_version=identity.firmware_version,
            firmware_revision=identity.firmware_revision,
            fingerprint=identity.catalogue_fingerprint,
            fixture=fixture.name,
            target=target,
        )


def make_record(
    subject: Subject, result: PlanResult, started_at: datetime, duration_s: float
) -> dict[str, Any]:
    """Record of a run as plain JSON, with an id that follows from its content.

    Parameters
    ----------
    subject : Subject
    result : PlanResult
    started_at : datetime
        With its time zone.
    duration_s : float
        By the bench's clock.
    """
    record: dict[str, Any] = {
        "format": FORMAT,
        "subject": dict(vars(subject)),
        "host_version": __version__,
        "started_at": started_at.isoformat(timespec="seconds"),
        "duration_s": _number(duration_s),
        "outcome": str(result.outcome),
        "tests": [_test(one) for one in result.results],
    }
    record["result_id"] = hashlib.sha256(canonical(record)).hexdigest()[:16]
    return record


def _test(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "duration_s": _number(result.duration_s),
        "values": [_value(value) for value in result.values],
    }


def _value(value: Value) -> dict[str, Any]:
    return {
        "name": value.name,
        "value": _number(value.value),
        "unit": value.unit,
        "lower": _number(value.limit.lower),
        "upper": _number(value.limit.upper),
        "source": value.limit.source,
        "samples": value.samples,
        "uncertainty": _number(value.uncertainty),
        "outcome": str(value.outcome),
    }


def _number(value: float | None) -> float | None:
    """A number for JSON; what could not be measured is null."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.{DIGITS}g}")


def counts(record: dict[str, Any]) -> dict[Outcome, int]:
    """Tests by outcome."""
    return {
        outcome: sum(test["outcome"] == outcome for test in record["tests"]) for outcome in Outcome
    }
