"""The API's own description: who may, what an error looks like, and that its files are fresh."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from nullfield.console.api import document
from nullfield.console.api.document import metrics_page, openapi_json
from nullfield.console.api.openapi import TAGS, Problem
from nullfield.console.metrics import FAMILIES

SCHEMA = json.loads(openapi_json())
OPERATIONS = [
    (method, path, operation)
    for path, operations in sorted(SCHEMA["paths"].items())
    for method, operation in sorted(operations.items())
]
DOCS = Path(__file__).parents[2] / "docs" / "api"


def every(method_and_path: Any) -> str:
    return method_and_path if isinstance(method_and_path, str) else ""


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=every)
def test_every_operation_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert set(operation["tags"]) <= set(TAGS)
    if path == "/api/v1/login":
        assert "security" not in operation
        return
    session = {"session": []} if method == "get" else {"session": [], "csrf": []}
    assert operation["security"] == [session, {"token": []}]
    assert {"401", "403"} <= operation["responses"].keys()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=every)
def test_every_error_is_a_problem(method: str, path: str, operation: dict[str, Any]) -> None:
    errors = {int(one): told for one, told in operation["responses"].items() if one >= "400"}
    assert errors
    for told in errors.values():
        schema = told["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}


def test_the_old_form_of_errors_is_gone() -> None:
    assert "HTTPValidationError" not in json.dumps(SCHEMA)
    assert set(SCHEMA["components"]["schemas"]["Problem"]["required"]) == set(Problem.model_fields)


def test_every_reference_leads_somewhere() -> None:
    schemas = SCHEMA["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SCHEMA)):
        assert name in schemas


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("get", "/api/v1/status", "operator"),
        ("get", "/metrics", "operator"),
        ("put", "/api/v1/boards/{uid}/settings/{name}", "engineer"),
        ("get", "/api/v1/audit", "admin"),
    ],
)
def test_the_least_role_is_told(method: str, path: str, role: str) -> None:
    assert SCHEMA["paths"][path][method]["x-least-role"] == role


def test_failed_logins_are_told_how_long_to_wait() -> None:
    answer = SCHEMA["paths"]["/api/v1/login"]["post"]["responses"]["429"]
    assert answer["headers"]["Retry-After"]["schema"] == {"type": "integer"}


def test_examples_are_valid() -> None:
    found = 0
    for _, _, operation in OPERATIONS:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in body:
            found += 1
            schema = {**body["schema"], "components": SCHEMA["components"]}
            Draft202012Validator(schema).validate(body["example"])
    assert found == 5


def test_the_generated_files_are_fresh() -> None:
    assert document.main(["--check"], DOCS) == 0


def test_a_stale_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert document.main(["--check"], tmp_path) == 1
    assert document.main([], tmp_path) == 0
    assert document.main(["--check"], tmp_path) == 0
    (tmp_path / "metrics.md").write_text("old")
    assert document.main(["--check"], tmp_path) == 1
    assert "metrics.md is stale" in capsys.readouterr().out


def test_every_metric_is_in_the_page() -> None:
    for family in FAMILIES:
        assert f"| `{family.name}` | {family.kind} |" in metrics_page()
