"""The newest stretch of the sensors' streams, as the console's pictures take it."""

from __future__ import annotations

from nullfield.analysis.data import FieldRecording
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.live_field import AXIS_LETTERS, live_field
from nullfield.rig import HeadEntry


def channel_name(head: HeadEntry, axis: int) -> str:
    """Name of a channel, like ``A1.x``."""
    return f"{head.name}.{AXIS_LETTERS[axis]}"


def newest(
    instrument: Instrument, heads: tuple[HeadEntry, ...], duration_s: float
) -> FieldRecording | None:
    """Transverse field of some heads, however short; see `live_field`.

    Returns
    -------
    FieldRecording or None
        None if some board has nothing yet, or is being connected anew.
    """
    try:
        return live_field(instrument, heads, duration_s, "transverse", least_s=0.0)
    except KeyError:
        return None
