"""Figures of an analysis as FHIR Observations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nullfield.analysis import RESEARCH_USE
from nullfield.console.fhir.codes import LOINC, concept, quantity, standard
from nullfield.console.fhir.facts import ExamFacts, instant

STATUS = "preliminary"
"""FHIR's word for a result that no person has verified; nobody signs results in Nullfield."""

_VARIABILITY_UNITS = {"_ms": "ms", "_ms2": "ms²", "_percent": "%"}


@dataclass(frozen=True)
class Figure:
    """One number of the analysis.

    Attributes
    ----------
    code, title, unit : str
    value, low, high : float or None
        With its 95 % interval.
    method, source, reason : str
        How it is defined, by whom, and what limits it or why it is missing.
    reference : (float, float) or None
        Published range.
    loinc : (code, display) or None
        Where LOINC means the same.
    """

    code: str
    title: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    source: str = ""
    reason: str = ""
    reference: tuple[float, float] | None = None
    reference_source: str = ""
    loinc: tuple[str, str] | None = None


def figures_of(document: Mapping[str, Any]) -> list[Figure]:
    """Numbers of an analysis that stand for themselves.

    Parameters
    ----------
    document : mapping
        In the form of `nullfield.analysis.document.AnalysisDocument`.
    """
    reasons = document["reasons"]
    average, noise, beats = document["average"], document["noise"], document["beats"]
    found = [
        Figure(
            "heart_rate", "Heart rate", "/min", beats["rate_bpm"],
            reason="" if beats["rate_bpm"] is not None else "too few heartbeats were found",
            loinc=("8867-4", "Heart rate"),
        ),
        Figure(
            "beats_averaged", "Beats in the average", "",
            None if average is None else average["beats_used"],
            reason=reasons.get("average", ""),
        ),
        Figure(
            "snr", "Signal to noise ratio of the averaged beat", "dB",
            None if average is None else average["snr_db"],
            reason=reasons.get("average", ""),
        ),
        Figure(
            "noise_median", "Noise density between beats, median of channels", "fT/√Hz",
            noise["median"], reason=noise["reason"] or "",
        ),
    ]  # fmt: skip
    found += _variability(document["variability"])
    found += [_feature(one) for one in document["features"]]
    return found


def observation(facts: ExamFacts, figure: Figure) -> dict[str, Any]:
    """The Observation of one figure.

    Parameters
    ----------
    facts : ExamFacts
    figure : Figure

    Returns
    -------
    dict
        A value, or the reason why there is none; never an interpretation.
    """
    code = concept(figure.code, figure.title)
    if figure.loinc is not None:
        code["coding"].append(
            {"system": LOINC, "code": figure.loinc[0], "display": figure.loinc[1]}
        )
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "status": STATUS,
        "category": [standard("observation-category", "procedure", "Procedure")],
        "code": code,
        **common(facts),
        "device": {"reference": facts.urn("device"), "type": "Device"},
    }
    value = _finite(figure.value)
    if value is None:
        made["dataAbsentReason"] = {
            **standard("data-absent-reason", "unknown", "Unknown"),
            "text": figure.reason or "the data do not support it",
        }
    else:
        made["valueQuantity"] = quantity(value, figure.unit)
    notes = [figure.reason] if value is not None and figure.reason else []
    made["note"] = [{"text": text} for text in (*notes, RESEARCH_USE)]
    if figure.method:
        source = f" ({figure.source})" if figure.source else ""
        made["method"] = {"text": f"{figure.method}{source}"}
    if figure.reference is not None:
        made["referenceRange"] = [_published(figure)]
    low, high = _finite(figure.low), _finite(figure.high)
    if value is not None and low is not None and high is not None:
        made["component"] = [
            {
                "code": concept("interval_95", "95 % bootstrap interval over beats"),
                "valueRange": {
                    "low": quantity(low, figure.unit),
                    "high": quantity(high, figure.unit),
                },
            }
        ]
    return made


def common(facts: ExamFacts) -> dict[str, Any]:
    """Subject and time: the same in the report and in each observation."""
    period = {"start": instant(facts.begun)}
    if facts.ended is not None:
        period["end"] = instant(facts.ended)
    told: dict[str, Any] = {
        # By identifier only: there is no record of the person to point to. The identifier has no
        # system, because a pseudonym means something within its own console only.
        "subject": {"type": "Patient", "identifier": {"value": facts.subject_id}},
        "effectivePeriod": period,
    }
    if facts.ended is not None:
        told["issued"] = instant(facts.ended)
    return told


def _published(figure: Figure) -> dict[str, Any]:
    assert figure.reference is not None
    low, high = figure.reference
    return {
        "low": quantity(low, figure.unit),
        "high": quantity(high, figure.unit),
        # Without a type FHIR takes a range for the normal one.
        "type": {"text": "range published for a group of subjects, not a decision limit"},
        "text": figure.reference_source or "published range",
    }


def _variability(part: Mapping[str, Any] | None) -> Iterator[Figure]:
    if part is None:
        return
    for name in sorted({*part["values"], *part["reasons"]}):
        unit = next(
            (unit for end, unit in _VARIABILITY_UNITS.items() if name.endswith(end)),
            "",
        )
        yield Figure(
            f"hrv_{name}",
            f"Heart-rate variability: {name}",
            unit,
            part["values"].get(name),
            reason=part["reasons"].get(name, ""),
        )


def _feature(one: Mapping[str, Any]) -> Figure:
    reference = one["reference"]
    return Figure(
        code=one["name"],
        title=one["name"].replace("_", " "),
        unit=one["unit"],
        value=one["value"],
        low=one["low"],
        high=one["high"],
        method=one["definition"],
        source=one["source"],
        reason=one["reason"],
        reference=None if reference is None else (reference[0], reference[1]),
        reference_source=one["reference_source"] or "",
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
