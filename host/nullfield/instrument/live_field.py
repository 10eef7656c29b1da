"""The newest stretch of the field, of any heads, as the analysis takes it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.devices.samples import UNUSABLE
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry

Axes = Literal["normal", "transverse", "all"]
AXIS_LETTERS = "xyz"
_LEAST_S = 2.0


def live_field(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    duration_s: float,
    axes: Axes = "all",
    least_s: float = _LEAST_S,
) -> FieldRecording | None:
    """Take the newest rows that the boards of some heads have in common.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
    duration_s : float
        Looks back as far as this; the boards keep a bounded number of rows.
    axes : str
        ``"normal"``: of each head the transverse axis nearest the chest's normal, the channel named
        as its head; ``"transverse"``: local x and y, named ``H01.x``; ``"all"``: the beam as well,
        ``H01.z``.
    least_s : float
        Shorter stretches are not given.

    Returns
    -------
    FieldRecording or None
        Channels head by head, not valid where a board flags its rows; None while less than
        `least_s` is there.

    Raises
    ------
    KeyError
        If a head's board is not connected (any more).
    """
    uids = sorted({h.board for h in heads})
    if not uids:
        return None
    boards = {uid: instrument.sensors[uid] for uid in uids}
    rate_hz = boards[uids[0]].sampling_rate_hz
    windows = {uid: b.samples.window(math.ceil(duration_s * rate_hz)) for uid, b in boards.items()}
    least = max(round(least_s * rate_hz), 1)
    if any(len(w) < least for w in windows.values()):
        return None
    start = max(int(w.index[0]) for w in windows.values())
    stop = min(int(w.index[-1]) for w in windows.values()) + 1
    if stop - start < least:
        return None
    chosen = [(head, axis) for head in heads for axis in _axes_of(head, axes)]
    field_pt = np.full((len(chosen), stop - start), np.nan)
    valid = np.zeros(field_pt.shape, dtype=np.bool_)
    fields = {uid: boards[uid].field_t(window) * 1e12 for uid, window in windows.items()}
    flags = {uid: boards[uid].flags(window) for uid, window in windows.items()}
    for number, (head, axis) in enumerate(chosen):
        window = windows[head.board]
        keep = (window.index >= start) & (window.index < stop)
        where = window.index[keep] - start
        field_pt[number, where] = fields[head.board][3 * head.slot + axis][keep]
        valid[number, where] = (flags[head.board][head.slot][keep] & UNUSABLE) == 0
    array = SensorArray(
        names=tuple(
            head.name if axes == "normal" else f"{head.name}.{AXIS_LETTERS[axis]}"
            for head, axis in chosen
        ),
        positions_m=np.array([head.position_m for head, _ in chosen]),
        orientations=np.array([head.axes[axis] for head, axis in chosen]),
        head_names=tuple(head.name for head, _ in chosen),
        axis_index=np.array([axis for _, axis in chosen], dtype=np.int64),
        is_reference=np.array([head.kind == "reference" for head, _ in chosen], dtype=np.bool_),
    )
    return FieldRecording(field_pt, rate_hz, array, start / rate_hz, valid)


def _axes_of(head: HeadEntry, axes: Axes) -> tuple[int, ...]:
    if axes == "normal":
        return (int(np.argmax(np.abs(np.array(head.axes)[:2, 2]))),)
    return (0, 1) if axes == "transverse" else (0, 1, 2)
