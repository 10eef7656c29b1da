"""Take the compensation that was applied out of a recording again: what the room alone did.

The commands of the coils are recorded sample by sample, and the event ``compensation`` tells what a
command does at each channel and when, as it was measured before. So nothing is lost by having
compensated: the data can be had as if nobody had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording
from nullfield.errors import RecordingError
from nullfield.recording.load import LoadedRecording, load_recording
from nullfield.recording.reader import Recording
from nullfield.room.applied_field import applied_field

FloatArray = npt.NDArray[np.float64]

EVENT = "compensation"


def load_without_compensation(path: Path) -> FieldRecording:
    """Read a recording, with the applied compensation added back.

    Channels that the event does not tell of (beam axes) stay as they are, and say so in the
    metadata.

    Raises
    ------
    RecordingError
        If the recording was made without compensation.
    """
    event = next((e.fields for e in Recording(path).events() if e.kind == EVENT), None)
    if event is None:
        raise RecordingError(
            f"{path}: was recorded without compensation", "load it as it is, nothing was added"
        )
    return take_out(load_recording(path), event)


def take_out(loaded: LoadedRecording, event: dict[str, Any]) -> FieldRecording:
    """Subtract what the coils' commands made since the first sample.

    Parameters
    ----------
    loaded : LoadedRecording
    event : dict
        Fields of the event: ``heads``, ``coils``, ``response_pt_per_ma`` (heads, 2, coils), ``path``
        (channels, taps) from the row that a command followed, ``command_lag_rows`` from there to
        the coil board's row that shows it.
    """
    field = loaded.field
    command_ma = _commands_ma(loaded, [str(name) for name in event["coils"]])
    response = np.array(event["response_pt_per_ma"], dtype=np.float64)
    path = np.array(event["path"], dtype=np.float64)[:, int(event["command_lag_rows"]) :]
    made = applied_field(command_ma, response.reshape(len(path), -1), path)
    index = {
        (head, axis): n
        for n, (head, axis) in enumerate(
            zip(field.array.head_names, field.array.axis_index.tolist(), strict=True)
        )
    }
    out = np.array(field.field_pt)
    for number, head in enumerate(event["heads"]):
        for axis in range(response.shape[1]):
            channel = index.get((str(head), axis))
            if channel is not None:
                out[channel] -= made[response.shape[1] * number + axis]
    notes = [*field.metadata.get("notes", ()), "applied compensation added back, transverse axes"]
    return FieldRecording(
        out,
        field.sampling_rate_hz,
        field.array,
        field.start_time_s,
        field.valid,
        {**field.metadata, "notes": notes},
        field.unit,
    )


def _commands_ma(loaded: LoadedRecording, coils: list[str]) -> FloatArray:
    entries = {c["name"]: c for c in loaded.field.metadata.get("rig", {}).get("coils", [])}
    rows = []
    for name in coils:
        entry = entries.get(name)
        if entry is None or entry["board"] not in loaded.coil_command_a:
            raise RecordingError(
                f"the commands of coil {name} are not in the recording",
                "its coil board sent no rows; the field cannot be had without compensation",
            )
        rows.append(loaded.coil_command_a[entry["board"]][int(entry["channel"])] * 1e3)
    command = np.array(rows)
    missing = ~np.isfinite(command).all(axis=0)
    if missing.all():
        raise RecordingError("no row of the coil board came", "record again")
    # A lost row's command lies between its neighbours: they change by some nA a row.
    sample = np.arange(command.shape[1])
    for row in command:
        row[missing] = np.interp(sample[missing], sample[~missing], row[~missing])
    return command
