"""The newest stretch of the sensors' streams as one recording of the array."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.devices.sensor import AXIS_NAMES
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry
from nullfield_protocol.catalogue import SampleFlag

_UNUSABLE = SampleFlag.UNLOCKED | SampleFlag.SATURATED | SampleFlag.OVERRANGE | SampleFlag.SETTLING


def channel_name(head: HeadEntry, axis: int) -> str:
    """Name of a channel, like ``A1.x``."""
    return f"{head.name}.{AXIS_NAMES[axis]}"


def newest(
    instrument: Instrument, heads: tuple[HeadEntry, ...], duration_s: float
) -> FieldRecording | None:
    """Field of some heads on their transverse axes, over the newest stretch.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
    duration_s : float
        At most; less where less came.

    Returns
    -------
    FieldRecording or None
        The same sample indices for all; NaN where a row is missing, ``valid`` False where a head
        says that its sample is not to be used. None if some board has nothing yet.
    """
    uids = sorted({h.board for h in heads if h.board in instrument.sensors})
    if not uids:
        return None
    boards = {uid: instrument.sensors[uid] for uid in uids}
    rate_hz = boards[uids[0]].sampling_rate_hz
    rows = max(round(duration_s * rate_hz), 1)
    windows = {uid: board.samples.window(rows) for uid, board in boards.items()}
    if any(len(window) == 0 for window in windows.values()):
        return None
    stop = min(int(w.index[-1]) for w in windows.values()) + 1
    start = max(max(int(w.index[0]) for w in windows.values()), stop - rows)
    if start >= stop:
        return None
    channels = [(head, axis) for head in heads if head.board in boards for axis in (0, 1)]
    field = np.full((len(channels), stop - start), np.nan)
    valid = np.zeros(field.shape, dtype=np.bool_)
    for uid, window in windows.items():
        keep = (window.index >= start) & (window.index < stop)
        at = window.index[keep] - start
        traces_pt = boards[uid].field_t(window)[:, keep] * 1e12
        flags = boards[uid].flags(window)[:, keep]
        for number, (head, axis) in enumerate(channels):
            if head.board == uid:
                field[number, at] = traces_pt[3 * head.slot + axis]
                valid[number, at] = (flags[head.slot] & int(_UNUSABLE)) == 0
    used = tuple(head for head, _ in channels)
    array = SensorArray(
        names=tuple(channel_name(head, axis) for head, axis in channels),
        positions_m=instrument.rig.positions_m(used),
        orientations=np.array([head.axes[axis] for head, axis in channels]),
        head_names=tuple(head.name for head in used),
        axis_index=np.array([axis for _, axis in channels], dtype=np.int64),
        is_reference=np.array([head.kind != "array" for head in used], dtype=np.bool_),
    )
    return FieldRecording(field, rate_hz, array, start / rate_hz, valid)
