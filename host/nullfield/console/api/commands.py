"""Commands to the instrument: control, start, off, abort, emergency stop."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from nullfield.console.access.depends import Operator
from nullfield.console.access.user import User
from nullfield.console.context import ConsoleContext, context_of
from nullfield.console.job import Answer, Job
from nullfield.console.start_job import STEPS, start_instrument, switch_off
from nullfield.errors import ControlError

router = APIRouter(prefix="/api/v1", tags=["instrument"])


def _context(request: Request) -> ConsoleContext:
    return context_of(request)


Context = Annotated[ConsoleContext, Depends(_context)]


class Done(BaseModel):
    """A command was taken."""

    ok: bool = True


class TakeControl(BaseModel):
    """Whether to take the control from another (engineers and administrators)."""

    force: bool = False


class AnswerBody(BaseModel):
    """Answer to the question of the running job."""

    id: Annotated[str, Field(max_length=64)]
    accept: bool
    move_mm: Annotated[float | None, Field(ge=-600, le=600)] = None


@router.get("/status")
def status(context: Context, user: Operator) -> dict[str, Any]:
    """The whole state of instrument and console."""
    return context.state.get()


@router.post("/control/take")
def take_control(body: TakeControl, context: Context, user: Operator) -> Done:
    """Take the control of the instrument."""
    if body.force and user.role == "operator":
        raise ControlError(
            "an operator cannot take the control from another", "ask an engineer to do it"
        )
    before = context.control.holder
    context.control.take(user.name, force=body.force)
    if before is None or before.name != user.name:
        _note(context, user, "control.take", "" if before is None else f"from {before.name}")
    return Done()


class Held(BaseModel):
    """Who has the control, and since when."""

    holder: str | None
    since: datetime | None


@router.post("/control/ask")
def ask_for_control(context: Context, user: Operator) -> Held:
    """Ask the one who has the control for it; every screen shows who asks."""
    holder = context.control.ask(user.name)
    if holder is not None and holder.name != user.name:
        context.events.add(f"{user.name} asks {holder.name} for the control")
    return Held(
        holder=None if holder is None else holder.name,
        since=None if holder is None else holder.since,
    )


@router.post("/control/release")
def release_control(context: Context, user: Operator) -> Done:
    """Give the control back."""
    context.control.release(user.name)
    _note(context, user, "control.release", "")
    return Done()


@router.post("/instrument/start", status_code=202)
def start(context: Context, user: Operator) -> Done:
    """Start the instrument: table homed, heads ready, room nulled."""
    context.control.require(user.name)
    context.engine.begin(Job("start", STEPS, context.now_s), start_instrument)
    _note(context, user, "instrument.start", "")
    return Done()


@router.post("/instrument/off")
def off(context: Context, user: Operator) -> Done:
    """Switch every output off."""
    context.control.require(user.name)
    context.engine.call(switch_off)
    _note(context, user, "instrument.off", "")
    return Done()


@router.post("/exams/current/answer")
def answer(body: AnswerBody, context: Context, user: Operator) -> Done:
    """Answer the question that the running job waits on."""
    context.control.require(user.name)
    job = context.engine.job
    if job is None:
        raise ControlError("nothing runs that asks")
    move_m = None if body.move_mm is None else body.move_mm * 1e-3
    job.answer(body.id, Answer(body.accept, move_m))
    _note(context, user, "exam.answer", f"{body.id} {'yes' if body.accept else 'no'}")
    return Done()


@router.post("/exams/current/abort")
def abort(context: Context, user: Operator) -> Done:
    """End what runs; the instrument stays on and safe."""
    context.control.require(user.name)
    context.engine.abort(user.name)
    _note(context, user, "exam.abort", "")
    return Done()


@router.post("/emergency-stop")
def emergency_stop(context: Context, user: Operator) -> Done:
    """Everything off, now; anybody who is logged in may."""
    context.engine.emergency_stop(user.name)
    _note(context, user, "emergency-stop", "")
    return Done()


def _note(context: ConsoleContext, user: User, action: str, text: str) -> None:
    context.access.audit(user, action, "instrument", {"text": text} if text else {})
