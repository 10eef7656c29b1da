"""An examination as FHIR R4: its rules, its units, what it must not say."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from analysis_document import document, feature
from fhir_rules import check_bundle

from nullfield import analysis
from nullfield.analysis import RESEARCH_USE
from nullfield.console.fhir.bundle import STATUS, bundle
from nullfield.console.fhir.codes import quantity
from nullfield.console.fhir.facts import ExamFacts, instant

BEGUN = datetime(2026, 3, 4, 12, tzinfo=UTC)
DONE = ExamFacts(
    exam_id="20260304-001",
    subject_id="S-17",
    rig="demo36",
    software="9.8.7",
    begun=BEGUN,
    ended=BEGUN + timedelta(seconds=150),
    state="done",
    pdf_url="http://console/api/v1/exams/20260304-001/files/report.pdf",
)


def observations(facts: ExamFacts, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = check_bundle(bundle(facts, content)).get("Observation", [])
    return {one["code"]["coding"][0]["code"]: one for one in found}


def report_of(facts: ExamFacts, content: dict[str, Any] | None = None) -> dict[str, Any]:
    (report,) = check_bundle(bundle(facts, content))["DiagnosticReport"]
    return report


@pytest.mark.parametrize("state", ["running", "done", "failed", "interrupted"])
@pytest.mark.parametrize("has_analysis", [True, False])
def test_every_state_keeps_the_rules(state: Any, has_analysis: bool) -> None:
    facts = replace(DONE, state=state, ended=None if state == "running" else DONE.ended)
    made = bundle(facts, document() if has_analysis else None)
    found = check_bundle(json.loads(json.dumps(made, allow_nan=False)))
    assert len(found["DiagnosticReport"]) == 1
    assert len(found["Device"]) == 1
    assert len(found.get("Observation", [])) == (13 if has_analysis else 0)


def test_nothing_is_called_verified() -> None:
    assert {"final", "preliminary", "amended", "corrected"}.isdisjoint(STATUS.values())
    assert {one["status"] for one in observations(DONE, document()).values()} == {"preliminary"}


def test_status_follows_the_state() -> None:
    told = {state: report_of(replace(DONE, state=state))["status"] for state in STATUS}
    assert told == {
        "running": "registered",
        "done": "partial",
        "interrupted": "partial",
        "failed": "cancelled",
    }


def test_a_value_has_its_unit_and_interval() -> None:
    qrs = observations(DONE, document())["QRS"]
    ms = {"unit": "ms", "system": "http://unitsofmeasure.org", "code": "ms"}
    assert qrs["valueQuantity"] == {"value": 91.0, **ms}
    assert qrs["component"][0]["valueRange"] == {
        "low": {"value": 90.0, **ms},
        "high": {"value": 92.0, **ms},
    }
    assert qrs["method"]["text"] == "Definition of QRS. (a publication)"


def test_a_published_range_is_not_taken_for_the_normal_one() -> None:
    (published,) = observations(DONE, document())["QRS"]["referenceRange"]
    assert "not a decision limit" in published["type"]["text"]
    assert (published["low"]["value"], published["high"]["value"]) == (70.0, 104.0)


def test_a_missing_value_says_why() -> None:
    qt = observations(DONE, document())["QT"]
    assert "valueQuantity" not in qt
    assert qt["dataAbsentReason"]["text"] == "the T wave is lost in the noise"
    assert observations(DONE, document())["hrv_lf_ms2"]["dataAbsentReason"]["text"] == (
        "the recording is too short"
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_that_json_does_not_have(value: float) -> None:
    content = document()
    content["features"] = [feature("QRS", value, "ms", low=1.0, high=value)]
    qrs = observations(DONE, content)["QRS"]
    assert "valueQuantity" not in qrs
    assert "component" not in qrs


def test_what_limits_a_value_is_noted() -> None:
    notes = [n["text"] for n in observations(DONE, document())["R_arrow_maximum"]["note"]]
    assert notes == ["extrapolated", RESEARCH_USE]


def test_research_use_is_said_everywhere_and_nothing_is_interpreted() -> None:
    assert report_of(DONE, document())["conclusion"] == RESEARCH_USE
    assert "conclusionCode" not in report_of(DONE, document())
    for one in observations(DONE, document()).values():
        assert "interpretation" not in one
        assert one["note"][-1]["text"] == RESEARCH_USE


def test_the_reason_of_a_failure_is_told() -> None:
    failed = replace(DONE, state="failed", reason="aborted: <b>by the operator</b>")
    told = report_of(failed)
    assert told["conclusion"].endswith("Examination failed: aborted: <b>by the operator</b>")
    assert "&lt;b&gt;by the operator" in told["text"]["div"]
    assert "<b>" not in told["text"]["div"]


def test_only_the_heart_rate_has_a_code_of_loinc() -> None:
    told = {
        code: [c["system"] for c in one["code"]["coding"]]
        for code, one in observations(DONE, document()).items()
    }
    with_loinc = {code for code, systems in told.items() if "http://loinc.org" in systems}
    assert with_loinc == {"heart_rate"}
    assert all(systems[0].startswith("urn:oid:2.25.") for systems in told.values())


def test_the_subject_is_a_pseudonym_and_no_more() -> None:
    for resource in [report_of(DONE), *observations(DONE, document()).values()]:
        assert resource["subject"] == {"type": "Patient", "identifier": {"value": "S-17"}}


def test_a_simulated_examination_is_marked_on_every_resource() -> None:
    made = bundle(replace(DONE, is_simulated=True), document())
    tags = [one["resource"]["meta"]["tag"][0]["code"] for one in made["entry"]]
    assert set(tags) == {"HTEST"}
    assert made["meta"]["tag"][0]["code"] == "HTEST"
    assert all("meta" not in one["resource"] for one in bundle(DONE, document())["entry"])


def test_the_same_examination_has_the_same_addresses() -> None:
    def urls(facts: ExamFacts) -> set[str]:
        return {one["fullUrl"] for one in bundle(facts, document())["entry"]}

    assert urls(DONE) == urls(replace(DONE, reason="analysed again"))
    for other in (
        replace(DONE, exam_id="20260304-002"),
        replace(DONE, rig="other"),
        replace(DONE, begun=BEGUN + timedelta(milliseconds=1)),
    ):
        assert urls(DONE).isdisjoint(urls(other))


def test_times_are_given_with_their_zone() -> None:
    east = timezone(timedelta(hours=9))
    assert instant(datetime(2026, 3, 4, 21, tzinfo=east)) == "2026-03-04T12:00:00.000Z"
    with pytest.raises(ValueError, match="no time zone"):
        instant(datetime(2026, 3, 4, 12))


def test_every_unit_of_a_feature_is_known_to_ucum() -> None:
    units = set()
    for path in (Path(analysis.__file__).parent / "features").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_definition = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "Definition"
            )
            if is_definition and isinstance(node.args[1], ast.Constant):
                units.add(node.args[1].value)
    assert {"ms", ""} <= units
    without = {unit for unit in units if "code" not in quantity(1.0, unit)}
    assert not without


def test_a_unit_that_ucum_cannot_say_has_no_code() -> None:
    assert quantity(15.0, "fT/√Hz") == {"value": 15.0, "unit": "fT/√Hz"}


def test_the_models_of_fhir_accept_it() -> None:
    models = pytest.importorskip("fhir.resources.R4B.bundle")
    for content in (None, document()):
        for state in STATUS:
            models.Bundle.model_validate(bundle(replace(DONE, state=state), content))  # type: ignore[arg-type]
