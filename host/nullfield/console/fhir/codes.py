"""Codes and units of what FHIR gets from an examination.

Neither LOINC nor SNOMED CT has a code for a magnetocardiogram that we know of; the intervals of
LOINC (QT, QRS, PR) name the electrocardiogram as their method, so they would say something untrue
of a magnetic one. All codes but the heart rate's are therefore our own.
"""

from __future__ import annotations

from typing import Any

CODE_SYSTEM = "urn:oid:2.25.332968448204892819919037824641433908604"
"""Our own codes; below 2.25 stands a random UUID, which needs no registration."""
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

_UCUM_OF = {
    "": "1",
    "ms": "ms",
    "ms²": "ms2",
    "mm": "mm",
    "deg": "deg",
    "%": "%",
    "dB": "dB",
    "pT": "pT",
    "pT/m": "pT/m",
    "/min": "/min",
}
"""UCUM's code by our unit. UCUM has whole exponents only: fT/√Hz cannot be said in it."""


def concept(code: str, display: str, *, text: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of our own code system."""
    return {
        "coding": [{"system": CODE_SYSTEM, "code": code, "display": display}],
        "text": text or display,
    }


def standard(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of HL7's terminology."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code, "display": display}]}


def quantity(value: float, unit: str) -> dict[str, Any]:
    """A Quantity; with UCUM's code where UCUM can say the unit.

    Parameters
    ----------
    value : float
        Finite.
    unit : str
        As the analysis writes it; empty for a plain number.
    """
    told: dict[str, Any] = {"value": float(value)}
    code = _UCUM_OF.get(unit)
    if unit:
        told["unit"] = unit
    if code is not None:
        told["system"] = UCUM
        told["code"] = code
    return told
