"""Settings of the boards, as the boards describe them."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from nullfield.console.access.depends import Engineer
from nullfield.console.api.commands import Context, Done
from nullfield.console.context import ConsoleContext
from nullfield.console.engine import Engine
from nullfield.devices.board import Board
from nullfield.devices.settings import SettingValue
from nullfield.devices.trace import TraceResult
from nullfield.errors import BoardNotFoundError, InputError
from nullfield.instrument.instrument import Instrument

router = APIRouter(prefix="/api/v1/boards", tags=["boards"])

Uid = Annotated[str, Path(max_length=32)]
Name = Annotated[str, Path(max_length=64)]


_READ_TIMEOUT_S = 30.0


class Setting(BaseModel):
    """One setting of a board."""

    name: str
    value: float
    unit: str
    minimum: float
    maximum: float
    default: float
    is_boolean: bool
    is_persistent: bool
    is_read_only: bool


class SettingBody(BaseModel):
    """New value, in the setting's unit."""

    value: Annotated[float, Field(allow_inf_nan=False)]


@router.get("/{uid}/settings")
def settings(uid: Uid, context: Context, user: Engineer) -> list[Setting]:
    """Every setting with its limits."""
    board = _board(context, uid)
    return [_shown(one) for one in board.settings.all().values()]


@router.put("/{uid}/settings/{name}")
def write(uid: Uid, name: Name, body: SettingBody, context: Context, user: Engineer) -> Setting:
    """Write a setting; the board checks the limits. It holds until the next restart, or `save`."""
    context.control.require(user.name)
    board = _board(context, uid)
    if not math.isfinite(body.value):
        raise InputError(f"{name}: {body.value} is no number", "give a number in its unit")
    before = context.engine.call(lambda engine, instrument: board.settings.describe(name))
    context.engine.call(lambda engine, instrument: board.settings.set(name, body.value))
    after = board.settings.describe(name)
    detail = {"board": uid, "before": before.value, "after": after.value}
    context.access.audit(user, "setting.write", name, detail)
    return _shown(after)


@router.post("/{uid}/settings/save")
def save(uid: Uid, context: Context, user: Engineer) -> Done:
    """Keep the persistent settings over a restart; outputs go off and the streams pause for it."""
    context.control.require(user.name)
    board = _board(context, uid)

    def run(engine: object, instrument: object) -> None:
        board.safe_off()
        board.stream_stop()
        board.save_settings()
        board.stream_start()

    context.engine.call(run)
    context.access.audit(user, "setting.save", uid, {})
    return Done()


@router.post("/{uid}/clear-faults")
def clear_faults(uid: Uid, context: Context, user: Engineer) -> Done:
    """Forget latched faults whose cause is gone."""
    context.control.require(user.name)
    board = _board(context, uid)

    def run(engine: Engine, instrument: Instrument) -> None:
        board.clear_faults()
        if uid in engine.recorders:
            engine.recorders[uid].arm()

    context.engine.call(run)
    context.access.audit(user, "faults.clear", uid, {})
    return Done()


@router.get(
    "/{uid}/recorder",
    response_model=None,
    responses={204: {"description": "it had no fault"}},
)
def recorder(uid: Uid, context: Context, user: Engineer) -> dict[str, Any] | Response:
    """What the board saw in the last second before its fault; 204 if it had none."""
    _board(context, uid)

    def read(engine: Engine, instrument: Instrument) -> TraceResult | None:
        one = engine.recorders.get(uid)
        return None if one is None else one.read()

    trace: TraceResult | None = context.engine.call(read, _READ_TIMEOUT_S)
    if trace is None:
        return Response(status_code=204)
    return {
        "time_s": [round(float(t), 6) for t in trace.time_s],
        "signals": [
            {"name": one.name, "unit": one.unit, "values": trace.values[one.name].tolist()}
            for one in trace.signals
        ],
        "missed_blocks": trace.missed_blocks,
    }


def _board(context: ConsoleContext, uid: str) -> Board[Any]:
    instrument = context.engine.instrument
    board = None if instrument is None else instrument.boards.get(uid)
    if board is None:
        raise BoardNotFoundError(f"no board with the uid {uid} is connected", "see the status")
    return board


def _shown(one: SettingValue) -> Setting:
    return Setting(
        name=one.name,
        value=one.value,
        unit=one.unit,
        minimum=one.minimum,
        maximum=one.maximum,
        default=one.default,
        is_boolean=one.is_boolean,
        is_persistent=one.is_persistent,
        is_read_only=one.is_read_only,
    )
