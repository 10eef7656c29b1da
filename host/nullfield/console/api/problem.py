"""Errors as JSON: the same message and hint as on the command line."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from nullfield.errors import (
    AbortedError,
    AnalysisError,
    BoardNotFoundError,
    ControlError,
    DiskFullError,
    InputError,
    NullfieldError,
    RequestError,
    TransportError,
)

_STATUS: tuple[tuple[type[NullfieldError], int], ...] = (
    (ControlError, 409),
    (AbortedError, 409),
    (DiskFullError, 507),
    (InputError, 422),
    (RequestError, 422),
    (AnalysisError, 422),
    (BoardNotFoundError, 404),
    (TransportError, 503),
)


def problem(status: int, error: str, hint: str = "", code: str = "") -> JSONResponse:
    """An error as the console answers it."""
    return JSONResponse({"error": error, "hint": hint, "code": code}, status)


def status_of(error: NullfieldError) -> int:
    """HTTP status of an error; an own ``http_status`` goes before its kind's."""
    own = getattr(error, "http_status", None)
    if isinstance(own, int):
        return own
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def register_problems(app: FastAPI) -> None:
    """Answer every error in one form."""

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, NullfieldError)
        answer = problem(status_of(error), error.message, error.hint, type(error).__name__)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem(422, _first(error), "correct the request", "ValidationError")

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        detail: Any = error.detail
        if isinstance(detail, dict):
            answer = problem(
                error.status_code,
                str(detail.get("error", "")),
                str(detail.get("hint", "")),
                str(detail.get("code", "")),
            )
        else:
            answer = problem(error.status_code, str(detail), "", "HTTPException")
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(NullfieldError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _first(error: RequestValidationError) -> str:
    one = error.errors()[0]
    where = ".".join(str(part) for part in one["loc"] if part not in ("body", "query", "path"))
    text = str(one["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text
