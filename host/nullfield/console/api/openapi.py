"""What the API's own description says beside the routes: who may, what an error looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from nullfield.analysis import RESEARCH_USE
from nullfield.console.access import depends
from nullfield.console.access.cookies import CSRF_HEADER, SESSION_COOKIE
from nullfield.console.access.user import Role

TITLE = "Nullfield console"
API_VERSION = "1"
"""Of the paths below `/api/v1`, not of the program: that stands in the state."""

_ABOUT = f"""The HTTP interface of the console: status, commands, examinations, results.

{RESEARCH_USE} Programs log in with an API token (`Authorization: Bearer nf_...`), made on the page
of accounts or by `POST /api/v1/tokens`. Live samples come over WebSockets, which OpenAPI cannot
describe: see the user's page on the API.
"""
TAGS = {
    "access": "Logins, accounts, API tokens, audit trail.",
    "instrument": "Control, state, start, abort, emergency stop.",
    "exams": "The examination that runs.",
    "studies": "Stored examinations: search, results, export, removal.",
    "live": "What is measured now.",
    "table": "The patient table.",
    "boards": "Settings and flight recorders of the boards.",
    "metrics": "State for Prometheus.",
}
ERRORS = {
    400: "The address does not name this console.",
    401: "Nobody is logged in, or the token is not valid.",
    403: "The role is too low, the request comes from another site, or the CSRF header is missing.",
    404: "There is no such thing.",
    409: "The state does not allow it: another has the control, the instrument is busy, ...",
    422: "The request is not as described here.",
    429: "Too many failed logins; the header Retry-After says how long to wait.",
    503: "The database or the instrument does not answer.",
    507: "The disk is full.",
}
_ROLES: dict[Any, Role] = {
    depends._operator: "operator",
    depends._engineer: "engineer",
    depends._admin: "admin",
}
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PREFIX = "/api/v1"
_EXAMPLES: dict[tuple[str, str], Any] = {
    ("post", "/exams"): {"subject_id": "S-0017", "sex": "F", "year_of_birth": 1980, "beats": 60},
    ("post", "/tokens"): {"label": "hospital gateway", "role": "operator", "days": 90},
    ("post", "/control/take"): {"force": False},
    ("post", "/table/move"): {"position_mm": 550.0},
    ("put", "/boards/{uid}/settings/{name}"): {"value": 0.5},
}


class Problem(BaseModel):
    """An error: what happened, what to do, and its name for programs."""

    error: str = Field(examples=["the instrument is busy: exam"])
    hint: str = Field(description="may be empty", examples=["wait for its end, or abort it"])
    code: str = Field(description="may be empty", examples=["ControlError"])


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have an application describe itself with roles, errors and examples.

    Parameters
    ----------
    app : FastAPI
        With all of its routes.
    routers : sequence of APIRouter
        Those that are described; each with its own prefix, included without another.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = description(app, routers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def description(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of an application; as for `describe`."""
    made = get_openapi(
        title=TITLE,
        version=API_VERSION,
        summary="One button, and the heart's map on the screen",
        description=_ABOUT,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    parts["securitySchemes"] = {
        "session": {
            "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
            "description": "Set by `POST /api/v1/login`; for browsers.",
        },
        "csrf": {
            "type": "apiKey", "in": "header", "name": CSRF_HEADER,
            "description": "Value of the cookie `nullfield_csrf`; with a session only.",
        },
        "token": {
            "type": "http", "scheme": "bearer", "description": "An API token, `nf_...`.",
        },
    }  # fmt: skip
    for route in _routes(routers):
        for method in route.methods or ():
            operation = made["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, method)
    return made


def _routes(routers: Sequence[APIRouter]) -> Iterator[APIRoute]:
    for router in routers:
        yield from (one for one in router.routes if isinstance(one, APIRoute))


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    calls = set(_calls(route.dependant))
    needs_login = bool(calls & {*_ROLES, depends.current_login})
    roles = [role for call, role in _ROLES.items() if call in calls]
    if roles:
        operation["x-least-role"] = roles[0]
    is_unsafe = method in _UNSAFE
    if needs_login:
        session: dict[str, list[str]] = {"session": []}
        if is_unsafe:
            session["csrf"] = []
        operation["security"] = [session, {"token": []}]
    responses = operation["responses"]
    statuses = _statuses(operation, route, is_unsafe, needs_login)
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": ERRORS[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if 429 in statuses:
        responses["429"]["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
        }
    example = _EXAMPLES.get((method.lower(), route.path.removeprefix(_PREFIX)))
    if example is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example


def _statuses(
    operation: dict[str, Any], route: APIRoute, is_unsafe: bool, needs_login: bool
) -> set[int]:
    statuses = {400, 503}
    is_login = route.path.endswith(("/login", "/me/password"))
    if needs_login or is_login:
        statuses |= {401, 403}
    if is_login:
        statuses.add(429)
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    if "{" in route.path:
        statuses.add(404)
    is_study = "studies" in route.tags or "exams" in route.tags
    if is_study:
        statuses |= {404, 409, 422}
    if is_unsafe:
        statuses.add(409)
    if route.path.startswith(f"{_PREFIX}/boards") or route.path.startswith(f"{_PREFIX}/live"):
        statuses |= {404, 409, 422}
    if is_study and is_unsafe:
        statuses.add(507)
    return statuses


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)
