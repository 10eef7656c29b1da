"""``/api/v1/calibration``: the array's calibration and its pictures, for the engineer."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from nullfield.console.access.depends import Engineer
from nullfield.console.api.commands import Context
from nullfield.console.calibration import (
    FoundCalibration,
    draw_calibration,
    find_calibration,
    picture_name,
)
from nullfield.console.context import ConsoleContext
from nullfield.errors import UnknownExamError

router = APIRouter(prefix="/api/v1/calibration", tags=["instrument"])

_NONE: dict[int | str, dict[str, Any]] = {204: {"description": "none of this array is kept"}}


@router.get("", response_model=None, responses=_NONE)
def shown(context: Context, user: Engineer) -> dict[str, Any] | Response:
    """The calibration in force, or the newest that is kept of the connected array."""
    found = _found(context)
    return Response(status_code=204) if found is None else found.to_json()


@router.get(
    "/pictures/{name}",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}},
)
def picture(
    name: Literal["array", "spread", "residuals"], context: Context, user: Engineer
) -> FileResponse:
    """Shifts of the heads; spread of gains, axes and places; what the fit leaves."""
    instrument = context.engine.instrument
    found = _found(context)
    if instrument is None or found is None:
        raise UnknownExamError(
            "no calibration of this array is kept", "make one with 'nullfield calibrate'"
        )
    folder = draw_calibration(instrument, found.calibration, context.folder / "cache")
    return FileResponse(folder / picture_name(name), media_type="image/png")


def _found(context: ConsoleContext) -> FoundCalibration | None:
    instrument = context.engine.instrument
    return None if instrument is None else find_calibration(instrument)
