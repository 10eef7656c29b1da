"""The measurements of `t_wave` on the plant's room without boards (`plain_room`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from tests.bench.disturbance import DisturbedRoom, Sine
from tests.bench.figures import Figure
from tests.bench.plain_room import PlainRoom, compensator_for
from tests.bench.t_wave import DATA_HZ, RIG, SINE_PT, data_figures, t_wave_figures

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.instrument.compensate import BANDWIDTH_HZ
from nullfield.rig import load_rig
from nullfield.room.applied_field import applied_field
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]


def figures(seconds: float = 60.0) -> list[Figure]:
    """Both measurements."""
    _, table = load_rig(RIG)
    quiet = replace(Scenario(**table), heart_enabled=False)
    raw, bare = recorded(quiet, 24.0, is_on=True, sines=True)
    busy = replace(Scenario(**table), vehicles=True)
    on, back = recorded(busy, seconds, is_on=True)
    off, _ = recorded(busy, seconds, is_on=False)
    return data_figures(raw, bare) + t_wave_figures(off, on, back)


def recorded(
    scenario: Scenario, seconds: float, is_on: bool, sines: bool = False, seed: int = 1
) -> tuple[FieldRecording, FieldRecording]:
    """The transverse channels of all heads as recorded, and with the compensation added back."""
    rig, _ = load_rig(RIG)
    room = PlainRoom(rig, scenario, seed)
    compensator = compensator_for(room, BANDWIDTH_HZ, 0.0)
    if sines:
        start_s = room.block * 1e-3
        parts = tuple(Sine(f, (SINE_PT,) * 3, start_s=start_s) for f in DATA_HZ)
        room.room = DisturbedRoom(room.room, parts)
    n, settle = round(seconds * 1e3), 3000
    field = np.empty((n, len(rig.heads), 2))
    sent = np.empty((n, room.response.shape[2]))
    valid = np.ones(compensator.model.n_channels, dtype=np.bool_)
    command = np.zeros(sent.shape[1])
    references = ~room.array
    for k in range(-settle, n):
        rows = room.step(command)[:, :2]
        wanted = compensator.step(rows[references].reshape(-1), valid)
        command = wanted if is_on else np.zeros_like(wanted)
        if k >= 0:
            field[k], sent[k] = rows, command
    field_pt = field.reshape(n, -1).T
    path = room.path_fit.reshape(len(field_pt), -1)
    made = applied_field(sent.T, room.response_fit.reshape(len(field_pt), -1), path)
    array = SensorArray(
        names=tuple(f"{h.name}-{axis}" for h in rig.heads for axis in "xy"),
        positions_m=np.repeat(np.array([h.position_m for h in rig.heads]), 2, axis=0),
        orientations=np.array([h.axes[:2] for h in rig.heads]).reshape(-1, 3),
        head_names=tuple(h.name for h in rig.heads for _ in "xy"),
        axis_index=np.tile([0, 1], len(rig.heads)),
        is_reference=np.repeat(references, 2),
    )
    as_recorded = FieldRecording(field_pt, 1e3, array)
    return as_recorded, as_recorded.with_field(field_pt - made)
