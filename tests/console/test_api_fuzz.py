"""Requests made up from the API's own description: no answer may contradict it.

Every operation gets valid and invalid requests, on a console without an instrument and on four
virtual heads. The same requests are made in each run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from analysis_document import document
from console_bench import PATIENCE_S, Opened
from fuzz_console import FuzzConsole, fuzz_console
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from small_rig import write_small_rig

from nullfield.console.api.document import openapi_json
from nullfield.errors import TransportError

SCHEMA = json.loads(openapi_json())
OPERATIONS = [
    (method, path)
    for path, operations in sorted(SCHEMA["paths"].items())
    for method in sorted(operations)
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
# What needs no instrument to be asked fully is not asked twice; the rest starts jobs that take long.
ON_INSTRUMENT = [
    one
    for one in OPERATIONS
    if one[1].startswith(("/api/v1/boards", "/api/v1/live", "/api/v1/table", "/api/v1/control"))
    or one[1] in {"/api/v1/status", "/metrics"}
]


@contextmanager
def _no_instrument(wrap: Any) -> Iterator[Any]:
    raise TransportError("there is no instrument", "this console is for the tests")
    yield


def no_instrument(wrap: Any) -> AbstractContextManager[Any]:
    return _no_instrument(wrap)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzConsole]:
    """A console whose instrument cannot be reached."""
    with fuzz_console(tmp_path_factory.mktemp("alone"), no_instrument) as console:
        console.keep_exam(document())
        yield console


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzConsole]:
    """A console on four virtual heads with a table, switched off."""
    folder = tmp_path_factory.mktemp("connected")
    with fuzz_console(folder, Opened(write_small_rig(folder))) as console:
        console.wait_connected(PATIENCE_S)
        console.log_in()
        console.request("POST", "/api/v1/control/take", json={"force": True})
        instrument = console.context.engine.instrument
        assert instrument is not None
        uid, board = next(iter(instrument.sensors.items()))
        console.known.update(uid=uid, name=next(iter(board.settings.all())))
        yield console


def fuzz(
    console: FuzzConsole, method: str, path: str, mode: GenerationMode, described: Any = SCHEMA
) -> list[int]:
    """Send made-up requests and check every answer; returns their statuses."""
    schema = schemathesis.openapi.from_dict(described)
    operation = schema[path][method]
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=strategies.booleans())
    def send(case: Any, is_known: bool) -> None:
        console.log_in()
        if is_known and case.path_parameters:
            known = {k: v for k, v in console.known.items() if k in case.path_parameters}
            case.path_parameters = {**case.path_parameters, **known}
        how = case.as_transport_kwargs(base_url="http://localhost")
        response = console.request(
            how.pop("method"),
            how.pop("url"),
            **{key: how[key] for key in ("params", "headers", "json", "data") if how.get(key)},
        )
        statuses.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    send()
    return statuses


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_an_instrument(
    alone: FuzzConsole, method: str, path: str, mode: GenerationMode
) -> None:
    assert fuzz(alone, method, path, mode)


@pytest.mark.micropython
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), ON_INSTRUMENT)
def test_on_virtual_heads(
    connected: FuzzConsole, method: str, path: str, mode: GenerationMode
) -> None:
    assert fuzz(connected, method, path, mode)


@pytest.mark.parametrize(
    "wrong",
    [
        {"200": {"description": "another body", "content": {"application/json": {"schema": {
            "type": "object", "required": ["no_such_key"]}}}}},
        {"200": {"description": "another kind", "content": {"text/csv": {}}}},
        {"418": {"description": "another status"}},
    ],
)  # fmt: skip
def test_an_answer_that_contradicts_the_description_is_found(
    alone: FuzzConsole, wrong: dict[str, Any]
) -> None:
    described = deepcopy(SCHEMA)
    described["paths"]["/api/v1/status"]["get"]["responses"] = wrong
    with pytest.raises(FailureGroup):
        fuzz(alone, "get", "/api/v1/status", GenerationMode.POSITIVE, described)


@pytest.mark.parametrize("method_and_path", [("get", "/api/v1/exams/{exam_id}/fhir")])
def test_some_requests_name_what_is_there(
    alone: FuzzConsole, method_and_path: tuple[str, str]
) -> None:
    alone.keep_exam(document())
    statuses = fuzz(alone, *method_and_path, GenerationMode.POSITIVE)
    assert {200, 404} <= set(statuses)
