"""The patient table from the console; the board enforces its limits and stops by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from nullfield.console.access.depends import Operator
from nullfield.console.api.commands import Context, Done
from nullfield.console.context import ConsoleContext
from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.console.start_job import progress_of
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import (
    hold_table,
    home_table,
    jog_table,
    move_table,
    release_table,
    stop_table,
)
from nullfield.instrument.progress import Progress

router = APIRouter(prefix="/api/v1/table", tags=["table"])

_STEPS = ("table",)


class MoveBody(BaseModel):
    """Where to move, from the home switch."""

    position_mm: Annotated[float, Field(ge=0, le=1000)]


class JogBody(BaseModel):
    """How far to move from where it stands."""

    distance_mm: Annotated[float, Field(ge=-100, le=100)]


class HoldBody(BaseModel):
    """Which way: 1 in, -1 out, 0 stop."""

    direction: Literal[-1, 0, 1]


@router.post("/home", status_code=202)
def home(context: Context, user: Operator) -> Done:
    """Find the home switch."""
    context.control.require(user.name)
    _begin(context, "home", home_table)
    return Done()


@router.post("/move", status_code=202)
def move(body: MoveBody, context: Context, user: Operator) -> Done:
    """Move to a position; the motor is off afterwards."""
    context.control.require(user.name)
    position_m = body.position_mm * 1e-3
    _begin(context, "move", lambda on, tell: move_table(on, position_m, tell))
    return Done()


@router.post("/jog", status_code=202)
def jog(body: JogBody, context: Context, user: Operator) -> Done:
    """Move by a distance; the motor is off afterwards."""
    context.control.require(user.name)

    distance_m = body.distance_mm * 1e-3
    _begin(context, "jog", lambda on, tell: jog_table(on, distance_m, tell))
    return Done()


@router.post("/hold")
def hold(body: HoldBody, context: Context, user: Operator) -> Done:
    """Move while this is repeated, at least every 200 ms; the board stops by itself without."""
    context.control.require(user.name)
    direction = body.direction
    context.engine.call(lambda engine, instrument: hold_table(instrument, direction))
    return Done()


@router.post("/stop")
def stop(context: Context, user: Operator) -> Done:
    """Slow down and stand; anybody who is logged in may."""
    if context.engine.is_busy:
        context.engine.abort(user.name)
    else:
        context.engine.call(lambda engine, instrument: stop_table(instrument))
    return Done()


@router.post("/release")
def release(context: Context, user: Operator) -> Done:
    """Switch the motor off."""
    context.control.require(user.name)
    context.engine.call(lambda engine, instrument: release_table(instrument))
    return Done()


def _begin(
    context: ConsoleContext, name: str, procedure: Callable[[Instrument, Progress], Any]
) -> None:
    def run(engine: Engine, instrument: Instrument) -> None:
        job = engine.job
        assert job is not None
        instrument.the_table()
        procedure(instrument, progress_of(engine, job, {}))

    context.engine.begin(Job(name, _STEPS, context.now_s), run)
