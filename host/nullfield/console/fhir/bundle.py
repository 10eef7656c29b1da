"""The FHIR Bundle of an examination: its report, its observations, its instrument."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nullfield.analysis import RESEARCH_USE
from nullfield.console.fhir.codes import concept, standard
from nullfield.console.fhir.facts import ExamFacts, instant
from nullfield.console.fhir.observation import common, figures_of, observation

STATUS = {
    "running": "registered",
    "done": "partial",
    "interrupted": "partial",
    "failed": "cancelled",
}
"""R4's status by an examination's state. Neither ``final`` nor ``preliminary``: both say that an
authorised person has verified results, which nobody does in Nullfield."""

_XHTML = "http://www.w3.org/1999/xhtml"


def bundle(facts: ExamFacts, document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Everything of an examination as one Bundle.

    Parameters
    ----------
    facts : ExamFacts
    document : mapping or None
        The analysis in the form of `nullfield.analysis.document.AnalysisDocument`; None if there
        is none (yet).

    Returns
    -------
    dict
        Of type ``collection``. Addresses follow from the examination: sending it twice is seen by
        the receiver.
    """
    figures = [] if document is None else figures_of(document)
    entries = [
        (facts.urn("report"), _report(facts, document, [one.code for one in figures])),
        (facts.urn("device"), _device(facts)),
        *((facts.urn(f"figure {one.code}"), observation(facts, one)) for one in figures),
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        **_tags(facts),
        "timestamp": instant(facts.ended or facts.begun),
        "entry": [
            {"fullUrl": url, "resource": {**content, **_tags(facts)}} for url, content in entries
        ],
    }


def _report(
    facts: ExamFacts, document: Mapping[str, Any] | None, codes: list[str]
) -> dict[str, Any]:
    conclusion = RESEARCH_USE
    if facts.reason:
        conclusion = f"{conclusion} Examination {facts.state}: {facts.reason}"
    elif document is None and facts.state != "running":
        conclusion = f"{conclusion} There is no analysis."
    made: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"value": facts.exam_id}],
        "status": STATUS[facts.state],
        # HL7 has no section for magnetic recordings; the one of the electrocardiogram is not it.
        "category": [standard("v2-0074", "OTH", "Other")],
        "code": concept("mcg_map", "Magnetocardiographic map and its figures"),
        **common(facts),
        "conclusion": conclusion,
        "text": {"status": "generated", "div": _narrative(facts, conclusion, len(codes))},
    }
    if codes:
        made["result"] = [
            {"reference": facts.urn(f"figure {code}"), "type": "Observation"} for code in codes
        ]
    if facts.pdf_url is not None:
        made["presentedForm"] = [
            {"contentType": "application/pdf", "url": facts.pdf_url, "title": "Report"}
        ]
    return made


def _device(facts: ExamFacts) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "deviceName": [{"name": facts.rig, "type": "user-friendly-name"}],
        "type": {"text": "magnetocardiograph of optically pumped magnetometers"},
        "version": [{"type": {"text": "Nullfield"}, "value": facts.software}],
    }


def _tags(facts: ExamFacts) -> dict[str, Any]:
    if not facts.is_simulated:
        return {}
    tag = standard("v3-ActReason", "HTEST", "test health data")["coding"][0]
    return {"meta": {"tag": [tag]}}


def _narrative(facts: ExamFacts, conclusion: str, figures: int) -> str:
    lines = [
        f"Examination {facts.exam_id} of subject {facts.subject_id} with {facts.rig},"
        f" {instant(facts.begun)}: {facts.state}, {figures} figures.",
        conclusion,
    ]
    if facts.is_simulated:
        lines.insert(1, "Simulated instrument: these are no data of a person.")
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div xmlns="{_XHTML}">{told}</div>'
