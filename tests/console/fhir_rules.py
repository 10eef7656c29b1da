"""Rules of FHIR R4 that the resources here must keep, as the standard's pages state them."""

from __future__ import annotations

import re
from typing import Any

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_BASE = {"resourceType", "id", "meta", "text"}
ELEMENTS = {
    "Bundle": {"identifier", "type", "timestamp", "total", "link", "entry", "signature"},
    "DiagnosticReport": {
        "identifier", "basedOn", "status", "category", "code", "subject", "encounter",
        "effectiveDateTime", "effectivePeriod", "issued", "performer", "resultsInterpreter",
        "specimen", "result", "imagingStudy", "media", "conclusion", "conclusionCode",
        "presentedForm",
    },
    "Observation": {
        "identifier", "basedOn", "partOf", "status", "category", "code", "subject", "focus",
        "encounter", "effectiveDateTime", "effectivePeriod", "issued", "performer",
        "valueQuantity", "dataAbsentReason", "interpretation", "note", "bodySite", "method",
        "specimen", "device", "referenceRange", "hasMember", "derivedFrom", "component",
    },
    "Device": {
        "identifier", "definition", "status", "manufacturer", "serialNumber", "deviceName",
        "modelNumber", "type", "version", "patient", "owner", "note", "safety", "property",
    },
}  # fmt: skip
REPORT_STATUS = {
    "registered", "partial", "preliminary", "final", "amended", "corrected", "appended",
    "cancelled", "entered-in-error", "unknown",
}  # fmt: skip
OBSERVATION_STATUS = {
    "registered", "preliminary", "final", "amended", "corrected", "cancelled",
    "entered-in-error", "unknown",
}  # fmt: skip
DEVICE_NAME_TYPE = {
    "udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name",
    "model-name", "other",
}  # fmt: skip
ABSENT = {
    "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked",
    "not-applicable", "unsupported", "as-text", "error", "not-a-number", "negative-infinity",
    "positive-infinity", "not-performed", "not-permitted",
}  # fmt: skip


def check_bundle(bundle: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Assert the rules on a bundle; returns its resources by type."""
    _elements(bundle)
    assert bundle["type"] == "collection"
    _instant(bundle["timestamp"])
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls), "bdl-7: one address, one resource"
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", url) for url in urls)
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        _elements(resource)
        _no_empty(resource)
        found.setdefault(resource["resourceType"], []).append(resource)
    for reference in _references(bundle):
        assert reference in urls, f"{reference} points to nothing in the bundle"
    for report in found.get("DiagnosticReport", []):
        _report(report)
    for one in found.get("Observation", []):
        _observation(one)
    for device in found.get("Device", []):
        for name in device["deviceName"]:
            assert name["name"]
            assert name["type"] in DEVICE_NAME_TYPE
        assert all(version["value"] for version in device["version"])
    return found


def _report(report: dict[str, Any]) -> None:
    assert report["status"] in REPORT_STATUS
    _concept(report["code"])
    _period(report["effectivePeriod"])
    for form in report.get("presentedForm", []):
        assert form["contentType"] == "application/pdf"
    assert report["text"]["status"] == "generated"
    assert report["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml">')


def _observation(one: dict[str, Any]) -> None:
    assert one["status"] in OBSERVATION_STATUS
    _concept(one["code"])
    _period(one["effectivePeriod"])
    has_value = "valueQuantity" in one
    assert has_value != ("dataAbsentReason" in one), "obs-6, and no observation without both"
    if has_value:
        quantity(one["valueQuantity"])
    else:
        assert one["dataAbsentReason"]["coding"][0]["code"] in ABSENT
    for reference in one.get("referenceRange", []):
        assert {"low", "high", "text"} & reference.keys(), "obs-3"
        quantity(reference["low"])
        quantity(reference["high"])
    for component in one.get("component", []):
        _concept(component["code"])
        assert component["code"]["coding"] != one["code"]["coding"], "obs-7"
        low, high = component["valueRange"]["low"], component["valueRange"]["high"]
        quantity(low)
        quantity(high)
        assert low["value"] <= high["value"], "rng-2"


def quantity(told: dict[str, Any]) -> None:
    """Assert the rules on a Quantity."""
    assert isinstance(told["value"], float)
    assert ("code" in told) <= ("system" in told), "qty-3: a code needs its system"
    if "system" in told:
        assert told["system"] == "http://unitsofmeasure.org"
        assert told["code"], "a system without a code says nothing"


def _elements(resource: dict[str, Any]) -> None:
    kind = resource["resourceType"]
    unknown = resource.keys() - ELEMENTS[kind] - _BASE
    assert not unknown, f"{kind} has no {unknown}"


def _concept(told: dict[str, Any]) -> None:
    assert told["text"]
    for coding in told["coding"]:
        assert re.match(r"(http|urn):", coding["system"])
        assert coding["code"] == coding["code"].strip() != ""


def _period(told: dict[str, Any]) -> None:
    for time in told.values():
        _instant(time)
    assert told.get("end", told["start"]) >= told["start"], "per-1"


def _instant(text: str) -> None:
    assert _INSTANT.fullmatch(text), text


def _no_empty(value: Any) -> None:
    """FHIR's JSON has neither null nor empty objects, lists and strings."""
    assert value is not None
    assert value not in ("", [], {})
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _no_empty(inner)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [one for inner in value.values() for one in _references(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in _references(inner)]
    return []
