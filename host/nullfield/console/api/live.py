"""What is measured now: channels, spectra, the averaged beat, its map."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response

from nullfield.console.access.depends import Operator
from nullfield.console.api.commands import Context
from nullfield.console.live.spectrum import densities
from nullfield.console.live.window import channel_name, newest
from nullfield.errors import InputError
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry

router = APIRouter(prefix="/api/v1/live", tags=["live"])

_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "nothing is measured yet"}}
_SPECTRUM_S = 8.0
_MOST_CHANNELS = 128


@router.get("/channels")
def channels(context: Context, user: Operator) -> list[str]:
    """Names of the channels of all heads of the rig."""
    instrument = context.engine.instrument
    if instrument is None:
        return []
    return [channel_name(head, axis) for head in instrument.rig.heads for axis in (0, 1)]


@router.get("/spectrum", response_model=None, responses=_NOTHING)
def spectrum(
    context: Context,
    user: Operator,
    channels: Annotated[str, Query(max_length=4000)] = "",
) -> dict[str, Any] | Response:
    """Amplitude spectral density of the newest 8 s of some channels, separated by commas."""
    instrument = context.engine.instrument
    if instrument is None:
        return Response(status_code=204)
    names = chosen_names(channels)
    heads = heads_of(instrument, names)
    recording = newest(instrument, heads, _SPECTRUM_S)
    if recording is None:
        return Response(status_code=204)
    frequency_hz, density = densities(recording.field_pt, recording.sampling_rate_hz)
    at = {name: number for number, name in enumerate(recording.array.names)}
    return {
        "frequency_hz": [round(float(f), 3) for f in frequency_hz],
        "density_ft_rthz": {
            name: [round(float(v), 3) if np.isfinite(v) else None for v in density[at[name]]]
            for name in names
        },
    }


@router.get("/beat", response_model=None, responses=_NOTHING)
def beat(context: Context, user: Operator) -> dict[str, Any] | Response:
    """Averaged beat of the newest stretch."""
    live = context.engine.follower.beat
    return Response(status_code=204) if live is None else live.to_json()


@router.get("/map", response_model=None, responses=_NOTHING)
def live_map(
    context: Context,
    user: Operator,
    time_ms: Annotated[float | None, Query(ge=-2000, le=2000)] = None,
) -> dict[str, Any] | Response:
    """Map of the averaged beat at a time after the R peak."""
    live = context.engine.follower.beat
    picture = None if live is None else live.map_json(time_ms)
    return Response(status_code=204) if picture is None else picture


def chosen_names(text: str) -> list[str]:
    """Names of channels from a query."""
    names = list(dict.fromkeys(part for part in text.split(",") if part))
    if not names:
        raise InputError("no channel is named", "give channels=NAME,NAME")
    if len(names) > _MOST_CHANNELS:
        raise InputError(
            f"{len(names)} channels are too many at a time", f"ask for {_MOST_CHANNELS} at most"
        )
    return names


def heads_of(instrument: Instrument, names: list[str]) -> tuple[HeadEntry, ...]:
    """Heads of some channels, in the rig's order.

    Raises
    ------
    InputError
        If the rig has no such channel.
    """
    known = {channel_name(head, axis): head for head in instrument.rig.heads for axis in (0, 1)}
    for name in names:
        if name not in known:
            raise InputError(f"there is no channel {name}", "GET /api/v1/live/channels lists them")
    wanted = {known[name].name for name in names}
    return tuple(head for head in instrument.rig.heads if head.name in wanted)
