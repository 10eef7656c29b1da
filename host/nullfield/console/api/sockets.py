"""WebSockets: the state on change, and live samples in binary frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from nullfield.console.access.depends import socket_user
from nullfield.console.api.live import chosen_names, heads_of
from nullfield.console.context import ConsoleContext, context_of
from nullfield.console.live.frames import pack
from nullfield.console.live.window import newest
from nullfield.errors import InputError
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry

router = APIRouter(tags=["live"])

_STATE_PERIOD_S = 0.2
_FRAME_PERIOD_S = 0.05
_CATCH_UP_S = 2.0
_ASK_AGAIN_S = 30.0
_FIRST_S = 0.25
_MARGIN_S = 0.05
_FLAG_GAP = 1
_REFUSED, _BAD_REQUEST = 4401, 4400


@router.websocket("/ws/state")
async def state_socket(socket: WebSocket) -> None:
    """The state, whole, when it has changed."""
    if await run_in_threadpool(socket_user, socket) is None:
        await socket.close(_REFUSED)
        return
    await socket.accept()
    context = context_of(socket)
    context.state.viewers += 1
    try:
        await _until_gone(socket, _send_states(socket, context))
    finally:
        context.state.viewers -= 1


@router.websocket("/ws/live")
async def live_socket(socket: WebSocket, channels: str = "") -> None:
    """Samples of some channels as they come; see `nullfield.console.live.frames`."""
    if await run_in_threadpool(socket_user, socket) is None:
        await socket.close(_REFUSED)
        return
    try:
        names = chosen_names(channels)
    except InputError:
        await socket.close(_BAD_REQUEST)
        return
    await socket.accept()
    await _until_gone(socket, _send_samples(socket, context_of(socket), names))


async def _until_gone(socket: WebSocket, sending: Any) -> None:
    """Send until the other side is gone, which only reading tells, or its login is."""
    task = asyncio.ensure_future(sending)
    reading = asyncio.ensure_future(socket.receive())
    try:
        while not task.done():
            await asyncio.wait(
                {task, reading}, timeout=_ASK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done():
                break
            if not reading.done():
                if await run_in_threadpool(socket_user, socket) is None:
                    await socket.close(_REFUSED)
                    break
                continue
            if reading.result()["type"] == "websocket.disconnect":
                break
            reading = asyncio.ensure_future(socket.receive())
    finally:
        reading.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await task


async def _send_states(socket: WebSocket, context: ConsoleContext) -> None:
    last = ""
    while True:
        state = await run_in_threadpool(context.state.get)
        # Time and version change always: alone they are nothing to tell.
        told = json.dumps({k: v for k, v in state.items() if k not in ("version", "time")})
        if told != last:
            last = told
            await socket.send_text(json.dumps(state))
        await asyncio.sleep(_STATE_PERIOD_S)


async def _send_samples(socket: WebSocket, context: ConsoleContext, names: list[str]) -> None:
    following: int | None = None
    now_s = asyncio.get_running_loop().time
    next_s = now_s()
    while True:
        frame, following = await run_in_threadpool(_newest_frame, context, names, following)
        if frame is not None:
            await socket.send_bytes(frame)
        # The work counts as a part of the period; what was missed is not caught up.
        next_s = max(next_s + _FRAME_PERIOD_S, now_s())
        await asyncio.sleep(next_s - now_s())


def _newest_frame(
    context: ConsoleContext, names: list[str], following: int | None
) -> tuple[bytes | None, int | None]:
    """Samples since the last frame; a viewer who is too slow gets a gap, marked, not a backlog."""
    instrument = context.engine.instrument
    if instrument is None:
        return None, None
    try:
        heads = heads_of(instrument, names)
        recording = newest(instrument, heads, _reach_s(instrument, heads, following))
    except (InputError, KeyError):
        return None, following
    if recording is None:
        return None, following
    rate_hz = recording.sampling_rate_hz
    first = round(recording.start_time_s * rate_hz)
    stop = first + recording.n_samples
    if following is not None and following > stop:
        # The boards count anew.
        following = None
    flags = 0
    start = first
    if following is not None:
        if following >= stop:
            return None, following
        start = max(first, following)
        flags = _FLAG_GAP if start > following else 0
    else:
        # The first frame is short, so that the picture starts at once.
        start = max(first, stop - round(_FIRST_S * rate_hz))
    at = {name: number for number, name in enumerate(recording.array.names)}
    rows = [at[name] for name in names]
    # A head that is off or settling says nothing; zero would be a field.
    field = np.where(recording.usable, recording.field_pt, np.nan)[rows, start - first :]
    return pack(field, start / rate_hz, rate_hz, flags), stop


def _reach_s(instrument: Instrument, heads: tuple[HeadEntry, ...], following: int | None) -> float:
    """How far back to look: twenty viewers twenty times a second must not copy seconds each."""
    if following is None:
        return _FIRST_S
    board = instrument.sensors[heads[0].board]
    ahead = (board.samples.next_index or following) - following
    return min(max(ahead / board.sampling_rate_hz, 0.0) + _MARGIN_S, _CATCH_UP_S)
